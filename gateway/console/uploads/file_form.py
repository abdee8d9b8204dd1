"""Read a form that brings files (RFC 7578): small fields first, then the files, each handed on as it comes.

Nothing of a file is kept here: no more than one part of the network's is in memory.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from email.message import Message
from email.parser import HeaderParser

from starlette.requests import ClientDisconnect, Request

from gateway.console.frame.forms import FORM_ID, MAX_FIELDS, MAX_FORM, Form, sent_form
from gateway.errors import Malformed, TimedOut, TooLarge

_BOUNDARY = re.compile(r'multipart/form-data; ?boundary="?([A-Za-z0-9\'()+_,./:=?-]{1,70})"?', re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_MOST_HEAD = 4096
_MOST_FIELD = 16 * 1024


class FileForm:
    """A form with files: its fields, then the bytes of each file, to be read once and in their order.

    `name` is that of the file that comes next, empty where none does any more.
    """

    def __init__(self, request: Request, mark: bytes) -> None:
        self._mark = b"\r\n--" + mark
        self._source = request.stream()
        self._data = bytearray(b"\r\n")  # as if a line had ended before the first mark
        self.name = ""
        self.form = Form("", {})

    @classmethod
    async def read(cls, request: Request) -> FileForm:
        """Return a form whose fields are read, up to its first file. Raises `Malformed`, `TooLarge`, `TimedOut`.

        A form whose page asks for no file comes as those of all other pages do.
        """
        found = _BOUNDARY.fullmatch("".join(request.headers.getlist("content-type")))
        made = cls(request, found[1].encode() if found is not None else b"")
        if found is None:
            made.form = await sent_form(request)
        else:
            request.scope["state"]["body_is_file"]()
            await made._fields()
        return made

    async def files(self) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        """Yield the name of each file, and its bytes as they come: they are read before the next file is.

        Raises `Malformed` where the form ends within a file, or has another field behind one.
        """
        while self.name:
            yield self.name, self._bytes()
            self.name = ""
            # A field of files in which none was chosen comes as one without a name and without bytes.
            while (part := await self._part()) is not None and part[1] == "":
                await self._until(self._mark, 0)
            if part is not None and part[1] is None:
                raise _bad()
            self.name = (part[1] or "") if part is not None else ""

    async def _bytes(self) -> AsyncIterator[bytes]:
        while True:
            place = self._data.find(self._mark)
            # The end of what has come may be the first part of a mark: so many bytes wait for more.
            safe = place if place >= 0 else len(self._data) - len(self._mark)
            if safe > 0:
                yield bytes(self._data[:safe])
                del self._data[:safe]
            if place >= 0:
                del self._data[: len(self._mark)]
                return
            await self._more()

    async def _fields(self) -> None:
        fields: dict[str, tuple[str, ...]] = {}
        size = count = 0
        await self._until(self._mark, 4)
        while (part := await self._part()) is not None:
            name, file = part
            if file:
                self.name = file
                break
            value = await self._until(self._mark, 0 if file is not None else _MOST_FIELD)
            size, count = size + len(name) + len(value), count + 1
            if size > MAX_FORM or count > MAX_FIELDS:
                raise TooLarge("a form has at most {limit} bytes", code="body-too-large", where="form", limit=MAX_FORM)
            if file is None:
                try:
                    fields[name] = (*fields.get(name, ()), value.decode("utf-8"))
                except UnicodeDecodeError:
                    raise _bad() from None
        self.form = Form("".join(fields.get(FORM_ID, ())), fields)
        if not _ID.fullmatch(self.form.id) or any("\0" in text for texts in fields.values() for text in texts):
            raise _bad()

    async def _part(self) -> tuple[str, str | None] | None:
        """Return the name of the next field, and that of its file where it is one; None at the end of the form."""
        if (line_end := await self._taken(2)) == b"--":
            return None
        if line_end != b"\r\n":
            raise _bad()
        return _named(HeaderParser().parsestr((await self._until(b"\r\n\r\n", _MOST_HEAD)).decode("utf-8", "replace")))

    async def _until(self, mark: bytes, most: int) -> bytes:
        """Return what is before a mark, and take both away."""
        while (place := self._data.find(mark)) < 0:
            if len(self._data) > most + len(mark):
                raise TooLarge("a field has at most {limit} bytes", code="body-too-large", where="form", limit=most)
            await self._more()
        if place > most:
            raise TooLarge("a field has at most {limit} bytes", code="body-too-large", where="form", limit=most)
        found = bytes(self._data[:place])
        del self._data[: place + len(mark)]
        return found

    async def _taken(self, count: int) -> bytes:
        while len(self._data) < count:
            await self._more()
        found = bytes(self._data[:count])
        del self._data[:count]
        return found

    async def _more(self) -> None:
        """Wait for more of the body. Raises `Malformed` at its end."""
        try:
            async for part in self._source:
                if part:
                    self._data += part
                    return
        except (ClientDisconnect, asyncio.CancelledError):
            raise TimedOut("the form did not come in time", code="slow-body", where="form") from None
        raise _bad()


def _named(head: Message) -> tuple[str, str | None]:
    """Return the name of a field, and that of its file where it is one; browsers send no folder with it."""
    name = head.get_param("name", "", "content-disposition")
    file = head.get_param("filename", None, "content-disposition")
    if not isinstance(name, str) or not name or not (file is None or isinstance(file, str)):
        raise _bad()
    return name, file


def _bad() -> Malformed:
    return Malformed("the form cannot be read", code="bad-request", where="form", remedy="open the page again")
