"""What clients ask for every day: what it costs per point is the measure for all else."""

from tests.bench.queries import FIRST_LINES, FLAT, NESTED, PRODUCTS
from tests.siege.request import graphql

EVERYDAY = (
    graphql("{ viewer { principal tenant { name } } }"),
    graphql(FLAT),
    graphql(NESTED, {"first": 10}),
    graphql(NESTED, {"first": 50}),
    graphql(PRODUCTS),
    graphql(FIRST_LINES),
    graphql('{ orders(first: 20, search: "SO") { nodes { id number customer { code name } } totalCount { value } } }'),
    graphql('{ products(first: 50, where: {name: {contains: "e"}}) { nodes { sku name stock { available } } } }'),
    graphql("{ partners(first: 50) { nodes { code name orders(first: 3) { nodes { number total { amount } } } } } }"),
)
"""Screens of a user interface: a list, a record with its parts, a search."""
