"""Columns that are mapped as one script and hold texts in another one: a wrong character set.

Only cells beyond ASCII count, since a Latin name in a column of Thai names is usual.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from adapters.draft.character_sets import is_like
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.mapping import RecordMapping, Ref, Value
from adapters.mapping.rows import Builder, Rows
from adapters.values.charsets import bytes_of, decoder
from gateway.errors import Malformed

_SCRIPTS: Mapping[str, str] = MappingProxyType(
    {"Thai": "THAI", "Khmr": "KHMER", "Laoo": "LAO", "Mymr": "MYANMAR", "Hani": "CJK", "Latn": "LATIN"}
)
"""Scripts by ISO 15924, and the word that the names of their letters begin with."""

_LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"th": "Thai", "km": "Khmr", "lo": "Laoo", "my": "Mymr", "vi": "Latn", "en": "Latn"}
)

_MEANT = ("utf-8", "tis-620", "cp1252", "viscii", "tcvn3", "vni", "gbk", "big5")
"""The character sets that misread bytes may really have."""

_READ_AS = ("cp1252", "tis-620")
"""The character sets as which bytes are read by default: by a driver, or before they were stored."""

_ASCII = 0x7F
_FEWEST = 3
"""Different letters beyond ASCII from which on a character set may be advised."""

_MOST = 1_000
_SHOWN = 2


@dataclass(slots=True)
class Scripted:
    """A column that is declared in a script, and its first cells beyond ASCII, each with its row's key."""

    ref: Ref
    script: str
    cells: list[tuple[str, str]] = field(default_factory=list)

    def take(self, builder: Builder, rows: Rows) -> None:
        """Take this column's cells of a row."""
        slot, index = builder.layout.place(self.ref)
        row = rows[slot]
        for each in row if isinstance(row, list) else (row,):
            cell: Any = each[index] if each else None
            if isinstance(cell, str) and not cell.isascii() and len(self.cells) < _MOST:
                self.cells.append((str(rows[0][0]), cell))


@dataclass(frozen=True, slots=True)
class Misread:
    """A column of which most cells are not in its script. `better`: the cells that would be, by character set."""

    column: str
    script: str
    line: int
    cells: int
    fitting: int
    better: Mapping[str, int]
    samples: tuple[tuple[str, str], ...]


def scripted(record: RecordMapping) -> list[Scripted]:
    """Return the columns of a record that are declared in a script and read without `recode`, each once."""
    found: dict[tuple[str, str], Scripted] = {}
    for value in (*record.fields.values(), *record.search.values()):
        for ref, script in _declared(value):
            found.setdefault((ref.join, ref.column), Scripted(ref, script))
    return list(found.values())


def _declared(value: Value) -> Iterator[tuple[Ref, str]]:
    for part in value.parts:
        script = _LANGUAGES.get(part.script.partition("-")[0], part.script)
        if script in _SCRIPTS and "recode" not in part.names:
            yield from ((ref, script) for ref in part.refs)
        for inner in (part.item or {}).values():
            yield from _declared(inner)


def misread(mapping: SourceMapping, column: Scripted) -> Misread | None:
    """Return the fault of a column; None if half of its cells are in their script, or no character set is better."""
    word, texts = _SCRIPTS[column.script], [text for _, text in column.cells]
    wrong = [cell for cell in column.cells if not is_like(cell[1], word)]
    if len(wrong) * 2 <= len(texts) or is_stray(text for _, text in wrong):
        return None
    fitting = len(texts) - len(wrong)
    shares = {name: sum(_would_fit(text, name, word, mapping.encoding) for text in texts) for name in _MEANT}
    better = {name: count for name, count in shares.items() if count > fitting and count * 2 > len(texts)}
    if not better:
        return None
    ranked = dict(sorted(better.items(), key=lambda item: -item[1]))
    ref = column.ref
    name = f"{ref.join}.{ref.column}" if ref.join else ref.column
    return Misread(name, column.script, ref.line, len(texts), fitting, ranked, tuple(wrong[:_SHOWN]))


def is_stray(texts: Iterable[str | bytes]) -> bool:
    """Tell whether texts have so few letters beyond ASCII that these say nothing of a character set."""
    beyond = [mark for text in texts for mark in text if (mark if isinstance(mark, int) else ord(mark)) > _ASCII]
    return len(set(beyond)) < _FEWEST


def _would_fit(text: str, meant: str, word: str, encoding: str) -> bool:
    """Tell whether the bytes of `text` are of a script when they are read as `meant`."""
    decode = decoder(meant)
    assert decode is not None
    for name in dict.fromkeys((encoding, *_READ_AS)):
        try:
            if name != meant and is_like(decode(_encoded(text, name)), word):
                return True
        except (ValueError, Malformed):  # these bytes are not of the one set or of the other
            continue
    return False


def _encoded(text: str, name: str) -> bytes:
    """Return the bytes that were read as `text`. Raises `ValueError` if the character set has no such bytes."""
    if name == "cp1252":
        return bytes_of(text)
    try:
        return codecs.encode(text, "cp874" if name == "tis-620" else name)
    except LookupError as error:  # a set that we only read
        raise ValueError(name) from error
