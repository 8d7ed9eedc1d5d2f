"""The rules that rows must keep among each other, each as a query for what breaks it.

``erpgraph stock verify`` and the field ``stockDifferences`` run them; what a restore or an import
left is checked with them too. What a row by itself may be is the tables' own constraints' affair.
"""

from core.modules import declared
from db.checks.kit import Check

CHECKS: tuple[Check, ...] = tuple(check for checks in declared("db.checks", "CHECKS") for check in checks)
"""The modules' rules: each declares its own in ``db/checks/<module>.py``."""


def every(limit: str) -> str:
    """All checks in one statement, of tenant ``$1``, each with at most ``limit`` rows (a number, or a parameter):
    ``rule, product_id, location_id, line_item_id, order_id, expected, actual``.
    """
    names = "(product_id, location_id, line_item_id, order_id, expected, actual)"
    # MATERIALIZED: the planner must not hear of the limit. It takes a small one for a promise that rows are found soon,
    # and there are none: two of the checks became nested loops of ten minutes, in place of a second.
    tables = ", ".join(f"b{place} {names} AS MATERIALIZED ({check.broken})" for place, check in enumerate(CHECKS))
    found = " UNION ALL ".join(
        f"""(SELECT {_quoted(check.rule)} AS rule, product_id, location_id, line_item_id, order_id,
                    trim_scale(expected)::text AS expected, trim_scale(actual)::text AS actual
             FROM b{place} ORDER BY 2, 3, 4, 5 LIMIT {limit})"""
        for place, check in enumerate(CHECKS)
    )
    return f"WITH {tables} {found}"


SET_BASED = "SELECT set_config('enable_nestloop', 'off', true)"
"""Before the checks, in their transaction: they read everything, and right after a bulk write the statistics say that
there is next to nothing, for which a nested loop looks cheap."""

AS_BEFORE = "SELECT set_config('enable_nestloop', 'on', true)"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
