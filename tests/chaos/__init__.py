"""Faults in the middle of a load: what was answered is there, once, and the books are right.

``make chaos`` runs it at length; ``test_chaos.py`` a few seeds of it.
"""
