"""Make the page of a thread's files: how each stands, to save one, and to send one with a note."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import text_of
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Link, Row, Text
from gateway.console.pages.threads.doing import once
from gateway.console.pages.threads.forms import Part, Sent, Writer, thread_path
from gateway.console.uploads.attached import FILES, Attached, FilesPart, files_part
from gateway.console.uploads.file_form import FileForm
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.attachments.opening import ShownFile, refusal_of
from gateway.errors import LiaisonError, Malformed, Refused
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.language.sentences import refusal
from gateway.model.desk.notices import Note
from gateway.model.desk.threads import ThreadKey
from gateway.model.handed.work import WriteNote
from gateway.views.desk.file_headers import file_headers
from gateway.views.desk.files import copy_text, size_text, state_text

TEMPLATE = "pages/threads/files.html"


@dataclass(frozen=True, slots=True)
class FilesView:
    """The files of a thread, and the form that sends more; `matter` is its path."""

    rows: Sequence[Row]
    matter: str
    note: Part
    files: FilesPart
    faults: Sequence[tuple[str, str]] = ()


class FilePages:
    """The files of a thread, for those who may read it."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return how the files stand: no content."""
        return await self._page(visit, await self._key(visit), Sent(), files_part(visit.language))

    async def save(self, visit: Visit) -> Response:
        """Return a file to be saved, once the entry of its opening is durable."""
        key, root = await self._key(visit), visit.part("root")
        try:
            wanted = bytes.fromhex(root)
        except ValueError:
            raise Malformed("this is no file", code="bad-request", where="file") from None
        opened = await self._parts.desk.files.open(visit.actor, key, wanted)
        headers = file_headers(opened.about)
        return StreamingResponse(
            self._given(visit, opened.parts), media_type="application/octet-stream", headers=headers
        )

    async def _given(self, visit: Visit, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the parts of a file while its reader is signed in."""
        async for part in parts:
            try:
                self._parts.login.tokens.check(visit.officer)
            except LiaisonError:
                return
            yield part

    async def send(self, visit: Visit) -> Answer:
        """Take files and send them with a note; go back to the page of files."""
        key = await self._key(visit)
        sent = await FileForm.read(visit.request)
        form, desk = sent.form, self._parts.desk
        attached = Attached(desk, visit.actor, sent)
        try:
            text = text_of(form, WriteNote, "text", "note-text")
            if not sent.name and not attached.ids:
                raise Malformed("choose a file", code="text-missing", where=FILES)
            files = await attached.take()
            note = Note(visit.language.value, text)
            await once(self._parts, visit, form, lambda: desk.packages.note(visit.actor, key, note, files), files)
        except Refused as error:
            refused = Sent.of(
                form, {"note-text" if error.where == "note-text" else FILES: fault_of(error, visit.language)}
            )
            return await self._page(
                visit, key, refused, await attached.part(visit.language, refused.faults.get(FILES, ""))
            )
        return To(f"{thread_path(key)}/files")

    async def _key(self, visit: Visit) -> ThreadKey:
        return await self._parts.desk.reading.key(visit.officer, visit.part("thread"), visit.part("peer"))

    async def _page(self, visit: Visit, key: ThreadKey, sent: Sent, files: FilesPart) -> Page:
        found = await self._parts.desk.files.list(key)
        view = _view(found, key, visit.language, sent, files)
        title = tell(visit.language, "Files of this matter")
        return Page(TEMPLATE, title, view, 400 if sent.faults else 200, "", key.thread_id)


def _view(found: Sequence[ShownFile], key: ThreadKey, language: Language, sent: Sent, files: FilesPart) -> FilesView:
    writer = Writer(language, sent)
    return FilesView(
        rows=tuple(_row(each, key, language) for each in found),
        matter=thread_path(key),
        note=writer.of(WriteNote, "text", place="note-text"),
        files=files,
        faults=tuple(sent.faults.items()),
    )


def _row(file: ShownFile, key: ThreadKey, language: Language) -> Row:
    row, about = file.row, file.row.about
    error = refusal_of(row)
    state = state_text(row.state.value, language)
    if 0 < file.here < about.size:
        here = tell(language, "{here} of {size} are here", here=size_text(file.here), size=size_text(about.size))
        state = f"{state}: {here}"
    why = refusal(error.code, "", language) or error.code if error is not None else ""
    save = (Link(f"{thread_path(key)}/files/{about.root.hex()}", tell(language, "Save it")),) if error is None else ()
    said = f"{about.type.value} · {size_text(about.size)} · {about.marking.value}"
    told = (state, said, copy_text(row.original.hex(), language)) if row.original else (state, said)
    return Row(Text(about.name), told, why, save)
