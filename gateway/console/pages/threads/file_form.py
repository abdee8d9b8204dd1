"""Read a form that brings a file (RFC 7578): small fields first, then the file, which is handed on as it comes.

Nothing of the file is kept here: no more than one part of the network's is in memory.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from email.message import Message
from email.parser import HeaderParser

from starlette.requests import ClientDisconnect, Request

from gateway.console.frame.forms import FORM_ID, Form
from gateway.errors import Malformed, TimedOut, TooLarge

_BOUNDARY = re.compile(r'multipart/form-data; ?boundary="?([A-Za-z0-9\'()+_,./:=?-]{1,70})"?', re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_MOST_HEAD = 4096
_MOST_FIELD = 16 * 1024
_MOST_FIELDS = 32


class FileForm:
    """A form with a file: its fields, the file's name (empty for none), and its bytes, to be read once."""

    def __init__(self, request: Request) -> None:
        found = _BOUNDARY.fullmatch("".join(request.headers.getlist("content-type")))
        if found is None:
            raise _bad()
        self._mark = b"\r\n--" + found[1].encode()
        self._source = request.stream()
        request.scope["state"]["body_is_file"]()
        self._data = bytearray(b"\r\n")  # as if a line had ended before the first mark
        self._is_over = False
        self.name = ""
        self.form = Form("", {})

    @classmethod
    async def read(cls, request: Request) -> FileForm:
        """Return a form whose fields are read, up to its file. Raises `Malformed`, `TooLarge`, `TimedOut`."""
        made = cls(request)
        await made._fields()
        return made

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the file as they come. Raises `Malformed` where the form ends within it."""
        if not self.name:
            return
        while True:
            place = self._data.find(self._mark)
            safe = place if place >= 0 else len(self._data) - len(self._mark)
            if safe > 0:
                yield bytes(self._data[:safe])
                del self._data[:safe]
            if place >= 0:
                return
            await self._more()

    async def _fields(self) -> None:
        fields: dict[str, tuple[str, ...]] = {}
        await self._until(self._mark, 4)
        for _ in range(_MOST_FIELDS):
            if (line_end := await self._taken(2)) == b"--":
                break
            if line_end != b"\r\n":
                raise _bad()
            head = HeaderParser().parsestr((await self._until(b"\r\n\r\n", _MOST_HEAD)).decode("utf-8", "replace"))
            name, file = _named(head)
            if file is not None:
                self.name = file
                break
            value = await self._until(self._mark, _MOST_FIELD)
            try:
                fields[name] = (*fields.get(name, ()), value.decode("utf-8"))
            except UnicodeDecodeError:
                raise _bad() from None
        self.form = Form("".join(fields.get(FORM_ID, ())), fields)
        if not _ID.fullmatch(self.form.id) or any("\0" in text for texts in fields.values() for text in texts):
            raise _bad()

    async def _until(self, mark: bytes, most: int) -> bytes:
        """Return what stands before a mark, and take both away."""
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
