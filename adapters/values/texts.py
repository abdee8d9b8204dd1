"""Converters of texts: names, codes, countries, telephone numbers and plates, values that mean "unknown"."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from adapters.values import charsets, country_names
from adapters.values.conversion import Convert, Options, unreadable
from adapters.values.dates import western_digits
from gateway.errors import Misconfigured
from gateway.model.values import MAX_TEXT
from gateway.records.codes import alpha3, issuers


def text(value: Any) -> str | None:
    """Return one text: white space collapsed, at most `MAX_TEXT` characters."""
    if type(value) is str and len(value) <= MAX_TEXT and value.isascii() and value.isprintable() and "  " not in value:
        return value.strip() or None
    joined = " ".join(str(value).split())
    if len(joined) > MAX_TEXT:
        raise unreadable(f"a text of at most {MAX_TEXT} characters")
    return joined or None


def upper(value: Any) -> str | None:
    """Return the text in capitals."""
    joined = text(value)
    return joined.upper() if joined else None


def title(value: Any) -> str | None:
    """Return the text with each word capitalised."""
    joined = text(value)
    return joined.title() if joined else None


_SEPARATORS = re.compile(r"[\s\-‐‑–./]+")


def compact(value: Any) -> str | None:
    """Return the text in capitals without blanks, hyphens, dots and slashes."""
    return _SEPARATORS.sub("", str(value)).upper() or None


_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,12});", re.IGNORECASE)


def entities(value: Any) -> str | None:
    """Return the text with HTML entities replaced by their characters; tags stay in it as text."""
    unescaped = html.unescape(_ENTITY.sub(lambda found: found[0].lower(), str(value)))
    return text("".join(mark if unicodedata.category(mark)[0] != "C" else " " for mark in unescaped))


def recode(options: Options) -> Convert:
    """Return a converter that restores a text whose bytes of `charset` were read as cp1252."""
    charset = options["charset"]
    return lambda value: text(charsets.recode(str(value), charset))


# ---------------------------------------------------- lists and pieces


def split(options: Options) -> Convert:
    """Return a converter to a list of texts, split at `separator`."""
    separator = options.get("separator", ";")
    if not separator:
        raise Misconfigured("`separator` is empty", remedy="what stands between the texts, such as `;`")

    def convert(value: Any) -> list[str]:
        return [part for part in map(text, str(value).split(separator)) if part]

    return convert


def piece(options: Options) -> Convert:
    """Return a converter to the piece of a text at `number` (from 1, or from the end: -1), split at `separator`."""
    separator, number = options["separator"], options["number"]
    if not separator or not number:
        raise Misconfigured("a piece needs a separator and a number", remedy="1 is the first, -1 the last")

    def convert(value: Any) -> str | None:
        pieces = str(value).split(separator)
        place = number - 1 if number > 0 else len(pieces) + number
        return text(pieces[place]) if 0 <= place < len(pieces) else None

    return convert


_PLAIN_ARRAY = re.compile(r'\{(?:"(?:[^"\\]|\\.)*"|[^{}",\\]+)?(?:,(?:"(?:[^"\\]|\\.)*"|[^{}",\\]+))*\}')
_ARRAY_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{}",\\]+)')


def array(value: Any) -> list[str]:
    """Return the texts in a JSON list or in PostgreSQL's `{a,"b c"}`; any other text becomes a list of one."""
    written = str(value)
    if written.startswith("["):
        try:
            found = json.loads(written)
        except (ValueError, RecursionError):
            raise unreadable("a list") from None
        if not all(type(item) in (str, int, float) for item in found):
            raise unreadable("a list of texts")
        return [part for item in found if (part := text(item))]
    if written.startswith("{"):
        if not _PLAIN_ARRAY.fullmatch(written):
            raise unreadable("a list")
        items = ((quoted, bare) for quoted, bare in _ARRAY_ITEM.findall(written[1:-1]) if bare != "NULL")
        pieces = (bare or re.sub(r"\\(.)", r"\1", quoted) for quoted, bare in items)
        return [part for item in pieces if (part := text(item))]
    return [part for part in (text(written),) if part]


