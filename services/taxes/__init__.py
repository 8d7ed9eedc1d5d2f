"""Taxes and groups of partners that are taxed alike: made and changed, and which tax a line bears."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import Field

from core import ids
from core.ids import new_id
from core.problems import INVALID_INPUT, Problems, refuse
from core.taxes import Kind, TaxCategory, TaxFacts, borne, check_tax
from services import catalog, partners
from services.catalog import TaxRef
from services.kit.answer import References
from services.kit.command import Caption, Change, Count, Input, Label, Quantity, Title
from services.kit.hooks import Hook
from services.kit.looking import Looking
from services.kit.records import RecordType, all_at_once, upsert, version_conflict
from services.kit.work import UnitOfWork
from services.partners import TaxGroupRef

TAX = RecordType("tax", "taxes", "code", required=("name",))
TAX_GROUP = RecordType("tax_group", "tax_groups", "code", required=("name",))
MAX_SUBSTITUTIONS = 100
"""Substitutions of a group: they are looked at all at once."""


class TaxUpsert(Change):
    """A tax to create or change, by its code. Fields that are left out stay as they are; a new tax gets their defaults. Category
    and rate stand once a document bears it: a new rate is a new tax."""

    code: Label
    """The tenant's own key of the tax to change or create."""
    name: Title = ""
    """Its name as people read it, at most 500 characters. A new tax needs one."""
    category: TaxCategory = TaxCategory.S
    """What kind of supply it stands for; S for a new tax."""
    rate: Annotated[Count, Field(le=100)] = Decimal(0)
    """In per cent, at most 100 and six decimals: above zero for S, any for L and M, zero for the others."""
    reverse_rate: Annotated[Quantity, Field(le=100)] | None = None
    """The per cent that the buyer owes itself, for AE and K only; null for none."""
    exemption_code: Label | None = None
    """The VATEX code of the exemption, for E, AE, K, G and O only; null for none."""
    exemption_reason: Caption | None = None
    """What invoices say of it: needed for E, AE, K, G and O, and null for the others."""
    active: bool = True
    """Whether new lines may bear it; true for a new tax."""


class TaxSubstitution(Input):
    """A tax that takes the place of another one."""

    from_: TaxRef | None = Field(default=None, alias="from")
    """The product's tax. Left out: any that no other substitution names."""
    to: TaxRef
    """The tax that its line bears in its place."""


class TaxGroupUpsert(Change):
    """A group of partners that are taxed alike, to create or change, by its code. Fields that are left out stay as they are."""

    code: Label
    """The tenant's own key of the group to change or create."""
    name: Title = ""
    """Its name as people read it, at most 500 characters. A new group needs one."""
    substitutions: Annotated[list[TaxSubstitution], Field(max_length=MAX_SUBSTITUTIONS)] = Field(default_factory=list)
    """What becomes of products' taxes for these partners, at most 100: these replace the previous ones."""


class Tax(NamedTuple):
    """A tax that a line bears."""

    id: UUID
    code: str
    kind: Kind
    active: bool
    reason: str | None
    """Why there is none, as invoices say it."""


class Found(NamedTuple):
    """Taxes that lines may bear, by id and by code, and which take the place of which."""

    by_id: Mapping[UUID, Tax]
    by_code: Mapping[str, Tax]
    substitutions: Mapping[UUID | None, UUID]

    def named(self, ref: TaxRef) -> Tax | None:
        """The one that an input names."""
        key, value = ref.only()
        return self.by_id.get(value) if key == "id" else self.by_code.get(value)

    def borne(self, own: UUID | None) -> Tax | None:
        """The one that a line bears whose product has ``own``."""
        found = borne(own, self.substitutions)
        return self.by_id[found] if found else None


NONE = Found({}, {}, {})

BORNE_BY: Hook[catalog.Counted] = Hook()
"""Tables of documents' lines (``tax_id``), and what people call their rows: a tax that one bears keeps its category and rate."""

