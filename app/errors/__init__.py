"""Errors as HTTP and GraphQL clients see them."""
