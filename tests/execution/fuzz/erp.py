"""What the ERP's generated queries ask for: values that its demo data have, and now and then one that they haven't."""

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import hypothesis.strategies as st
from graphql import (
    BooleanValueNode,
    EnumValueNode,
    IntValueNode,
    ListValueNode,
    NameNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
)
from hypothesis_graphql import nodes

from tests.execution.fuzz.cases import Scalars
from tests.execution.fuzz.reshape import Arguments

# One level deep, a few rows of everything; from it come ids, keys and cursors.
GATHER = """{ __typename
  orders(first: 12) { edges { cursor node { __typename id number externalId
    lineItems(first: 4) { edges { cursor node { id } } } } } }
  products(first: 12) { edges { cursor node { __typename id sku name externalId
    lineItems(first: 4) { edges { cursor node { id } } }
    stock { __typename levels(first: 3) { edges { cursor node { id } } } } } } }
  partners(first: 12) { edges { cursor node { __typename id code name country externalId
    orders(first: 4) { edges { cursor node { id } } } } } }
  warehouses { edges { cursor node { __typename id code name
    locations(first: 9) { edges { cursor node { __typename id code name
      stockLevels(first: 4) { edges { cursor node { id } } } } } } } } }
  purchaseOrders(first: 9) { edges { cursor node { __typename id number externalId
    lines(first: 4) { edges { cursor node { id } } } } } }
  productCategories(first: 9) { edges { cursor node { __typename id code name
    products(first: 4) { edges { cursor node { id } } } } } }
  stockLevels(first: 9) { edges { cursor node { id } } }
  stockMoves(first: 9) { edges { cursor node { id } } }
}"""

PREFIXES = {
    "order": "ord",
    "customer": "par",
    "partner": "par",
    "product": "prod",
    "purchaseOrder": "pur",
    "supplier": "par",
    "warehouse": "wh",
    "priceList": "prl",
    "productCategory": "cat",
    "category": "cat",
    "parent": "cat",
    "tax": "tax",
    "taxGroup": "txg",
    "source": "loc",
    "destination": "loc",
}
OPERATORS = {
    "eq",
    "ne",
    "in",
    "notIn",
    "contains",
    "startsWith",
    "gt",
    "gte",
    "lt",
    "lte",
    "isNull",
    "and",
    "or",
    "not",
}
KEYS = {
    "product": "sku",
    "partner": "code",
    "order": "number",
    "purchaseOrder": "number",
    **dict.fromkeys(("priceList", "productCategory", "tax", "taxGroup"), "code"),
}
INTERNAL = {"priceList", "productCategory", "tax", "taxGroup"}
"""What has no key in another system."""

BATCHES = {"changes", "eventFeed", "replenishmentProposals", "stockDifferences", "stockPositions"}
"""Lists that only go on: they have no ``last``, and where they have cursors, these are no edges'."""

SIZES = (0, 1, 2, 2, 2, 3, 3, 5)
NOBODY = "0" * 32


