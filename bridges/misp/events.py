"""A report as an event of MISP: the same identifiers each time, so that a push that is repeated changes nothing.

MISP never takes a deletion to the instances that it has synchronised with, and it does take changes there. So what ends
is changed: its words are overwritten, its attributes deleted, and the event says that it was withdrawn.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from bridges.command import day_of
from bridges.leaving import Audience
from bridges.report import NAMESPACE, Handling, Report
from gateway.clock import rfc3339_s

Event = dict[str, Any]

WITHDRAWN = "Withdrawn report"
TAGS = ("tlp:", "liaison:")
"""How the tags begin that are ours to set and to take away."""

_MOST = 64
_SLOTS = (
    "Offence",
    "Method",
    "Concealment",
    "Route",
    "Price",
    "Period",
    *(f"Indicator {n}" for n in range(1, _MOST + 1)),
)
_DISTRIBUTION = {Audience.AGENCY: "0", Audience.COUNTRY: "0", Audience.PARTNERS: "1", Audience.PUBLIC: "3"}
_UNDEFINED, _COMPLETE = "4", "2"


def event_id(report: Report) -> str:
    """Return the UUID of a report's event."""
    return _uuid(report, "event")


def event_of(report: Report, handling: Handling) -> Event:
    """Return the event of a report that stands."""
    return {
        "uuid": event_id(report),
        "info": report.title,
        "date": day_of(report.first_us),
        "timestamp": _seconds(report.added_us),
        "threat_level_id": _UNDEFINED,
        "analysis": _COMPLETE,
        "distribution": _DISTRIBUTION[handling.widest],
        "Attribute": [_attribute(report, slot, text) for slot, text in _texts(report)],
        "Tag": [{"name": name} for name in sorted(_tags(handling))],
    }


def ended(stored: Mapping[str, Any], report: Report, now_us: int) -> Event:
    """Return the event that takes the place of a stored one whose report may be read no more."""
    ours = {_uuid(report, slot) for slot in _SLOTS}
    return {
        "uuid": event_id(report),
        "info": WITHDRAWN,
        "timestamp": _seconds(max(now_us, _stored_us(stored) + 1_000_000)),
        "distribution": "0",
        "Attribute": [_gone(one, now_us) for one in stored.get("Attribute", []) if one.get("uuid") in ours],
        "Tag": [{"name": "tlp:amber+strict"}],
    }


def changed(stored: Mapping[str, Any], wanted: Event, report: Report, now_us: int) -> Event:
    """Return `wanted` as a change of the stored event: what it no longer has is deleted, and it is newer."""
    kept = {one["uuid"] for one in wanted["Attribute"]}
    ours = {_uuid(report, slot) for slot in _SLOTS} - kept
    at_us = max(now_us, _stored_us(stored) + 1_000_000)
    attributes = [one | {"timestamp": _seconds(at_us)} for one in wanted["Attribute"]]
    gone = [_gone(one, at_us) for one in stored.get("Attribute", []) if one.get("uuid") in ours]
    return wanted | {"timestamp": _seconds(at_us), "Attribute": [*attributes, *gone]}


def is_same(stored: Mapping[str, Any], wanted: Event, report: Report) -> bool:
    """Tell whether a stored event says already what it should; what others added to it does not count."""
    slots = {_uuid(report, slot) for slot in _SLOTS}
    held = {one.get("uuid"): one.get("value") for one in stored.get("Attribute", []) if one.get("uuid") in slots}
    meant = {one["uuid"]: one["value"] for one in wanted["Attribute"]}
    return (
        held == meant
        and stored.get("info") == wanted["info"]
        and str(stored.get("distribution")) == wanted["distribution"]
        and set(own_tags(stored)) == {tag["name"] for tag in wanted["Tag"]}
    )


def is_ended(stored: Mapping[str, Any], report: Report) -> bool:
    """Tell whether a stored event has been withdrawn whole."""
    slots = {_uuid(report, slot) for slot in _SLOTS}
    left = [one for one in stored.get("Attribute", []) if one.get("uuid") in slots]
    return stored.get("info") == WITHDRAWN and not left and own_tags(stored) == ["tlp:amber+strict"]


def own_tags(stored: Mapping[str, Any]) -> list[str]:
    """Return the tags of an event that are ours to set."""
    names = (str(tag.get("name", "")) for tag in stored.get("Tag", []))
    return sorted(name for name in names if name.startswith(TAGS))


def _texts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield each text once, with its slot: MISP takes a value once in an event."""
    texts = [("Offence", report.offence)] if report.offence else []
    texts += [(name, text) for name, text in report.paragraphs() if name != "Indicators"]
    texts += [(f"Indicator {place}", text) for place, text in enumerate(report.indicators[:_MOST], 1)]
    first = {text: slot for slot, text in reversed(texts)}
    yield from ((slot, text) for slot, text in texts if first[text] == slot)


def _attribute(report: Report, slot: str, text: str) -> Event:
    """Return an attribute: words for people, so it takes no part in correlation and in detection."""
    return {
        "uuid": _uuid(report, slot),
        "type": "text",
        "category": "Other",
        "value": text,
        "comment": slot,
        "to_ids": False,
        "disable_correlation": True,
        "distribution": "5",
        "deleted": False,
        "timestamp": _seconds(report.added_us),
    }


def _gone(stored: Mapping[str, Any], at_us: int) -> Event:
    kept = {"uuid": stored["uuid"], "type": "text", "category": "Other", "comment": "", "to_ids": False}
    return kept | {"value": f"withdrawn ({stored['uuid'][:8]})", "deleted": True, "timestamp": _seconds(at_us)}


def _tags(handling: Handling) -> Iterator[str]:
    yield f"tlp:{handling.label.value}"
    yield from (f'liaison:use="{code}"' for code in handling.uses)
    yield f'liaison:not-after="{rfc3339_s(handling.until_us)}"'


def _uuid(report: Report, slot: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(("misp", report.member, report.id, slot))))


def _seconds(us: int) -> str:
    return str(us // 1_000_000)


def _stored_us(stored: Mapping[str, Any]) -> int:
    seconds = str(stored.get("timestamp", "0"))
    return int(seconds[:12]) * 1_000_000 if seconds.isascii() and seconds.isdecimal() else 0
