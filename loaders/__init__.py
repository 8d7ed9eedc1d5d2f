"""The read side: one batch per relation and level, only the columns asked for."""
