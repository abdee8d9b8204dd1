"""Describe the keys of a home in lines, and what a renewal or rotation did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.config import argument
from gateway.ops.keys.authority import MadeClient
from gateway.ops.keys.status import SOON_DAYS
from gateway.trust.documents.descriptor import PERSONS
from gateway.views.lines import Line


def key_lines(about: dict[str, Any]) -> Iterator[Line]:
    """Yield a line for each key, and what is to be done for those that end soon."""
    yield f"keys of `{about['member']}`, descriptor {about['descriptor'] or 'not published'}"
    for key in about["keys"]:
        yield _key_line(key)
        if key["days_left"] is not None and key["days_left"] < SOON_DAYS:
            yield f"      renew it: {key['renewed_by']}", "warn"
        if key["usable"] is False:
            yield f"      counterparts do not take it: {key['renewed_by'].replace('cert renew', 'cert rotate')}", "bad"
        if key["rotation"]:
            yield f"      new key {key['rotation']['new'][:16]}: {key['rotation']['plan']}"
    for key in about["agencies"]:
        ends = f"certificate until {key['certificate_until']}, "
        ends += f"listed until {key['listed_until']}" if key["listed_until"] else "not listed: `liaison trust publish`"
        whose = f"{key['use']:20} {key['id'][:16]}  held by `{key['agency']}` itself"
        yield f"  {whose}, {ends}, {key['days_left']} days left"
        if key["days_left"] < SOON_DAYS:
            yield "      renew it where the agency's source is: its record.pem, anew from the authority", "warn"
    for person in about["persons"]:
        yield f"  {person['use']:20} {person['id'][:16]}  listed until {person['listed_until']}"
    for place in about["retired"]:
        yield f"  retired, not used any more: {place}"
    if any(key["use"].partition("/")[0] in PERSONS for key in about["keys"]):
        yield "a person's key: `liaison cert rotate USE/NAME --key KEY`; a lost one: `liaison trust person`, `admit`"


def _key_line(key: dict[str, Any]) -> str:
    ends = [f"certificate until {key['certificate_until']}"] if key["certificate_until"] else []
    if key["exchange_until"]:
        ends.append(f"for counterparts by the online CA until {key['exchange_until']}")
    if key["listed_until"]:
        ends.append(f"listed since version {key['listed_since_version']} until {key['listed_until']}")
    left = f", {key['days_left']} days left" if key["days_left"] is not None else ""
    return f"  {key['use']:20} {key['id'][:16]}  {', '.join(ends) or 'without an end'}{left}"


def asked_lines(verb: str, about: dict[str, Any], home: Path) -> Iterator[Line]:
    """Yield what `liaison cert renew` or `rotate` did, and the next step."""
    uses = ", ".join(about["uses"])
    if about["request"]:
        request = Path(about["request"])
        answer, option = argument(request.with_suffix(".answer")), _ANSWERS[verb]
        yield f"request for {uses}: {request}", "good"
        yield f"  at the authority: liaison cert sign {argument(request)} --authority ADIR --out {answer}"
        yield f"  then here:        liaison cert {verb} --home {argument(home)} {option} {answer}"
        return
    if about["descriptor"]:
        yield f"descriptor {about['descriptor']} lists {uses}", "good"
    elif not about["steps"] and not about["waits"]:
        yield f"{uses}: the certificate is in force", "good"
    for step in about["steps"]:
        yield f"  {step['use']}: {step['step']} ({step['why']})", "good"
    for waiting in about["waits"]:
        yield f"  {waiting['use']}: {waiting['plan']}"
    if about["status_problem"]:
        yield f"  no status was signed: {about['status_problem']}", "warn"
    if about["out"]:
        yield f"hand {about['out']} to the others: liaison trust accept {argument(Path(about['out']))} --home THEIRS"
    elif about["descriptor"]:
        yield "running nodes hand it on by themselves; for a stick: `liaison trust export --home HOME --out FILE`"


_ANSWERS = {"renew": "--certificate", "rotate": "--answer"}


def signed_key_lines(about: dict[str, Any]) -> Iterator[Line]:
    """Yield what an authority signed."""
    yield f"answer for `{about['member']}`: {about['out']}", "good"
    for key in about["keys"]:
        yield f"  {key['use']}: {'a new key' if key['new'] else 'the key as before'}, until {key['until']}"
    if about["descriptor"]:
        yield f"  descriptor {about['descriptor']}, {about['signatures']} signature(s)"
    for marked in about["compromised"]:
        yield f"  compromised: {marked[:16]}", "warn"


def client_lines(made: MadeClient, out: Path) -> Iterator[Line]:
    """Yield the files of a client system, and the next step."""
    yield f"{', '.join(made.files)} in {out}", "good"
    if made.request:
        request, folder = Path(made.request), argument(out)
        answer = argument(request.with_suffix(".answer"))
        yield f"  at the authority: liaison cert sign {argument(request)} --authority ADIR --out {answer}"
        yield f"  then here: liaison cert client {made.system} --home HOME --answer {answer} --out {folder}"
