"""XML documents, such as customs declarations of the WCO data model, as nested objects for JMESPath.

An element with elements in it becomes an object by local name, one without becomes its text; an attribute stands
beside a text as `Name@attribute`, and inside an object as `@attribute`. Elements that the mapping calls `repeated`
are always lists. Any other that occurs twice makes the document unreadable, as do two attributes of one local
name: the reader never picks one.
Document types, and with them entities and external references, are refused (CASE-K8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from adapters.files.found import Found, Place
from adapters.files.settings import Table
from adapters.values.cells import MAX_CELL
from gateway.errors import Malformed

MAX_FILE = 4 << 20
"""Bytes of one XML file; it is read whole for each record."""

MAX_DEPTH = 64
MAX_ATTRIBUTES = 64
MAX_ELEMENTS = 200_000

_CHUNK = 1 << 14


class XmlReader:
    """Reads the XML files of one table."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows
        self._repeated = table.repeated

    def columns(self, _file: BinaryIO) -> list[str]:
        """Return no columns: rows are documents."""
        return []

    def scan(self, file: BinaryIO, _columns: Sequence[str]) -> Iterator[Found]:
        """Yield the rows of the document, numbered."""
        for number, document in enumerate(self._documents(file)):
            yield Found((number,), document)

    def one(self, file: BinaryIO, _columns: Sequence[str], place: Place) -> Any:
        """Return the row at a number."""
        documents = self._documents(file)
        (number,) = place
        if not 0 <= number < len(documents):
            raise Malformed("no row", code="no-row")
        return documents[number]

    def _documents(self, file: BinaryIO) -> list[Any]:
        found = self._rows(parse(file, self._repeated))
        rows = found if isinstance(found, list) else [found]
        if not rows or not all(type(row) is dict for row in rows):
            raise Malformed("no rows where the mapping says", code="no-rows")
        return rows


def parse(file: BinaryIO, repeated: frozenset[str]) -> dict[str, Any]:
    """Return the document as an object with one member, its root.

    Raises `Malformed` when it is not well-formed, or over a limit.
    """
    target = _Target(repeated)
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    size = 0
    try:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > MAX_FILE:
                raise Malformed("an XML file of more than {limit} MiB", code="too-large", limit=MAX_FILE >> 20)
            parser.feed(chunk)
        parser.close()
    except DefusedXmlException as error:
        raise Malformed("XML with a document type or entities", code="forbidden-xml") from error
    except (ParseError, ValueError, LookupError) as error:
        raise Malformed("this is not XML", code="not-xml") from error
    return target.root


class _Target:
    """Builds the object while the parser reads. `stack` holds the open elements: name, members, pieces of text."""

    def __init__(self, repeated: frozenset[str]) -> None:
        self.root: dict[str, Any] = {}
        self._repeated = repeated
        self._stack: list[tuple[str, dict[str, Any], list[str], dict[str, str]]] = []
        self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self._elements += 1
        if len(self._stack) >= MAX_DEPTH or self._elements > MAX_ELEMENTS or len(attributes) > MAX_ATTRIBUTES:
            raise Malformed("XML that is too deep or has too many parts", code="too-large")
        named = {_local(name): value for name, value in attributes.items()}
        if len(named) != len(attributes):
            raise Malformed("an attribute that occurs twice", code="occurs-twice")
        self._stack.append((_local(tag), {}, [], named))

    def data(self, text: str) -> None:
        """Take a piece of text."""
        if self._stack:
            self._stack[-1][2].append(text)

    def end(self, _tag: str) -> None:
        """Close an element: it becomes a member of the one around it."""
        name, members, pieces, attributes = self._stack.pop()
        around = self._stack[-1][1] if self._stack else self.root
        text = "".join(pieces).strip()
        if len(text) > MAX_CELL:
            raise Malformed("a text that is too long", code="too-large")
        if members:
            if text:
                raise Malformed("text between elements", code="mixed-content")
            members |= {f"@{key}": value for key, value in attributes.items()}
            self._put(around, name, members)
            return
        self._put(around, name, text)
        if name not in self._repeated:
            around |= {f"{name}@{key}": value for key, value in attributes.items()}

    def _put(self, around: dict[str, Any], name: str, value: Any) -> None:
        if name in self._repeated:
            around.setdefault(name, []).append(value)
        elif name in around:
            raise Malformed("an element that occurs twice and is not `repeated`", code="occurs-twice")
        else:
            around[name] = value

    def close(self) -> None:
        """Do nothing at the end of the document."""


def _local(name: str) -> str:
    return name.rpartition("}")[2]
