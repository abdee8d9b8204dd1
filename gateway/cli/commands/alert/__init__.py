"""`liaison alert`: raise, follow and lift alerts, and answer those of other countries."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_ALERT = {
    "raise": ("alert.own", "Raise an alert: it is sent once another person has approved it."),
    "list": ("alert.own", "Alerts of ours, and how each counterpart stands."),
    "show": ("alert.own", "One alert of ours."),
    "renew": ("alert.own", "Ask that an alert stands for longer, or let it end sooner."),
    "lift": ("alert.own", "Lift an alert: every counterpart hides it."),
    "close": ("alert.own", "End an alert with what came of it."),
    "taken": ("alert.taken", "Alerts of other countries that warn here now."),
    "open": ("alert.taken", "Open an alert of another country, which learns that it was read."),
    "acknowledge": ("alert.taken", "Say what becomes of an alert of another country here."),
}


@click.group("alert", cls=LazyGroup, table=_ALERT)
def alert_group() -> None:
    """Alerts: of ours to other countries, and of other countries to us.

    \b
    Examples:
      liaison alert raise --home th --as th.o.1042 --to la,vn --action DISCREET_CHECK --plate "กข 1234" \\
              --reason "carries ketamine" --purpose INVESTIGATION --offence NARC --case TH-2026-17
      liaison alert list --home th --as th.o.1042
      liaison alert acknowledge acknowledge.th.5f0c… --home vn --as vn.d.7
      liaison alert lift 5f0c… --home th --as th.o.1042 --reason found
    """
