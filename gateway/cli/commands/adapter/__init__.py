"""`liaison adapter`: write, check and try the mapping of an agency's own system."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_ADAPTER = {
    "check": ("adapter.mapping", "Say what is wrong with a mapping, and what it makes of a source's rows."),
    "init": (
        "adapter.mapping",
        "Read a database's catalogue and some rows, and write a commented draft of its mapping.",
    ),
    "sample": ("adapter.mapping", "Show one record beside the row that it is made of."),
}


@click.group("adapter", cls=LazyGroup, table=_ADAPTER)
def adapter() -> None:
    """Connect an agency's own system by one mapping file. Nothing is ever written to that system.

    \b
    Examples:
      liaison adapter init --url sqlite:////srv/agency.sqlite > draft.toml
      liaison adapter check draft.toml --url sqlite:////srv/agency.sqlite
      liaison adapter sample draft.toml --url sqlite:////srv/agency.sqlite --key 1042 --show

    The guide is docs/guides/connect-an-agency-system.md.
    """