# ---------------------------------------------------- names

_SCRIPTS = {"THAI": "Thai", "KHMER": "Khmr", "LAO": "Laoo", "MYANMAR": "Mymr", "CJK": "Hani", "LATIN": "Latn"}


def script_of(name: str) -> str:
    """Return the ISO 15924 code of the first letter's script; empty if it is not one of the region's."""
    for character in name:
        if character.isalpha():
            return _SCRIPTS.get(unicodedata.name(character, "").split(" ")[0], "")
    return ""


def name(options: Options) -> Convert:
    """Return a converter to a name with its script, as it is written; `comma` drops a comma after the surname."""
    script, comma = options.get("script", ""), options.get("comma", False)
    said = {key: options[key] for key in ("lang", "name_type") if options.get(key)}

    def convert(value: Any) -> dict[str, str] | None:
        joined = text(str(value).replace(",", " ", 1) if comma else value)
        if not joined or not any(character.isalpha() for character in joined):
            return None
        return {"text": joined, "script": script or script_of(joined), **said}

    return convert


_ALIAS = re.compile(
    r"\s*(?:\b(?:a\.?k\.?a\.?|f\.?k\.?a\.?|alias|dit|tức|bí danh)(?=[\s:])|@|นามแฝง|หรือ|ហៅ)\s*:?\s*", re.IGNORECASE
)


def names(options: Options) -> Convert:
    """Return a converter to several names: split at `separator`, and with `aliases` at words such as `aka`."""
    cut, one, aliases = split(options), name(options), options.get("aliases", False)

    def convert(value: Any) -> list[dict[str, str]]:
        pieces = cut(value)
        if aliases:
            pieces = [part for whole in pieces for part in _ALIAS.split(whole)]
        return [made for made in map(one, pieces) if made]

    return convert


# ---------------------------------------------------- codes and words


def code(options: Options) -> Convert:
    """Return a converter by an inline table. `*` holds the value for unlisted codes; empty text means not known."""
    table: Mapping[str, str] = options["codes"]
    otherwise = table.get("*")

    def convert(value: Any) -> str | None:
        found = table.get(str(value), otherwise)
        if found is None:
            raise unreadable("a code of the mapping's table")
        return found or None

    return convert


@cache
def word_list(kind: str) -> Mapping[str, str]:
    """Return the words of one kind in `data/words.tsv`: from a word in small letters to its meaning."""
    content = files("adapters").joinpath("data/words.tsv").read_text(encoding="utf-8")
    rows = (row.split("\t") for row in content.splitlines() if row and not row.startswith("#"))
    return {word.casefold(): meaning for group, word, meaning in rows if group == kind}


JUNK_LISTS = ("signs", "words", "names", "dates")
"""Kinds of values that mean "unknown": signs and figures, words, substitutes of a missing name, days of never."""


def junk(options: Options) -> Convert:
    """Return a converter that drops values that mean "unknown", in any case of letters, and keeps all others."""
    lists = options.get("lists", JUNK_LISTS[:2])
    for kind in lists:
        if kind not in JUNK_LISTS:
            raise Misconfigured(
                "unknown list `{kind}`", remedy="one of {junk_lists}", kind=kind, junk_lists=", ".join(JUNK_LISTS)
            )
    known = {word for kind in lists for word in word_list(f"junk-{kind}")}
    known |= {value.casefold() for value in options.get("values", ())}
    return lambda value: None if str(value).strip().casefold() in known else value


def truth(options: Options) -> Convert:
    """Return a converter from yes or no in the region's words or figures to `yes` and `no`; empty text is nothing."""
    meanings = {"yes": options.get("yes", "true"), "no": options.get("no", "false")}
    words = word_list("truth")

    def convert(value: Any) -> str | None:
        meaning = words.get(str(value).strip().casefold())
        if meaning is None:
            raise unreadable("a yes or no")
        return meanings[meaning] or None

    return convert


# ---------------------------------------------------- countries, telephones, plates

