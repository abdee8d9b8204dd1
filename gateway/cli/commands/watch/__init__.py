"""`liaison watch`: be told when something comes to be known of a person or thing."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_WATCH = {
    "add": ("watch.own", "Ask for a watch: it is sent once another person has approved it."),
    "list": ("watch.own", "Watches of ours, how they stand, and what they met."),
    "show": ("watch.own", "One watch of ours."),
    "renew": ("watch.own", "Say that a watch is still needed."),
    "end": ("watch.own", "End a watch."),
    "followup": ("watch.own", "Ask the owner of a hit for more."),
    "taken": ("watch.own", "Watches of other countries on our records."),
}


@click.group("watch", cls=LazyGroup, table=_WATCH)
def watch_group() -> None:
    """Watches: you are told when something comes to be known of a person or thing, abroad or at our own agencies.

    \b
    Examples:
      liaison watch add --home th --as th.o.1042 --to la --plate "กข 1234" --purpose INVESTIGATION \\
              --offence NARC --case TH-2026-17
      liaison watch list --home th --as th.o.1042
      liaison watch renew 5f0c… --home th --as th.o.1042
      liaison watch taken --home la --as la.d.7
    """
