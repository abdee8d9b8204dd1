"""Write texts of a database into TOML: values, references to columns, and comments."""

from __future__ import annotations

import json


def quoted(text: str) -> str:
    """Return a TOML basic string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def ref(column: str, join: str = "") -> str:
    """Return a column as a value names it, after `join` (`papers.`): a name with a dot in it is in quotes."""
    return quoted(join + (f'"{column}"' if "." in column else column))


def bare(name: str) -> str:
    """Return a name for a comment: one line, only visible characters."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in name).split())
