"""`liaison watch add`, `list`, `show`, `renew`, `end`, `followup` and `taken`, through the node's own REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk, attach_option
from gateway.cli.inputs.handed import handed, names, options_of
from gateway.cli.inputs.questions import body_of, misplaced, one_question, question_options
from gateway.cli.options import TEXT, page_options
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.model.faces.fields import fields_of
from gateway.model.handed.asks import FollowWatch
from gateway.model.handed.watches import AddWatch, EndWatch, RenewWatch
from gateway.model.query import QUERIES
from gateway.views.desk.lines import paged_lines
from gateway.views.desk.steps import drafted_lines
from gateway.views.desk.watches import taken_lines, watch_lines, watches_lines

_watch = click.argument("watch", metavar="WATCH", type=TEXT)
_KINDS = tuple(kind for kind, each in QUERIES.items() if each.watched)
_OF_GOODS = ("heading", "consignee", "route")


@click.command()
@at_the_desk
@click.option("--to", default="", metavar="M,M", help="Who watches: la,vn. Without it our own agencies' records are.")
@question_options(_KINDS)
@click.option("--heading", default="", help="Declarations of customs: the beginning of a tariff code (2933).")
@click.option("--consignee", default="", help="Declarations of customs: who receives the goods.")
@click.option("--route", default="", help="Declarations of customs: a place of the route.")
@options_of(AddWatch, leave=("query", "to"))
@click.option("--idempotency-key", default="", help="The same key returns the first watch.")
@printed
def add(bearer: Bearer, to: str, idempotency_key: str, **given: Any) -> Output:
    """Ask for a watch: it is sent once another person has approved it (`liaison desk approve`).

    You are told of each record that comes to fit, once and by its reference only; you ask for more with
    `liaison watch followup`. One that would fit too many records is refused, with how many.

    \b
    Examples:
      liaison watch add --home th --as th.o.1042 --to la,vn --name "สมชาย ใจดี" --birth 1984 \\
              --purpose INVESTIGATION --offence NARC --case TH-2026-17
      liaison watch add --home th --as th.o.1042 --to la --local-reg "LA-VTE 0417" --flag LA \\
              --purpose INVESTIGATION --offence NARC --case TH-2026-18
      liaison watch add --home th --as th.o.1042 --to kh --heading 2933 --consignee "Golden Star Trading" \\
              --purpose CUSTOMS_CONTROL --offence PREC --case TH-2026-19
    """
    said = {name: given.pop(name) for name in fields_of(AddWatch) if name in given}
    body = handed(said | {"query": _query(given), "to": names(to)})
    found = bearer.call("POST", "watches", body, key=idempotency_key)
    return Output(found, watch_lines(found, spoken()))


@click.command("list")
@at_the_desk
@click.option("--over", is_flag=True, help="Those that have ended, as well.")
@page_options
@printed
def list_watches(bearer: Bearer, over: bool, limit: int, after: str) -> Output:
    """Watches of ours that you may read, how they stand, and what they met.

    \b
    Example:
      liaison watch list --home th --as th.o.1042
    """
    found = bearer.call("GET", "watches", over=over, limit=limit, after=after)
    return Output(found, paged_lines(watches_lines(found["watches"], spoken()), found["next"], spoken()))


@click.command()
@_watch
@at_the_desk
@printed
def show(bearer: Bearer, watch: str) -> Output:
    """One watch of ours: what is watched where, how far back it was looked, and what it met.

    \b
    Example:
      liaison watch show 5f0c… --home th --as th.o.1042
    """
    found = bearer.call("GET", f"watches/{quote(watch, safe='')}")
    return Output(found, watch_lines(found, spoken()))


@click.command()
@_watch
@at_the_desk
@options_of(RenewWatch)
@printed
def renew(bearer: Bearer, watch: str, **given: Any) -> Output:
    """Say that a watch is still needed: each 30 days, or it is paused. A supervisor must approve it.

    \b
    Example:
      liaison watch renew 5f0c… --home th --as th.o.1042 --reason "the case is open"
    """
    found = bearer.call("POST", f"watches/{quote(watch, safe='')}/renew", handed(given))
    return Output(found, watch_lines(found, spoken()))


@click.command()
@_watch
@at_the_desk
@options_of(EndWatch)
@printed
def end(bearer: Bearer, watch: str, **given: Any) -> Output:
    """End a watch: its recipients are told, and watch no more.

    \b
    Example:
      liaison watch end 5f0c… --home th --as th.o.1042 --reason "he was arrested"
    """
    found = bearer.call("POST", f"watches/{quote(watch, safe='')}/end", handed(given))
    return Output(found, watch_lines(found, spoken()))


@click.command()
@_watch
@at_the_desk
@options_of(FollowWatch, leave=("watch", "fields"))
@click.option("--fields", default="", metavar="F,F", help="The fields that you need; by default all that may be given.")
@attach_option
@click.option("--idempotency-key", "key", default="", help="The same key returns the first draft.")
@printed
def followup(bearer: Bearer, watch: str, fields: str, files: tuple[Path, ...], key: str, **given: Any) -> Output:
    """Ask the owner of a hit for more: a human there decides, once a supervisor here has approved it.

    \b
    Example:
      liaison watch followup 5f0c… --home th --as th.o.1042 --from la --notice 77ab… \\
              --facts "he was seen at the bridge" --to-office la.blo.houayxay --attach bridge.jpg
    """
    body = handed(given | {"fields": names(fields)}) | bearer.attached(files)
    found = bearer.call("POST", f"watches/{quote(watch, safe='')}/followup", body, key=key)
    return Output(found, drafted_lines(found, spoken()))


@click.command()
@at_the_desk
@page_options
@printed
def taken(bearer: Bearer, limit: int, after: str) -> Output:
    """Watches of other countries on our records, but for those that no person is shown.

    \b
    Example:
      liaison watch taken --home la --as la.d.7
    """
    found = bearer.call("GET", "watches/taken", limit=limit, after=after)
    return Output(found, paged_lines(taken_lines(found["watches"], spoken()), found["next"], spoken()))


def _query(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what is watched as the API takes it. Raises `UsageError` unless it is one thing."""
    goods = {name: text for name in _OF_GOODS if (text := asked.pop(name))}
    if not goods:
        return body_of(one_question(_KINDS, asked, also=tuple(f"--{name}" for name in _OF_GOODS)))
    goods |= {"container": container} if (container := asked.pop("container")) else {}
    if other := next((name for name, value in asked.items() if value), ""):
        raise misplaced(f"--{other.replace('_', '-')}", f"--{next(iter(goods))}")
    return {"kind": "goods", **goods}
