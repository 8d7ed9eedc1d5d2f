"""Every place of the schema that takes something which may name a row, and a document that gives it there.

Generated from the schema: a new field is walked without anybody remembering it, and one whose kind isn't known here
fails the walk until it is.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from app.documents.roots import FEEDS
from tests.security.stage import GRAPH, OWN, TEXTS

SCHEMA = build_schema(GRAPH.as_str())
assert SCHEMA.query_type
assert SCHEMA.mutation_type
assert SCHEMA.subscription_type
QUERY, MUTATION, SUBSCRIPTION = SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type
PREFIXES = {loader.entity.typename: prefix for prefix, loader in GRAPH.nodes.items()}  # type: ignore[attr-defined]  # nodes are loaders' classes

NAMED = {
    **dict.fromkeys(("location", "source", "destination"), "loc"),
    **dict.fromkeys(("customer", "supplier"), "par"),
    "product": "prod",
    "webhook": "hook",
    "deliveries": "dlv",
    **dict.fromkeys(("warehouse", "warehouses"), "wh"),
    "lineItem": "lin",
    "order": "ord",
    "subjects": "ord",
    "shipment": "shp",
    "line": "pul",
    "rules": "ror",
    "hold": "hld",
    "lot": "lot",
    "category": "cat",
    "receipt": "rcp",
}
"""Of which type the ids are that fields of these names take."""

RECORDS = {"RenameInput", "ArchiveInput"}
"""Inputs that take an id of any kind of record that people keep."""

CURSORS = {"after", "before"}
PLAIN_TEXTS = {"unit", "country", "type", "types", "currency", "roles"}
"""Texts that are the same words for everybody."""

PLAIN_SCALARS = {"TimeZone", "Date", "Int", "Boolean", "CurrencyCode", "JSON"}
"""What names no row, whatever it is."""


class Place(NamedTuple):
    """Somewhere that takes a value. ``field`` leads there, ``owner`` and ``name`` say what the value is:
    ``ProductRef`` and ``sku``; ``scalar`` is its type, and ``$v`` stands for it in the document."""

    field: str
    owner: str
    name: str
    scalar: str
    document: str
    cursor: str = ""
    """Asks for a cursor of the list that the place is in, the way that ``after`` and ``before`` take it."""

    @property
    def prefixes(self) -> list[str]:
        """The types whose ids are taken here; KeyError where nobody told."""
        if self.owner in RECORDS:
            return ["prod", "par", "wh", "loc"]
        if self.name in ("id", "ids"):
            stem = self.owner.removesuffix("Ref").removesuffix("Where")
            return [PREFIXES[stem]] if stem not in ("Query", "Subscription") else [*GRAPH.nodes]
        return [NAMED[self.name]]

    @property
    def compares(self) -> bool:
        """Whether it is a filter's, which compares numbers and times of rows as well."""
        return self.owner.endswith("Where")

    def __str__(self) -> str:
        return f"{self.field}: {self.owner}.{self.name}, {self.document}"


# ---------------------------------------------------------------- arguments


class Leaf(NamedTuple):
    owner: str
    name: str
    scalar: str
    literal: str


def leaves(
    type_: Any, owner: str, name: str, own: Mapping[str, list[str]], within: tuple[str, ...] = ()
) -> Iterator[Leaf]:
    """Each scalar of an argument's type, in a literal that has ``$v`` there and else only what must be given."""
    if isinstance(type_, GraphQLNonNull):
        yield from leaves(type_.of_type, owner, name, own, within)
    elif isinstance(type_, GraphQLList):
        for leaf in leaves(type_.of_type, owner, name, own, within):
            yield leaf._replace(literal=f"[{leaf.literal}]")
    elif isinstance(type_, GraphQLScalarType):
        yield Leaf(owner, name, type_.name, "$v")
    elif isinstance(type_, GraphQLInputObjectType) and type_.name not in within:
        compares = all(is_leaf_type(get_named_type(each.type)) for each in type_.fields.values())
        compares &= type_.name.endswith("Filter")
        # Of conditions on related rows the first comparison of each: they are those of the other list's own filter.
        most = 1 if any(each.endswith("Where") for each in within) and type_.name.endswith("Where") else None
        for field, given in type_.fields.items():
            others = [] if type_.is_one_of else required(type_, own, field)
            key, name_ = (owner, name) if compares else (type_.name, field)
            for leaf in islice(leaves(given.type, key, name_, own, (*within, type_.name)), most):
                yield leaf._replace(literal="{" + ", ".join((f"{field}: {leaf.literal}", *others)) + "}")
    else:
        assert isinstance(type_, GraphQLEnumType | GraphQLInputObjectType), type_


