"""The country's off-switch as acts: switching off always works, switching on needs an administrator's signature.

Switching off appends a line to `suspensions.jsonl`, durable before the command ends, and needs nothing else to be up:
no node, no database, no trust document. So here the effect comes first. A running node sees the line within a second
and writes the entry; a stopped one does so when it starts. Who did it is handed in beside the line, signed or not.

Switching on goes the way of all acts: the signature is judged, the entry is durable, and then the line is appended.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from certs.hsm.places import key_places
from certs.profile import read_leaf
from gateway.audit.acts.act import Proved
from gateway.audit.acts.table import ACTS, ActKind, Lane, Proof
from gateway.clock import Clock, rfc3339
from gateway.config import Home, load_settings
from gateway.config.suspensions import CHECK_EVERY_S, Action, Switch, is_target, read_file
from gateway.errors import LiaisonError, Malformed, Replayed, StorageBroken
from gateway.host.durable import sync_folder
from gateway.model.names import identifier, member_id
from gateway.model.values import text_value
from gateway.ops.acts.draft import draft_act, trust_of
from gateway.ops.acts.mailbox import Mailbox, Order, account_name
from gateway.ops.acts.prove import HomeTrust, Used, document_of
from gateway.ops.homes.lock import places_held
from gateway.ports.documents import DocumentStore
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged
from gateway.records.types import record_type as known_type
from gateway.signing.keys import SigningKey
from gateway.trust.documents.folder import TrustDocuments

MAX_REASON = 200

_SWITCH = "switch"
_MARK = "switch-mark"
"""The kind of a switch's mark among the documents; version 0.1.0 kept the id alone."""
_REFUSED = "switch-refused"
_FOR_GOOD = 0
"""Microseconds of expiry of a document that is kept."""


def target_of(*, record_type: str = "", everything: bool = False, **names: str) -> str:
    """Return the one target that `names` names by its kind. `record_type` narrows a peer. Raises `Malformed`."""
    named = [(kind, name) for kind, name in names.items() if name]
    if len(named) + everything != 1:
        remedy = "--source S, --agency A, --peer M, --client S, --certificate FILE or --all"
        raise Malformed("exactly one target is needed", remedy=remedy)
    if record_type and not names.get("peer"):
        raise Malformed("a record type is switched off with one counterpart", remedy="give --peer with --type")
    if everything:
        return "all"
    kind, name = named[0]
    if kind == "certificate":
        return f"certificate:{_thumbprint(name)}"
    if kind != "peer":
        return f"{kind}:{identifier(name, kind)}"
    return f"peer:{member_id(name)}" + (f"/{known_type(record_type).name}" if record_type else "")


