"""Let files go with what a form says: take them once its fields are right, and show those that are here already."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.console.frame.records import foreign
from gateway.console.frame.shapes import Option, Row
from gateway.console.uploads.file_form import FileForm
from gateway.desk.acting.parts import Actor
from gateway.desk.worklist.uses import DeskUses
from gateway.errors import LiaisonError, Refused
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.desk.attachments import ENDINGS, MAX_FILES, Attachment
from gateway.views.desk.files import file_words

FILES = "files"
"""The field of the files that come with a form."""

BROUGHT = "brought"
"""The field of those that came with an earlier form: a box for each, with its id."""

ACCEPT = ",".join(ending for endings in ENDINGS.values() for ending in endings)
"""The endings of the files that are taken."""


@dataclass(frozen=True, slots=True)
class FilesPart:
    """The fields of files in a form: those that are here already, ticked, and the choice of more.

    `again` says that files did not come, and are chosen again.
    """

    name: str
    label: str
    hint: str
    fault: str
    again: str
    accept: str
    kept_name: str
    kept_label: str
    kept: Sequence[Option]


class Attached:
    """The files of one form of a person."""

    def __init__(self, desk: DeskUses, actor: Actor, sent: FileForm) -> None:
        self._desk = desk
        self._actor = actor
        self._sent = sent
        self.ids = sent.form.all(BROUGHT)
        self._is_wrong = False

    async def take(self) -> tuple[Attachment, ...]:
        """Take the files that come, and return them behind those that are here already.

        Raises `Refused` for a file that is not taken.
        """
        try:
            files = await self._named(self.ids)
            async for name, parts in self._sent.files():
                row = await self._desk.bringing.bring(self._actor, name, parts)
                ids = (*self.ids, row.notice_id)
                files = await self._named(ids)
                self.ids = ids
            return files
        except Refused:
            self._is_wrong = True
            raise

    def field(self, name: str) -> str:
        """Return the field beside which a refusal is shown: that of the files where one of them was refused."""
        return FILES if self._is_wrong else name

    async def part(self, language: Language, fault: str = "") -> FilesPart:
        """Return the fields of the files as they stand; where some did not come, they say so."""
        kept = []
        for one in self.ids[:MAX_FILES]:
            try:
                (about,) = await self._named((one,))
            except LiaisonError:  # it is here no more, or must not leave: it is chosen again
                continue
            kept.append(Option(one, foreign(file_words(about)), chosen=True))
        again = tell(language, "The files have not come: choose them again.") if self._sent.name else ""
        return files_part(language, fault, again, kept)

    async def _named(self, ids: Sequence[str]) -> tuple[Attachment, ...]:
        return await asyncio.to_thread(self._desk.bringing.named, self._actor, ids) if ids else ()


def file_row(files: Sequence[Attachment], language: Language) -> Row:
    """Return the files that go with something, as a row of what is read before it goes."""
    return Row(tell(language, "Files that go with it"), tuple(foreign(file_words(each)) for each in files))


def files_part(language: Language, fault: str = "", again: str = "", kept: Sequence[Option] = ()) -> FilesPart:
    """Return the fields of files in a form."""
    return FilesPart(
        name=FILES,
        label=tell(language, "Files that go with it (may be left empty)"),
        hint=tell(language, "JPEG, PNG, TIFF, PDF, MP4, CSV or plain text, up to 2 GiB"),
        fault=fault,
        again=again,
        accept=ACCEPT,
        kept_name=BROUGHT,
        kept_label=tell(language, "Files that are here already"),
        kept=kept,
    )
