"""Describe the removal of a key in lines: what was removed, who the entry names, and the next steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.clock import rfc3339
from gateway.config import argument
from gateway.ops.removals.own_keys import replace_command
from gateway.ops.removals.revoke import Removal
from gateway.trust.documents.descriptor import KeyUse
from gateway.views.lines import Line

_EFFECTS: Mapping[str, str] = {
    KeyUse.STATEMENT: "our node signs nothing with it and asks nobody, and counterparts refuse what it signed",
    KeyUse.TLS: "counterparts refuse our connections, and do not connect to us",
    KeyUse.ONLINE_CA: "counterparts refuse the certificates that it issued",
    KeyUse.LOG: "counterparts take no head of our log that it signed, and so no answer of ours",
    KeyUse.WITNESS: "our cosignatures of counterparts' logs do not count from then on",
}
_PERSON = "acts that it signs are refused"
_AGENCY = "records that it signs are not shown as signed"


def describe_removal(removal: Removal, home: Path) -> dict[str, Any]:
    """Return a removal as JSON."""
    return {
        "member": removal.member,
        "removed": [
            {"use": key.use, "id": key.key_id, "effect": _effect(key.use), "next": replace_command(key.use, home)}
            for key in removal.keys
        ],
        "compromised_since": rfc3339(removal.since_us),
        "status": removal.sequence,
        "proof": removal.by.proof.value,
        "by": removal.by.words,
        "logged": removal.is_logged,
        "incident": f"liaison trust incident --home {argument(home)} --key {removal.keys[0].key_id[:16]}",
    }


def removal_lines(about: dict[str, Any]) -> Iterator[Line]:
    """Yield a removal in lines."""
    for key in about["removed"]:
        yield f"removed: {key['use']} key {key['id'][:16]} of `{about['member']}`: {key['effect']}", "good"
    yield f"  it proves nothing by itself from {about['compromised_since']} on; the next descriptor says so"
    yield f"  status {about['status']} is signed: connected members take it within 5 seconds"
    if about["out"]:
        yield f"  for the others: liaison trust accept {argument(Path(about['out']))} --home THEIRS"
    if about["proof"] == "unproved":
        told = f"  no listed administrator signed: the entry names the account `{about['by']}` of this machine"
        yield f"{told} (--signed-with FILE proves it)", "warn"
    else:
        yield f"  signed by {about['by']}, as the entry says"
    if not about["logged"]:
        yield "  its entry is not written yet: the node writes it when it starts, or within a second", "warn"
    for command in dict.fromkeys(key["next"] for key in about["removed"]):
        yield f"next: {command}"
    yield f"after a theft: {about['incident']}"


def _effect(use: str) -> str:
    return _EFFECTS.get(use) or (_AGENCY if use.startswith("agency/") else _PERSON)
