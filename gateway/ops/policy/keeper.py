"""Hold the policy in force, and take the versions that two approvers signed.

::

    policies/incoming.json              what `liaison policy install` brought; looked at once a second
    policies/<version>-<hash>.json      what was accepted, durable before use; the highest version is in force
    policies/unlogged                   the version whose acceptance may have no entry yet
    policies/unapproved-<hash>.json     a folder's files as they decided, in trials: for auditors

A document that cannot be used (half-written, older, unsigned, for another member, or with a mistake in it) changes
nothing: the old policy stays in force, and an alarm and an entry say why.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gateway.clock import Clock
from gateway.config import Home, Settings
from gateway.config.file_marks import FileMarks
from gateway.errors import Forbidden, LiaisonError, Misconfigured, Stale, StorageBroken
from gateway.host.durable import PUBLIC, make_folder, replace
from gateway.model.names import MemberId, member_id
from gateway.ops.acts.prove import HomeTrust
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.recent import Recent
from gateway.signing import strict_json
from gateway.signing.dsse import encode64
from gateway.trust.documents.policy_approval import ApprovedPolicy, parse_policy, verify_policy
from policy.bundle.bundle import hash_files, layer_of, load_bundle, read_files
from policy.engine.engine import PolicyEngine, ReadyPolicies

INCOMING = "incoming.json"
UNLOGGED = "unlogged"
_UNREADABLE = "unreadable"

READY_S = 2.0
"""Seconds after which a policy comes into force, ready or not: a stricter one must not wait for long."""

_READY: ReadyPolicies = Recent(16)
"""Policies that were made ready in this process: a node that starts with one of them asks Cedar nothing ahead."""

_PAUSE_S = 0.001
"""Seconds between two decisions worked out ahead, in which the threads that answer requests get their turn."""


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """The result of an incoming document; `refused` says why it was not taken, and is empty when it was."""

    version: int
    policy_hash: str
    approvers: tuple[str, ...] = ()
    refused: str = ""
    code: str = ""


class Judged(msgspec.Struct, frozen=True):
    """The outcome of a document at a process, by the hash of its bytes; where `refused` is empty, it decides by it."""

    document: str = ""
    refused: str = ""


def policy_entry(change: PolicyChange | None) -> EntryDraft | None:
    """Return the entry of the result of an incoming document; None without one."""
    if change is None:
        return None
    which: dict[str, Any] = {"version": change.version, "policy_hash": change.policy_hash}
    if change.refused:
        return events.POLICY_REFUSED.draft(**which, code=change.code, detail=change.refused[:500])
    return events.POLICY_ACCEPTED.draft(**which, approvers=list(change.approvers))


class PolicyKeeper:
    """Holds the engine in force. `refresh` costs one `stat` when nothing came in.

    In production only a policy that two approvers signed decides; in trials a folder does until the first such document
    comes. `decides` says that a node decides by it, so each policy is made ready before it comes into force
    (`PolicyEngine.make_ready`), on the thread that loads it. `unlogged` is an accepted policy that may have no entry
    yet, also from before a crash. The constructor writes nothing; a node that has started calls `keep`.
    """

    def __init__(self, settings: Settings, clock: Clock, *, production: bool, decides: bool = False) -> None:
        self._settings = settings
        self._clock = clock
        self._home = Home(settings.home)
        self._folder = self._home.policies
        self._marks = FileMarks(clock.monotonic)
        self._told: PolicyChange | None = None
        self.member: MemberId = member_id(settings.node.member)
        self.version = 0
        self.approvers: tuple[str, ...] = ()
        self.unlogged: PolicyChange | None = None
        self._decides = decides
        self._production = production
        self.tell: Callable[[Judged], None] | None = None
        """Called with what became of the document that came in last, once that counts."""
        self._read = ""
        self._lock = threading.Lock()
        """Held while a policy comes into force: of an approved one and a folder, the approved one stays."""

        self._first = b""
        """The document brought last, where it decides since the start and is not kept yet."""

        self._loaded: PolicyEngine | None = None
        self._loaded = self._accepted() or (self._first_approved() if production else self._unapproved())

    @property
    def engine(self) -> PolicyEngine:
        """Return the policy in force."""
        assert self._loaded is not None
        return self._loaded

    def refresh(self) -> PolicyChange | None:
        """Take an incoming document; return None without a new one. The engine is exchanged in one step.

        The caller writes the entry about it, then calls `logged`. Raises `StorageBroken` when the document cannot be
        kept; only opening the files anew then tells whether it was.
        """
        if not self._marks.look([self._folder / INCOMING]):
            return None
        with self._lock:
            before, self._told = None if self._marks.fresh else self._told, self._judged(self._take)
        if self._told is not None and self._told.code == _UNREADABLE:
            self._marks.failed()
        else:
            self._marks.read()
        if self.tell is not None and self._read:
            self.tell(Judged(self._read, self._told.refused if self._told is not None else ""))
        return None if self._told == before else self._told

    def changed_folder(self) -> PolicyEngine | None:
        """Return the policy of the folder that decides in trials, where its files are others now; else None.

        Nothing comes into force. Raises `Misconfigured` for a folder that does not load.
        """
        if self.version or self._production:
            return None
        found = PolicyEngine.load(self._settings.national_policy, self.member, self._settings.base_policy)
        return found if found.hash != self.engine.hash else None

    def enforce_folder(self, found: PolicyEngine) -> bool:
        """Let a folder's policy decide from now on; tell whether it does. It does not once an approved one came."""
        with self._lock:
            if not self.version:
                keep_unapproved(self._folder, self._settings, found)
                self._loaded = self._ready(found)
            return not self.version

    def waiting(self) -> PolicyChange | None:
        """Judge a document that was brought and is not in force as a node would; None without one. Nothing changes."""

        def judge(data: bytes) -> PolicyChange:
            policy = self._verified(data, self._clock.now_us())
            self._check_above(policy.version)
            return PolicyChange(policy.version, engine_of(policy, self._settings).hash.hex(), policy.signers)

        return self._judged(judge) if self.left_out else None

    def _judged(self, judge: Callable[[bytes], PolicyChange | None]) -> PolicyChange | None:
        """Return the result of `judge` for the incoming document, or why it cannot be used."""
        version = 0
        try:
            self._read = ""
            data = (self._folder / INCOMING).read_bytes()
            self._read = hashlib.sha256(data).hexdigest()
            version = parse_policy(data)[0].version
            return judge(data)
        except FileNotFoundError:
            return None
        except StorageBroken:
            raise
        except OSError as error:
            return PolicyChange(version, "", refused=f"cannot be read: {error.strerror}", code=_UNREADABLE)
        except LiaisonError as error:
            where = f" ({error.where})" if error.where else ""
            return PolicyChange(version, "", refused=f"{error.message}{where}", code=error.code)

    @property
    def left_out(self) -> bool:
        """Return whether the document brought last is not in force: refused, or not yet looked at by a node."""
        incoming, newest = self._folder / INCOMING, self._newest()
        if not incoming.exists():
            return False
        return newest is None or newest.read_bytes() != incoming.read_bytes()

    def _take(self, data: bytes) -> PolicyChange | None:
        policy = self._verified(data, self._clock.now_us())
        held = self._newest()
        if held is not None and held.read_bytes() == data:
            if policy.version > self.version:  # another process of this home accepted it
                self._enforce(policy, self._ready(engine_of(policy, self._settings)))
            return None
        self._check_above(policy.version)
        engine = self._ready(engine_of(policy, self._settings))
        self._keep(PolicyChange(policy.version, engine.hash.hex(), policy.signers), data)
        self._enforce(policy, engine)
        return self.unlogged

    def _keep(self, accepted: PolicyChange, data: bytes) -> None:
        replace(self._folder / UNLOGGED, b"%d\n" % accepted.version, PUBLIC)
        replace(self._folder / f"{accepted.version:08d}-{accepted.policy_hash}.json", data, PUBLIC)
        self._raise_mark(accepted.version)
        self.unlogged = accepted

    def keep(self) -> None:
        """Write durably what decides since the start, before the first decision; a start that is refused does not."""
        with self._lock:
            if not self.version:
                keep_unapproved(self._folder, self._settings, self.engine)
            elif self._first:
                self._keep(PolicyChange(self.version, self.engine.hash.hex(), self.approvers), self._first)
                self._first = b""
            elif self.version > _number_in(self._mark):  # a crash came between accepting it and the mark
                self._raise_mark(self.version)

    def _check_above(self, version: int) -> None:
        if version <= self.version:
            raise Stale(
                "version {version} is not above {it_version}, which is in force",
                code="old-policy",
                version=version,
                it_version=self.version,
            )

    def logged(self) -> None:
        """Note that the entry about the policy accepted last is durable. Raises `StorageBroken`."""
        if self.unlogged is None:
            return
        try:
            (self._folder / UNLOGGED).unlink(missing_ok=True)
        except OSError as error:
            raise StorageBroken(
                "cannot be removed: {strerror}", where=str(self._folder / UNLOGGED), strerror=error.strerror
            ) from error
        self.unlogged = None

    @property
    def _mark(self) -> Path:
        """The file of the highest version that was ever in force, apart from the documents."""
        return self._home.highwater / "policy"

    def _raise_mark(self, version: int) -> None:
        make_folder(self._mark.parent)
        replace(self._mark, b"%d\n" % version, PUBLIC)

    def _check_forward(self, version: int) -> None:
        """Raise `Misconfigured` for a policy older than one in force before, also where newer documents are gone."""
        before = _number_in(self._mark)
        if version < before:
            raise Misconfigured(
                "version {before} was in force, and the newest document that is there is version {version}",
                code="policy-went-back",
                where=str(self._folder),
                remedy="bring back `{folder}`, or approve a version above {before}",
                before=before,
                version=version,
                folder=self._folder,
            )

    def _enforce(self, policy: ApprovedPolicy, engine: PolicyEngine) -> PolicyEngine:
        self._loaded, self.version, self.approvers = engine, policy.version, policy.signers
        return engine

    def _ready(self, engine: PolicyEngine) -> PolicyEngine:
        """Return the engine after working out ahead what its first decisions need. Meanwhile the old one decides."""
        if self._decides:
            before, until = self._loaded, self._clock.monotonic() + READY_S

            def go_on() -> bool:
                if before is not None:
                    time.sleep(_PAUSE_S)
                return self._clock.monotonic() < until

            engine.make_ready(before, self._clock.now_us(), go_on, _READY)
        return engine

    def _newest(self) -> Path | None:
        accepted = [path for path in self._folder.glob("*.json") if path.name.partition("-")[0].isdigit()]
        return max(accepted, key=_version_of, default=None)

    def _accepted(self) -> PolicyEngine | None:
        newest = self._newest()
        self._check_forward(_version_of(newest) if newest else 0)
        if newest is None:
            return None
        policy = self._verified(newest.read_bytes(), None)
        engine = self._ready(engine_of(policy, self._settings))
        if policy.version == _number_in(self._folder / UNLOGGED):
            self.unlogged = PolicyChange(policy.version, engine.hash.hex(), policy.signers)
        return self._enforce(policy, engine)

    def _verified(self, data: bytes, now_us: int | None) -> ApprovedPolicy:
        try:
            descriptor, removed = HomeTrust(self._home, self.member, self._clock).own()
        except StorageBroken as error:  # a file of `trust/`: the next round reads it again
            raise Misconfigured(error.message, code=_UNREADABLE, where=error.where) from error
        return verify_policy(data, descriptor, now_us, removed)

    def _first_approved(self) -> PolicyEngine:
        incoming = self._folder / INCOMING
        if not incoming.exists():
            raise Misconfigured(
                "no policy was approved yet, and in production nothing else decides",
                code="policy-not-approved",
                where=str(self._folder),
                remedy="two approvers sign it with `liaison policy sign`; then `liaison policy install`",
            )
        data = incoming.read_bytes()
        policy = self._verified(data, self._clock.now_us())
        self._check_forward(policy.version)
        self._first = data
        return self._enforce(policy, self._ready(engine_of(policy, self._settings)))

    def _unapproved(self) -> PolicyEngine:
        return self._ready(PolicyEngine.load(self._settings.national_policy, self.member, self._settings.base_policy))


