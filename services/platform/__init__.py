"""What every tenant has, whatever modules are installed: itself, its keys, its budgets."""
