"""How much may be spent, by whom, and how many at once."""
