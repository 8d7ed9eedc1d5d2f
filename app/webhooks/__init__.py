"""Webhooks: reading what happens, writing it, signing it, and sending it until it is taken."""
