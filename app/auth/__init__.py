"""Who asks: keys, tokens, and wrong attempts at them."""
