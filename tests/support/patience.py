"""How long tests wait for what is sure to come."""

PATIENCE = 60.0
"""Seconds. Where a machine has a lot else to do ten weren't enough, and so long waits only who waits for what never comes."""