COUNTRY_SCHEMES = ("alpha-3", "alpha-2", "numeric", "name")
LEAST_WIDTH = 12
"""The least characters of a column in which the beginning of a name identifies a country."""


@cache
def _numeric() -> Mapping[str, str]:
    content = files("adapters").joinpath("data/country_numbers.tsv").read_text(encoding="utf-8")
    rows = (row.partition("\t") for row in content.splitlines() if row and not row.startswith("#"))
    return {number: code for number, _, code in rows}


def _country_codes(scheme: str) -> Mapping[str, str]:
    if scheme == "alpha-3":
        return {code: code for code in issuers()}
    return alpha3() if scheme == "alpha-2" else _numeric() if scheme == "numeric" else {}


def country(options: Options) -> Convert:
    """Return a converter to an alpha-3 code (ISO 3166-1, ICAO 9303), from the code of `scheme` or a country's name.

    A code wins over a name, but is not read from text that is written as a name: `Nga`. Anything else is not known.
    """
    scheme, width = options.get("scheme", "alpha-3"), options.get("width", 0)
    if width and width < LEAST_WIDTH:
        raise Misconfigured(
            "a `width` of {width} is too little for names",
            remedy="{least_width} or more",
            width=width,
            least_width=LEAST_WIDTH,
        )
    beside_codes = scheme != "name"
    codes = _country_codes(scheme)
    figures = 3 if scheme == "numeric" else 0

    def convert(value: Any) -> str | None:
        cell = str(value).strip()
        large = cell.upper()
        found = codes.get(large.zfill(figures) if figures else large)
        # The list of names is long: it is read only for a cell that is not a code in capitals.
        if found:
            return None if beside_codes and cell.istitle() and cell in country_names.doubtful() else found
        found = country_names.written(beside_codes).get(large) or country_names.named(cell, beside_codes)
        # The text was cut to `width`, then lost a blank at its end: so one less.
        return found or (country_names.begun(cell) if width and len(cell) >= width - 1 else None)

    return convert


_PHONE_SIGNS = re.compile(r"[\s().\-/‐‑–]+")
_PHONE = re.compile(r"\+[1-9]\d{7,14}", re.ASCII)


def phone(options: Options) -> Convert:
    """Return a converter to E.164 (`+66812345678`); a number without its country gets `country_code`."""
    prefix = options["country_code"].removeprefix("+")
    if not (prefix.isascii() and prefix.isdigit() and 1 <= len(prefix) <= 3):
        raise Misconfigured("`{prefix}` is not a calling code", remedy="1 to 3 digits, such as `66`", prefix=prefix)

    def convert(value: Any) -> str:
        digits = _PHONE_SIGNS.sub("", western_digits(str(value)))
        if digits.startswith("00"):
            digits = "+" + digits[2:]
        elif digits.startswith("0"):
            digits = f"+{prefix}{digits[1:]}"
        if not _PHONE.fullmatch(digits):
            raise unreadable("a telephone number")
        return digits

    return convert


# The plate ends with its last figure; text before the first block of figures, or after it, is a province.
_PLATE_FIRST = re.compile(r"(?P<plate>.*\d)\s*[\s,(/-]\s*(?P<province>[^\d()]+?)\s*\)?")
_PROVINCE_FIRST = re.compile(r"(?P<province>[^\d()]{3,}?)\s*[\s,/-]\s*(?P<plate>\d.*)")


def plate(options: Options) -> Convert:
    """Return a converter to the `part` (plate or province) of a column that holds both, such as `กข 1234 เชียงราย`.

    A text without a province gives none; with `province_first` it is before the plate.
    """
    part = options.get("part", "plate")
    pattern = _PROVINCE_FIRST if options.get("province_first") else _PLATE_FIRST

    def convert(value: Any) -> str | None:
        joined = text(western_digits(str(value)))
        match = pattern.fullmatch(joined) if joined else None
        if match:
            return text(match[part])
        if joined and not any(character.isdigit() for character in joined):
            raise unreadable("a plate")
        return joined if part == "plate" else None

    return convert
