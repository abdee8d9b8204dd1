"""Describe a list of entries in lines."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.ops.audit.entry_list import Listed
from gateway.views.lines import Line
from gateway.views.lines.entries import entry_line


def listed_lines(found: Listed, limit: int) -> Iterator[Line]:
    """Yield the lines of a list of entries."""
    for item in found.entries:
        yield entry_line(*item)
    if not found.entries:
        yield "no entry fits"
    if any(why for _, _, why in found.entries) and not found.has_mandate:
        yield "what speaks of persons is not shown: that needs the --key of an appointed auditor, and a --reason", "dim"
    if found.more:
        yield f"only the newest {limit} are shown, there are more: raise --limit, or narrow it with --until", "warn"
