"""`liaison report`: write reports on methods and routes, and find those of all countries."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_REPORT = {
    "check": ("report.writing", "Look for persons in a report, and say who would get it; nothing is written."),
    "publish": ("report.writing", "Write a report: it is sent once another person has approved it."),
    "withdraw": ("report.writing", "Withdraw a report: it is gone at every counterpart."),
    "list": ("report.reading", "The reports that stand, the newest first; or those of ours."),
    "search": ("report.reading", "Find reports by words, offence, route, crossing point and period."),
    "show": ("report.reading", "One report; its owner learns that it was read."),
    "object": ("report.reading", "Tell the owner that something in its report should not be there."),
}


@click.group("report", cls=LazyGroup, table=_REPORT)
def report_group() -> None:
    """Reports on methods, trends and routes: how it is done, without anybody in it.

    \b
    Examples:
      liaison report publish --home th --as th.o.1042 --offence NARC --case C-2026-88 --lang en \\
              --method "tablets under the false floor of pick-up trucks" --route mae-sai.tachilek --period 2026-03
      liaison report search "ยาบ้า" --home vn --as vn.o.3 --place "Chiang Rai"
      liaison report withdraw 5f0c… --home th --as th.o.1042 --reason outdated
    """
