"""The two tenants, and how much of them each size holds."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from services.demo.words import HOME, HOME_GROUPS, HOME_LINES, TRADE, TRADE_GROUPS, TRADE_LINES, Goods


class Size(StrEnum):
    """How much demo data. The numbers are those of the whole deployment, both tenants together:

    ======  ========  ========  ======  ==========  ==========
    size    products  partners  orders  line items  warehouses
    ======  ========  ========  ======  ==========  ==========
    small         60        40     300       2,400           3
    medium     2,000     1,000  20,000     160,000           3
    large     20,000    10,000 200,000   1,600,000           3
    ======  ========  ========  ======  ==========  ==========

    ``larkspur`` has two warehouses and the greater part of the rest (of medium's: 1,400 products,
    700 partners, 15,000 orders), ``stonebridge`` has what remains.
    """

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Scale(NamedTuple):
    """How many a company has. ``orders`` is even: orders come in pairs of 16 line items."""

    products: int
    partners: int
    orders: int


class Place(NamedTuple):
    """A warehouse: its code, its name, and how many aisles goods are kept in."""

    code: str
    name: str
    aisles: int


class Company(NamedTuple):
    """A tenant of the demo.

    ``retail``: sells to people, in single pieces, at prices with two decimals; a wholesaler sells
    to firms, in lots, at prices with up to four, and bills some countries in their currency.
    ``groups`` are its categories, with the codes of the goods in each. ``title`` puts a product's name together.
    """

    name: str
    currency: str
    timezone: str
    home: str
    retail: bool
    goods: tuple[Goods, ...]
    lines: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    title: str
    places: tuple[Place, ...]
    scales: dict[Size, Scale]


LARKSPUR = Company(
    name="larkspur",
    currency="EUR",
    timezone="Europe/Berlin",
    home="DE",
    retail=True,
    goods=HOME,
    lines=HOME_LINES,
    groups=HOME_GROUPS,
    title="{line} {noun}, {finish}, {size}",
    places=(Place("BER", "Berlin-Großbeeren", 4), Place("LEJ", "Leipzig", 3)),
    scales={
        Size.SMALL: Scale(40, 26, 200),
        Size.MEDIUM: Scale(1_400, 700, 15_000),
        Size.LARGE: Scale(14_000, 7_000, 150_000),
    },
)

STONEBRIDGE = Company(
    name="stonebridge",
    currency="GBP",
    timezone="Europe/London",
    home="GB",
    retail=False,
    goods=TRADE,
    lines=TRADE_LINES,
    groups=TRADE_GROUPS,
    title="{line} {noun} {size}, {finish}",
    places=(Place("DON", "Doncaster", 6),),
    scales={
        Size.SMALL: Scale(20, 14, 100),
        Size.MEDIUM: Scale(600, 300, 5_000),
        Size.LARGE: Scale(6_000, 3_000, 50_000),
    },
)

COMPANIES = (LARKSPUR, STONEBRIDGE)