@dataclass
class Pool:
    """What there is: texts by the field that they stand in, ids, and cursors by type and field."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    cursors: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def gather(self, data: Any) -> None:
        """Take in an answer to ``GATHER``, or a part of one."""
        if isinstance(data, list):
            for each in data:
                self.gather(each)
        if not isinstance(data, dict):
            return
        for name, value in data.items():
            if isinstance(value, str):
                self.texts.setdefault(name, []).append(value)
            if isinstance(value, dict) and "edges" in value:
                cursors = self.cursors.setdefault((data["__typename"], name), [])
                cursors += [edge["cursor"] for edge in value["edges"]]
            self.gather(value)

    def scalars(self) -> Scalars:
        """Strategies for every scalar, so that no value is just any text."""
        words = sorted({word for name in ("sku", "number", "name", "code") for word in self.texts[name]})
        moments = [f"2026-{month:02}-{day:02}T00:00:00Z" for month in (1, 4, 7, 9, 10, 11) for day in (1, 15)]
        amounts = ["0", "1", "2.5", "10", "25.00", "99.999999", "100", "500", "-1"]
        given: dict[str, tuple[list[Any], Callable[[Any], ValueNode]]] = {
            "ID": (sorted(self.texts["id"]), nodes.String),
            "String": (words, nodes.String),
            "DateTime": (moments, nodes.String),
            "Decimal": (amounts, nodes.String),
            "CurrencyCode": (["EUR", "GBP"], nodes.String),
            "TimeZone": (["UTC", "Europe/Berlin", "Nowhere"], nodes.String),
            "Date": (["2026-01-01", "2026-06-30", "2026-02-30"], nodes.String),
            "Int": ([*range(12), 300, -1], nodes.Int),
        }
        return {name: st.sampled_from(values).map(node) for name, (values, node) in given.items()}

    # ---------------------------------------------------------------- arguments

    def tame(self, type_: str, name: str, given: Arguments, random: Random) -> Arguments:
        """Of the arguments generated for a field those that are likely to give rows."""
        if name == "groups":
            return _groups(type_, random)
        if name == "orderPreview":
            return {"input": self._cart(random)}
        if "first" in given:
            return self._batch(name, given, random) if name in BATCHES else self._page(type_, name, given, random)
        if name == "totalCount":
            return given if random.random() < 0.5 else {}
        if "by" in given and random.random() < 0.95:
            return {"by": self._reference(name, random)}
        if "for" in given and random.random() < 0.9:  # whom a price is for
            given = given | {"for": self._reference("partner", random)}
        return {key: self._settled(value, name, random) for key, value in given.items()}

    def _batch(self, name: str, given: Arguments, random: Random) -> Arguments:
        """The start of a list that only goes on."""
        kept = {key: self._settled(given[key], name, random) for key in ("where", "kinds") if key in given}
        some: Arguments = {key: value for key, value in kept.items() if random.random() < 0.3}
        if "at" in given:
            some["at"] = given["at"]
        return some | {"first": IntValueNode(value=str(random.choice(SIZES)))}

    def _cart(self, random: Random) -> ValueNode:
        """What an order would have: of an object that is cut down at random hardly one is an order."""
        lines = [
            _object({"product": self._reference("product", random), "quantity": StringValueNode(value=quantity)})
            for quantity in random.sample(["1", "2.5", "100", "0"], random.choice([1, 1, 2, 3]))
        ]
        fields: dict[str, ValueNode] = {"lineItems": ListValueNode(values=tuple(lines))}
        if random.random() < 0.5:
            fields["customer"] = self._reference("partner", random)
        return _object(fields)

    def _page(self, type_: str, name: str, given: Arguments, random: Random) -> Arguments:
        """Small pages, seldom both from the start and from the end; cursors of this very list."""
        if random.random() < 0.03:
            return given
        kept = {
            key: value
            for key, value in given.items()
            if key in {"where", "orderBy", "search"} and random.random() < 0.3
        }
        kept = {key: self._settled(value, name, random) for key, value in kept.items()}
        if "orderBy" in kept and "search" not in kept:
            kept["orderBy"] = _without_relevance(kept["orderBy"])
        kept[random.choice(["first", "first", "last"])] = IntValueNode(value=str(random.choice(SIZES)))
        cursors = self.cursors.get((type_, name))
        if cursors and random.random() < (0.1 if kept.keys() & {"where", "orderBy", "search"} else 0.3):
            kept[random.choice(["after", "before"])] = StringValueNode(value=random.choice(cursors))
        return kept

    def _reference(self, name: str, random: Random) -> ValueNode:
        """One thing by one of its keys: hypothesis-graphql knows nothing of @oneOf."""
        key = random.choice(["id", "id" if name in INTERNAL else "externalId", KEYS[name]])
        # What is no id at all is an error of this field alone, and leaves the rest of the answer.
        wrong = key == "id" and random.random() < 0.2
        value = StringValueNode(value="nonsense" if wrong else self._text("", name if key == "id" else key, random))
        return ObjectValueNode(fields=(ObjectFieldNode(name=NameNode(value=key), value=value),))

    def _settled(self, value: ValueNode, about: str, random: Random) -> ValueNode:
        """The value with fewer parts; texts are such that ``about``, the field they're compared with, has."""
        if isinstance(value, ListValueNode):
            items = [self._settled(item, about, random) for item in value.values[:3]]
            return ListValueNode(values=tuple(item for item in items if not isinstance(item, NullValueNode)))
        if isinstance(value, ObjectValueNode):
            return self._object(value, about, random)
        if isinstance(value, StringValueNode) and random.random() < 0.95:
            return StringValueNode(value=self._text(value.value, about, random))
        return value

    def _object(self, value: ObjectValueNode, about: str, random: Random) -> ObjectValueNode:
        fields = [each for each in value.fields if not isinstance(each.value, NullValueNode)] or list(value.fields)
        if not {each.name.value for each in fields} <= {"field", "direction"}:
            fields = random.sample(fields, min(len(fields), random.choice([1, 1, 1, 2])))
        settled = [
            ObjectFieldNode(
                name=each.name,
                value=self._settled(each.value, about if each.name.value in OPERATORS else each.name.value, random),
            )
            for each in fields
        ]
        return ObjectValueNode(fields=tuple(settled))

    def _text(self, text: str, about: str, random: Random) -> str:
        """A text for this field, whole or in part; an id of the type that is meant, seldom of none."""
        prefix = PREFIXES.get(about)
        if prefix:
            ids = [each for each in self.texts["id"] if each.startswith(f"{prefix}_")]
            return random.choice([*ids, f"{prefix}_{NOBODY}"]) if ids else text
        known = self.texts.get(about)
        if about == "search":
            return random.choice(self.texts["name"]).split()[0][: random.randint(1, 9)].strip(string.punctuation)
        return random.choice(known) if known else text


