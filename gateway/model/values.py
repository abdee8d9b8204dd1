"""Values of records and queries: names in any script, partial dates, identifiers.

Their fields are `Final`, which the type checker enforces: a frozen dataclass would take four times as long to make, and
a search makes some for each row that it compares (decision 0033).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

from gateway.errors import Malformed

MAX_TEXT = 256
"""The most characters in one text value; longer ones are refused."""


def text_value(text: str, field: str, limit: int = MAX_TEXT) -> str:
    """Return `text`; raise `Malformed` naming `field` when it is empty, too long, or has control characters."""
    if not text.strip():
        raise Malformed("a value is missing", code="missing", where=field)
    if len(text) > limit:
        raise Malformed("more than {limit} characters", code="too-long", where=field, limit=limit)
    # Printable text has none of these; looking each character up costs ten times as much.
    if not text.isprintable() and any(unicodedata.category(mark) in ("Cc", "Cs", "Co") for mark in text):
        raise Malformed("control characters are not allowed", code="bad-text", where=field)
    return text


class NameSource(StrEnum):
    """The place where a name was read: one from the visual zone is worth more than one from the MRZ."""

    UNKNOWN = "unknown"
    MRZ = "mrz"
    VISUAL = "visual"
    SPOKEN = "spoken"
    TYPED = "typed"


@dataclass(slots=True, unsafe_hash=True)
class NameForm:
    """A name as a person wrote it. This project never splits it into given name and surname (domain, section 6.1).

    `script` is ISO 15924 (`Thai`, `Khmr`, `Latn`) or empty where it is to be detected; `lang` is BCP 47.
    """

    text: Final[str]
    script: Final[str] = ""
    lang: Final[str] = ""
    source: Final[NameSource] = NameSource.UNKNOWN


class NameType(StrEnum):
    """The role of a name; a nickname or an alias is never a document's name (domain, section 2.2)."""

    PRIMARY = "PRIMARY"
    ALIAS = "ALIAS"
    NICK = "NICK"
    MAIDEN = "MAIDEN"
    RELIGIOUS = "RELIGIOUS"
    MONASTIC = "MONASTIC"
    ROMANISED = "ROMANISED"


@dataclass(slots=True, unsafe_hash=True)
class RecordedName(NameForm):
    """A name in a record, with the owner's own romanisation and the role of the name."""

    romanised: Final[str] = ""
    name_type: Final[NameType] = NameType.PRIMARY


class Calendar(StrEnum):
    """`GREG` Gregorian, `BE` Buddhist era (Gregorian year + 543; + 542 for January to March before 1941)."""

    GREG = "GREG"
    BE = "BE"


_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


@dataclass(slots=True, unsafe_hash=True)
class PartialDate:
    """A date known to the year, month or day, always stored in the Gregorian calendar.

    `value` is `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; `calendar` and `original` hold the source's own form.
    """

    value: Final[str]
    calendar: Final[Calendar] = Calendar.GREG
    original: Final[str] = ""
    estimated: Final[bool] = False

    def __post_init__(self) -> None:
        _interval(self.value)

    def interval(self) -> tuple[date, date]:
        """Return the first and last day that the date can mean."""
        return _interval(self.value)


@lru_cache(maxsize=65_536)
def _interval(value: str) -> tuple[date, date]:
    match = _DATE.fullmatch(value)
    if not match:
        raise Malformed(
            "`{value!a}` is not a date", code="bad-date", remedy="YYYY, YYYY-MM or YYYY-MM-DD", value=value[:20]
        )
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        first = date(year or 0, month or 1, day or 1)
        if day:
            return first, first
        following = date(first.year + (first.month == 12 or not month), (first.month % 12) + 1 if month else 1, 1)
    except ValueError as error:
        raise Malformed("`{value}` is not a day of the calendar", code="bad-date", value=value) from error
    return first, date.fromordinal(following.toordinal() - 1)


@dataclass(slots=True, unsafe_hash=True)
class Identifier:
    """A number that an authority gave out: a travel document (`doc_code`) or a national identity (`scheme`).

    `issuer` is ICAO alpha-3; `scheme` is such as `THA-PIN`. The number stands as printed.
    """

    number: Final[str]
    scheme: Final[str] = ""
    doc_code: Final[str] = ""
    issuer: Final[str] = ""


class Sex(StrEnum):
    """ICAO 9303 codes."""

    MALE = "M"
    FEMALE = "F"
    UNSPECIFIED = "X"
