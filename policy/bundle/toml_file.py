"""Reading a TOML document of a policy bundle strictly: an unknown key or value is named with file and line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from gateway.errors import Misconfigured

_COMMENT = re.compile(r"^[ \t]*(?:#|//).*$", re.MULTILINE)


class TomlFile:
    """One document with its text, so that errors can point at a line."""

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        """Read `path`, or `data` that was read from it. Raises `Misconfigured` when it is not TOML."""
        self.name = str(path)
        try:
            self.text = (path.read_bytes() if data is None else data).decode()
            self.data: Mapping[str, Any] = tomllib.loads(self.text)
        except (OSError, ValueError) as error:
            raise Misconfigured(f"not TOML: {error}", code="bad-policy", where=self.name) from error

    def wrong(self, message: str, term: str, remedy: str = "") -> Misconfigured:
        """An error about `term`, at the first line that holds it."""
        return Misconfigured(message, code="bad-policy", where=f"{self.name}:{line_of(self.text, term)}", remedy=remedy)

    def known_keys(self, known: Collection[str], table: Mapping[str, Any] | None = None) -> None:
        """Refuse keys of `table` (default: of the document) that are not `known`."""
        for key in self.data if table is None else table:
            if key not in known:
                raise self.wrong(f"unknown key `{key[:40]}`", key, f"one of {', '.join(sorted(known))}")

    def value(self, key: str, kind: type, table: Mapping[str, Any] | None = None) -> Any:
        """The value of a required key, of exactly the type `kind`."""
        found = (self.data if table is None else table).get(key)
        if type(found) is not kind:
            raise self.wrong(f"`{key}` is missing or is not a {kind.__name__}", key, f"give `{key}`")
        return found

    def listed(self, key: str, known: Collection[str]) -> frozenset[str]:
        """A required, non-empty list of values that all stand in `known`."""
        values = self.texts(key)
        for value in sorted(values):
            if value not in known:
                raise self.wrong(
                    f"unknown value `{value[:40]}` in `{key}`", value, f"one of {', '.join(sorted(known))}"
                )
        return values

    def texts(self, key: str) -> frozenset[str]:
        """A required, non-empty list of texts."""
        values = self.value(key, list)
        if not values or not all(isinstance(value, str) for value in values):
            raise self.wrong(f"`{key}` must be a list of texts that is not empty", key)
        return frozenset(values)


def line_of(text: str, term: str) -> int:
    """The number of the first line outside comments that has `term` as a word of its own, else as a part, else 1."""
    text = _COMMENT.sub("", text)
    whole = re.search(rf"(?<![\w-]){re.escape(term)}(?![\w-])", text)
    at = whole.start() if whole else text.find(term)
    return text.count("\n", 0, max(at, 0)) + 1
