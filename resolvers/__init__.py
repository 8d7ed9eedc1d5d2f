"""Arguments in, rows out: reads go to loaders, writes to services."""
