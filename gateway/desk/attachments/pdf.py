"""Walk a PDF (ISO 32000-2) from its beginning to its end, and refuse one that runs, opens or hides something.

1. Objects are read one behind the other, whatever the tables of the file say: so those of all its revisions count.
2. Inside an object, its strings, its comments and its stream nothing looks like the head of another object or like a
   table. So a program finds no object that this walk has not read.
3. No name of what runs, opens other files, holds files or encrypts is in an object, in whatever way it is written.
   Strings name nothing, but in streams of objects, whose tables may lead into one. These streams are decompressed,
   within bounds; one that is packed in another way than by Flate is refused.
4. What the file does by itself when it is opened is to go to a page of its own (a second walk looks at it).
5. The file is whole: its last table is where its end says.

Pictures, fonts and pages are not decoded. In memory there are the object that is read and one stream of objects.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from gateway.errors import Malformed
from gateway.model.desk.attachments import CHUNK
from gateway.ports.files.held import ByteReader

MAX_OBJECT = 4 * 1024 * 1024
"""The most bytes of one object without its stream."""

MAX_PACKED = 8 * 1024 * 1024
"""The most bytes of a stream of objects, as it is and decompressed."""

MAX_TEXT = 32 * 1024 * 1024
"""The most bytes of all that a file has but streams, and of its streams of objects, decompressed."""

MAX_HEADS = 100_000
"""The most words `obj` in all streams that could end the head of an object."""

_BLANKS = b"\x00\t\n\x0c\r "
_WS, _REGULAR = rb"\x00\t\n\x0c\r ", rb"[^\x00\t\n\x0c\r ()<>\[\]{}/%]"
_ENDS = rb"(?!" + _REGULAR + rb")"
_ACTIVE = (
    b"JavaScript JS Launch SubmitForm ImportData GoToR GoToE Rendition RichMedia RichMediaExecute OnInstantiate Movie"
    b" Sound XFA NeedsRendering AA EmbeddedFile EmbeddedFiles EF FileAttachment Collection FFilter"
).split()
_ENCRYPTED = b"Encrypt"
_NAMED = re.compile(
    rb"/Type[" + _WS + rb"]*+/Thread" + _ENDS
    + rb"|/(" + b"|".join((*_ACTIVE, _ENCRYPTED, b"Thread")) + rb")" + _ENDS
    + rb"|/(FS)" + _ENDS + rb"[" + _WS + rb"]*+[/%]|/(Ref)" + _ENDS + rb"[" + _WS + rb"]*+(?:<<|[%0-9])"
)  # fmt: skip
"""The names; `Thread` only where it is no type, `FS` and `Ref` where they lead out of the file."""

_ELSEWHERE = re.compile(rb"/F" + _ENDS + rb"[" + _WS + rb"]*+[(<%0-9]")
"""In the dictionary of a stream: its content is in another file."""

_OPENS = re.compile(
    rb"/OpenAction" + _ENDS + rb"(?:[" + _WS + rb"]*([0-9]{1,10})[" + _WS + rb"]+[0-9]+[" + _WS + rb"]+R)?"
)
_SPACE = rb"[" + _WS + rb"]*"
_PAGE = rb"(?:\[[^\[\]()<>]*\]|\([^()\\]*\)|<[0-9A-Fa-f]*>|/" + _REGULAR + rb"+)" + _SPACE
_KEY = rb"(?:/Type" + _SPACE + rb"/Action" + _ENDS + _SPACE + rb"|/S" + _SPACE + rb"/GoTo" + _ENDS + _SPACE
_KEY += rb"|/S" + _SPACE + rb"/Named" + _ENDS + _SPACE
_KEY += rb"|/N" + _SPACE + rb"/(?:First|Last|Next|Prev)Page" + _ENDS + _SPACE
_GOES = re.compile(
    _SPACE + rb"(?:null" + _ENDS + rb"|" + _PAGE + rb"|<<" + _SPACE + _KEY + rb"|/D" + _SPACE + _PAGE + rb"){1,4}>>)",
)
"""A page of the file itself, or the action that goes to one; or nothing."""

_GOES_MOST, _MOST_OPENED = 1024, 64
_ESCAPED = re.compile(rb"#(3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])")
"""A letter or a digit of a name, written by its number."""

_HEAD = re.compile(rb"(?<![0-9])([0-9]{1,10})[" + _WS + rb"]+[0-9]{1,6}[" + _WS + rb"]*obj" + _ENDS)
_HEAD_MOST = 256
_DIGITS = b"0123456789+-."
"""The characters of what some program takes for a whole number."""

_HEADISH = re.compile(rb"(?<=[0-9+\-." + _WS + rb"])obj" + _ENDS)
_TABLES = re.compile(
    rb"(?<![A-Za-z])(?:trailer(?:[" + _WS + rb"]{0,256}+(?:<<|%)|[" + _WS + rb"]{257})|xref[" + _WS + rb"]+[0-9])"
)
_STEP = re.compile(rb"%[^\r\n]*|<<|>>|<[^>]*>?|[\[\](]|/" + _REGULAR + rb"*|(?<![A-Za-z])(?:stream|endobj)(?![A-Za-z])")
_IN_STRING = re.compile(rb"\\.|[()]", re.DOTALL)
_DATA = re.compile(rb"[ \t]*(?:\r\n|\n|\r)?")
_STREAM_WORD = re.compile(rb"(?<!end)stream")
_PACK = re.compile(rb"/(?:First|ObjStm)" + _ENDS)
_FIRST = re.compile(rb"/First[" + _WS + rb"]+([0-9]{1,9})" + _ENDS + rb"(?![" + _WS + rb"]+[0-9]+[" + _WS + rb"]+R)")
_FIRST_KEY = re.compile(rb"/First" + _ENDS)
_FILTER = re.compile(rb"/Filter" + _ENDS)
_FLATE = re.compile(
    rb"/Filter[" + _WS + rb"]*(?:/FlateDecode" + _ENDS + rb"|\[[" + _WS + rb"]*/FlateDecode[" + _WS + rb"]*\])"
)
_UNUSUAL = re.compile(rb"[(%]|/(?:DecodeParms|DP|F|FDecodeParms)" + _ENDS)
_END = re.compile(rb"startxref[" + _WS + rb"]+([0-9]{1,12})[" + _WS + rb"]+%%EOF")
_TABLE = re.compile(
    rb"[" + _WS + rb"]*(?:xref" + _ENDS + rb"|[0-9]{1,10}[" + _WS + rb"]+[0-9]{1,6}[" + _WS + rb"]*obj)"
)
_TAIL = 1024


def check_pdf(read: ByteReader, size: int) -> None:
    """Raise `Malformed` for a PDF that is not whole (`bad-file`), active (`active-pdf`), or encrypted."""
    ends = _END.findall(read(max(0, size - _TAIL), _TAIL))
    if not ends or not _TABLE.match(read(int(ends[-1]), _TAIL)):
        raise _unreadable()
    if opened := _Walk(read).walk():
        _Walk(read, opened).walk()


class _Walk:
    """One walk through a PDF. `_data` are its bytes from `_at` on; those before `_place` were looked at.

    `opened` are the numbers of objects that the file does by itself when it is opened, as an earlier walk found them.
    """

    def __init__(self, read: ByteReader, opened: frozenset[int] = frozenset()) -> None:
        self._read = read
        self._opened = opened
        self._opens: set[int] = set()
        self._data = b""
        self._at = self._place = self._texts = 0
        self._heads = 0
        self._is_lost = False

    def walk(self) -> frozenset[int]:
        """Walk to the end; return the numbers of what the file does by itself. Raises as `check_pdf` does."""
        while (head := self._next_head()) is not None:
            self._object(*head)
        if self._is_lost:
            raise _unreadable()
        return frozenset(self._opens)

    def _more(self, count: int = CHUNK) -> bool:
        """Read on; tell whether there was more."""
        part = self._read(self._at + len(self._data), count)
        self._data += part
        return bool(part)

    def _pass(self, place: int) -> None:
        """Leave what is before a place, once it is worth the copying."""
        self._place = place
        if place >= CHUNK:
            self._data = self._data[place:]
            self._at += place
            self._place = 0

    def _count(self, size: int) -> None:
        self._texts += size
        if self._texts > MAX_TEXT:
            raise _unreadable()

    # ------------------------------------------------------------ objects

    def _next_head(self) -> tuple[int, int] | None:
        """Return number and place of the next object, with all before it looked at; None where there is none."""
        while True:
            head = _HEAD.search(self._data, self._place)
            if head is not None and (head.end() < len(self._data) or not self._more()):
                self._between(self._place, head.start())
                return int(head[1]), head.end()
            if head is None:
                self._between(self._place, len(self._data))
                self._pass(max(self._place, len(self._data) - 2 * _HEAD_MOST))
                if not self._more():
                    return None

    def _between(self, start: int, end: int) -> None:
        """Look at what is between objects: tables, trailers and comments, and no stream without an object."""
        self._count(end - start)
        if _has_head(self._data[start:end]):  # one that `_HEAD` does not know: no one would look at its object
            raise _unreadable()
        text = _plain(self._data[start:end])
        self._look(text)
        if _STREAM_WORD.search(text) or _PACK.search(text):
            raise _unreadable()

    def _object(self, number: int, start: int) -> None:
        """Look at an object whose content begins at `start`, and at its stream."""
        wanted = CHUNK
        while (found := _extent(self._data, start)) is None:
            if len(self._data) - start > MAX_OBJECT or not self._more(wanted):
                raise _unreadable()
            wanted *= 2  # so that all looks together take as long as two of the last one
        end, has_stream, bare = found
        if end - start > MAX_OBJECT:
            raise _unreadable()
        self._count(end - start)
        text = self._data[start:end]
        _check_heads(text)
        self._look_opened(number, text)
        text = _plain(bare)
        self._look(text)
        if not has_stream:
            self._pass(end)
        elif _PACK.search(text):
            self._packed(text, end)
        elif _ELSEWHERE.search(text):
            raise _active(b"F")
        else:
            self._stream(end)

    def _look(self, text: bytes) -> None:
        """Look at the names of objects, and note what the file does by itself when it is opened."""
        for found in _NAMED.finditer(text):
            if found.lastindex is not None:
                name = found[found.lastindex]
                raise _encrypted() if name == _ENCRYPTED else _active(name)
        for opens in _OPENS.finditer(text):
            if opens[1] is not None and len(self._opens) < _MOST_OPENED:
                self._opens.add(int(opens[1]))
            elif _GOES.match(text, opens.end()) is None:
                raise _active(b"OpenAction")

    def _look_opened(self, number: int, text: bytes) -> None:
        """Look at an object that the file does by itself, in whatever revision."""
        if number in self._opened and _GOES.match(_plain(text[:_GOES_MOST])) is None:
            raise _active(b"OpenAction")

    # ------------------------------------------------------------ streams

    def _stream(self, place: int) -> None:
        """Pass over a stream. What is in it is no object to anybody."""
        while (end := self._data.find(b"endstream", place)) < 0:
            self._check_stream(self._data[place:])
            seen = max(place, len(self._data) - 2 * _HEAD_MOST)
            self._pass(seen)
            place = self._place
            if not self._more():
                raise _unreadable()
        self._check_stream(self._data[place:end])
        self._pass(end + len(b"endstream"))

    def _check_stream(self, text: bytes) -> None:
        """Look at a part of a stream; what looks like the end of a head takes long, so there are not many of it."""
        self._heads += len(_HEADISH.findall(text))
        if self._heads > MAX_HEADS:
            raise _unreadable()
        _check_heads(text)

    def _packed(self, about: bytes, start: int) -> None:
        """Look at the objects in a stream of objects.

        One that cannot be read is told at the end of the walk: the file may say there that it is encrypted.
        """
        first, filters = _FIRST.search(about), len(_FILTER.findall(about))
        if first is None or len(_FIRST_KEY.findall(about)) > 1:
            raise _unreadable()
        if filters > 1 or _UNUSUAL.search(about) or (filters and not _FLATE.search(about)):
            raise _unreadable()
        place = start
        while (end := self._data.find(b"endstream", place)) < 0:
            place = max(start, len(self._data) - len(b"endstream"))
            if len(self._data) - start > MAX_PACKED or not self._more():
                raise _unreadable()
        data = self._data[start:end]
        _check_heads(data)
        self._pass(end + len(b"endstream"))
        begin = _DATA.match(data)
        content: bytes | None = data[begin.end() if begin else 0 :]
        if filters and content is not None:
            content = _inflated(content)
        if content is None:
            self._is_lost = True
            return
        self._count(len(content))
        self._look(_plain(content))
        for number, at in _table(content[: int(first[1])]):
            self._look_opened(number, content[int(first[1]) + at : int(first[1]) + at + _GOES_MOST])


def _inflated(data: bytes) -> bytes | None:
    """Return a stream of objects decompressed; None where it is broken or too large."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data, MAX_PACKED)
    except zlib.error:
        return None
    return content if inflater.eof else None


