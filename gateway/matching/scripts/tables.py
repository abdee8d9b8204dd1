"""The tables of `data/`: tab-separated text that a native speaker can read and correct.

A line that starts with `#` is a remark; fields are separated by one or more tabs; `-` is an empty field, and a
character that is invisible alone is written as its code (`\\u1039`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import resources

from gateway.errors import Misconfigured

_CODE = re.compile(r"\\u([0-9A-F]{4})")


@cache
def rows(name: str, columns: int) -> tuple[tuple[str, ...], ...]:
    """Return the rows of `data/<name>.tsv`, each with exactly `columns` fields in NFC.

    Raises `Misconfigured` naming file and line when a row has another number of fields.
    """
    text = resources.files("gateway.matching").joinpath("data", f"{name}.tsv").read_text(encoding="utf-8")
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        shown = _CODE.sub(lambda code: chr(int(code[1], 16)), unicodedata.normalize("NFC", line))
        fields = tuple("" if field == "-" else field for field in re.split(r"\t+", shown))
        if len(fields) != columns:
            raise Misconfigured(
                "a row has {count} fields instead of {columns}",
                code="bad-table",
                where=f"gateway/matching/data/{name}.tsv:{number}",
                remedy="separate fields by tabs and write - for an empty one",
                count=len(fields),
                columns=columns,
            )
        found.append(fields)
    return tuple(found)


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
