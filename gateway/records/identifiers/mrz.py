"""Machine-readable zones: TD1, TD2, TD3, MRV-A and MRV-B (ICAO Doc 9303, parts 3 to 7, eighth edition).

1. lines of the format's length, of `A-Z`, `0-9` and `<` only; small letters and blanks are reported and mended
2. each check digit, and the composite one where the format has it
3. a document number longer than nine signs continues in the optional data (parts 5 and 6, 4.2.2)
4. dates are days of the calendar; a birth is never after today, which gives its century; an expiry lies after it
5. the issuer and the nationality are codes of ISO 3166-1 or of Doc 9303
6. a name that fills its field to the last sign may have been cut (part 3, 4.6)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

import msgspec

from gateway.errors import Malformed
from gateway.model.forms.numbers import ascii_digits, mrz_check_digit
from gateway.model.values import PartialDate
from gateway.records import codes
from gateway.records.identifiers.reading import Reading, bounded, refuse

_SIGNS = re.compile(r"[A-Z0-9<]+", re.ASCII)
_GAP = re.compile(r"[ \t\u00a0]")
_LIFETIME = 50
"""Years from today in which an expiry date can lie."""

Span = tuple[int, int, int]
"""Line, first sign, sign after the last."""


class Layout(msgspec.Struct, frozen=True):
    """The places of the parts of one format. `composite` are the spans that its check digit covers."""

    name: str
    lines: int
    width: int
    first_letters: str
    names: Span
    number: Span
    nationality: Span
    birth: Span
    sex: Span
    expiry: Span
    optional: tuple[Span, ...]
    personal: Span | None = None
    composite: tuple[Span, ...] = ()
    composite_digit: Span | None = None
    long_numbers: Span | None = None


def _two_lines(name: str, width: int, letters: str, **more: object) -> Layout:
    stop = {"MRVA": 44, "MRVB": 36, "TD2": 35, "TD3": 42}[name]
    return Layout(
        name, 2, width, letters, (0, 5, width), (1, 0, 9), (1, 10, 13), (1, 13, 19), (1, 20, 21), (1, 21, 27),
        ((1, 28, stop),), **more,  # type: ignore[arg-type]
    )  # fmt: skip


_LAYOUTS = (
    Layout(
        "TD1", 3, 30, "IAC", (2, 0, 30), (0, 5, 14), (1, 15, 18), (1, 0, 6), (1, 7, 8), (1, 8, 14),
        ((0, 15, 30), (1, 18, 29)), composite=((0, 5, 30), (1, 0, 7), (1, 8, 15), (1, 18, 29)),
        composite_digit=(1, 29, 30), long_numbers=(0, 15, 30),
    ),
    _two_lines("MRVA", 44, "V"),
    _two_lines("MRVB", 36, "V"),
    _two_lines(
        "TD2", 36, "IACP", composite=((1, 0, 10), (1, 13, 20), (1, 21, 35)), composite_digit=(1, 35, 36),
        long_numbers=(1, 28, 35),
    ),
    _two_lines(
        "TD3", 44, "P", composite=((1, 0, 10), (1, 13, 20), (1, 21, 43)), composite_digit=(1, 43, 44),
        personal=(1, 28, 42),
    ),
)  # fmt: skip
FORMATS: Mapping[str, Layout] = MappingProxyType({layout.name: layout for layout in _LAYOUTS})
"""The formats by name."""


def read_mrz(text: str, today: date) -> Reading:
    """Return the zone in `text`, with its lines below each other. Raises `Malformed` when it is of no format."""
    problems: list[str] = []
    lines = _lines(text, problems)
    layout = _layout(lines)
    zone = _Zone(lines, layout, today, problems)
    parts = zone.read()
    return Reading(layout.name, "\n".join(lines), parts, tuple(problems), tuple(zone.remarks))


class _Zone:
    """One zone while it is read."""

    def __init__(self, lines: list[str], layout: Layout, today: date, problems: list[str]) -> None:
        self._lines = lines
        self._layout = layout
        self._today = today
        self._problems = problems
        self.remarks: list[str] = []
        self.checks: dict[str, bool] = {}

    def read(self) -> dict[str, object]:
        layout = self._layout
        head = self._lines[0]
        number = self._number()
        birth = self._date(layout.birth, "birth")
        expiry = self._date(layout.expiry, "expiry")
        surname, given, cut = self._names()
        self._personal()
        self._composite()
        self._order(birth, expiry)
        return {
            "format": layout.name,
            "doc_code": _plain(head[:2]),
            "issuer": self._country((0, 2, 5), "issuer"),
            "surname": surname,
            "given": given,
            "name_may_be_cut": cut,
            "number": number,
            "nationality": self._country(layout.nationality, "nationality"),
            "birth": birth,
            "sex": self._sex(),
            "expiry": expiry,
            "optional": [value for span in layout.optional if (value := _plain(self._at(span)))],
            "checks": self.checks,
        }

    def _at(self, span: Span) -> str:
        line, first, stop = span
        return self._lines[line][first:stop]

    def _digit(self, name: str, characters: str, given: str, *, blank: bool = False) -> None:
        """Note if `given` is the check digit of `characters`; with `blank`, `<` counts as 0 for an empty field."""
        expected = str(mrz_check_digit(characters))
        right = given == expected or (blank and given == "<" and not characters.strip("<"))
        self.checks[name] = right
        if not right:
            self._problems.append(
                f"{name.replace('_', ' ')}: the check digit is {given}, the field calls for {expected}"
            )

    def _number(self) -> str:
        line, _, stop = self._layout.number
        number, given = self._at(self._layout.number), self._lines[line][stop]
        checked = number
        more = self._layout.long_numbers
        if given == "<" and more is not None and self._at(more)[:1] != "<":
            rest = self._at(more).partition("<")[0]
            # The filler in the check digit's own place counts, as a sign with the value 0.
            number, checked, given = number + rest[:-1], f"{number}<{rest[:-1]}", rest[-1]
        self._digit("document_number", checked, given)
        return _plain(number)

    def _date(self, span: Span, name: str) -> str:
        """Return the date as a partial one; empty when it is unknown or not a day."""
        line, _, stop = span
        digits = self._at(span)
        self._digit(f"{name}_date", digits, self._lines[line][stop])
        year, month, day = digits[:2], digits[2:4], digits[4:]
        if not year.isdecimal():
            if year != "<<" or name == "expiry":
                self._problems.append(f"the {name} date `{digits}` has no year of two digits")
            return ""
        tail = "".join(f"-{part}" for part in (month, day) if part != "<<")
        for century in self._centuries(name, int(year)):
            try:
                found = PartialDate(f"{century + int(year):04d}{tail}")
            except Malformed:
                continue
            if name == "expiry" or found.interval()[0] <= self._today:
                return found.value
        self._problems.append(f"the {name} date `{digits}` is no day of the calendar")
        return ""

    def _centuries(self, name: str, year: int) -> tuple[int, ...]:
        this = self._today.year // 100 * 100
        if name == "birth":
            return (this, this - 100)
        return (this,) if year <= self._today.year % 100 + _LIFETIME else (this - 100,)

    def _order(self, birth: str, expiry: str) -> None:
        if birth and expiry and expiry < birth:
            self._problems.append(f"it expires on {expiry}, before the birth of its holder")
        elif expiry and PartialDate(expiry).interval()[1] < self._today:
            self.remarks.append(f"it has expired: {expiry}")

    def _names(self) -> tuple[str, str, bool]:
        field = self._at(self._layout.names)
        if any(sign.isdecimal() for sign in field):
            self._problems.append("a name has digits")
        surname, _, given = field.rstrip("<").partition("<<")
        if not surname.strip("<"):
            self._problems.append("there is no surname")
        if "<<" in given:
            self.remarks.append("the given names have a double filler: names may have been joined")
        cut = not field.endswith("<")
        if cut:
            self.remarks.append("the name fills its field: it may have been cut")
        return _plain(surname), " ".join(given.replace("<", " ").split()), cut

    def _country(self, span: Span, name: str) -> str:
        code = _plain(self._at(span))
        if any(sign.isdecimal() for sign in code):
            self._problems.append(f"the {name} `{code}` has digits")
        elif code not in codes.issuers():
            self.remarks.append(f"the {name} `{code}` is no code of ISO 3166-1 or Doc 9303")
        return code

    def _sex(self) -> str:
        sex = self._at(self._layout.sex)
        if sex not in "MFX<":
            self._problems.append(f"the sex `{sex}` is none of M, F and <")
        return "X" if sex == "<" else sex

    def _personal(self) -> None:
        span = self._layout.personal
        if span is not None:
            line, _, stop = span
            self._digit("personal_number", self._at(span), self._lines[line][stop], blank=True)

    def _composite(self) -> None:
        digit = self._layout.composite_digit
        if digit is not None:
            self._digit("composite", "".join(map(self._at, self._layout.composite)), self._at(digit))


def _lines(text: str, problems: list[str]) -> list[str]:
    """Return the lines, mended; each repair is noted as a problem, since no issuer prints it so."""
    found = [line.strip("\r") for line in bounded(text, "mrz").split("\n") if line.strip()]
    mended = [_GAP.sub("<", ascii_digits(line).upper()) for line in found]
    if any(line != line.upper() for line in found):
        problems.append("small letters: read as capitals")
    if any(_GAP.search(line) for line in found):
        problems.append("blanks: read as the filler <")
    for line in mended:
        if not _SIGNS.fullmatch(line):
            refuse("mrz", "a line has signs other than A-Z, 0-9 and <", "the lines as they are printed")
    if mended != found and not problems:
        problems.append("digits of another script: read as 0 to 9")
    return mended


def _layout(lines: list[str]) -> Layout:
    widths = [len(line) for line in lines]
    fitting = [each for each in _LAYOUTS if widths == [each.width] * each.lines]
    for layout in fitting:
        if lines[0][0] in layout.first_letters:
            return layout
    if fitting:
        refuse("mrz", f"no document of this size begins with {lines[0][0]}", "P, V, I, A or C")
    sizes = ", ".join(f"{each.name}: {each.lines} of {each.width}" for each in _LAYOUTS)
    return refuse("mrz", f"lines of {', '.join(map(str, widths[:6]))} signs", sizes)


def _plain(field: str) -> str:
    return field.strip("<").replace("<", " ")
