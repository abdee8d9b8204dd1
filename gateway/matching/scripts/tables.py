"""The tables of `data/`: tab-separated text that a native speaker can read and correct, and a country's own rows.

A line that starts with `#` is a remark; fields are separated by one or more tabs; `-` is an empty field, and a
character that is invisible alone is written as its code (`\\u1039`). A process sets its country's own rows once, at its
start (`use`): they come first, and one with the key of a packaged row takes its place.
"""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper, cache
from importlib import resources

from gateway.errors import Misconfigured

_CODE = re.compile(r"\\u([0-9A-F]{4})")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its fields in NFC, and its file and line.

    An own row `replaces` the packaged row at that place; one that also `removes` only takes it away.
    """

    fields: tuple[str, ...]
    where: str
    replaces: str = ""
    removes: bool = False


@dataclass(frozen=True, slots=True)
class OwnRows:
    """A country's own rows by table."""

    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    """The texts of the files, from which another process of the same home makes the same rows."""

    @property
    def digest(self) -> str:
        """A hash of the texts; empty without any."""
        return hashlib.sha256(repr(sorted(self.texts.items())).encode()).hexdigest() if self.texts else ""


@dataclass(slots=True)
class _Process:
    """The rows that count in this process."""

    own: OwnRows = field(default_factory=OwnRows)
    left_out: frozenset[str] = frozenset()


_process = _Process()


def own_rows() -> OwnRows:
    """Return the country's own rows that count in this process."""
    return _process.own


def use(own: OwnRows) -> None:
    """Let a country's own rows count in this process. A process calls it at its start, before its threads."""
    if own != _process.own:
        _process.own = own
        _forget()


@contextmanager
def without(places: Collection[str]) -> Iterator[None]:
    """Leave the rows at these places out while the block runs, in a process of one thread: to learn what they do."""
    _process.left_out = frozenset(places)
    _forget()
    try:
        yield
    finally:
        _process.left_out = frozenset()
        _forget()


def _forget() -> None:
    """Empty the caches of all modules of matching: each holds what tables made."""
    package = __name__.partition(".scripts")[0]
    for name, module in list(sys.modules.items()):
        if name.startswith(package):
            for name_of, value in list(vars(module).items()):
                if name_of != packaged.__name__ and isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()


def parse(where: str, text: str, columns: int) -> Iterator[Row]:
    """Yield the rows of a text, each with exactly `columns` fields.

    Raises `Misconfigured` naming file and line when a row has another number of fields.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        shown = _CODE.sub(lambda code: chr(int(code[1], 16)), unicodedata.normalize("NFC", line))
        fields = tuple("" if part == "-" else part for part in re.split(r"\t+", shown))
        if len(fields) != columns:
            raise Misconfigured(
                "a row has {count} fields instead of {columns}",
                code="bad-table",
                where=f"{where}:{number}",
                remedy="separate fields by tabs and write - for an empty one",
                count=len(fields),
                columns=columns,
            )
        yield Row(fields, f"{where}:{number}")


def is_packaged(name: str) -> bool:
    """Tell whether there is a packaged table of this name."""
    return resources.files("gateway.matching").joinpath("data", f"{name}.tsv").is_file()


@cache
def packaged(name: str, columns: int) -> tuple[Row, ...]:
    """Return the rows of `data/<name>.tsv`."""
    text = resources.files("gateway.matching").joinpath("data", f"{name}.tsv").read_text(encoding="utf-8")
    return tuple(parse(f"gateway/matching/data/{name}.tsv", text, columns))


def placed(name: str, columns: int) -> Iterator[Row]:
    """Yield the rows of a table that count: the country's own ones, then the packaged ones that none replaces."""
    own = [row for row in _process.own.rows.get(name, ()) if row.where not in _process.left_out]
    gone = _process.left_out.union(row.replaces for row in own)
    yield from (row for row in own if not row.removes)
    yield from (row for row in packaged(name, columns) if row.where not in gone)


@cache
def rows(name: str, columns: int) -> tuple[tuple[str, ...], ...]:
    """Return the fields of the rows of a table that count."""
    return tuple(row.fields for row in placed(name, columns))


@cache
def mapping(name: str) -> dict[str, str]:
    """Return a table of two columns as a dictionary."""
    return {row[0]: row[1] for row in rows(name, 2)}


@cache
def rules(name: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return a table of (regular expression, replacement), to be applied in order."""
    return tuple((re.compile(pattern), replacement) for pattern, replacement in rows(name, 2))


def rewrite(text: str, table: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    """Return `text` after all `rules` of a table."""
    for pattern, replacement in table:
        text = pattern.sub(replacement, text)
    return text