_BY = {"id": "id = $2", "code": "code = $2"}
_FACTS = "category, rate, reverse_rate, exemption_code, exemption_reason"
_THERE = f"SELECT id, version, {_FACTS} FROM taxes WHERE tenant_id = $1 AND code = $2 FOR NO KEY UPDATE"
_HOLD_OFF = "SELECT FROM taxes WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
_FIND = """
    SELECT t.id, t.code, t.category, t.rate, t.active, t.exemption_reason, ARRAY(
        SELECT s.tax_group_id FROM tax_substitutions s
        WHERE s.tenant_id = $1 AND s.tax_group_id = ANY($4) AND s.to_tax_id = t.id ORDER BY s.id
    ) AS groups, ARRAY(
        SELECT s.from_tax_id FROM tax_substitutions s
        WHERE s.tenant_id = $1 AND s.tax_group_id = ANY($4) AND s.to_tax_id = t.id ORDER BY s.id
    ) AS replaced
    FROM taxes t
    WHERE t.tenant_id = $1 AND (t.id = ANY($2::uuid[]) OR t.code = ANY($3::text[]) OR t.id IN (
        SELECT s.to_tax_id FROM tax_substitutions s WHERE s.tenant_id = $1 AND s.tax_group_id = ANY($4::uuid[])))
"""
# A tax that is about to be borne keeps its rate: the same lock as the line's foreign key takes, a little earlier.
_FIND_AND_KEEP = f"{_FIND} FOR KEY SHARE OF t"
_CATEGORIES = "SELECT DISTINCT category FROM taxes WHERE tenant_id = $1 AND id = ANY($2::uuid[])"
_SUBSTITUTIONS = """
    SELECT from_tax_id, to_tax_id FROM tax_substitutions WHERE tenant_id = $1 AND tax_group_id = $2 ORDER BY position
"""
_TAKE_AWAY = "DELETE FROM tax_substitutions WHERE tenant_id = $1 AND tax_group_id = $2"
_SET = """
    INSERT INTO tax_substitutions (tenant_id, id, tax_group_id, position, from_tax_id, to_tax_id)
    SELECT t.id, s.id, $2::uuid, s.position, s.own, s.other
    FROM tenants t, unnest($3::uuid[], $4::int[], $5::uuid[], $6::uuid[]) AS s (id, position, own, other) WHERE t.id = $1
"""
_CHANGED = """
    UPDATE tax_groups SET version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""


async def upsert_tax(work: UnitOfWork, command: TaxUpsert) -> References:
    """Make or change a tax by its code. Raises ``CommandRejected`` where its category forbids or misses something."""
    names = ("code", "name", "category", "rate", "reverse_rate", "exemption_code", "exemption_reason", "active")
    values: dict[str, Any] = {name: getattr(command, name) for name in names if command.given(name)}
    rows = await work.rows(_THERE, command.code)
    there = rows[0] if rows else None
    if there and command.expected_version not in (None, there["version"]):
        raise version_conflict(there["version"], command.expected_version)
    tax = TaxFacts(*(values.get(name, there[name] if there else getattr(command, name)) for name in TaxFacts._fields))
    if there is None:
        values |= {name: getattr(command, name) for name in ("category", "rate")}
    if there or command.expected_version is None:
        check_tax(tax, work.problems)
    if work.problems:
        if not there and not command.name:
            work.problems.invalid("There is no tax with this code yet, and a new one needs this.", "name")
        work.problems.check()
    if there and (tax.category, tax.rate) != (there["category"], there["rate"]):
        await _check_borne(work, there["id"], command.code, values)
    return {"tax_id": await upsert(work, TAX, values, expected=command.expected_version)}


async def _check_borne(work: UnitOfWork, tax: UUID, code: str, values: Mapping[str, Any]) -> None:
    """Refuse another category or rate once a document bears the tax. The lock stands against foreign keys, too."""
    await work.rows(_HOLD_OFF, tax)
    uses = " UNION ALL ".join(
        f"SELECT {place} WHERE EXISTS (SELECT FROM {table} WHERE tenant_id = $1 AND tax_id = $2)"
        for place, (table, _) in enumerate(BORNE_BY.added)
    )
    if found := [BORNE_BY.added[row[0]].rows for row in await work.rows(uses, tax)] if uses else []:
        message = f"{' and '.join(found).capitalize()} bear {code}, so its category and rate stand. Create another tax."
        raise refuse(INVALID_INPUT, message, "rate" if "rate" in values else "category")


async def upsert_group(work: UnitOfWork, command: TaxGroupUpsert) -> References:
    """Make or change a tax group by its code, and what becomes of products' taxes for its partners."""
    values: dict[str, Any] = {name: getattr(command, name) for name in ("code", "name") if command.given(name)}
    wanted = await _wanted(work, command.substitutions)
    with all_at_once(work):
        group = await upsert(work, TAX_GROUP, values, expected=command.expected_version)
    if command.given("substitutions"):
        await _substitute(work, group, wanted)
    return {"tax_group_id": group}


async def _wanted(work: UnitOfWork, given: Sequence[TaxSubstitution]) -> dict[UUID | None, UUID]:
    """The taxes that an input's substitutions name, in their order."""
    problems, wanted, seen = work.problems, dict[UUID | None, UUID](), set[UUID | None]()
    refs = [ref for each in given for ref in (each.from_, each.to) if ref]
    found = await find(work, None, (), refs) if refs else NONE
    for index, each in enumerate(given):
        own, other = found.named(each.from_) if each.from_ else None, found.named(each.to)
        for name, ref, tax in (("from", each.from_, own), ("to", each.to, other)):
            if ref and tax is None:
                problems.missing(f"tax with the {ref}", "substitutions", index, name)
        if each.from_ and own is None:
            continue
        if (key := own and own.id) in seen:
            problems.invalid("Another substitution is for this tax.", "substitutions", index, "from")
        seen.add(key)
        if other:
            wanted[key] = other.id
    return wanted


