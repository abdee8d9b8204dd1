"""`liaison consent`: decide on counterparts' requests to use our records onward."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.agency.token_keys import handed_in
from gateway.audit.acts.table import ActKind
from gateway.cli.officers import trial_token
from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_json, say
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.desk.consent_decisions import listed, shown
from gateway.ops.acts.carry import carry_out
from gateway.ops.acts.mailbox import Order
from gateway.views.search_lines import value_text

_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
_F = TypeVar("_F", bound=Callable[..., Any])

_DECISION = (
    click.option("--id", "name", required=True, help="The request, as `liaison consent list` shows it."),
    click.option("--as", "officer", default="", metavar="OFFICER", help="Who decides, in trials: the officer's id."),
    click.option("--token", type=_FILE, help="Who decides: the file with the officer's token."),
    click.option("--reason", required=True, help="Why; it is logged, and the counterpart does not see it."),
)


def _decision(command: _F) -> _F:
    for option in reversed(_DECISION):
        command = option(command)
    return home_option(json_option(command))


@click.command("list")
@home_option
@json_option
def list_all(home: Path, as_json: bool) -> int:
    """All requests whose time is not over; those that wait for a decision first.

    \b
    Example:
      liaison consent list --home vn
    """
    found = listed(home)
    if as_json:
        print_json({"requests": found})
        return 0
    if not found:
        say("no requests for consent")
    for item in found:
        _line(item)
    return 0


@click.command()
@home_option
@click.option("--id", "name", required=True, help="The request, as `liaison consent list` shows it.")
@json_option
def show(home: Path, name: str, as_json: bool) -> int:
    """One request: who asks, for what, and the record as they have it.

    \b
    Example:
      liaison consent show --home vn --id 3c1f…
    """
    item = shown(home, name)
    if as_json:
        print_json(item)
        return 0
    _line(item)
    asker = item["requester"]
    say(
        f"  asked by {asker['role']} {asker['pseudonym']} at {asker['office']} ({asker['agency']}), case {item['case']}"
    )
    say(f"  they say: {item['justification']}")
    say(f"  exchange {item['exchange_id']}; received {item['received']}")
    say(f"  the record as they have it ({item['owner']}):")
    for field, value in item["record"]["fields"].items():
        say(f"    {field}: {value_text(value)}")
    marking = (f"{part} {value_text(value)}" for part, value in item["record"]["marking"].items() if value)
    say(f"  handling: {', '.join(marking)}")
    return 0


@click.command()
@_decision
@click.option("--hours", type=click.FloatRange(0, min_open=True), help="For how long; by default to the record's end.")
def grant(
    home: Path, name: str, officer: str, token: Path | None, reason: str, hours: float | None, as_json: bool
) -> int:
    """Consent to exactly what was asked.

    \b
    Example:
      liaison consent grant --home vn --id 3c1f… --as vn.o.1042 --reason "same case here" --hours 12
    """
    return _decide(home, {"consent": name, "granted": True, "hours": hours}, officer, token, reason, as_json=as_json)


@click.command()
@_decision
def refuse(home: Path, name: str, officer: str, token: Path | None, reason: str, as_json: bool) -> int:
    """Refuse consent; the counterpart learns that, and not why.

    \b
    Example:
      liaison consent refuse --home vn --id 3c1f… --as vn.o.1042 --reason "source at risk"
    """
    return _decide(home, {"consent": name, "granted": False, "hours": None}, officer, token, reason, as_json=as_json)


def _decide(home: Path, detail: dict[str, Any], officer: str, token: Path | None, reason: str, *, as_json: bool) -> int:
    if bool(officer) == bool(token):
        raise click.UsageError("say who decides: --token FILE, or in trials --as OFFICER")
    settings = load_settings(home)
    proof = (
        trial_token(settings, officer, role="", office="", agency="", purpose="")
        if token is None
        else token.read_text(encoding="ascii", errors="replace").strip()
    )
    order = Order(ActKind.CONSENT, token=proof, reason=reason, detail=detail)
    item = carry_out(home, order, handed_in(settings, SystemClock()))
    if as_json:
        print_json(item)
    else:
        _line(item)
        say("  the counterpart learns it once the running node has written its entry", "dim")
    return 0


def _line(item: dict[str, Any]) -> None:
    asked = item["asked"]
    to = ".".join(part for part in (asked["to"], asked["to_agency"]) if part)
    style = {"open": "warn", "granted": "good"}.get(item["state"], "bad")
    say(f"{item['id']}  {item['state']}  `{item['from']}` asks: {asked['use']} of a {item['type']} to {to}", style)
    office = f"office {asked['to_office']}, " if asked["to_office"] else ""
    say(f"  {office}purpose {asked['purpose']}, ends {item['ends']}")
    if "decision" in item:
        decision = item["decision"]
        until = f", until {decision['until']}" if decision["until"] else ""
        say(f"  {item['state']} by {decision['by']} at {decision['at']}{until}: {decision['reason']}")
