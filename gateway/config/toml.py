"""Strict TOML: tables that know their place, so that an error names file and line. All TOML files are read here.

Python's reader gives no positions. `Lines` reads headers and keys only, of files that Python's reader accepts.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, time
from functools import cached_property
from itertools import islice
from typing import Any, Never

from gateway.errors import Misconfigured, clause

Path = tuple[str | int, ...]

MOST_UNKNOWN = 100
"""Unknown keys of one table that are told; each is compared with all that it may mean."""

_HEADER = re.compile(r"\s*(\[\[?)([^\]]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([\w-]+)""")
_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*+(?:\"|$)|'[^']*+(?:'|$)")
_DEEP = re.compile(r"""(?:(?:"[^"\n]*+"|'[^'\n]*+'|(?<![\w-])[\w-]++)[ \t]*+\.[ \t]*+){32}""", re.ASCII)
"""A key of more than 32 parts, for which Python's reader takes quadratic time."""

_KINDS = {
    str: "a text",
    int: "a number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
    date: "a date",
    time: "a time of day",
    datetime: "a date with a time",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """Return advice for a misspelt word: the nearest known one, else all of them (at most 12)."""
    names = sorted(known)
    by_case = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), by_case, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{by_case[close[0]]}`?"
    return f"one of {', '.join(names[:12])}" if names else "there is none"


def parse_toml(file: str, content: bytes, code: str = "", *, is_secret: bool = False) -> TomlTable:
    """Return the root table of a document; `file` is its name in errors, and `code` is their code.

    Raises `Misconfigured` when it is not TOML. The error quotes nothing of a document that `is_secret`.
    """
    try:
        document = content.decode("utf-8-sig")  # editors of Windows put a mark before it
        if deep := _DEEP.search(document):
            row = document.count("\n", 0, deep.start()) + 1
            raise Misconfigured("more than 32 tables within tables", code=code, where=f"{file}:{row}")
        data = tomllib.loads(document)
        return TomlTable(file, Lines(document), data, code=code)
    except UnicodeDecodeError as error:
        raise Misconfigured("the file is not UTF-8", code=code, where=file, remedy="save it as UTF-8") from error
    except RecursionError as error:
        raise Misconfigured("too many lists within lists", code=code, where=file) from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = found[1] if found else str(content.count(b"\n") + 1)
        reason = "" if is_secret else f": {clause(str(error).partition(' (at')[0])}"
        remedy = "text stands in quotation marks, and every bracket is closed: see https://toml.io"
        refusal = Misconfigured("not TOML{reason}", code=code, where=f"{file}:{line}", remedy=remedy, reason=reason)
        raise refusal from (None if is_secret else error)


class Lines:
    """The lines of one TOML document by key path; items of arrays of tables are numbered from 0."""

    def __init__(self, document: str) -> None:
        self._document = document
        self._counts: dict[Path, int] = {}

    def of(self, path: Path, word: str = "") -> int:
        """Return the line (from 1) of `path` or its nearest parent; with `word`, the first line from there with it."""
        line = 1
        for length in range(len(path), 0, -1):
            if path[:length] in self._places:
                line = self._places[path[:length]]
                break
        if not word:
            return line
        quoted = re.compile(rf"(?<![\w]){re.escape(word)}(?![\w])")
        return next((n for n in range(line, len(self._rows) + 1) if quoted.search(self._rows[n - 1])), line)

    @cached_property
    def _rows(self) -> list[str]:
        return self._document.splitlines()

    @cached_property
    def _places(self) -> dict[Path, int]:
        """The line of each path, read once a place is told: of most documents it never is."""
        places: dict[Path, int] = {}
        table: Path = ()
        depth = 0
        for number, row in enumerate(self._rows, 1):
            header = _HEADER.fullmatch(row) if depth == 0 else None
            if header:
                table = self._enter(_parts(header[2]), header[1] == "[[")
                for length in range(1, len(table)):
                    places.setdefault(table[:length], number)
                places[table] = number
                continue
            key = _KEY.match(row) if depth == 0 else None
            if key:
                places.setdefault(table + tuple(_parts(key[1])), number)
            depth = max(0, depth + _opened(row[key.end() :] if key else row))
        return places

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
    """Return the number of brackets that a row leaves open, outside texts and comments."""
    bare = _TEXT.sub("", row).partition("#")[0]
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")


class TomlTable:
    """One table of a TOML document. `Misconfigured` for a key that is missing, unknown, or of another type."""

    def __init__(self, file: str, lines: Lines, data: dict[str, Any], path: Path = (), code: str = "") -> None:
        self.file = file
        self.data = data
        self.path = path
        self._lines = lines
        self._code = code

    def line(self, key: str = "", word: str = "") -> int:
        """Return the line of `key` in this table, or of `word` after it."""
        return self._lines.of((*self.path, key) if key else self.path, word or key)

    def place(self, key: str = "") -> str:
        """Return `file:line` of `key` in this table."""
        return f"{self.file}:{self.line(key)}"

    def name(self, key: str = "") -> str:
        """Return the path of `key` from the root, such as `source.0.url`."""
        return ".".join(map(str, (*self.path, key) if key else self.path))

    def wrong(self, message: str, key: str = "", word: str = "", remedy: str = "", code: str = "") -> Misconfigured:
        """Return an error at the line of `key`, or of `word` after it."""
        where = f"{self.file}:{self.line(key, word)}"
        return Misconfigured(message, code=code or self._code, where=where, remedy=remedy)

    def fail(self, message: str, key: str = "", word: str = "", remedy: str = "", code: str = "") -> Never:
        """Raise `wrong`."""
        raise self.wrong(message, key, word, remedy, code)

    def only(self, *allowed: str) -> None:
        """Refuse every key that is not in `allowed`."""
        for mistake in self.unknown(*allowed):
            raise mistake

    def unknown(self, *allowed: str) -> Iterator[Misconfigured]:
        """Yield a mistake for each key that is not in `allowed`, for the first `MOST_UNKNOWN` of them."""
        for key in islice((key for key in self.data if key not in allowed), MOST_UNKNOWN):
            yield self.wrong(f"unknown key `{key[:40]}`", key, remedy=nearest(key, allowed))

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """Return the value of `key` if it has type `kind`; without a default it must exist."""
        value = self.data.get(key, default)
        if value is None:
            self.fail(f"`{key}` is missing", remedy=f"add `{key}`, {_KINDS[kind]}")
        if type(value) is not kind:
            remedy = f"write [{self.name(key)}]" if kind is dict else ""
            self.fail(f"`{key}` must be {_KINDS[kind]}", key, remedy=remedy)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        return str(self.get(key, str, default))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, or one text alone; empty when it does not exist."""
        value = self.data.get(key, [])
        values = value if isinstance(value, list) else [value]
        if not all(type(item) is str for item in values):
            self.fail(f"`{key}` must be a list of texts", key)
        return tuple(values)

    def some(self, key: str, known: Collection[str] | None = None) -> frozenset[str]:
        """Return a list of texts, which must not be empty; with `known`, each must be one of these."""
        if not self.get(key, list):
            self.fail(f"`{key}` must be a list of texts that is not empty", key)
        found = frozenset(self.texts(key))
        for value in sorted(found if known is not None else ()):
            if value not in (known or ()):
                self.fail(f"unknown value `{value[:40]}` in `{key}`", key, value, nearest(value, known or ()))
        return found

    def table(self, key: str) -> TomlTable:
        """Return a table; an empty one when it does not exist."""
        return self.inner(key, self.get(key, dict, {}))

    def tables(self, key: str) -> Iterator[TomlTable]:
        """Yield the tables of a list."""
        items = self.data.get(key, [])
        if type(items) is not list or not all(type(item) is dict for item in items):
            self.fail(f"`{key}` must be a list of tables", key, remedy=f"write [[{self.name(key)}]]")
        for position, item in enumerate(items):
            yield TomlTable(self.file, self._lines, item, (*self.path, key, position), self._code)

    def inner(self, key: str, data: dict[str, Any]) -> TomlTable:
        """Return an inline table at any place in the value of `key`."""
        return TomlTable(self.file, self._lines, data, (*self.path, key), self._code)
