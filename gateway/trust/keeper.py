"""The view in force, which follows the files in `trust/`.

A document that cannot be used changes nothing: the document held before stays in force, and an alarm gives the reason
(CASE-A18). `TrustView.epoch` grows with each change, so that caches and open streams notice it.
"""

from __future__ import annotations

import threading
from pathlib import Path

from gateway.clock import Clock
from gateway.config.file_marks import FileMarks
from gateway.errors import LiaisonError, Misconfigured, StorageBroken
from gateway.trust.contradictions import NOTHING, Withheld, withheld_by
from gateway.trust.documents.charter import Charter
from gateway.trust.documents.descriptor import Descriptor, verify_descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.removals import check_next, not_newer, with_removals
from gateway.trust.documents.status import Status, verify_status
from gateway.trust.view import TrustView


class TrustKeeper:
    """Keeps the view in force; thread-safe. `view` is cheap; `refresh` reads the files again when one has changed.

    A home without a charter gives a view without members. At the first reading, only the charter's file raises an error
    when it is unreadable (`Misconfigured`, `BadSignature`, …): without it no other document can be verified.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.documents = TrustDocuments(folder)
        self._clock = clock
        self._lock = threading.Lock()
        self._marks = FileMarks(clock.monotonic)
        self._unread = False
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
        """Read the files again where one has changed or could not be read; tell whether the view has changed.

        Else costs one `stat` for each file.
        """
        with self._lock:
            if not self._marks.look(self._files()):
                return False
            self._unread = False
            changed = self._read()
            if self._unread:
                self._marks.failed()
            else:
                self._marks.read()
            return changed

    def _read(self) -> bool:
        alarms: list[str] = []
        charter = self._charter(alarms)
        descriptors: dict[str, Descriptor] = {}
        statuses: dict[str, Status] = {}
        for member in sorted(charter.members) if charter else ():
            descriptor = self._descriptor(member, charter, alarms) if charter else None
            status = self._status(descriptor, alarms) if descriptor else None
            if charter and descriptor and status and status.descriptor_version > descriptor.version:
                # Both may have been written between the two reads: the descriptor that the status is for lies there.
                descriptor = self._descriptor(member, charter, alarms)
                status = self._status(descriptor, alarms) if descriptor else None
            if descriptor:
                descriptors[member] = descriptor
            if status:
                statuses[member] = status
        withheld = self._withheld(charter, descriptors, alarms) if charter else NOTHING
        self._descriptors, self._statuses, self._alarms = descriptors, statuses, tuple(dict.fromkeys(alarms))
        view = TrustView(charter, descriptors, statuses, self._clock, self._view.epoch + 1, withheld=withheld)
        if view.hash == self._view.hash:
            return False
        self._view = view
        return True

    def _withheld(self, charter: Charter, descriptors: dict[str, Descriptor], alarms: list[str]) -> Withheld:
        """Return what documents that contradict those in force take away."""
        try:
            conflicts, versions = self.documents.evidence.all(), self.documents.charter_versions()
        except LiaisonError as error:
            self._refused(f"documents that contradict others cannot be read: {error}", error, alarms)
            return self._view.withheld
        withheld = withheld_by(conflicts, versions, charter, descriptors) if conflicts else NOTHING
        if withheld.lines:
            alarms.append(
                f"signed documents of one version contradict each other: what either takes away is taken away, "
                f"`{withheld.lines[0][:40]}` for one (`conflicts` in the folder of documents)"
            )
        return withheld

    def _charter(self, alarms: list[str]) -> Charter | None:
        held = self._view.charter
        try:
            charter = self.documents.charter(self._clock)
            if held:
                _check_forward(charter, held)
        except LiaisonError as error:
            if held is None and not (isinstance(error, Misconfigured) and error.code == "no-charter"):
                raise
            if held:
                self._refused(f"the charter in the folder is not used: {error}", error, alarms)
            return held
        return charter

    def _descriptor(self, member: str, charter: Charter, alarms: list[str]) -> Descriptor | None:
        held = self._descriptors.get(member)
        try:
            found = self.documents.descriptor(member, charter)
            if held:
                _check_forward(found, held)
            return found
        except LiaisonError as error:
            self._refused(f"the descriptor of `{member}` in the folder is not used: {error}", error, alarms)
        try:
            # The charter may have new authority keys: they must have signed the held one, too.
            return verify_descriptor(held.data, charter.members[member], charter.federation) if held else None
        except LiaisonError:
            return None

    def _status(self, descriptor: Descriptor, alarms: list[str]) -> Status | None:
        member = descriptor.member
        held, found = self._statuses.get(member), None
        try:
            found = self.documents.status(descriptor)
            check_next(found, held, descriptor, self._clock.now_us())
        except LiaisonError as error:
            self._refused(f"the status of `{member}` in the folder is not used: {error}", error, alarms)
            found = self._held_status(held, found, descriptor)
        if found is not None and found.gained:
            alarms.append(
                f"statuses of `{member}` contradict each other: what any of them removes is removed, "
                f"`{found.gained[0][:16]}` for one (`conflicts` in the folder of documents)"
            )
        return found

    def _held_status(self, held: Status | None, found: Status | None, descriptor: Descriptor) -> Status | None:
        """Return the status in force, if it still verifies, with what the refused one of its count removes."""
        if held is None:
            return None
        try:
            again = with_removals(verify_status(held.data, descriptor), held.removed)
        except LiaisonError:
            return None
        same = found is not None and found.descriptor_version == held.descriptor_version
        return with_removals(again, found.removed) if found is not None and same else again

    def _refused(self, text: str, error: LiaisonError, alarms: list[str]) -> None:
        """Note why a document is not used. One that could not be read is read again in the next round."""
        alarms.append(text)
        self._unread = self._unread or isinstance(error, StorageBroken)

    def _files(self) -> list[Path]:
        folder = self.documents.folder
        return sorted(
            [
                folder / "charter.jsonl",
                *folder.glob("descriptors/*.jsonl"),
                *folder.glob("statuses/*.json"),
                *folder.glob("conflicts/*.json"),
            ]
        )


def _check_forward(found: Charter | Descriptor | None, held: Charter | Descriptor) -> None:
    """Raise `Stale` for an older version than the one in force, or for other bytes of the same version."""
    version = found.version if found else 0
    if version < held.version or (found and version == held.version and found.hash != held.hash):
        raise not_newer(version, held.version)
