"""`liaison consent`: decide on counterparts' requests to use our records onward."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway.agency.officer_tokens.keys import handed_in
from gateway.audit.acts.table import ActKind
from gateway.cli.inputs.documents import token_in
from gateway.cli.officers import trial_token
from gateway.cli.options import FILE, home_option, together
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.desk.consent.reading import listed, shown
from gateway.language.dates import with_zones
from gateway.ops.acts.carry import carry_out
from gateway.ops.acts.mailbox import Order
from gateway.views.lines import Exact, Line
from gateway.views.search.lines import value_text

_decision = together(
    home_option,
    click.option("--id", "name", required=True, help="The request, as `liaison consent list` shows it."),
    click.option("--as", "officer", default="", metavar="OFFICER", help="Who decides, in trials: the officer's id."),
    click.option("--token", type=FILE, help="Who decides: the file with the officer's token."),
    click.option("--reason", required=True, help="Why; it is logged, and the counterpart does not see it."),
)


@click.command("list")
@home_option
@printed
def list_all(home: Path) -> Output:
    """All requests whose time is not over; those that wait for a decision first.

    \b
    Example:
      liaison consent list --home vn
    """
    found = listed(home)
    lines = [line for item in found for line in _request_lines(item)]
    return Output({"requests": found}, lines or ["no requests for consent"])


@click.command()
@home_option
@click.option("--id", "name", required=True, help="The request, as `liaison consent list` shows it.")
@printed
def show(home: Path, name: str) -> Output:
    """One request: who asks, for what, and the record as they have it.

    \b
    Example:
      liaison consent show --home vn --id 3c1f…
    """
    item = shown(home, name)
    return Output(item, _record_lines(item))


def _record_lines(item: dict[str, Any]) -> Iterator[Line]:
    yield from _request_lines(item)
    asker = item["requester"]
    office = f"{asker['office']} ({asker['agency']})"
    yield f"  asked by {asker['role']} {asker['pseudonym']} at {office}, case {item['case']}"
    yield Exact(f"  they say: {item['justification']}")
    yield f"  exchange {item['exchange_id']}; received {item['received']}"
    yield f"  the record as they have it ({item['owner']}):"
    for field, value in item["record"]["fields"].items():
        yield Exact(f"    {field}: {value_text(value, field=field)}")
    marking = (f"{part} {value_text(value, field=part)}" for part, value in item["record"]["marking"].items() if value)
    yield f"  handling: {', '.join(marking)}"


@click.command()
@_decision
@click.option("--hours", type=click.FloatRange(0, min_open=True), help="For how long; by default to the record's end.")
@printed
def grant(home: Path, name: str, officer: str, token: Path | None, reason: str, hours: float | None) -> Output:
    """Consent to exactly what was asked.

    \b
    Example:
      liaison consent grant --home vn --id 3c1f… --as vn.o.1042 --reason "same case here" --hours 12
    """
    return _decide(home, {"consent": name, "granted": True, "hours": hours}, officer, token, reason)


@click.command()
@_decision
@printed
def refuse(home: Path, name: str, officer: str, token: Path | None, reason: str) -> Output:
    """Refuse consent; the counterpart learns that, and not why.

    \b
    Example:
      liaison consent refuse --home vn --id 3c1f… --as vn.o.1042 --reason "source at risk"
    """
    return _decide(home, {"consent": name, "granted": False, "hours": None}, officer, token, reason)


def _decide(home: Path, detail: dict[str, Any], officer: str, token: Path | None, reason: str) -> Output:
    if bool(officer) == bool(token):
        raise click.UsageError("say who decides: --token FILE, or in trials --as OFFICER")
    settings = load_settings(home)
    proof = (
        trial_token(settings, officer, role="", office="", agency="", purpose="")
        if token is None
        else token_in("--token", token)
    )
    order = Order(ActKind.CONSENT, token=proof, reason=reason, detail=detail)
    item = carry_out(home, order, handed_in(settings, SystemClock()))
    told = ("  the counterpart learns it once the running node has written its entry", "dim")
    return Output(item, [*_request_lines(item), told])


def _request_lines(item: dict[str, Any]) -> Iterator[Line]:
    asked = item["asked"]
    to = ".".join(part for part in (asked["to"], asked["to_agency"]) if part)
    style = {"open": "warn", "granted": "good"}.get(item["state"], "bad")
    yield f"{item['id']}  {item['state']}  `{item['from']}` asks: {asked['use']} of a {item['type']} to {to}", style
    office = f"office {asked['to_office']}, " if asked["to_office"] else ""
    yield f"  {office}purpose {asked['purpose']}, ends {item['ends']}"
    if "decision" in item:
        decision = item["decision"]
        until = f", until {with_zones(decision['until'])}" if decision["until"] else ""
        at = with_zones(decision["at"])
        yield Exact(f"  {item['state']} by {decision['by']} at {at}{until}: {decision['reason']}")