def _number_in(path: Path) -> int:
    """Return the whole number that a file holds; 0 where there is none."""
    return int(path.read_text(encoding="ascii")) if path.exists() else 0


def _version_of(path: Path) -> int:
    return int(path.name.partition("-")[0])


_EARLIER_BASES = frozenset({"c488bf3567b0dfd92f0dee669c1b02297f0d4f465d1799879fc0b1dbf33f8b3a"})
"""Base policies of earlier versions of the gateway (`hash_files`), that from before there was a desk.

What was approved over one of them stays in force after an upgrade, by the files that were approved: it releases nothing
with a human, and takes no notice, until it is approved again."""


def engine_of(policy: ApprovedPolicy, settings: Settings) -> PolicyEngine:
    """Return the engine of an approved policy.

    Its base part must be the base policy of this installation, or of an earlier version of the gateway.
    """
    base, national = (layer_of(policy.files, layer) for layer in ("base", "national"))
    installed = read_files(settings.base_policy)
    if hash_files(base) != hash_files(installed) and hash_files(base).hex() not in _EARLIER_BASES:
        raise Forbidden(
            "it was approved over another base policy than this installation's",
            code="other-base",
            remedy="approve it again with this version of the gateway",
        )
    return PolicyEngine(load_bundle(base, national, policy.member), policy.member)


def policy_files(settings_base: Path, national: Path) -> dict[str, bytes]:
    """Return the files of a base and a national folder, as a policy document holds them."""
    found = {f"base/{name}": file.data for name, file in read_files(settings_base).items()}
    return found | {f"national/{name}": file.data for name, file in read_files(national).items()}


def keep_unapproved(folder: Path, settings: Settings, engine: PolicyEngine) -> None:
    """Keep the very files that decide, by their hash, so that an auditor can fetch them."""
    path = folder / f"unapproved-{engine.hash.hex()}.json"
    if path.exists():
        return
    files = policy_files(settings.base_policy, settings.national_policy)
    make_folder(folder)
    replace(path, strict_json.dumps({name: encode64(data) for name, data in files.items()}), PUBLIC)


def install(home: Path, data: bytes) -> None:
    """Bring a document to a node, running or not; the node judges it."""
    folder = Home(home).policies
    make_folder(folder)
    replace(folder / INCOMING, data, PUBLIC)
