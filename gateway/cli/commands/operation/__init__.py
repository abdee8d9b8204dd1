"""`liaison operation`: operations of several countries, each pair of which has its own thread."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_OPERATION = {
    "open": ("operation.owning", "Open an operation: others are invited once another person has approved it."),
    "invite": ("operation.owning", "Ask that more countries are invited into an operation of ours."),
    "seal": ("operation.owning", "End an operation of ours: it is only read from now on."),
    "join": ("operation.part", "Join an operation of another country."),
    "leave": ("operation.part", "Leave an operation of another country, for good."),
    "note": ("operation.part", "Write an entry for all members, with values of the operation's form."),
    "outcome": ("operation.part", "Write what came of it here, for the table of results."),
    "list": ("operation.reading", "Operations that you may read."),
    "show": ("operation.reading", "One operation: members, entries, results."),
    "pack": ("operation.reading", "Results and evidence of an operation, as JSON and as a page to be printed."),
}


@click.group("operation", cls=LazyGroup, table=_OPERATION)
def operation_group() -> None:
    """Operations of several countries: one owner, members by office, entries, results, and an end.

    \b
    Examples:
      liaison operation open --home th --as th.o.1042 --to la,vn --title "Mekong night" --end "2026-12-20 00:00" \\
              --template joint-operation --purpose INVESTIGATION --offence NARC --case TH-2026-17
      liaison operation join th.5f0c… --home vn --as vn.n.2
      liaison operation note th.5f0c… --home vn --as vn.n.2 --text "a lorry was seen" --value what=sighting
      liaison operation pack th.5f0c… --home th --as th.o.1042 --html pack.html
    """
