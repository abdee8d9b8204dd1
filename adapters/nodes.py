"""A table of a TOML document that knows its place: typed access, closed keys, errors with file and line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Never

from adapters.lines import Lines, Path
from gateway.errors import Misconfigured

_KINDS = {str: "a text", int: "a number", bool: "true or false", dict: "a table", list: "a list"}


def nearest(word: str, known: Iterable[str]) -> str:
    """Advice for a misspelt word: the nearest known one, else all of them (at most 12)."""
    names = sorted(known)
    by_case = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), by_case, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{by_case[close[0]]}`?"
    return f"one of {', '.join(names[:12])}" if names else "there is none"


class Node:
    """One table. `Misconfigured` for a key that is missing, unknown, or of another type."""

    def __init__(self, file: str, lines: Lines, data: dict[str, Any], path: Path = ()) -> None:
        self._file = file
        self._lines = lines
        self.data = data
        self.path = path

    def line(self, key: str = "", word: str = "") -> int:
        """The line of `key` in this table, or of `word` after it."""
        return self._lines.of((*self.path, key) if key else self.path, word or key)

    def place(self, key: str = "") -> str:
        """`file:line` of `key` in this table."""
        return f"{self._file}:{self.line(key)}"

    def fail(self, message: str, key: str = "", word: str = "", remedy: str = "", code: str = "bad-mapping") -> Never:
        """Raise `Misconfigured` at the line of `key` or of `word` after it."""
        raise Misconfigured(message, code=code, where=f"{self._file}:{self.line(key, word)}", remedy=remedy)

    def only(self, *allowed: str) -> None:
        """Refuse every key that is not in `allowed`."""
        for key in self.data:
            if key not in allowed:
                self.fail(f"unknown key `{key}`", key, remedy=nearest(key, allowed))

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of `key` if it has type `kind`; without a default it must be there."""
        value = self.data.get(key, default)
        if value is None:
            self.fail(f"`{key}` is missing", remedy=f"add `{key}`, {_KINDS[kind]}")
        if type(value) is not kind:
            self.fail(f"`{key}` must be {_KINDS[kind]}", key)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text."""
        return str(self.get(key, str, default))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one text alone; empty when it is not there."""
        value = self.data.get(key, [])
        values = value if isinstance(value, list) else [value]
        if not all(type(item) is str for item in values):
            self.fail(f"`{key}` must be a list of texts", key)
        return tuple(values)

    def table(self, key: str) -> Node:
        """A table; an empty one when it is not there."""
        return Node(self._file, self._lines, self.get(key, dict, {}), (*self.path, key))

    def tables(self, key: str) -> Iterator[Node]:
        """The tables of a list."""
        for position, item in enumerate(self.get(key, list, [])):
            if type(item) is not dict:
                self.fail(f"`{key}` must be a list of tables", key)
            yield Node(self._file, self._lines, item, (*self.path, key, position))

    def inner(self, key: str, data: dict[str, Any]) -> Node:
        """An inline table under `key`, wherever in its value it stands."""
        return Node(self._file, self._lines, data, (*self.path, key))
