"""Writes the country's off-switch: a line in `suspensions.jsonl`, durable before the command ends.

It needs nothing else to be up; a running node sees the line within a second (gateway/config/suspensions.py)
and writes the entry, one that is down does so when it starts.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict
from pathlib import Path

from gateway.clock import Clock, rfc3339
from gateway.config import Home, load_settings
from gateway.config.suspensions import Action, Switch, read_switches
from gateway.errors import LiaisonError, Malformed
from gateway.model.names import identifier, member_id
from gateway.model.values import text_value
from gateway.records.types import record_type as known_type
from gateway.trust.documents.folder import TrustDocuments

MAX_REASON = 200


def target_of(
    *, source: str = "", agency: str = "", peer: str = "", record_type: str = "", everything: bool = False
) -> str:
    """Return the one target that is named, or raise `Malformed`. `record_type` narrows a peer."""
    named = [(kind, name) for kind, name in (("source", source), ("agency", agency), ("peer", peer)) if name]
    if len(named) + everything != 1:
        raise Malformed("exactly one target is needed", remedy="--source S, --agency A, --peer M or --all")
    if record_type and not peer:
        raise Malformed("a record type is switched off with one counterpart", remedy="give --peer with --type")
    if everything:
        return "all"
    kind, name = named[0]
    if kind != "peer":
        return f"{kind}:{identifier(name, kind)}"
    return f"peer:{member_id(name)}" + (f"/{known_type(record_type).name}" if record_type else "")


def home_to_switch(folder: Path) -> Home:
    """Return the home in `folder`, also when its settings are broken. Raise `Misconfigured` when there are none."""
    try:
        return Home(load_settings(folder).home)
    except LiaisonError:
        home = Home(folder.resolve())
        if not home.settings.exists():
            raise
        return home


def known_targets(home: Home, clock: Clock) -> tuple[dict[str, set[str]], bool]:
    """Return names that can be switched off, by kind; and whether settings and trust documents could be read."""
    try:
        settings = load_settings(home.path)
    except (LiaisonError, OSError):
        return {}, False
    agencies = {file.stem.removeprefix("agency-") for file in home.keys.glob("agency-*.key")}
    agencies |= {source.agency for source in settings.sources}
    peers: set[str] = set()
    known = {"source": {source.id for source in settings.sources}, "agency": agencies, "peer": peers}
    try:
        documents = TrustDocuments(home.trust)
        charter = documents.charter(clock)
        if settings.node.member in charter.members and (own := documents.descriptor(settings.node.member, charter)):
            agencies.update(own.agencies)
    except (LiaisonError, OSError):
        return known, False
    peers.update(set(charter.members) - {settings.node.member})
    return known, True


def switch(home: Home, clock: Clock, action: Action, target: str, reason: str, humanitarian: str = "") -> Switch:
    """Append one line and wait until it is on disk. Raises `Malformed` for a reason or a name that is no plain text.

    `humanitarian`: who approved that missing persons, victims and threats to life are still asked and answered for.
    """
    text_value(reason, "reason", MAX_REASON)
    if humanitarian:
        text_value(humanitarian, "approved-by", MAX_REASON)
    line = Switch(secrets.token_hex(8), rfc3339(clock.now_us()), action, target, reason, humanitarian)
    data = json.dumps(asdict(line), ensure_ascii=False).encode() + b"\n"
    descriptor = os.open(home.suspensions, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        # One write call: a reader never sees half a line, and two administrators do not mix theirs.
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    folder = os.open(home.path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return line


def history(home: Home) -> tuple[Switch, ...]:
    """Return all lines of the file, oldest first."""
    try:
        return read_switches(home.suspensions.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
