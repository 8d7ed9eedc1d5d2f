"""What the rules of the books are written in."""

from typing import NamedTuple


class Check(NamedTuple):
    """``broken`` selects, of tenant ``$1``, the product, location, line item and order that break the rule
    (NULL where it isn't about one), what should be there, and what is.
    """

    rule: str
    broken: str
