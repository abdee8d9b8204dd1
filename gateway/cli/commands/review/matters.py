"""`liaison review list`, `show`, `confirm`, `settle` and `figures`, through the node's own REST API."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import options_of
from gateway.cli.inputs.moments import TIME
from gateway.cli.options import TEXT, page_options
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.clock import rfc3339, to_us
from gateway.model.desk.work import WorkKind
from gateway.model.handed.work import Review, Settle
from gateway.views.desk.lines import paged_lines, work_lines, works_lines
from gateway.views.desk.reviews import figures_lines, matter_lines

_work = click.argument("work", metavar="WORK", type=TEXT)
_KINDS = [WorkKind.REVIEW.value, WorkKind.INCIDENT.value]


@click.command("list")
@at_the_desk
@click.option("--all", "everything", is_flag=True, help="What others do or are to do, as well.")
@click.option("--done", is_flag=True, help="Work that is done, as well.")
@page_options
@printed
def list_reviews(bearer: Bearer, everything: bool, done: bool, limit: int, after: str) -> Output:
    """List what waits for your review, or for you to look into, without content.

    \b
    Example:
      liaison review list --home th --as th.s.2
    """
    found = bearer.call("GET", "work", kind=_KINDS, all=everything, done=done, limit=limit, after=after)
    return Output(found, paged_lines(works_lines(found["work"], spoken()), found["next"], spoken()))


@click.command()
@_work
@at_the_desk
@printed
def show(bearer: Bearer, work: str) -> Output:
    """Show who asked, when and why, and for a review the question. Each look is an entry of the log.

    \b
    Example:
      liaison review show review.th.5f0c… --home th --as th.s.2
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/matter")
    return Output(found, matter_lines(found, spoken()))


@click.command()
@_work
@at_the_desk
@options_of(Review)
@printed
def confirm(bearer: Bearer, work: str, **given: str) -> Output:
    """End a review of a colleague's question. What is not in order, the security officer looks into.

    \b
    Examples:
      liaison review confirm review.th.5f0c… --home th --as th.s.2 --result in-order --text "case file seen"
      liaison review confirm review.th.5f0c… --home th --as th.s.2 --result not-in-order --text "no such case"
    """
    return _end(bearer, work, "review", given)


@click.command()
@_work
@at_the_desk
@options_of(Settle)
@printed
def settle(bearer: Bearer, work: str, **given: str) -> Output:
    """End the work on a finding, or on an incident of ours, as its security officer.

    \b
    Example:
      liaison review settle incident.th.5f0c… --home th --as th.s.1 --result explained --text "a joint operation"
    """
    return _end(bearer, work, "settle", given)


@click.command()
@at_the_desk
@click.option("--since", type=TIME, help="Only those raised since then.")
@printed
def figures(bearer: Bearer, since: datetime | None) -> Output:
    """Count the reviews by office: in time, late, open, over their time.

    \b
    Example:
      liaison review figures --home th --as th.s.2 --since "2026-11-01 00:00"
    """
    query = {"since": rfc3339(to_us(since))} if since is not None else {}
    found = bearer.call("GET", "reviews", **query)
    return Output(found, figures_lines(found["reviews"], spoken()))


def _end(bearer: Bearer, work: str, act: str, given: dict[str, str]) -> Output:
    found = bearer.call("POST", f"work/{quote(work, safe='')}/{act}", given)
    return Output(found, work_lines(found, spoken()))
