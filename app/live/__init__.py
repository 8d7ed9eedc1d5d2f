"""Subscriptions: which clients follow what, over whatever transport."""