def required(type_: GraphQLInputObjectType, own: Mapping[str, list[str]], but: str = "") -> list[str]:
    """The fields that an input must have, with values of the attacker's own."""
    return [
        f"{name}: {filled(field.type, type_.name, name, own)}"
        for name, field in type_.fields.items()
        if is_required_input_field(field) and name != but
    ]


def filled(type_: Any, owner: str, name: str, own: Mapping[str, list[str]]) -> str:
    """A literal with the attacker's own values."""
    if isinstance(type_, GraphQLNonNull | GraphQLList):
        # One value stands for a list of it.
        return filled(type_.of_type, owner, name, own)
    if isinstance(type_, GraphQLEnumType):
        return str(next(iter(type_.values)))
    if isinstance(type_, GraphQLInputObjectType):
        if type_.name.endswith("GroupBy"):
            given = [f"field: {next(iter(get_named_type(type_.fields['field'].type).values))}"]
        else:
            given = required(type_, own)
        if type_.is_one_of and type_.name.endswith("Ref"):
            return f'{{id: "{own[PREFIXES[type_.name.removesuffix("Ref")]][0]}"}}'
        return "{" + ", ".join(given) + "}"
    if type_.name == "ID":
        return f'"{own["prod" if owner in RECORDS else NAMED[name]][0]}"'
    text = (
        TEXTS[name].format(OWN)
        if type_.name == "String"
        else {"Decimal": "1", "CurrencyCode": "EUR", "DateTime": "2100-01-01T00:00:00Z"}[type_.name]
    )
    return f'"{text}"'


# ---------------------------------------------------------------- selections


def select(type_: Any, depth: int, without: frozenset[str] = frozenset()) -> str:
    """All that an object of a type tells, so many levels deep, of what needs no arguments."""
    bare = get_named_type(type_)
    if isinstance(bare, GraphQLInterfaceType):
        whole = " ".join(
            f"... on {each.name} {select(each, depth, without)}" for each in SCHEMA.get_possible_types(bare)
        )
        return f"{{ __typename {whole} }}"
    assert isinstance(bare, GraphQLObjectType), bare
    parts = ["__typename"]
    for name, field in bare.fields.items():
        if name in without or name == "edges" or any(map(is_required_argument, field.args.values())):
            continue
        # Fields of one name in several types may differ in their types, and an answer has one place for them.
        label = f"{bare.name[0].lower()}{bare.name[1:]}_{name}: {name}"
        if is_leaf_type(get_named_type(field.type)):
            parts.append(label)
        elif depth:
            parts.append(f"{label} {select(field.type, depth - 1, without)}")
    return "{ " + " ".join(parts) + " }"


# ---------------------------------------------------------------- places


def is_node(type_: Any) -> bool:
    named = get_named_type(type_)
    return any(each.name == "Node" for each in (named, *getattr(named, "interfaces", ())))


