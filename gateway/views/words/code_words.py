"""Explain the codes of a record where a person reads it, and say which of its values an officer must see first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import country
from gateway.language.languages import Language
from gateway.language.terms import WORDS_OF, named
from gateway.records import codes

_INFORMATION: Sentences = {
    "1": "no doubt about the information",
    "2": "known to the source personally",
    "3": "hearsay that other information supports",
    "4": "hearsay that nothing supports",
}
_SOURCE: Sentences = {
    "A": "source always reliable",
    "B": "source mostly reliable",
    "C": "source mostly not reliable",
    "X": "reliability of the source unknown",
}
_COUNTRIES = frozenset({"country", "flag", "issuer", "nationality", "nationalities", "origin"})
_PLACES = frozenset({"crossing", "crossing_point", "last_crossing", "birth_place", "place", "unlocode", "route"})

_ALWAYS = ("warnings", "alert_class", "do_not")
"""Fields that are there to be seen first, whatever they say."""

_QUIET: Mapping[str, frozenset[str]] = {
    "Person": frozenset({"", "ASSOCIATE", "DRIVER", "NONE", "OWNER", "PASSENGER", "TRAVELLER", "UNKNOWN"}),
    "TravelDocument": frozenset({"", "EXPIRED", "UNKNOWN", "VALID"}),
    "Vehicle": frozenset({"", "NONE"}),
    "Vessel": frozenset({"", "NONE"}),
}
"""Statuses that ask for no attention, by type of record; another status does, also one that is new to us."""

_LOUD: Mapping[str, frozenset[str]] = {
    "kind": frozenset({"DEPORTATION", "ENTRY_BAN", "OVERSTAY"}),
    "decision": frozenset({"REFUSE"}),
    "risk": frozenset({"RED"}),
    "mrz_check": frozenset({"FAIL"}),
    "chip_read": frozenset({"PA_FAIL"}),
}
_HANDLING: Mapping[str, frozenset[str]] = {
    "use": frozenset({"U3"}),
    "caveats": frozenset({"NODET", "NOTIP", "JUV", "SAFE"}),
}
"""Parts of a marking that an officer must know before acting."""


def explained(code: str, field: str, language: Language) -> str:
    """Return a code of `field` with its meaning, in words; a text that is not a known code as it is."""
    if field == "evaluation" and len(code) == 2 and code[0] in _SOURCE and code[1] in _INFORMATION:
        return f"{tell(language, _SOURCE[code[0]])}, {tell(language, _INFORMATION[code[1]])} ({code})"
    if field in _COUNTRIES and (name := _country(code, language)):
        return f"{name} ({code})"
    if field in _PLACES and (place := _place(code)):
        return f"{place} ({code})"
    return named(code, WORDS_OF.get(field, {}), language)


def raised(hit: Mapping[str, Any], language: Language = Language.EN) -> list[str]:
    """Return what an officer must see first of a hit, in words: dangers, what is asked, what must not be done."""
    record = hit.get("record")
    if record is None:
        return []
    fields, quiet = record["fields"], _QUIET.get(hit["record_type"])
    found = [(name, code) for name in _ALWAYS for code in _codes(fields.get(name))]
    if quiet is not None:
        found += [("status", code) for code in _codes(fields.get("status")) if code.upper() not in quiet]
    found += [(name, code) for name, loud in _LOUD.items() for code in _codes(fields.get(name)) if code in loud]
    marking = record["marking"]
    found += [(name, code) for name, loud in _HANDLING.items() for code in _codes(marking.get(name)) if code in loud]
    return list(dict.fromkeys(explained(code, name, language) for name, code in found))


def _codes(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and item:
            yield item


def _country(code: str, language: Language) -> str:
    """Return the name of a country, or of another issuer in ICAO's list, which has English names only."""
    return (country(code, language) or codes.issuers().get(code, "")) if code.isupper() else ""


def _place(code: str) -> str:
    if point := codes.crossing_points().get(code):
        return " / ".join(dict.fromkeys(side.name for side in point.sides))
    return codes.unlocodes().get(code, "")
