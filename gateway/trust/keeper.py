"""The view in force, which follows the files in `trust/`.

A document that cannot be used changes nothing: the document held before stays in force, and an alarm gives the reason
(CASE-A18). `TrustView.epoch` grows with each change, so that caches and open streams notice it.
"""

from __future__ import annotations

import threading
from pathlib import Path

from gateway.clock import Clock
from gateway.errors import LiaisonError, Misconfigured, Stale
from gateway.trust.documents.charter import Charter
from gateway.trust.documents.descriptor import Descriptor, verify_descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.status import Status, verify_status
from gateway.trust.view import TrustView

_Marks = tuple[tuple[str, int, int, int], ...]


class TrustKeeper:
    """Keeps the view in force; thread-safe. `view` is cheap; `refresh` reads the files again when one has changed.

    A home without a charter gives a view without members. At the first reading, only the charter's file raises an error
    when it is unreadable (`Misconfigured`, `BadSignature`, …): without it no other document can be verified.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.documents = TrustDocuments(folder)
        self._clock = clock
        self._lock = threading.Lock()
        self._marks: _Marks | None = None
        self._alarms: tuple[str, ...] = ()
        self._view = TrustView(None, {}, {}, clock)
        self._descriptors: dict[str, Descriptor] = {}
        self._statuses: dict[str, Status] = {}
        self.refresh()

    @property
    def view(self) -> TrustView:
        """The view in force."""
        return self._view

    @property
    def alarms(self) -> tuple[str, ...]:
        """The faults of the last reading, in words."""
        return self._alarms

    def refresh(self) -> bool:
        """Read the files again where one has changed; tell whether the view has changed.

        Else costs one `stat` for each file.
        """
        with self._lock:
            marks = self._look()
            if marks == self._marks:
                return False
            changed = self._read()
            self._marks = marks
            return changed

    def _read(self) -> bool:
        alarms: list[str] = []
        charter = self._charter(alarms)
        descriptors: dict[str, Descriptor] = {}
        statuses: dict[str, Status] = {}
        for member in sorted(charter.members) if charter else ():
            descriptor = self._descriptor(member, charter, alarms) if charter else None
            status = self._status(descriptor, alarms) if descriptor else None
            if descriptor:
                descriptors[member] = descriptor
            if status:
                statuses[member] = status
        self._descriptors, self._statuses, self._alarms = descriptors, statuses, tuple(alarms)
        view = TrustView(charter, descriptors, statuses, self._clock, self._view.epoch + 1)
        if view.hash == self._view.hash:
            return False
        self._view = view
        return True

    def _charter(self, alarms: list[str]) -> Charter | None:
        held = self._view.charter
        try:
            charter = self.documents.charter(self._clock)
            if held:
                _check_forward((charter.version, charter.hash), (held.version, held.hash))
        except LiaisonError as error:
            if held is None and not (isinstance(error, Misconfigured) and error.code == "no-charter"):
                raise
            if held:
                alarms.append(f"the charter in the folder is not used: {error}")
            return held
        return charter

    def _descriptor(self, member: str, charter: Charter, alarms: list[str]) -> Descriptor | None:
        held = self._descriptors.get(member)
        try:
            found = self.documents.descriptor(member, charter)
            if held:
                _check_forward((found.version, found.hash) if found else (0, b""), (held.version, held.hash))
            return found
        except LiaisonError as error:
            alarms.append(f"the descriptor of `{member}` in the folder is not used: {error}")
        try:
            # The charter may have new authority keys: they must have signed the held one, too.
            return verify_descriptor(held.data, charter.members[member], charter.federation) if held else None
        except LiaisonError:
            return None

    def _status(self, descriptor: Descriptor, alarms: list[str]) -> Status | None:
        member = descriptor.member
        held = self._statuses.get(member)
        try:
            found = self.documents.status(descriptor)
            if held:
                _check_forward((found.sequence, found.hash) if found else (0, b""), (held.sequence, held.hash))
            return found
        except LiaisonError as error:
            alarms.append(f"the status of `{member}` in the folder is not used: {error}")
        try:
            return verify_status(held.data, descriptor) if held else None
        except LiaisonError:
            return None

    def _look(self) -> _Marks:
        """Return name, inode, time and size of every file: a replaced file has another inode."""
        folder = self.documents.folder
        marks = []
        for path in sorted(
            [folder / "charter.jsonl", *folder.glob("descriptors/*.jsonl"), *folder.glob("statuses/*.json")]
        ):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            marks.append((str(path), found.st_ino, found.st_mtime_ns, found.st_size))
        return tuple(marks)


def _check_forward(found: tuple[int, bytes], held: tuple[int, bytes]) -> None:
    """Raise `Stale` for an older version than the one in force, or for other bytes of the same version."""
    if found[0] < held[0] or (found[0] == held[0] and found[1] != held[1]):
        raise Stale(
            "version {found} is not newer than version {held}, which is in force",
            code="rollback",
            found=found[0],
            held=held[0],
        )
