"""The catalogue of the entries in `docs/audit-events.md`, generated from their definitions (`make generated`)."""

from __future__ import annotations

from gateway.audit.entries.event_fields import COMMON, meaning
from gateway.ports.entries.events import EVENTS
from gateway.ports.journal import Event, LogName, Party

COMMON_FIELDS: dict[str, str] = {
    "v": "version of the entry format: 1",
    "log": "the log's origin, as in its checkpoints",
    "seq": "place in the log, from 0",
    "t": "time in microseconds since 1970; never decreases in a log",
    "kind": "one of the kinds below",
    "peer": "the counterpart's member id, or empty",
    "n": "number in the channel, or null",
    "xid": "exchange id, or empty",
    "req": "SHA-256 of the request's payload (base64url), or empty",
    "ans": "SHA-256 of the answer's payload (base64url), or empty",
    "priv": "SHA-256 of the private part: 32 random bytes and its padded JSON",
}


def document() -> str:
    """Return the catalogue in Markdown."""
    lines = [
        "# Audit events",
        "",
        "Generated from `gateway/ports/entries/events.py`; change it there.",
        "",
        "An entry is one JSON object, hashed as written. Its public part is the same for all kinds:",
        "",
        "| member | meaning |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in COMMON_FIELDS.items()),
        "",
        "The private part is a JSON object of its own, encrypted at rest and committed to by `priv`. Each kind names",
        "the members that it may have, and no other; where one is absent, there was nothing to say. Any kind may have:",
        "",
        "| private member | meaning |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in COMMON.items()),
    ]
    for log in LogName:
        lines += ["", f"## The {log} log"]
        for event in EVENTS.values():
            if event.log is log:
                lines += _paragraph(event)
    return "\n".join(lines) + "\n"


def _paragraph(event: Event) -> list[str]:
    kept = [
        f"{what} signed by {who}"
        for what, who in (
            ("the request,", "the peer" if event.request is Party.PEER else "us" if event.request is Party.US else ""),
            ("the answer,", "the peer" if event.answer is Party.PEER else "us" if event.answer is Party.US else ""),
        )
        if who
    ]
    lines = ["", f"### `{event.kind}`", "", event.meaning]
    if kept:
        lines += ["", f"Kept with it: {' and '.join(kept)}."]
    if event.counted:
        lines += ["", "It takes the next number of the channel on which the peer asks us."]
    if not event.fields:
        return [*lines, "", "Its private part is empty."]
    table = [f"| `{name}` | {meaning(event.kind, name)} |" for name in event.fields]
    return [*lines, "", "| private member | meaning |", "|---|---|", *table]
