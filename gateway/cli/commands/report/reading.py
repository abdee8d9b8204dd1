"""`liaison report list`, `search`, `show` and `object`: the library of reports."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.options import TEXT, Word
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken, usage
from gateway.model.purpose import Offence
from gateway.views.desk.lines import paged_lines
from gateway.views.desk.reports import listed_lines, own_lines, report_lines

_limit = click.option(
    "--limit", default=25, show_default=True, type=click.IntRange(1, 100), help="The most that are shown."
)


@click.command("list")
@at_the_desk
@click.option("--own", is_flag=True, help="Those of ours, whatever became of them, with who has them.")
@_limit
@click.option("--after", default="", help="With --own: go on behind this place, which the page before ends with.")
@printed
def list_reports(bearer: Bearer, own: bool, limit: int, after: str) -> Output:
    """The reports that stand, of all countries, the newest first.

    \b
    Examples:
      liaison report list --home th --as th.o.1042
      liaison report list --home th --as th.o.1042 --own
    """
    if own:
        found = bearer.call("GET", "reports/own", limit=limit, after=after)
        lines = [line for one in found["reports"] for line in own_lines(one, spoken())]
        return Output(found, paged_lines(lines, found["next"], spoken()))
    if after:
        raise usage("--after goes with --own")
    return _listed(bearer.call("GET", "reports", limit=limit))


@click.command()
@click.argument("text", metavar="[WORDS]", default="")
@at_the_desk
@click.option("--offence", default="", type=Word(["", *(item.value for item in Offence)]), help="The offence in view.")
@click.option("--place", default="", help="A place of the route, by its name in any script, or by its code.")
@click.option("--crossing", default="", help="A crossing point, by its id in the register.")
@click.option("--period", default="", metavar="MONTHS", help="When it was seen: 2026, 2026-03 or 2026-03/2026-05.")
@click.option("--owner", default="", metavar="COUNTRY", help="Whose report it is.")
@_limit
@printed
def search(bearer: Bearer, **given: Any) -> Output:
    """Find reports by their words in any script, by offence, route, crossing point and period; all must fit.

    \b
    Examples:
      liaison report search "false floor" --home vn --as vn.o.3 --offence NARC
      liaison report search "ยาบ้า" --home vn --as vn.o.3 --place "Chiang Rai" --period 2026-03/2026-05
    """
    found = bearer.call("GET", "reports", **{name: value for name, value in given.items() if value})
    return _listed(found)


def _listed(found: dict[str, Any]) -> Output:
    """Return the reports that were found; the exit code is 1 where some that may fit were not looked at."""
    return Output(found, listed_lines(found, spoken()), 1 if found["partial"] else 0)


@click.command()
@click.argument("report", metavar="REPORT", type=TEXT)
@at_the_desk
@printed
def show(bearer: Bearer, report: str) -> Output:
    """One report, with all that it says; of ours also who has it. The owner of another one's learns that it was read.

    \b
    Example:
      liaison report show 5f0c… --home vn --as vn.o.3
    """
    found = bearer.call("GET", f"reports/{quote(report, safe='')}")
    shelved = list(report_lines(found["report"], spoken())) if found["report"] else []
    return Output(found, [*shelved, *(own_lines(found["own"], spoken()) if found["own"] else [])])


@click.command("object")
@click.argument("report", metavar="REPORT", type=TEXT)
@at_the_desk
@click.option("--text", default="", help="What should not be there, in words that repeat nothing of it.")
@printed
def object_to(bearer: Bearer, report: str, text: str) -> Output:
    """Tell the owner of another country's report that something in it should not be there.

    \b
    Example:
      liaison report object 5f0c… --home vn --as vn.n.1 --text "the third indicator tells who it is"
    """
    found = bearer.call("POST", f"reports/{quote(report, safe='')}/object", {"text": text})
    return Output(found, report_lines(found["report"], spoken()))
