"""What the rules of the books are written in."""

from typing import NamedTuple

from core.money import OTHER_DIGITS, USUAL_DIGITS


class Check(NamedTuple):
    """``broken`` selects, of tenant ``$1``, the product, location, line item and order that break the rule
    (NULL where it isn't about one), what should be there, and what is.
    """

    rule: str
    broken: str


_DIGITS = " ".join(f"WHEN '{code}' THEN {digits}" for code, digits in OTHER_DIGITS.items())


def rounded(amount: str, currency: str) -> str:
    """An amount, as SQL, rounded half up to the minor digits of a currency."""
    return f"round({amount}, CASE {currency} {_DIGITS} ELSE {USUAL_DIGITS} END)"
