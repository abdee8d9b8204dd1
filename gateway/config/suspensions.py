"""The country's off-switch, as the node reads it: `suspensions.jsonl` in the home.

`liaison suspend` appends a line and needs no other running part (`gateway.ops.acts.switches` writes). A running node
looks at the file at most once a second, and reads it again when it has changed or could not be read. A file that cannot
be read, or a line that cannot be understood, suspends everything: the switch fails towards *off*.

Switching on needs proof. A node counts a line that switches on only where the log has its act, and only once. So
neither a line that was appended by hand nor a copy of an old line switches anything on, nor does an old line with
another target, or one that switched off.

A counterpart can be switched off whole or by record type. A person of rank may leave a door open for a missing child,
the safety of a victim, or a threat to life; that person's name stands in the line, and in the entry.
"""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeGuard

from gateway.config.file_marks import FileMarks
from gateway.errors import LiaisonError

CHECK_EVERY_S = 1.0
"""Seconds after which all that is decided is decided under a line that was written."""

_KEYS = {"id", "time", "action", "target", "reason"}
_EXCEPTION = "humanitarian"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MAX_PART = 4_000
"""Bytes of each part of a line."""
_MAX_FILE = 4 * 1024 * 1024
"""Bytes of the file: thousands of switches."""
_TARGET = re.compile(
    r"all|peer:[a-z]{2}(/[A-Za-z]{1,40})?|(agency|source|client):[a-z0-9][a-z0-9._-]{0,63}"
    r"|certificate:[A-Za-z0-9_-]{43}",
    re.ASCII,
)

_WITHDRAWN = ("client:", "certificate:")

HUMANITARIAN = frozenset({"MISSING_PERSON", "VICTIM_PROTECTION", "THREAT_TO_LIFE"})
"""Purposes that a suspension with a named approver lets through."""


class Action(StrEnum):
    """The action of a line on its target."""

    SUSPEND = "suspend"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Switch:
    """One line of the file.

    `target` is `all`, `peer:vn`, `peer:vn/Person` (a record type), `agency:police`, `source:th.police.records`,
    `client:records-desk` (an agency system at our REST API) or `certificate:` with the `x5t#S256` of one of its
    certificates.
    `humanitarian` names the approver of the exception for humanitarian purposes; empty: there is no exception.
    """

    id: str
    time: str
    action: Action
    target: str
    reason: str
    humanitarian: str = ""

    @property
    def mark(self) -> str:
        """Return what identifies the switch among those that have their entry: its id and its effect."""
        return f"{self.id} {self.action} {self.target}"

    def is_in(self, logged: Collection[str]) -> bool:
        """Tell whether this switch has its entry; of one of version 0.1.0 only the id is known."""
        return self.mark in logged or self.id in logged


def is_target(value: object) -> TypeGuard[str]:
    """Tell whether a value names something that can be switched off."""
    return isinstance(value, str) and _TARGET.fullmatch(value) is not None


def parse(line: str) -> Switch:
    """Return one line as a `Switch`. Raises `ValueError` for any other text."""
    value = json.loads(line)
    if not isinstance(value, dict) or set(value) - {_EXCEPTION} != _KEYS:
        raise ValueError("not a line of suspensions")
    if not all(isinstance(part, str) for part in value.values()):
        raise ValueError("not a line of suspensions")
    # An id becomes the name of a file, and each part goes into an entry, which is UTF-8: a lone surrogate is not.
    if not _ID.fullmatch(value["id"]) or any(len(part.encode()) > _MAX_PART for part in value.values()):
        raise ValueError("not a line of suspensions")
    if not is_target(value["target"]):
        raise ValueError("unknown target")
    exception = value.get(_EXCEPTION, "")
    return Switch(value["id"], value["time"], Action(value["action"]), value["target"], value["reason"], exception)


_UNREADABLE = Switch("unreadable", "", Action.SUSPEND, "all", "the file of suspensions cannot be read")


