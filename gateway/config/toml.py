"""TOML with the line of each key, so that an error names its place."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import Misconfigured

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A parsed file. `lines` maps `limits.budget_ms` and `source.0.url` to line numbers from 1."""

    name: str
    values: dict[str, Any]
    lines: dict[str, int]

    def where(self, path: str) -> str:
        """`node.toml:12` for the key at `path`, or of the table around it."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return f"{self.name}:{self.lines[path]}" if path else self.name


def read_toml(file: Path) -> TomlFile:
    """Read `file`; `Misconfigured` with its place when it is missing or does not parse."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # editors of Windows put a mark before it
    except FileNotFoundError:
        raise Misconfigured(
            "no settings here", code="no-home", where=str(file), remedy="make a home with `liaison init`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"cannot be read: {type(error).__name__}", where=str(file)) from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"not TOML: {str(error)[:200]}", where=file.name, remedy="see https://toml.io") from None
    return TomlFile(file.name, values, _lines(text))


def _lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = header[2]
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}.{counts[table]}"
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(f"{table}.{key[1]}" if table else key[1], number)
    return lines
