"""Reports as objects of STIX 2.1: a report, its attack pattern, the countries of its route, its owner and markings.

A report that was taken back leaves as `revoked`, without a word of its content. So does one that may no longer be
kept, and one whose newer version is marked more strictly than its readers may see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bridges.leaving import Audience, Label
from bridges.report import Handling, Report
from bridges.taxii.markings import FIXED, handling_extension, house_objects, identifier, identity, marking_objects
from bridges.taxii.markings import marking_refs as refs_of
from bridges.wording import title
from gateway.clock import from_us
from gateway.language.countries import country
from gateway.language.languages import Language

Stix = dict[str, Any]

_WITHDRAWN = "The owner has withdrawn this report, or it may be kept no longer. Delete what you have of it."


BEHIND_US = 500
"""So far behind a row of the node stands an end that it has not told; its next row is at least twice as far behind."""


class Added(msgspec.Struct, frozen=True):
    """An object, and when it came to the collection in this version (microseconds since 1970)."""

    added_us: int
    object: Stix


def collection(reports: list[Report], audience: Audience, now_us: int) -> list[Added]:
    """Return all objects that an audience gets, in the order of their adding; each one once."""
    first: dict[str, Added] = {}
    newest_us = max((report.added_us for report in reports), default=0)
    for report in reports:
        for one in _shown(report, audience, now_us, newest_us):
            known = first.get(one.object["id"])
            if known is None or one.added_us < known.added_us:
                first[one.object["id"]] = one
    return sorted(first.values(), key=lambda one: (one.added_us, one.object["id"]))


def next_end_us(reports: list[Report], now_us: int) -> int:
    """Return when the next of these reports may no longer be kept; a far day where none ends."""
    return min(
        (one.handling.until_us for one in reports if one.handling and one.handling.until_us > now_us), default=2**62
    )


def _shown(report: Report, audience: Audience, now_us: int, newest_us: int) -> Iterator[Added]:
    """Yield what one audience gets of a report: the whole of it, its end, or nothing where it never got any of it.

    Moments are the node's, and none lies before what a reader may have read already. An end that only our clock tells
    stands right behind the newest row of the node (`newest_us`), and at the node's own row of it once that has come.
    """
    handling = report.handling
    is_for = handling is not None and audience <= handling.widest
    owner = identity(identifier("identity", report.member), f"Liaison gateway of {_country_name(report.member)}")
    if (shown := report.shown_to(audience, now_us)) is not None:
        handling, at_us, objects = shown, report.added_us, list(_whole(report, shown, owner["id"]))
    elif is_for or report.version > 1 or (report.ended_us and handling is None):
        # Not before its row was added: who has read on from there would never hear of the end.
        at_us = max(report.ended_us, report.added_us)
        if is_for and not report.ended_us:
            at_us = newest_us + BEHIND_US
        handling = _until(handling, at_us)
        objects = list(_gone(report, handling, owner["id"]))
    else:
        return
    # One microsecond apart: a reader that goes on after the last moment it saw never leaves an object out.
    every = [*house_objects(), owner, *marking_objects(handling), *objects]
    yield from (Added(at_us + place, one) for place, one in enumerate(every))


def _until(handling: Handling | None, at_us: int) -> Handling:
    """Return the marking of what is left of a report: as before, or the strictest where it now stays at home."""
    if handling is None:
        return Handling(Label.AMBER_STRICT, Audience.AGENCY, (), at_us)
    return msgspec.structs.replace(handling, until_us=at_us)


def _whole(report: Report, handling: Handling, owner: str) -> Iterator[Stix]:
    pattern = _common("attack-pattern", report, owner, report.added_us, handling)
    countries = [_country(code) for code in _countries(report)]
    yield pattern | {"name": f"{title(report.offence)} ({report.id[:8]})", "description": _description(report)}
    yield from countries
    yield _common("report", report, owner, report.added_us, handling) | {
        "name": report.title,
        "description": _description(report),
        "report_types": ["attack-pattern"],
        "published": _time(report.first_us),
        "labels": [report.offence.lower() or "other"],
        "object_refs": [pattern["id"], *(place["id"] for place in countries)],
        "external_references": [{"source_name": f"liaison-{report.member}", "external_id": report.id}],
    }


def _gone(report: Report, handling: Handling, owner: str) -> Iterator[Stix]:
    """Yield a report and its pattern as revoked; their words take the place of those that a reader still has."""
    pattern = _common("attack-pattern", report, owner, handling.until_us, handling)
    yield pattern | {"name": f"Withdrawn ({report.id[:8]})", "description": _WITHDRAWN, "revoked": True}
    yield _common("report", report, owner, handling.until_us, handling) | {
        "name": f"Withdrawn report ({report.id[:8]})",
        "description": _WITHDRAWN,
        "published": _time(report.first_us),
        "object_refs": [pattern["id"]],
        "revoked": True,
    }


def _common(kind: str, report: Report, owner: str, modified_us: int, handling: Handling) -> Stix:
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": identifier(kind, report.member, report.id),
        "created_by_ref": owner,
        "created": _time(report.first_us),
        "modified": _time(max(modified_us, report.first_us)),
        "object_marking_refs": refs_of(handling),
        "extensions": handling_extension(handling, _time(handling.until_us)),
    }


def _country(code: str) -> Stix:
    """Return a country. It is the same object for all reports, and says nothing about any of them."""
    return {
        "type": "location",
        "spec_version": "2.1",
        "id": identifier("location", code),
        "created": FIXED,
        "modified": FIXED,
        "name": _country_name(code),
        "country": code,
    }


def _countries(report: Report) -> list[str]:
    found = (place.get("country") or place.get("unlocode", "")[:2] for place in report.route)
    return sorted({code.upper() for code in found if len(code) == 2 and _country_name(code)})


def _description(report: Report) -> str:
    return "\n\n".join(f"{name}: {text}" for name, text in report.paragraphs())


def _country_name(code: str) -> str:
    return country(code, Language.EN)


def _time(us: int) -> str:
    return from_us(us).strftime("%Y-%m-%dT%H:%M:%S.") + f"{us % 1_000_000 // 1000:03d}Z"
