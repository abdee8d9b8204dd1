"""Describe the members in lines: what each offers, how it stands with us, and how its documents are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.views.lines import Line
from gateway.views.lines.trust import charter_lines

_STYLES = {"serving": "good", "active": "", "silent": "bad", "out-of-time": "bad", "not-trusted": "bad"}
_KINDS = ("charter", "descriptor", "status")


def members_lines(about: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the lines of all members, first whose knowledge this is."""
    if about["unasked"]:
        yield f"what the files of the home say, since its node was not asked: {about['unasked']}", "warn"
    else:
        yield f"what the running node of `{about['member']}` knows at {about['time']}", "dim"
    if about["charter"]:
        yield from charter_lines(about["charter"])
        yield f"  ends in      {_span(about['charter']['left_s'])}"
    for name, member in about["members"].items():
        yield from _member_lines(name, member)
    for log in about["logs"]:
        waiting = f"; the rest has waited {_span(log['waiting_s'])}" if log["waiting_s"] else ""
        yield f"  our log {log['log']}: {log['covered']} of {log['size']} entries are under a quorum{waiting}"
        times = ", ".join(f"{name} at {time}" for name, time in log["cosigned"].items())
        yield f"      cosigned by {times or 'no witness'}; counterparts needed: {log['needed']}"
    for text in about["alarms"]:
        yield f"  alarm: {text}", "bad"


def _member_lines(name: str, member: Mapping[str, Any]) -> Iterator[Line]:
    yield f"{name}: {member['state']}: {member['text']}", _STYLES.get(member["state"], "warn")
    if member["types_off"]:
        yield f"      switched off by us: {', '.join(member['types_off'])}", "warn"
    yield from _document_lines(member)
    if (descriptor := member["descriptor"]) is not None:
        yield from _offer_lines(descriptor)
    if (contact := member["contact"]) is not None:
        yield from _contact_lines(contact)
    for log in member["forked_logs"] or ():
        told = f"its log {log} was shown in two versions, so what it answered from it may not be provable"
        yield f"      {told}: `liaison audit evidence` shows both", "bad"
    if member["cosigned"]:
        yield f"      cosigned our logs: {', '.join(f'{log} at {time}' for log, time in member['cosigned'].items())}"


def _document_lines(member: Mapping[str, Any]) -> Iterator[Line]:
    descriptor, status = member["descriptor"], member["status"]
    what = f"descriptor {descriptor['version']}, {len(descriptor['keys'])} keys" if descriptor else "no descriptor"
    yield f"      {what}; {member['problem'] or 'fresh'}"
    if status:
        left = f"ends in {_span(status['left_s'])}" if status["left_s"] > 0 else f"has ended at {status['ends']}"
        yield f"      status {status['number']}, signed {_span(status['age_s'])} ago, {left}"
        if status["removed"]:
            yield f"      removed keys: {', '.join(key[:16] for key in status['removed'])}"


def _offer_lines(descriptor: Mapping[str, Any]) -> Iterator[Line]:
    yield f"      answers at {', '.join(descriptor['endpoints']) or 'no address'}"
    if descriptor["agencies"]:
        yield f"      agencies: {', '.join(descriptor['agencies'])}"
    if descriptor["offices"]:
        yield f"      offices: {', '.join(descriptor['offices'])}"
    if descriptor["national_desks"]:
        yield f"      national desks: {', '.join(descriptor['national_desks'])}"
    for office, faces in descriptor["facing"].items():
        yield f"      {office} faces {', '.join(faces)}"
    for one in descriptor["contacts"]:
        yield f"      {one['office']}: {one['reach']}"
    yield from (f"      {text}" for text in offers(descriptor["sources"]))
    yield f"      takes notices: {', '.join(descriptor['takes']) or 'none'}"


def _contact_lines(contact: Mapping[str, Any]) -> Iterator[Line]:
    heard = f"last heard {contact['last_seen']}" if contact["last_seen"] else "not heard since our node started"
    yield f"      {'connected' if contact['connected'] else 'not connected'}; {heard}"
    if (said := contact["last_answer"]) is not None:
        why = f" ({said['code']})" if said["code"] else ""
        yield f"      last answer to us: {said['outcome']}{why} at {said['time']}"
    if (clock := contact["clock"]) is not None:
        yield f"      clock {clock['ahead_s']:+.3f} s against ours at {clock['time']}"
    if (holds := contact["holds_ours"]) is not None:
        lacking = [kind for kind in _KINDS if not holds.get(kind, False)]
        yield f"      lacks our newest {' and '.join(lacking)}" if lacking else "      holds our newest documents"
    if contact["cosigns_as"]:
        told = f"cosigns our logs as `{contact['cosigns_as']}`, a name or key that it is not listed with"
        yield f"      {told}: it counts for nothing (cosignature-unknown)", "bad"


def offers(sources: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what a member can be asked for, as its descriptor lists it."""
    for each in sources:
        yield f"{each['kind']}: asked by {', '.join(each['queries']) or 'nothing'}"
        yield f"  gives {', '.join(each['record_types']) or 'no records'}"


def _span(seconds: int) -> str:
    """Return a length of time in its largest unit that is at least two."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if abs(seconds) >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
