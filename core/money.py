"""Money and quantities as exact decimals: their digits, limits and final text.

The database stores both as ``numeric(20,6)`` and hands them out as text with six decimals
(``"12.500000"``); what clients see is made from that text without a Decimal in between, because
a Decimal object per cell costs more than the query.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext

SCALE = 6
LIMIT = Decimal(10) ** 14
"""Amounts and quantities stay below this: numeric(20,6) has 14 digits before the point."""

USUAL_DIGITS = 2
# ISO 4217 (list of 2026-01-01): the currencies whose minor unit isn't two digits.
OTHER_DIGITS = dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0)
OTHER_DIGITS |= dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)
OTHER_DIGITS |= dict.fromkeys("CLF UYW".split(), 4)

CURRENCIES = frozenset(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP
    GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF
    KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR
    MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK
    SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU
    UYW UZS VED VES VND VUV WST XAF XAD XCD XCG XOF XPF YER ZAR ZMW ZWG""".split()
)
"""ISO 4217's alphabetic codes of currencies in use (funds included, metals, units of account and test codes not):
the list of 2026-01-01, as the package iso4217 1.16 carries it."""

WITHDRAWN = frozenset("ANG BGN CUC HRK SLL ZWL".split())
"""Currencies that ended since 2020. No tenant begins with one; those that have it go on, and past orders are in them."""

KNOWN = CURRENCIES | WITHDRAWN
"""What an amount may be in. When the lev ended, a company that kept its books in it could set no price any more: a code
that was ever taken stays here.
"""


def digits(currency: str) -> int:
    """How many minor digits a currency has: 2 for EUR, 0 for JPY, 3 for KWD."""
    return OTHER_DIGITS.get(currency, USUAL_DIGITS)


def round_total(amount: Decimal, currency: str) -> Decimal:
    """A total, rounded half up to exactly the currency's minor digits.

    Half up, per line, and an order's total is the sum of its rounded lines: what an invoice
    prints adds up, line by line, with the calculator of the one who checks it.
    """
    return amount.quantize(Decimal(1).scaleb(-digits(currency)), rounding=ROUND_HALF_UP)


def line_total(quantity: Decimal, unit_price: Decimal, currency: str) -> Decimal:
    """What a line costs: the product of two numbers of up to 20 digits, rounded once, at the end."""
    with localcontext(prec=4 * SCALE + 28):
        return round_total(quantity * unit_price, currency)


def part_total(total: Decimal, quantity: Decimal, whole: Decimal, currency: str) -> Decimal:
    """What ``quantity`` costs where ``whole`` comes to ``total``: its share, rounded once, at the end."""
    with localcontext(prec=4 * SCALE + 28):
        return round_total(quantity * total / whole, currency)


def total_texts(texts: Sequence[str | None], currencies: Sequence[str]) -> list[str | None]:
    """Stored totals (``"12.500000"``) in their final form: exactly the minor digits (``"12.50"``).

    A whole column at a time; the common case, one currency, is a slice per cell.
    """
    if len(set(currencies)) == 1:
        end = _cut(currencies[0])
        return [text and text[:end] for text in texts]
    return [text and text[: _cut(currency)] for text, currency in zip(texts, currencies, strict=True)]


def price_texts(texts: Sequence[str | None], currencies: Sequence[str]) -> list[str | None]:
    """Stored unit prices in their final form: at least the minor digits, at most six."""
    if len(set(currencies)) == 1:
        end = _cut(currencies[0])
        zeros = ".000000"[end:]
        return [text and (text[:end] if text.endswith(zeros) else text.rstrip("0")) for text in texts]
    return [text and price_text(text, currency) for text, currency in zip(texts, currencies, strict=True)]


def total_text(text: str, currency: str) -> str:
    """One stored total in its final form."""
    return text[: _cut(currency)]


def price_text(text: str, currency: str) -> str:
    """One stored unit price in its final form."""
    end = _cut(currency)
    return text[:end] if text.endswith(".000000"[end:]) else text.rstrip("0")


def _cut(currency: str) -> int:
    """Where a text with six decimals ends when it shows the currency's minor digits."""
    places = OTHER_DIGITS.get(currency, USUAL_DIGITS)
    return places - SCALE if places else -SCALE - 1


def decimal_text(value: Decimal) -> str:
    """A Decimal in plain notation without superfluous zeros: ``"1E+2"`` becomes ``"100"``."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
