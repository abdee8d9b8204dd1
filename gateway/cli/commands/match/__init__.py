"""`liaison match`: compare names, one pair in words or a whole task in figures."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_MATCH = {
    "evaluate": ("match.names", "Run a folder of names and questions through the index and the scoring of a node."),
    "explain": ("match.names", "Say how two names are compared: reading, keys in common, rules, score and class."),
}


@click.group("match", cls=LazyGroup, table=_MATCH)
def match() -> None:
    """How names in six scripts are compared: why two are one person or not, and how well a whole list is found.

    \b
    Examples:
      liaison match explain "สมชาย ใจดี" "Somchay Jaidee"
      liaison match explain "Aye Aye Mon" "Aye Aye Mon" --father "U Hla" --father "U Tin"
      liaison match evaluate tasks/s6_thai_places --out predictions.jsonl
    """
