"""Converters of quantities: decimals in both habits of writing, masses, volumes, units, money."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.values.conversion import Convert, Options, unreadable
from adapters.values.dates import western_digits
from adapters.values.texts import word_list
from gateway.errors import Misconfigured
from gateway.records.codes import currencies

_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_GROUPED_BY_POINT = re.compile(r"\d{1,3}(?:[. ]\d{3})*(?:,\d+)?|\d+(?:,\d+)?", re.ASCII)
_QUANTITY = re.compile(r"([\d.,]*\d(?: \d{3})*(?:,\d+)?)\s*([^\d\s,/-][^\d\s,/-]{0,15}[23]?)?", re.ASCII)
_MAX_DIGITS = 30

MARKS = ("point", "comma")
"""The marks before a fraction."""


def decimal(options: Options) -> Convert:
    """Return a converter to decimal text: `97.5 KG` becomes `97.5`, `12,345` `12345`; `comma` reads `1.234,5`."""
    mark = options.get("mark", "point")
    return lambda value: format(_number(_parts(value)[0], mark), "f")


def _parts(value: Any) -> tuple[str, str]:
    """Return the figures and the unit."""
    written = format(Decimal(repr(value)), "f") if isinstance(value, float) else western_digits(str(value)).strip()
    match = _QUANTITY.fullmatch(written)
    word = (match[2] or "").rstrip(".").casefold() if match else ""
    if not match or len(match[1]) > _MAX_DIGITS or (match[2] and not word[:1].isalpha()):
        raise unreadable("a quantity")
    return match[1], word


def _number(digits: str, mark: str) -> Decimal:
    if mark == "comma":
        if not _GROUPED_BY_POINT.fullmatch(digits):
            raise unreadable("a quantity with a decimal comma")
        digits = digits.replace(".", "").replace(" ", "").replace(",", ".")
    elif _GROUPED.fullmatch(digits):
        digits = digits.replace(",", "")
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise unreadable("a quantity") from None


# ---------------------------------------------------- units

_GRAMS: Mapping[str, Decimal] = {
    "KGM": Decimal(1000), "GRM": Decimal(1), "MGM": Decimal("0.001"), "TNE": Decimal(1_000_000),
    "LBR": Decimal("453.59237"), "ONZ": Decimal("28.349523125"),
}  # fmt: skip
_LITRES: Mapping[str, Decimal] = {
    "LTR": Decimal(1), "MLT": Decimal("0.001"), "CLT": Decimal("0.01"), "HLT": Decimal(100), "MTQ": Decimal(1000),
}  # fmt: skip
_PICUL = "picul"


def unit(value: Any) -> str:
    """Return the UN/ECE Recommendation 20 code of a unit in words (`กก.`, `tấn`, `litre`), or of the code itself."""
    word = str(value).strip().rstrip(".").casefold()
    known = word_list("unit")
    found = known.get(word)
    if found is None and word.upper() in known.values():
        found = word.upper()
    if found is None or found == _PICUL:
        raise unreadable("a unit with a code")
    return found


def mass(options: Options) -> Convert:
    """Return a converter to kilograms as decimal text; a number alone is in `unit`. A picul has `picul` kilograms."""
    factors = {code: grams / 1000 for code, grams in _GRAMS.items()}
    if "picul" in options:
        factors[_PICUL] = _factor(options["picul"])
    return _measure(factors, options, "KGM", "a mass")


def volume(options: Options) -> Convert:
    """Return a converter to litres as decimal text; a number alone is in `unit`."""
    return _measure(_LITRES, options, "LTR", "a volume")


def _factor(written: str) -> Decimal:
    try:
        factor = Decimal(written)
    except InvalidOperation:
        factor = Decimal(0)
    if not 0 < factor < 1000:
        raise Misconfigured("`{written}` kilograms are no picul", remedy='such as picul = "60"', written=written)
    return factor


def _measure(factors: Mapping[str, Decimal], options: Options, usual: str, what: str) -> Convert:
    mark, alone = options.get("mark", "point"), options.get("unit", usual)
    if alone not in factors:
        raise Misconfigured(
            "`{alone}` is not the unit of {what}",
            remedy="one of {factors}",
            alone=alone,
            what=what,
            factors=", ".join(sorted(factors)),
        )
    words = word_list("unit")

    def convert(value: Any) -> str:
        digits, word = _parts(value)
        code = words.get(word, word.upper()) if word else alone
        if code not in factors:
            raise unreadable(what)
        return format((_number(digits, mark) * factors[code]).normalize(), "f")

    return convert


# ---------------------------------------------------- money


def money(options: Options) -> Convert:
    """Return a converter to minor units of `currency` (satang, cents; đồng have none), as a whole number."""
    currency, mark = options["currency"], options.get("mark", "point")
    digits = currencies().get(currency)
    if digits is None:
        raise Misconfigured("`{currency}` is not a currency", remedy="an ISO 4217 code, such as THB", currency=currency)
    scale = Decimal(10) ** digits

    def convert(value: Any) -> int:
        minor = _number(_parts(value)[0], mark) * scale
        if minor != minor.to_integral_value() or minor >= 2**53:
            raise unreadable(f"an amount of {currency}")
        return int(minor)

    return convert
