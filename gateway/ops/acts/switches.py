"""The country's off-switch as acts: switching off always works, switching on needs an administrator's signature.

Switching off appends a line to `suspensions.jsonl`, durable before the command ends, and needs nothing else to be up:
no node, no database, no trust document. So here the effect comes first. A running node sees the line within a second
and writes the entry; a stopped one does so when it starts. Who did it is handed in beside the line, signed or not.

Switching on goes the way of all acts: the signature is judged, the entry is durable, and then the line is appended.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from threading import Lock
from typing import Any

from gateway.audit.acts.act import Proved
from gateway.audit.acts.table import ActKind, Lane, Proof
from gateway.clock import Clock, rfc3339
from gateway.config import Home, load_settings
from gateway.config.suspensions import Action, Switch, is_target, read_switches
from gateway.errors import LiaisonError, Malformed
from gateway.model.names import identifier, member_id
from gateway.model.values import text_value
from gateway.ops.acts.draft import draft_act, trust_of
from gateway.ops.acts.mailbox import Mailbox, Order, owner_of
from gateway.ops.acts.prove import HomeTrust, Used, document_of
from gateway.ports import events
from gateway.ports.documents import DocumentStore
from gateway.ports.journal import EntryDraft, Logged
from gateway.records.types import record_type as known_type
from gateway.signing.keys import SigningKey
from gateway.trust.documents.folder import TrustDocuments

MAX_REASON = 200

_SWITCH = "switch"
_REFUSED = "switch-refused"
_FOR_GOOD = 0
"""Microseconds of expiry of a document that is kept."""


def target_of(
    *, source: str = "", agency: str = "", peer: str = "", record_type: str = "", everything: bool = False
) -> str:
    """Return the one target that is named. `record_type` narrows a peer. Raises `Malformed`."""
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


def options_of(target: str) -> str:
    """Return the options of `suspend` and `resume` that name a target."""
    kind, _, name = target.partition(":")
    name, _, record_type = name.partition("/")
    return "--all" if target == "all" else f"--{kind} {name}" + (f" --type {record_type}" if record_type else "")


def home_to_switch(folder: Path) -> Home:
    """Return the home in `folder`, also when its settings are broken. Raises `Misconfigured` when there are none."""
    try:
        return Home(load_settings(folder).home)
    except LiaisonError:
        home = Home(folder.resolve())
        if not home.settings.exists():
            raise
        return home


def known_targets(home: Home, clock: Clock) -> tuple[dict[str, set[str]], bool]:
    """Return names that can be switched off, by kind, and whether settings and trust documents could be read."""
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


def suspend(
    home: Home, clock: Clock, target: str, reason: str, humanitarian: str = "", keys: Sequence[SigningKey] = ()
) -> Switch:
    """Switch `target` off, durably; return the line. Raises `Malformed` for a reason or a name that is no plain text.

    `humanitarian` names who approved that missing persons, victims and threats to life are still asked about and
    answered for. With `keys` the act is signed. Where the act cannot be handed in, the switch works all the same.
    """
    text_value(reason, "reason", MAX_REASON)
    if humanitarian:
        text_value(humanitarian, "approved-by", MAX_REASON)
    name = secrets.token_hex(16)
    with suppress(LiaisonError, OSError):
        document = _signed(home, name, target, reason, humanitarian, keys) if keys else b""
        Mailbox(home.acts).give(Order(ActKind.SUSPEND, document=document.decode(), id=name))
    line = Switch(name, rfc3339(clock.now_us()), Action.SUSPEND, target, reason, humanitarian)
    append(home, line)
    return line


def _signed(home: Home, name: str, target: str, reason: str, humanitarian: str, keys: Sequence[SigningKey]) -> bytes:
    detail = {"target": target, "humanitarian": humanitarian}
    return draft_act(trust_of(home), ActKind.SUSPEND, reason, detail, keys, name=name)


def append(home: Home, line: Switch) -> None:
    """Append one line and wait until it is on disk."""
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


def history(home: Home) -> tuple[Switch, ...]:
    """Return all lines of the file, oldest first."""
    try:
        return read_switches(home.suspensions.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()


class SwitchDesk:
    """Writes the entries of switches, and switches on by acts that an administrator signed. One thread at a time."""

    def __init__(
        self,
        mailbox: Mailbox,
        trust: HomeTrust,
        used: Used,
        documents: DocumentStore,
        switches: Callable[[], Sequence[Switch]],
        write: Callable[[EntryDraft], Logged],
    ) -> None:
        self._mailbox = mailbox
        self._trust = trust
        self._used = used
        self._documents = documents
        self._switches = switches
        self._write = write
        self._lock = Lock()

    def log(self) -> None:
        """Write an entry for each switch that has none yet. Two threads of a node do it in turn."""
        with self._lock:
            if not (switches := self._switches()):
                return
            known = logged_switches(self._documents)
            for line in switches:
                if line.id in known or self._documents.get(_REFUSED, line.id) is not None:
                    continue
                if line.action is Action.RESUME:
                    self._refuse(line)
                else:
                    self._note(line)
                known.add(line.id)

    def resume(self, order: Order) -> Mapping[str, Any]:
        """Switch on the target of a signed act: its entry first, then the line."""
        act, proved = self._trust.verify(document_of(order.document))
        target = act.detail.get("target")
        if act.kind is not ActKind.RESUME or set(act.detail) != {"target"} or not is_target(target):
            raise Malformed("switching on names one target", code="bad-act", where="act.detail")
        self.log()
        account = owner_of(self._mailbox.place(order))
        proved = replace(proved, account=account, order=order.id)
        line = Switch(act.id, rfc3339(self._trust.clock.now_us()), Action.RESUME, target, act.reason)
        with self._lock:
            self._used.once(act.id, act.expires_us, order.id, "resume", lambda: self._write(switch_entry(line, proved)))
            self._done(line.id)
            if line.id not in {before.id for before in history(self._trust.home)}:
                append(self._trust.home, line)
        return asdict(line)

    def _note(self, line: Switch) -> None:
        draft = switch_entry(line, self._proved(line))
        self._used.once(line.id, _FOR_GOOD, line.id, events.SUSPEND.kind, lambda: self._write(draft))
        self._done(line.id)

    def _refuse(self, line: Switch) -> None:
        text = f"a line of suspensions switches `{line.target}` on, and no act proves it: it does not count"
        self._write(events.ALARM.draft(code="unproved-resume", detail=text))
        self._documents.put(_REFUSED, line.id, b"1")

    def _proved(self, line: Switch) -> Proved:
        """Return the proof of a line that switches off: its own signed act, or the account that handed it in."""
        found = self._mailbox.find(Lane.SWITCH, line.id)
        if found is None:
            return Proved(Proof.UNPROVED)
        order, file = found
        unproved = Proved(Proof.UNPROVED, account=owner_of(file))
        try:
            act, proved = self._trust.verify(document_of(order.document))
        except LiaisonError:
            return unproved
        said = (act.kind, act.id, act.reason, dict(act.detail))
        wanted = {"target": line.target, "humanitarian": line.humanitarian}
        if said != (ActKind.SUSPEND, line.id, line.reason, wanted):
            return unproved
        return replace(proved, account=unproved.account)

    def _done(self, name: str) -> None:
        self._documents.put(_SWITCH, name, b"1")
        if (found := self._mailbox.find(Lane.SWITCH, name)) is not None:
            found[1].unlink(missing_ok=True)


def logged_switches(documents: DocumentStore) -> set[str]:
    """Return the ids of switches that have their entry."""
    return set(documents.keys(_SWITCH))


def switch_entry(line: Switch, proved: Proved) -> EntryDraft:
    """Return the entry of a switch."""
    scope, _, target = line.target.partition(":")
    private = {
        "scope": scope,
        "target": target,
        "reason": line.reason,
        "humanitarian": line.humanitarian,
        "by": proved.words or "liaison",
        "time": line.time,
        "order": line.id,
    }
    event = events.SUSPEND if line.action is Action.SUSPEND else events.RESUME
    peer = target.partition("/")[0] if scope == "peer" else ""
    return event.draft_of(private | proved.members(), peer=peer)
