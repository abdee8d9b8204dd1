"""The parts of a node that bring, give, fetch, scan and open files of notices, with their rounds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from gateway.app.core import Core
from gateway.app.desks.brought import Brought
from gateway.app.rounds import WATCH_S, Round
from gateway.desk.acting.parts import DeskParts
from gateway.desk.attachments.antivirus import scanner_of
from gateway.desk.attachments.bringing import Bringing
from gateway.desk.attachments.fetching import Fetcher
from gateway.desk.attachments.giving import Giver
from gateway.desk.attachments.opening import Opening
from gateway.desk.attachments.scanning import Scanning
from gateway.desk.attachments.troubles import Troubles
from gateway.desk.attachments.values import FileParts
from gateway.desk.delivery.content import ContentDoor, Fetching
from gateway.model.names import MemberId
from gateway.ports.files.held import FileRows
from gateway.rpc import methods
from gateway.rpc.contract import Door
from gateway.storage.desk.file_rows import SqlFileRows
from gateway.storage.files.sealed_files import FileFolder

_SWEEP_S = 900.0


@dataclass(frozen=True, slots=True)
class Files(Brought):
    """The use cases of files, their door and their rounds."""

    bringing: Bringing
    opening: Opening
    giver: Giver
    fetcher: Fetcher
    scanning: Scanning

    @property
    def door(self) -> Door[MemberId]:
        """The door for counterparts that fetch files."""
        return methods.FETCH_ATTACHMENT.download_door(self.giver.give)

    async def finish(self) -> None:
        """Stop what is being fetched and scanned; it goes on after the next start."""
        await self.fetcher.finish()
        await self.scanning.finish()


def file_rows(core: Core) -> FileRows:
    """Return the rows of files."""
    return SqlFileRows(core.resources.database, core.resources.keystore)


def build_files(core: Core, desk: DeskParts, rows: FileRows, door: ContentDoor, fetching: Fetching) -> Files:
    """Put together the parts of files. Raises `Misconfigured` for a scanner that cannot be used."""
    settings = core.resources.settings
    folder = FileFolder(settings.path(settings.attachments.folder))
    it = FileParts(desk, rows, folder, lambda: core.resources.settings.attachments)
    scanner_of(settings.attachments.scanner, settings.attachments.scan_s)
    troubles = Troubles(it)
    fetcher = Fetcher(it, core.peers, fetching, core.incidents, troubles, lambda: core.leadership.leads)
    opening = Opening(it)
    scanning = Scanning(it, lambda: scanner_of(it.settings.scanner, it.settings.scan_s), troubles)
    rounds = [
        Round("attachments", WATCH_S, fetcher.round),
        Round("scanner", WATCH_S, scanning.round),
        Round("attachments that nothing names", _SWEEP_S, partial(asyncio.to_thread, opening.sweep)),
    ]
    return Files(Bringing(it), opening, Giver(it, door), fetcher, scanning, rounds=rounds)
