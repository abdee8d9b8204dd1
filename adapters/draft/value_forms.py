"""Say what a column may hold by its values alone: an identity number, a date, a sex, a country, a plate, a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial

from adapters.database_tables import Column
from adapters.draft.code_tables import usual_meanings
from adapters.draft.guess_column import Look, guess_date, read_dates
from adapters.draft.guess_country import guess_country
from gateway.clock import SystemClock
from gateway.errors import LiaisonError
from gateway.model.forms.numbers import compact
from gateway.records.identifiers.conveyances import read_container
from gateway.records.identifiers.national_ids import read_national_id

SCHEMES = {"THA-PIN": "THA", "CHN-RIC": "CHN", "MMR-NRC": "MMR", "VNM-CCCD": "VNM"}
"""Schemes of identity numbers that are known by their form, with the state that issues them."""

_MOST = 0.8
_LEAST = 3
"""The different values from which a form is no accident."""

_PASSPORT = re.compile(r"[A-Z]{1,2}\d{6,8}", re.ASCII)
_VIN = re.compile(r"(?=.*\d)(?=.*[A-Z])[A-HJ-NPR-Z\d]{17}", re.ASCII)
_PLATE = re.compile(
    r"\d?[ก-ฮ]{1,3}[ -]?\d{1,4}( [ก-๙]+)?|[ກ-ຮ]{2}[ -]?\d{4}|[\u4e00-\u9fff][A-Z][· -]?[A-Z\d]{5,6}"
    r"|\d{2}[A-Z]{1,2}\d?[ -]\d{3}\.?\d{2}|\d{1,2}[A-Z]{1,2}[ -/]\d{4}"
)
_NAME_WORD = re.compile(r"[^\W\d_][^\W\d_'’.\u0300-\u036f\u0e31-\u0e4e\u0eb1-\u0ecd\u102b-\u103e\u17b4-\u17d3-]*")
_LATE = 12


def scheme_of(look: Look) -> str:
    """Return the scheme that most values are numbers of, as far as check digits and parts tell; else empty."""
    today = SystemClock().now().date()
    shares = {scheme: _share(look, partial(_is_number, scheme=scheme, today=today)) for scheme in SCHEMES}
    return next((scheme for scheme, share in shares.items() if share >= _MOST), "")


def _is_number(value: str, *, scheme: str, today: date) -> bool:
    try:
        found = read_national_id(value, scheme, today)
    except LiaisonError:
        return False
    return not found.problems and (scheme != "VNM-CCCD" or 0 < int(compact(value)[:3]) <= 96)


def meaning_by_values(look: Look, column: Column) -> str:
    """Return what a column of any name may mean; empty when its values have no form that says so."""
    if len(look.counts) < 2:
        return ""
    return next((meaning for meaning, test in _TESTS if test(look, column)), "")


def looks_like_names(look: Look) -> bool:
    """Tell whether most values are words of letters and differ, as names of persons do."""
    varied = len(look.counts) >= max(2, 0.5 * sum(look.counts.values()))
    return varied and _share(look, _is_name) >= _MOST


def _is_name(value: str) -> bool:
    words = value.replace(",", " ").split()
    if not 1 <= len(words) <= 6 or not all(re.match(r"[^\W\d_]", word) for word in words) or re.search(r"\d", value):
        return False
    return len(words) > 1 or not value.isascii() or value.isupper() or value.istitle()


def refutes(look: Look, meaning: str) -> bool:
    """Tell whether values cannot have the meaning that the column's name has: names of figures, numbers of letters."""
    if not look.counts:
        return False
    figures = _share(look, lambda value: any(map(str.isdigit, value)))
    if meaning in _OF_LETTERS:  # a figure within a name is a clerk's; a number has no letters, or a few before it
        return _share(look, lambda value: sum(map(str.isdigit, value)) > sum(map(str.isalpha, value))) > 0.5
    if meaning == "sex":
        return len(look.counts) > 20
    return meaning in _OF_FIGURES and figures < 0.5 and len(look.counts) >= _LEAST


_OF_LETTERS = frozenset(("name", "given", "surname", "middle", "alias", "father_name", "mother_name", "unmarked_name"))
_OF_FIGURES = frozenset(
    ("birth", "issued", "expires", "national_id", "document_number", "plate", "vin", "container", "seizure_date")
)


def _share(look: Look, test: Callable[[str], object]) -> float:
    total = sum(look.counts.values())
    return sum(count for value, count in look.counts.items() if test(value)) / total if total else 0.0


def _many(look: Look, test: Callable[[str], object]) -> bool:
    return len(look.counts) >= _LEAST and _share(look, test) >= _MOST


def _is_container(value: str) -> bool:
    try:
        return not read_container(compact(value)).problems
    except LiaisonError:
        return False


def _years(look: Look, column: Column) -> Iterator[tuple[int, int]]:
    """Yield each Gregorian year of a column of dates, with its count; none for a column of anything else."""
    if not _share(look, lambda value: re.search(r"\d\D+\d|^(19|20|24|25)\d{6}$", value)) >= _MOST:
        return
    guess = guess_date(look, column)
    if "formats" in guess.toml or "thai-date" in guess.toml:
        yield from read_dates(look, guess)


def _time(look: Look, column: Column) -> str:
    """Return `birth` for days of a long time that is over, `expires` for days that mostly lie ahead."""
    years = sorted(year for year, count in _years(look, column) for _ in range(count))
    if len(years) < _MOST * sum(look.counts.values()) or len(set(years)) < _LEAST:
        return ""
    this = SystemClock().now().year
    if years[len(years) // 2] <= this - _LATE and years[-1] <= this and years[-1] - years[0] >= 10:
        return "birth"
    return "expires" if years[len(years) // 2] > this else ""


def _is_sex(look: Look, column: Column) -> bool:
    del column
    meant = usual_meanings("sex")
    found = {meant.get(value.casefold(), "") for value in look.counts}
    return {"M", "F"} <= found and "" not in found and not any(map(str.isdigit, "".join(look.counts)))


def _is_country(look: Look, column: Column) -> bool:
    del column
    if len(look.counts) < _LEAST or any(map(str.isdigit, "".join(look.counts))):
        return False
    options = guess_country(look)
    return options is not None and options.get("scheme") != "numeric"


_TESTS: tuple[tuple[str, Callable[[Look, Column], bool]], ...] = (
    ("national_id", lambda look, _: len(look.counts) >= _LEAST and bool(scheme_of(look))),
    ("container", lambda look, _: _many(look, _is_container)),
    ("vin", lambda look, _: _many(look, _VIN.fullmatch)),
    ("document_number", lambda look, _: not look.is_code and _many(look, _PASSPORT.fullmatch)),
    ("birth", lambda look, column: _time(look, column) == "birth"),
    ("expires", lambda look, column: _time(look, column) == "expires"),
    ("sex", _is_sex),
    ("nationality", _is_country),
    ("plate", lambda look, _: _many(look, _PLATE.fullmatch)),
)