def _groups(type_: str, random: Random) -> Arguments:
    """Groups by one or two dimensions: what generated ones are by has seldom anything to do with the key asked for."""
    names = {
        "OrderConnection": ("CUSTOMER", "CUSTOMER_COUNTRY", "STATUS", "CURRENCY"),
        "LineItemConnection": ("PRODUCT", "CUSTOMER", "ORDER_STATUS", "CURRENCY", "UNIT"),
        "LineItemGroup": ("PRODUCT", "CUSTOMER_COUNTRY", "ORDER_STATUS", "CURRENCY", "UNIT"),
    }[type_]
    by = [_object({"field": EnumValueNode(value=each)}) for each in random.sample(names, random.choice([1, 1, 2]))]
    if random.random() < 0.4:
        by.append(_object({"placedAt": EnumValueNode(value=random.choice(["DAY", "MONTH", "YEAR"]))}))
    order = {"field": EnumValueNode(value=random.choice(["KEY", "COUNT", "TOTAL"]))}
    given: Arguments = {
        "by": ListValueNode(values=tuple(by)),
        "first": IntValueNode(value=str(random.choice([0, 1, 2, 9]))),
    }
    if random.random() < 0.2:
        given["fill"] = BooleanValueNode(value=True)
    return given | ({"orderBy": ListValueNode(values=(_object(order),))} if random.random() < 0.6 else {})


def _object(fields: Mapping[str, ValueNode]) -> ObjectValueNode:
    return ObjectValueNode(
        fields=tuple(ObjectFieldNode(name=NameNode(value=name), value=value) for name, value in fields.items())
    )


def _without_relevance(value: ValueNode) -> ValueNode:
    if not isinstance(value, ListValueNode):
        return value
    items = [item for item in value.values if isinstance(item, ObjectValueNode) and "RELEVANCE" not in _enums(item)]
    return ListValueNode(values=tuple(items))


def _enums(value: ObjectValueNode) -> list[str]:
    return [getattr(each.value, "value", "") for each in value.fields]
