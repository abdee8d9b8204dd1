"""The closed set of named converters that a mapping can use: from a source's cell to a record's value.

A converter gets a cleaned cell (text in NFC, or a number; never None) and returns a JSON value, or None for
"nothing known". What it cannot read raises `Malformed`: the record is then left out and counted, never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters import dates
from adapters.dates import unreadable
from gateway.errors import Misconfigured
from gateway.model.values import MAX_TEXT

Convert = Callable[[Any], Any]
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Converter:
    """A named converter: what it does, and the options that it takes (`codes` is a table by name)."""

    doc: str
    make: Callable[[Options], Convert]
    options: frozenset[str] = frozenset()


def text(value: Any) -> str | None:
    """One text: white space collapsed, at most `MAX_TEXT` characters."""
    if type(value) is str and len(value) <= MAX_TEXT and value.isascii() and value.isprintable() and "  " not in value:
        return value.strip() or None
    joined = " ".join(str(value).split())
    if len(joined) > MAX_TEXT:
        raise unreadable(f"a text of at most {MAX_TEXT} characters")
    return joined or None


def _upper(value: Any) -> str | None:
    joined = text(value)
    return joined.upper() if joined else None


def _title(value: Any) -> str | None:
    joined = text(value)
    return joined.title() if joined else None


_SEPARATORS = re.compile(r"[\s\-‐‑–./]+")


def _compact(value: Any) -> str | None:
    return _SEPARATORS.sub("", str(value)).upper() or None


_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_QUANTITY = re.compile(r"([\d.,]+)\s*[A-Za-z]*", re.ASCII)


def _decimal(value: Any) -> str:
    """A quantity as decimal text: `12,345` and `97.5 KG` become `12345` and `97.5`."""
    match = _QUANTITY.fullmatch(str(value).strip())
    digits = match[1] if match else ""
    if _GROUPED.fullmatch(digits):
        digits = digits.replace(",", "")
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise unreadable("a quantity") from None
    return format(number, "f")


_COUNTRY = re.compile(r"[A-Z]{3}", re.ASCII)


def _country(value: Any) -> str | None:
    """An ISO 3166-1 alpha-3 code as it is; anything else is not known."""
    code = str(value).strip().upper()
    return code if _COUNTRY.fullmatch(code) else None


_SCRIPTS = {"THAI": "Thai", "KHMER": "Khmr", "LAO": "Laoo", "MYANMAR": "Mymr", "CJK": "Hani", "LATIN": "Latn"}


def script_of(name: str) -> str:
    """The ISO 15924 code of the first letter's script; empty where it is not one of the region's."""
    for character in name:
        if character.isalpha():
            return _SCRIPTS.get(unicodedata.name(character, "").split(" ")[0], "")
    return ""


def _name(options: Options) -> Convert:
    script, lang = options.get("script", ""), options.get("lang", "")

    def convert(value: Any) -> dict[str, str] | None:
        joined = text(value)
        if not joined or not any(character.isalpha() for character in joined):
            return None
        made = {"text": joined, "script": script or script_of(joined)}
        if lang:
            made["lang"] = lang
        return made

    return convert


def _split(options: Options) -> Convert:
    separator = options.get("separator", ";")

    def convert(value: Any) -> list[str]:
        return [part for part in map(text, str(value).split(separator)) if part]

    return convert


def _names(options: Options) -> Convert:
    split, name = _split(options), _name(options)

    def convert(value: Any) -> list[dict[str, str]]:
        return [made for made in map(name, split(value)) if made]

    return convert


def _code(options: Options) -> Convert:
    """Look up in an inline table. `*` names what an unlisted code becomes; empty text means not known."""
    table: Mapping[str, str] = options["codes"]
    otherwise = table.get("*")

    def convert(value: Any) -> str | None:
        found = table.get(str(value), otherwise)
        if found is None:
            raise unreadable("a code of the mapping's table")
        return found or None

    return convert


def _date(options: Options) -> Convert:
    formats = options.get("formats") or [""]
    patterns = [dates.date_format(name) for name in formats]
    for name, pattern in zip(formats, patterns, strict=True):
        if pattern is None:
            raise Misconfigured(
                f"`{name}` is not a date format", code="bad-format", remedy="yyyy, mm, dd and yy, such as `dd/mm/yyyy`"
            )
    return dates.date_reader([pattern for pattern in patterns if pattern], options.get("pivot", 69))


def _plain(convert: Convert) -> Callable[[Options], Convert]:
    return lambda _options: convert


_FORM = frozenset({"script", "lang"})

CONVERTERS: Mapping[str, Converter] = {
    "text": Converter("text with white space collapsed", _plain(text)),
    "upper": Converter("text in capitals", _plain(_upper)),
    "title": Converter("text with each word capitalised", _plain(_title)),
    "compact": Converter("capitals without blanks, hyphens, dots and slashes", _plain(_compact)),
    "split": Converter("a list of texts, split at `separator`", _split, frozenset({"separator"})),
    "name": Converter("a name with its script", _name, _FORM),
    "names": Converter("a list of names, split at `separator`", _names, _FORM | {"separator"}),
    "code": Converter("a look-up in the table `codes`", _code, frozenset({"codes"})),
    "country": Converter("a country's alpha-3 code, or nothing", _plain(_country)),
    "decimal": Converter("a quantity as decimal text", _plain(_decimal)),
    "date": Converter("a date in one of `formats`", _date, frozenset({"formats", "pivot"})),
    "thai-date": Converter("a date of the Buddhist era as clerks type it", _plain(dates.thai_date)),
    "epoch-date": Converter("the day of seconds since 1970", _plain(dates.epoch_date)),
    "epoch-time": Converter("the moment of seconds since 1970", _plain(dates.epoch_time)),
}  # fmt: skip
"""All converters by the name that a mapping uses."""