def _thumbprint(name: str) -> str:
    """Return the `x5t#S256` that is given, or that of the certificate in the file of this name."""
    if is_target(f"certificate:{name}"):
        return name
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        remedy = "give the file of the certificate, or its x5t#S256 (43 characters)"
        raise Malformed("the certificate cannot be read", where=name, remedy=remedy) from error
    return read_leaf(data).thumbprint


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
    agencies = {place.stem.removeprefix("agency-") for place in key_places(home.keys, "agency-*")}
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
    """Switch `target` off, durably; return the line. Raises `Malformed` for a reason or a name that is not plain text.

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


def signers_of(home: Home, clock: Clock, keys: Sequence[SigningKey]) -> Proved:
    """Return who the entry of a switch will name: administrators among the owners of `keys`, or the account alone."""
    unproved = Proved(Proof.UNPROVED, account=account_name(os.getuid()))
    try:
        member = member_id(load_settings(home.path).node.member)
        persons = HomeTrust(home, member, clock).persons()
    except (LiaisonError, OSError):  # switching off works all the same
        return unproved
    ids, roles = {key.key_id for key in keys}, ACTS[ActKind.SUSPEND].roles
    signed = tuple(person for person in persons if person.role in roles and person.key.key_id in ids)
    return Proved(Proof.SIGNATURES, signed) if signed else unproved


def append(home: Home, line: Switch) -> None:
    """Append one line and wait until it is on disk. Raises `OSError`, and `StorageBroken` for a line that was cut."""
    data = json.dumps(asdict(line), ensure_ascii=False).encode() + b"\n"
    descriptor = os.open(home.suspensions, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o640)
    try:
        # One write call: a reader never sees half a line, and two administrators do not mix theirs.
        if os.write(descriptor, data) != len(data):
            raise StorageBroken("no space for the whole line: everything is off", where=str(home.suspensions))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(home.path)


def wait_for_look(home: Home) -> bool:
    """Wait until each process of a home counts what is in the file; tell whether one serves it.

    A process that looked before the line was there looks again a second later at the latest (`Suspensions`).
    """
    if not places_held(home):
        return False
    time.sleep(CHECK_EVERY_S)
    return True


def history(home: Home) -> tuple[Switch, ...]:
    """Return all lines of the file, oldest first."""
    return read_file(home.suspensions)


@dataclass(frozen=True, slots=True)
class SwitchDesk:
    """Writes the entries of switches, and switches on by acts that an administrator signed. One thread at a time."""

    mailbox: Mailbox
    trust: HomeTrust
    used: Used
    documents: DocumentStore
    switches: Callable[[], Sequence[Switch]]
    write: Callable[[EntryDraft], Logged]
    _lock: Lock = field(default_factory=Lock, init=False)

    def log(self) -> None:
        """Write an entry for each switch that has none yet. Two threads of a node do it in turn."""
        self._log(self.switches())

    def _log(self, switches: Sequence[Switch]) -> None:
        with self._lock:
            if not switches:
                return
            known, ids = logged_switches(self.documents), set(self.documents.keys(_SWITCH))
            for line in switches:
                if line.is_in(known) or self.documents.get(_REFUSED, _name_of(line)) is not None:
                    continue
                if line.action is Action.RESUME or line.id in ids:
                    self._refuse(line)
                else:
                    self._note(line)
                    known.add(line.mark)
                    ids.add(line.id)

    def resume(self, order: Order) -> Mapping[str, Any]:
        """Switch on the target of a signed act: its entry first, then the line."""
        act, proved = self.trust.verify(document_of(order.document))
        target = act.detail.get("target")
        if act.kind is not ActKind.RESUME or set(act.detail) != {"target"} or not is_target(target):
            raise Malformed("switching on names one target", code="bad-act", where="act.detail")
        self._log(history(self.trust.home))  # a node looks at the file once a second; its entry would come after ours
        proved = replace(proved, account=order.account, order=order.id)
        line = Switch(act.id, rfc3339(self.trust.clock.now_us()), Action.RESUME, target, act.reason)
        with self._lock:
            self.used.once(act.id, act.expires_us, order.id, "resume", lambda: self.write(switch_entry(line, proved)))
            self._done(line)
            if line.mark not in {before.mark for before in history(self.trust.home)}:
                append(self.trust.home, line)
        return asdict(line)

    def _note(self, line: Switch) -> None:
        draft = switch_entry(line, self._proved(line))
        try:
            self.used.once(line.id, _FOR_GOOD, line.id, events.SUSPEND.kind, lambda: self.write(draft))
        except Replayed:  # the id of another act; it must not keep the lines behind it waiting
            self._refuse(line)
        else:
            self._done(line)

    def _refuse(self, line: Switch) -> None:
        code, text = "unproved-resume", f"switches `{line.target}` on, and no act proves it: it does not count"
        if line.action is Action.SUSPEND:
            code, text = "changed-switch", f"switches `{line.target}` off, and its id is that of another act"
        self.write(events.ALARM.draft(code=code, detail=f"a line of suspensions {text}"))
        self.documents.put(_REFUSED, _name_of(line), b"1")

    def _proved(self, line: Switch) -> Proved:
        """Return the proof of a line that switches off: its own signed act, or the account that handed it in."""
        found = self.mailbox.find(Lane.SWITCH, line.id)
        if found is None:
            return Proved(Proof.UNPROVED)
        order, _ = found
        unproved = Proved(Proof.UNPROVED, account=order.account)
        try:
            act, proved = self.trust.verify(document_of(order.document))
        except LiaisonError:
            return unproved
        said = (act.kind, act.id, act.reason, dict(act.detail))
        wanted = {"target": line.target, "humanitarian": line.humanitarian}
        if said != (ActKind.SUSPEND, line.id, line.reason, wanted):
            return unproved
        return replace(proved, account=unproved.account)

    def _done(self, line: Switch) -> None:
        self.documents.put(_MARK, line.mark, b"1")
        self.documents.put(_SWITCH, line.id, b"1")
        if (found := self.mailbox.find(Lane.SWITCH, line.id)) is not None:
            found[1].unlink(missing_ok=True)


def _name_of(line: Switch) -> str:
    return hashlib.sha256(line.mark.encode()).hexdigest()


def logged_switches(documents: DocumentStore) -> set[str]:
    """Return the marks of switches that have their entry, and the ids of those of version 0.1.0."""
    marks = set(documents.keys(_MARK))
    return marks | (set(documents.keys(_SWITCH)) - {mark.partition(" ")[0] for mark in marks})


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
