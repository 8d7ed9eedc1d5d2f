"""What every module's commands are made of."""
