"""The parts and bounds that the use cases of files share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from gateway.config.sections.desk import Attachments
from gateway.desk.acting.parts import DeskParts
from gateway.errors import Overloaded
from gateway.ports.files.held import FileRows, SealedFiles
from gateway.ports.quotas import QuotaPlace
from policy.bundle.limits import KIB

MIB = 1024 * 1024
KEEP_BROUGHT_US = 14 * 86_400_000_000
"""A file that was brought, and that no notice has named for so long, is forgotten."""


@dataclass(frozen=True, slots=True)
class FileParts:
    """The parts that files work with, beside the desk's own."""

    desk: DeskParts
    rows: FileRows
    files: SealedFiles
    read_settings: Callable[[], Attachments]

    @property
    def settings(self) -> Attachments:
        """The settings as they are now."""
        return self.read_settings()

    @property
    def now_us(self) -> int:
        """Our time."""
        return self.desk.parts.clock.now_us()

    def spend(self, direction: str, whose: str, what: str, size: int) -> None:
        """Count bytes of today; raise `Overloaded` where policy leaves no room for them (`budget-files`)."""
        parts, budget = self.desk.parts, self.desk.parts.policy().quotas.budget
        most = budget.limit(direction, whose, what) or 0
        if not parts.quotas.spend(QuotaPlace(direction, whose, what), -(-size // KIB), most, self.now_us):
            raise Overloaded(
                "files of today take more than {most} MiB",
                code="budget-files",
                where=whose,
                remedy="wait until tomorrow (UTC), or give more in quotas.toml of the policy",
                most=most // KIB,
            )

    def check_room(self, peer: str, size: int, begun: Collection[str] = ()) -> None:
        """Raise `Overloaded` where a file of this size has no room: in the counterpart's (or our own) share, or at all.

        The codes are `attachments-full` and `attachments-disk`. `begun` are files that have begun to come: their room
        is kept for them.
        """
        most = (self.settings.member_mib if peer else self.settings.brought_mib) * MIB
        if self.rows.used(peer, begun) + size > most:
            raise Overloaded(
                "the files take more than {most} bytes",
                code="attachments-full",
                where=peer or "attachments",
                remedy="end matters that are over, or raise attachments.member_mib or attachments.brought_mib",
                most=most,
            )
        self.check_disk(size)

    def check_disk(self, size: int) -> None:
        """Raise `Overloaded` where the disk would have less free room than the settings keep."""
        if self.files.free() < size + self.settings.free_mib * MIB:
            raise Overloaded(
                "the disk of the attachments has no room for {needed} bytes",
                code="attachments-disk",
                where="attachments",
                remedy="free space there; `liaison doctor` shows the room",
                needed=size,
            )
