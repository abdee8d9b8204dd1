"""Where in a TOML file a key stands, so that an error in a mapping names its line.

Python's TOML reader gives no positions. This reads headers and keys only, of files that the reader has accepted.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([\w-]+)""")


class Lines:
    """The lines of one TOML document by key path; items of arrays of tables are numbered from 0."""

    def __init__(self, document: str) -> None:
        self._rows = document.splitlines()
        self._places: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._read()

    def of(self, path: Path, word: str = "") -> int:
        """The line (from 1) of `path`, or of its nearest parent; with `word`, the first line from there holding it."""
        line = 1
        for length in range(len(path), 0, -1):
            if path[:length] in self._places:
                line = self._places[path[:length]]
                break
        if not word:
            return line
        quoted = re.compile(rf"(?<![\w]){re.escape(word)}(?![\w])")
        return next((n for n in range(line, len(self._rows) + 1) if quoted.search(self._rows[n - 1])), line)

    def _read(self) -> None:
        table: Path = ()
        depth = 0
        for number, row in enumerate(self._rows, 1):
            header = _HEADER.fullmatch(row) if depth == 0 else None
            if header:
                table = self._enter(_parts(header[2]), header[1] == "[[")
                self._places.setdefault(table, number)
                continue
            key = _KEY.match(row) if depth == 0 else None
            if key:
                self._places.setdefault(table + tuple(_parts(key[1])), number)
            depth = max(0, depth + _opened(row[key.end() :] if key else row))

    def _enter(self, names: list[str], is_array: bool) -> Path:
        path: Path = ()
        for position, name in enumerate(names):
            path = (*path, name)
            last = position == len(names) - 1
            if last and is_array:
                self._counts[path] = self._counts.get(path, -1) + 1
            if path in self._counts:
                path = (*path, self._counts[path])
        return path


def _parts(dotted: str) -> list[str]:
    return [next(filter(None, found), "") for found in _PART.findall(dotted)]


def _opened(row: str) -> int:
    """How many brackets a row leaves open, outside texts and comments."""
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", "", row).partition("#")[0]
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")
