"""What every module's loaders are made of."""
