"""Subscriptions: who follows what, whatever they came by."""