def _extent(data: bytes, place: int) -> tuple[int, bool, bytes] | None:
    """Return where an object ends, whether by the word before its stream, and its text without what is in strings.

    None where it goes on behind `data`.
    """
    depth, last = 0, b""
    bare, seen = bytearray(), place
    while (step := _STEP.search(data, place)) is not None and (place := step.end()) < len(data):
        token = step[0]
        if token == b"(":
            bare += data[seen:place]
            if (place := _string_end(data, place)) < 0:
                return None
            seen = place - 1
        elif token in (b"<<", b"["):
            depth += 1
        elif token in (b">>", b"]"):
            depth -= 1
        elif token == b"endobj":
            return step.start(), False, bytes(bare + data[seen : step.start()])
        elif token == b"stream":
            if depth or last != b">>":
                raise _unreadable()
            return step.end(), True, bytes(bare + data[seen : step.end()])
        if not token.startswith(b"%"):
            last = token
    return None


def _string_end(data: bytes, place: int) -> int:
    """Return where a string ends, whose parentheses are balanced; -1 where it goes on behind `data`."""
    depth = 1
    while (step := _IN_STRING.search(data, place)) is not None:
        place = step.end()
        depth += {b"(": 1, b")": -1}.get(step[0], 0)
        if not depth:
            return place
    return -1


