"""Connections, and the two ways to use one: reading and writing."""
