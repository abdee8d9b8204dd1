"""The meaning of each member of a private part. `events` says which kinds of entries have which members.

The meanings are in `event_fields.tsv`. One that holds for one kind only is under `<kind>.<name>`, and goes before
the common one.
"""

from __future__ import annotations

from pathlib import Path

_TABLE = Path(__file__).with_suffix(".tsv").read_text(encoding="utf-8").splitlines()

FIELDS: dict[str, str] = dict(line.split("\t") for line in _TABLE if not line.startswith("#"))

COMMON: dict[str, str] = {
    "clock_us": "only where the time is not to be trusted by 5 s or more: how far, in microseconds, the system's clock "
    "had jumped since the start, or lay behind the entry before",
}
"""Members that every kind may have."""


def meaning(kind: str, name: str) -> str:
    """Return what a member of this kind of entry means. `KeyError` for a member without a meaning."""
    return FIELDS.get(f"{kind}.{name}") or FIELDS[name]