async def _substitute(work: UnitOfWork, group: UUID, wanted: Mapping[UUID | None, UUID]) -> None:
    """Put these substitutions in the place of those that there are. Under the group's lock, which its upsert has taken."""
    rows = await work.rows(_SUBSTITUTIONS, group)
    there: dict[UUID | None, UUID] = {row["from_tax_id"]: row["to_tax_id"] for row in rows}
    if list(there.items()) == list(wanted.items()):
        return
    if there:
        await work.rows(_TAKE_AWAY, group)
    if wanted:
        new = [new_id() for _ in wanted]
        await work.rows(_SET, group, new, list(range(1, len(new) + 1)), list(wanted), list(wanted.values()))
    before, after = (_facts(each) for each in (there, wanted))
    if work.happened:  # it was made or renamed a moment ago: one change, one version
        last = work.happened.pop()
        before = {**(last.before or {}), **before} if last.before is not None else {}
        work.happened.append(last._replace(before=before or None, after={**(last.after or {}), **after}))
        return
    [[version]] = await work.rows(_CHANGED, group)
    work.note("tax_group.updated", group, version=version, before=before, after=after)


def _facts(substitutions: Mapping[UUID | None, UUID]) -> dict[str, Any]:
    """Substitutions, as an event records them."""
    found = [
        {"from": own and ids.encode("tax", own), "to": ids.encode("tax", other)} for own, other in substitutions.items()
    ]
    return {"substitutions": found}


async def find(
    look: Looking, group: UUID | None, owns: Collection[UUID], refs: Collection[TaxRef], *, keep: bool = False
) -> Found:
    """The taxes that products have and inputs name, and what takes their place for the partners of a group: one statement.
    ``keep``: they are about to be borne, so their rates stand from now on.
    """
    return (await find_all(look, [group] if group else [], owns, refs, keep=keep))[group]


async def find_all(
    look: Looking,
    groups: Collection[UUID],
    owns: Collection[UUID],
    refs: Collection[TaxRef] = (),
    *,
    keep: bool = False,
) -> Mapping[UUID | None, Found]:
    """The same for the partners of each of several groups, and for those of none."""
    keys = [ref.only() for ref in refs]
    wanted = [*owns, *(value for key, value in keys if key == "id")]
    codes = [value for key, value in keys if key == "code"]
    rows = await look.rows(_FIND_AND_KEEP if keep else _FIND, wanted, codes, list(groups))
    taxes = [
        Tax(row["id"], row["code"], Kind(row["category"], row["rate"]), row["active"], row["exemption_reason"])
        for row in rows
    ]
    instead: dict[UUID | None, dict[UUID | None, UUID]] = {group: {} for group in (None, *groups)}
    for row in rows:
        for group, own in zip(row["groups"], row["replaced"], strict=True):
            instead[group][own] = row["id"]
    by_id, by_code = {tax.id: tax for tax in taxes}, {tax.code: tax for tax in taxes}
    return {group: Found(by_id, by_code, replaced) for group, replaced in instead.items()}


async def categories(look: Looking, borne: Collection[UUID]) -> list[str]:
    """The categories of taxes. Where they are all the same one, which is usual, nothing is looked up: the list is empty."""
    if len(set(borne)) < 2:
        return []
    return [row["category"] for row in await look.rows(_CATEGORIES, list(set(borne)))]


async def find_tax(work: UnitOfWork, ref: TaxRef) -> UUID | None:
    """The id of the tax that an input names."""
    key, value = ref.only()
    rows = await work.rows(f"SELECT id FROM taxes WHERE tenant_id = $1 AND {_BY[key]}", value)
    return rows[0]["id"] if rows else None


async def find_group(work: UnitOfWork, ref: TaxGroupRef) -> UUID | None:
    """The id of the tax group that an input names."""
    key, value = ref.only()
    rows = await work.rows(f"SELECT id FROM tax_groups WHERE tenant_id = $1 AND {_BY[key]}", value)
    return rows[0]["id"] if rows else None


def check_active(tax: Tax, problems: Problems, *path: str | int) -> None:
    """Note a problem for a tax that new lines bear no longer."""
    if not tax.active:
        problems.invalid(f"The tax {tax.code} is no longer used.", *path)


HOOKS = (catalog.TAXES.add(find_tax), partners.TAX_GROUPS.add(find_group))