def _table(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield number and place of each object of a stream, by the table in its beginning."""
    words = text.split()
    if len(words) % 2 or not all(word.isdigit() and len(word) < 11 for word in words):
        raise _unreadable()
    for number, place in zip(words[::2], words[1::2], strict=True):
        yield int(number), int(place)


def _plain(text: bytes) -> bytes:
    """Return a text in which the letters and digits of names are written as themselves."""
    return _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), text) if b"#" in text else text


def _check_heads(text: bytes) -> None:
    """Raise where a program could find a table, or the head of another object: its two numbers and `obj`."""
    if _TABLES.search(text) or _has_head(text):
        raise _unreadable()


def _has_head(text: bytes) -> bool:
    """Tell whether a program could find the head of an object in a text."""
    return any(_is_head(text, found.start()) for found in _HEADISH.finditer(text))


def _is_head(text: bytes, place: int) -> bool:
    """Tell whether two numbers are before the word `obj`. Raises where it is too far away to be told."""
    is_cut = place > _HEAD_MOST
    second = _without_number(text[max(0, place - _HEAD_MOST) : place], is_cut=is_cut)
    return second is not None and _without_number(second, is_cut=is_cut) is not None


def _without_number(text: bytes, *, is_cut: bool) -> bytes | None:
    """Return a text without the number at its end, and the blanks and comments behind it; None where there is none.

    `is_cut`: there is more before the text.
    """
    end = text.rstrip(_BLANKS)
    while end and end[-1:] not in _DIGITS:
        line = max(end.rfind(b"\n"), end.rfind(b"\r")) + 1
        if not line and is_cut and (b"\n" in text[len(end) :] or b"\r" in text[len(end) :]):
            raise _unreadable()  # who knows whether its last line is a comment
        if (comment := end.find(b"%", line)) < 0:
            return None
        end = end[:comment].rstrip(_BLANKS)
    if not end and is_cut:
        raise _unreadable()
    return end.rstrip(_DIGITS) if end else None


def _active(name: bytes) -> Malformed:
    return Malformed(
        "the document can run or open something by itself, or holds files: `{name}`",
        code="active-pdf",
        where="file",
        remedy="print it into a new PDF, and send that",
        name=name.decode(),
    )


def _encrypted() -> Malformed:
    return Malformed(
        "the document is encrypted: nobody can look into it before it is opened",
        code="encrypted-pdf",
        where="file",
        remedy="print it into a new PDF without a password, and send that",
    )


def _unreadable() -> Malformed:
    return Malformed(
        "the document cannot be read to its end as one that hides nothing",
        code="bad-file",
        where="file",
        remedy="print it into a new PDF, and send that",
    )