def ways() -> dict[str, str]:
    """How to come to an object of each type by way of lists: a document with ``%s`` for its selection."""
    found, waiting, seen = {QUERY.name: "{ %s }", SUBSCRIPTION.name: "{ %s }"}, [QUERY], [QUERY]
    # First what needs no arguments, then what does.
    for must in (False, True):
        waiting += seen if must else []
        while waiting:
            at = waiting.pop(0)
            for name, field in at.fields.items():
                to = get_named_type(field.type)
                if not isinstance(to, GraphQLObjectType) or to.name in found:
                    continue
                # Faults in the books are a list of their own kind, empty in sound ones; and nothing is behind the place of now.
                needed = [each for each, given in field.args.items() if is_required_argument(given)]
                if (needed and not must) or to.name in {"StockDifference", "ChangeBatch", "EventBatch"}:
                    continue
                given = [f"{each}: {NEEDED[each]}" for each in needed] + ["first: 2"] * ("first" in field.args)
                arguments = f"({', '.join(given)})" if given else ""
                found[to.name] = found[at.name] % f"{name}{arguments} {{ %s }}"
                waiting.append(to)
                seen.append(to)
    return found


NEEDED = {
    "by": "{placedAt: YEAR}",
    "at": '"2100-01-01T00:00:00Z"',
    "from": '"2000-01-01T00:00:00Z"',
    "reference": '"basket"',  # every company has one
    "input": "{lineItems: []}",  # of a preview
}
"""What arguments are given that must be."""


def read_places(own: Mapping[str, list[str]]) -> Iterator[Place]:
    """Every place where a query takes a value: arguments of root fields and of all fields below them."""
    way = ways()
    for type_ in SCHEMA.type_map.values():
        if isinstance(type_, GraphQLObjectType) and type_ is not MUTATION and not type_.name.startswith("__"):
            for name, field in type_.fields.items():
                if field.args:
                    yield from places_of(type_.name, name, field, way[type_.name], own)


def places_of(owner: str, name: str, field: GraphQLField, way: str, own: Mapping[str, list[str]]) -> Iterator[Place]:
    # Of a list the rows tell all, and every one of many documents is parsed and validated.
    shown = select(field.type, 1 if "first" in field.args else 2)
    for argument, given in field.args.items():
        others = [
            f"{other}: {filled(each.type, owner, other, own)}"
            for other, each in field.args.items()
            if other != argument and is_required_argument(each)
        ]
        for leaf in leaves(given.type, owner, argument, own):
            arguments = ", ".join((f"{argument}: {leaf.literal}", *others))
            sorts = orders(field) if argument in CURSORS else [""]
            for sort in sorts:
                body = way % f"{name}({arguments}{sort}) {shown}"
                shows = "cursor" if name in FEEDS else "pageInfo { endCursor }"
                first = ", ".join(("first: 1", *others))
                cursor = way % f"{name}({first}{sort}) {{ {shows} }}" if argument in CURSORS else ""
                # A stream goes on from the cursors that the query of its name gives.
                kind = "subscription" if owner == SUBSCRIPTION.name else "query"
                document = f"{kind} ($v: {leaf.scalar}!) {body}"
                yield Place(f"{owner}.{name}", leaf.owner, leaf.name, leaf.scalar, document, cursor)


def orders(field: GraphQLField) -> list[str]:
    """The orders that a list can be asked for in, as arguments."""
    if "orderBy" not in field.args:
        return [""]
    kind: Any = get_named_type(field.args["orderBy"].type)
    sorts: Any = get_named_type(kind.fields["field"].type)
    names = [name for name in sorts.values if name != "RELEVANCE"]
    return ["", *(f", orderBy: [{{field: {name}, direction: {way}}}]" for name in names for way in ("ASC", "DESC"))]


NOT_TO_COMPARE = frozenset({"cursor", "startCursor", "endCursor"})
"""Of twins: they have their rows' ids in them."""


def write_places(own: Mapping[str, list[str]]) -> Iterator[Place]:
    """Every place where a mutation takes a value."""
    for name, field in MUTATION.fields.items():
        for argument, given in field.args.items():
            for leaf in leaves(given.type, name, argument, own):
                body = f"{{ {name}({argument}: {leaf.literal}) {select(field.type, 2, NOT_TO_COMPARE)} }}"
                yield Place(name, leaf.owner, leaf.name, leaf.scalar, f"mutation ($v: {leaf.scalar}!) {body}")
