"""Describe reports on methods and routes in lines: what it is about, then its fields, and who has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import Reason
from gateway.language.catalogue import Sentences, tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.sentences import refusal
from gateway.language.terms import OFFENCES
from gateway.records.types import RECORD_TYPES
from gateway.views.lines import Line, exact
from gateway.views.search.fields import field_name
from gateway.views.search.lines import value_text

STANDS: Sentences = {
    "waiting": "waits for approval",
    "published": "published",
    "withdrawn": "taken back",
    "declined": "not approved",
    "lapsed": "not approved in time",
}
TRACES: Sentences = {
    "THA-PIN": "an identity number of Thailand",
    "CHN-RIC": "an identity number of China",
    "VNM-CCCD": "an identity number of Viet Nam",
    "MMR-NRC": "a registration card of Myanmar",
    "IMEI": "the number of a telephone",
    "phone": "a telephone number",
    "number": "a long number, which may be a person's",
    "travel-document": "the number of a travel document",
    "plate": "the plate of a vehicle",
    "e-mail": "an e-mail address",
    "account": "the name of an account",
    "IBAN": "a bank account",
    "name": "the name of a person in our own records",
}
"""What in a report may tell who a person is."""

_LEFT: Sentences = {
    "not-wanted": "it is not among those that were named",
    "unsupported": "it takes no reports yet",
    "record-not-covered": "no agreement with it is about reports",
}
_PARTIAL = "partial: not all reports could be searched, so there may be more; ask more precisely"
_NOT_TOLD = ("offence", "no_personal_data", "pictures")


def report_title(fields: Mapping[str, Any], language: Language) -> str:
    """Return what a report is about: the offence, the ends of the route, and when."""
    offence = str(fields.get("offence", ""))
    places = [place_words(place, language) for place in fields.get("route", ())]
    ends = " – ".join(dict.fromkeys((*places[:1], *places[-1:])))
    words = tell(language, OFFENCES[offence]) if offence in OFFENCES else offence
    return ", ".join(filter(None, (f"{words}: {ends}" if ends else words, str(fields.get("period", "")))))


def place_words(place: Any, language: Language) -> str:
    """Return a place of a route in words."""
    if not isinstance(place, Mapping):
        return str(place)
    code = place.get("crossing") or place.get("unlocode")
    if place.get("name"):
        return str(place["name"])
    return value_text(code, language, "crossing" if place.get("crossing") else "unlocode") if code else ""


def report_rows(fields: Mapping[str, Any], language: Language) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the fields of a report in the order of its type: the code, its name in words, and its values."""
    for name in RECORD_TYPES["ModusOperandiReport"].fields:
        value = fields.get(name)
        if value in (None, "", []) or name in _NOT_TOLD:
            continue
        parts = value if isinstance(value, list) else [value]
        told = (place_words(part, language) if name == "route" else value_text(part, language, name) for part in parts)
        yield name, field_name(name, language), tuple(told)


def trace_words(kind: str, language: Language) -> str:
    """Return what a place in a report may tell of a person; an unknown kind as it is."""
    return tell(language, TRACES[kind]) if kind in TRACES else kind


def left_words(code: str, language: Language) -> str:
    """Return why a counterpart does not get a report."""
    return tell(language, _LEFT[code]) if code in _LEFT else refusal(code, Reason.PERMISSION_DENIED, language) or code


@exact
def listed_lines(found: Mapping[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield the reports that were found, each with its title, and whether these are all."""
    for report in found["reports"]:
        if report["withdrawn"]:
            yield f"{report['id']}  {report['owner']}  {tell(language, STANDS['withdrawn'])}", "dim"
        else:
            yield f"{report['id']}  {report['owner']}  {report['title']}", "title"
    if words := more_words(is_capped=found["capped"], is_partial=found["partial"], language=language):
        yield words, "warn"
    elif not found["reports"]:
        yield tell(language, "no report was found"), "dim"


def more_words(*, is_capped: bool, is_partial: bool, language: Language) -> str:
    """Return that there are, or may be, more reports than were found; empty where these are all."""
    if is_capped:
        return tell(language, "there are more; ask more precisely")
    return tell(language, _PARTIAL) if is_partial else ""


@exact
def report_lines(report: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield one report of the library with all its fields."""
    yield f"{report['id']}  {report['owner']}  {report['title']}", "title"
    yield f"  {report['tlp']}; {tell(language, 'until {time}', time=moment(report['not_after'], language))}"
    for _, name, values in report_rows(report["fields"], language):
        yield f"  {name}: {'; '.join(values)}"


@exact
def own_lines(report: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield how a report of ours stands: at home, at each counterpart, and why at which not."""
    style = {"published": "good", "waiting": "warn"}.get(report["stand"], "dim")
    yield f"{report['id']}  {report['title']}", "title"
    yield f"  {tell(language, STANDS[report['stand']])}", style
    for one in report["to"]:
        yield f"  → {one['member']}"
    for one in report["left"]:
        yield f"  ✗ {one['member']}  {left_words(one['code'], language)}", "dim"


def draft_lines(draft: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield what is in the way of a report, and who would get it."""
    for trace in draft["traces"]:
        yield f"{trace['field']} {trace['start']}–{trace['end']}: {trace_words(trace['kind'], language)}", "bad"
    if not draft["traces"]:
        yield tell(language, "nothing in it tells who a person is"), "good"
    for source in draft["unchecked"]:
        yield tell(language, "the names of {source} could not be looked for", source=source), "warn"
    for one in draft["to"]:
        yield f"→ {one['member']}"
    for one in draft["left"]:
        yield f"✗ {one['member']}  {left_words(one['code'], language)}", "dim"