class Suspensions:
    """The targets that are switched off now, by the file.

    Thread-safe; `suspends` costs a comparison of times and some look-ups. While one thread reads the file the others
    wait for it: what is decided a second after a change is decided under it, whichever thread reads first.
    """

    def __init__(
        self,
        file: Path,
        monotonic: Callable[[], float],
        record_types: Collection[str] | None = None,
        logged: Callable[[], Collection[str]] | None = None,
    ) -> None:
        """Read the file.

        `record_types` are the known ones: a line with another one switches the whole counterpart off. `logged` returns
        the marks of switches that have their entry; None (a command that only shows the file) counts every line.
        """
        self._active: dict[str, Switch] = {}
        self._record_types = record_types
        self._logged = logged
        self._file = file
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._checked = float("-inf")
        self._marks = FileMarks(monotonic)
        self._known_entries: frozenset[str] = frozenset()
        self._switches: tuple[Switch, ...] = ()
        self.refresh()

    def refresh(self) -> bool:
        """Check the file, at most once a second; tell whether it was read again."""
        # While another thread reads, what is here may not hold any more.
        if self._monotonic() - self._checked < CHECK_EVERY_S and not self._lock.locked():
            return False
        with self._lock:
            now = self._monotonic()
            if now - self._checked < CHECK_EVERY_S:
                return False
            self._checked = now
            return self._reload()

    def suspends(self, peer: str = "", agency: str = "", source: str = "", purpose: str = "") -> str | None:
        """Return the reason why a counterpart, agency or source is switched off for a purpose, or None."""
        self.refresh()
        active = self._active
        if not active:
            return None
        for target in ("all", f"peer:{peer}", f"agency:{agency}", f"source:{source}"):
            if target in active and not _lets_through(active[target], purpose):
                return active[target].reason
        return None

    def suspended_types(self, peer: str, purpose: str = "") -> frozenset[str]:
        """Return the record types that are switched off with a counterpart for a purpose."""
        self.refresh()
        if not self._active:
            return frozenset()
        start = f"peer:{peer}/"
        return frozenset(
            target.removeprefix(start)
            for target, switch in self._active.items()
            if target.startswith(start) and not _lets_through(switch, purpose)
        )

    @property
    def in_force(self) -> Mapping[str, Switch]:
        """The targets that are switched off now, with their switches; the same object until they change."""
        self.refresh()
        return self._active

    def is_withdrawn(self, client: str, thumbprint: str) -> bool:
        """Tell whether an agency system or its certificate is switched off, or may be: the file cannot be read."""
        self.refresh()
        active = self._active
        if not active:
            return False
        is_off = f"client:{client}" in active or f"certificate:{thumbprint}" in active
        return is_off or active.get("all") is _UNREADABLE

    @property
    def switches(self) -> tuple[Switch, ...]:
        """All lines of the file, oldest first."""
        self.refresh()
        return self._switches

    @property
    def active(self) -> dict[str, str]:
        """The targets that are switched off, with their reasons."""
        self.refresh()
        return {target: switch.reason for target, switch in self._active.items()}

    def _reload(self) -> bool:
        if not self._marks.look([self._file]):
            return False
        readable = True
        try:
            self._switches = _read(self._file)
        except OSError:
            self._switches, readable = (_UNREADABLE,), False
        counting, complete = self._counting()
        self._active = _fold(tuple(map(self._known, counting)))
        if readable and complete:
            self._marks.read()
        else:
            self._marks.failed()
        return True

    def _counting(self) -> tuple[tuple[Switch, ...], bool]:
        """Return the lines without those that switch on and have no entry, or that repeat one, and if all is known.

        While the entries cannot be read only those known before switch on: switching off needs no database.
        """
        if self._logged is None:
            return self._switches, True
        resumes = [switch for switch in self._switches if switch.action is Action.RESUME]
        complete = True
        if not all(switch.is_in(self._known_entries) for switch in resumes):
            try:
                self._known_entries = frozenset(self._logged())
            except LiaisonError:
                complete = False
        counted: set[str] = set()
        counting = []
        for switch in self._switches:
            new = switch.id not in counted
            counted.add(switch.id)
            if switch.action is Action.SUSPEND or (new and switch.is_in(self._known_entries)):
                counting.append(switch)
        return tuple(counting), complete

    def _known(self, switch: Switch) -> Switch:
        peer, _, record_type = switch.target.partition("/")
        if not record_type or self._record_types is None or record_type in self._record_types:
            return switch
        return replace(switch, target=peer)


def read_file(file: Path) -> tuple[Switch, ...]:
    """Return all lines of a file, none where there is none; a file that cannot be read suspends everything."""
    try:
        return _read(file)
    except OSError:
        return (_UNREADABLE,)


def _read(file: Path) -> tuple[Switch, ...]:
    """Return all lines of a file, none where there is none. A pipe is not waited for. Raises `OSError`."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                return (_UNREADABLE,)
            data = opened.read(_MAX_FILE + 1)
        return read_switches(data.decode()) if len(data) <= _MAX_FILE else (_UNREADABLE,)
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError:
        return (_UNREADABLE,)


def read_switches(text: str) -> tuple[Switch, ...]:
    """Return all lines of the file; one that cannot be understood counts as a suspension of everything."""
    switches = []
    for line in text.split("\n"):
        if not line:
            continue
        try:
            switches.append(parse(line))
        except (ValueError, RecursionError):
            switches.append(_UNREADABLE)
    return tuple(switches)


def _lets_through(switch: Switch, purpose: str) -> bool:
    return bool(switch.humanitarian) and purpose in HUMANITARIAN


def _fold(switches: tuple[Switch, ...]) -> dict[str, Switch]:
    """Return the active switches: the last line of a target wins; `resume all` ends all but unreadable lines.

    It does not end the withdrawal of a system or certificate either: a stolen key stays stolen when an incident ends.
    """
    active: dict[str, Switch] = {}
    for switch in switches:
        if switch.action is Action.SUSPEND:
            active[switch.target] = switch
        elif switch.target == "all":
            active = {target: off for target, off in active.items() if target.startswith(_WITHDRAWN)}
        else:
            active.pop(switch.target, None)
    if _UNREADABLE in switches:
        active["all"] = _UNREADABLE
    return active
