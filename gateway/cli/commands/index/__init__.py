"""`liaison index`: the key indexes, by which a source's records are found."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_INDEX = {
    "build": ("index.indexes", "Read all rows of each source and build its key index anew."),
    "status": ("index.indexes", "Show the key index of each source: how large, how old, what is left out."),
}


@click.group("index", cls=LazyGroup, table=_INDEX)
def index() -> None:
    """Build and look at the key indexes of the sources.

    A key index is how a node finds a record without touching the agency's system. A running node keeps its indexes up
    by itself: build them before the first start, or to see what is left out and why.

    \b
    Examples:
      liaison index build --home la
      liaison index status --home la
    """
