"""`liaison alert raise`, `list`, `show`, `renew`, `lift` and `close`, through the node's own REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.commands.desk.steps import outcome_options
from gateway.cli.inputs.bearers import Bearer, at_the_desk, attach_option
from gateway.cli.inputs.documents import json_object
from gateway.cli.inputs.handed import handed, options_of
from gateway.cli.options import FILE, TEXT, VESSEL, Word, page_options, vessel_options
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken, usage
from gateway.language.terms import ACTIONS
from gateway.model.handed.alerts import LiftAlert, RaiseAlert, RenewAlert
from gateway.views.desk.alerts import alert_lines, alerts_lines
from gateway.views.desk.lines import paged_lines

_ACTIONS = Word([code for code in ACTIONS if not code.startswith("DO_NOT")])
_FORBIDDEN = Word([code for code in ACTIONS if code.startswith("DO_NOT")])
_alert = click.argument("alert", metavar="ALERT", type=TEXT)


@click.command("raise")
@at_the_desk
@click.option("--to", required=True, metavar="M,M", help="Who gets it: la,vn, or offices such as la.blo.houay-xai.")
@click.option("--action", required=True, type=_ACTIONS, help="What is to be done, as a code.")
@click.option("--do-not", "do_not", multiple=True, type=_FORBIDDEN, help="What is not to be done; may be repeated.")
@click.option("--reason", required=True, type=TEXT, help="Why, in words: the officers there read it.")
@click.option("--name", "names", multiple=True, type=TEXT, help="The whole name, in any script; may be repeated.")
@click.option("--birth", default="", help="YYYY, YYYY-MM or YYYY-MM-DD, Gregorian.")
@click.option("--plate", "plates", multiple=True, type=TEXT, help="A plate; may be repeated.")
@click.option("--container", "containers", multiple=True, type=TEXT, help="A container's number; may be repeated.")
@vessel_options
@click.option(
    "--document", "documents", multiple=True, type=TEXT, metavar="NUMBER[:ISSUER]", help="A document, such as P1:THA."
)
@click.option("--fields", "file", type=FILE, help="More fields of the record type Alert (JSON).")
@attach_option
@options_of(RaiseAlert, leave=("to", "fields"))
@click.option("--idempotency-key", default="", help="The same key returns the first alert.")
@printed
def raise_alert(
    bearer: Bearer,
    to: str,
    action: str,
    do_not: tuple[str, ...],
    names: tuple[str, ...],
    birth: str,
    reason: str,
    plates: tuple[str, ...],
    containers: tuple[str, ...],
    documents: tuple[str, ...],
    file: Path | None,
    files: tuple[Path, ...],
    idempotency_key: str,
    **given: Any,
) -> Output:
    """Raise an alert: it is sent once another person has approved it (`liaison desk approve`).

    \b
    Examples:
      liaison alert raise --home th --as th.o.1042 --to la,vn --action DISCREET_CHECK --plate "กข 1234" \\
              --reason "carries ketamine" --purpose INVESTIGATION --offence NARC --case TH-2026-17
      liaison alert raise --home th --as th.o.1042 --to vn.blo.moc-bai --action MISSING_CHILD \\
              --name "สมชาย ใจดี" --birth 2016 --to-life --reason "taken from school today" \\
              --purpose MISSING_PERSON --offence TIP --case TH-2026-18
      liaison alert raise --home th --as th.o.1042 --to la --action SEIZE_OBJECT --local-reg "LA-VTE 0417" --flag LA \\
              --reason "brings precursors by night" --purpose INVESTIGATION --offence PREC --case TH-2026-19
    """
    fields = json_object("--fields", file)
    fields |= {"alert_class": action, "reason": reason}
    if names:
        fields["names"] = [{"text": name} for name in names]
    fields |= {"birth": {"value": birth}} if birth else {}
    things = [{"kind": "vehicle", "plate": plate} for plate in plates]
    things += [{"kind": "container", "number": number} for number in containers]
    things += _vessels({name: given.pop(name) for name in (*VESSEL, "flag")})
    more = (("objects", things), ("identifiers", [_document(text) for text in documents]), ("do_not", list(do_not)))
    fields |= {name: values for name, values in more if values}
    body = {"to": _addressees(to), "fields": fields, **handed(given), **bearer.attached(files)}
    found = bearer.call("POST", "alerts", body, key=idempotency_key)
    return Output(found, alert_lines(found, spoken()))


@click.command("list")
@at_the_desk
@click.option("--over", is_flag=True, help="Those that have ended, as well.")
@page_options
@printed
def list_alerts(bearer: Bearer, over: bool, limit: int, after: str) -> Output:
    """Alerts of ours that you may read, and how each counterpart stands.

    \b
    Example:
      liaison alert list --home th --as th.o.1042
    """
    found = bearer.call("GET", "alerts", over=over, limit=limit, after=after)
    return Output(found, paged_lines(alerts_lines(found["alerts"], spoken()), found["next"], spoken()))


@click.command()
@_alert
@at_the_desk
@printed
def show(bearer: Bearer, alert: str) -> Output:
    """One alert of ours, and how each counterpart stands.

    \b
    Example:
      liaison alert show 5f0c… --home th --as th.o.1042
    """
    found = bearer.call("GET", f"alerts/{quote(alert, safe='')}")
    return Output(found, alert_lines(found, spoken()))


@click.command()
@_alert
@at_the_desk
@options_of(RenewAlert)
@printed
def renew(bearer: Bearer, alert: str, **given: Any) -> Output:
    """Let an alert stand for longer, once another person has approved it, or end sooner: 90 days from now at most.

    What was approved stands until then: `liaison desk list` shows the other person what waits.

    \b
    Example:
      liaison alert renew 5f0c… --home th --as th.o.1042 --until "2026-12-04 08:00"
    """
    found = bearer.call("POST", f"alerts/{quote(alert, safe='')}/renew", handed(given))
    return Output(found, alert_lines(found, spoken()))


@click.command()
@_alert
@at_the_desk
@options_of(LiftAlert)
@printed
def lift(bearer: Bearer, alert: str, **given: Any) -> Output:
    """Lift an alert: every counterpart's node hides it as it takes the word of it.

    \b
    Example:
      liaison alert lift 5f0c… --home th --as th.o.1042 --reason found --text "at her aunt's"
    """
    found = bearer.call("POST", f"alerts/{quote(alert, safe='')}/lift", handed(given))
    return Output(found, alert_lines(found, spoken()))


@click.command()
@_alert
@at_the_desk
@outcome_options
@printed
def close(bearer: Bearer, alert: str, **given: Any) -> Output:
    """End an alert with what came of it.

    \b
    Example:
      liaison alert close 5f0c… --home th --as th.o.1042 --outcome LOCATED --persons 1
    """
    found = bearer.call("POST", f"alerts/{quote(alert, safe='')}/close", handed(given))
    return Output(found, alert_lines(found, spoken()))


def _document(text: str) -> dict[str, str]:
    number, _, issuer = text.partition(":")
    return {"number": number} | ({"issuer": issuer} if issuer else {})


def _vessels(given: dict[str, str]) -> list[dict[str, str]]:
    """Return the vessel that is sought; none without one. Raises `UsageError` for a flag alone."""
    known = {name.replace("vessel", "name"): text for name, text in given.items() if text}
    if not known:
        return []
    if set(known) == {"flag"}:
        raise usage("--flag goes with --vessel or a number of it")
    return [{"kind": "vessel", **known}]


def _addressees(to: str) -> list[dict[str, Any]]:
    """Return the counterparts with their offices. Raises `UsageError` where none is named."""
    found: dict[str, list[str]] = {}
    for name in (part.strip() for part in to.split(",") if part.strip()):
        member = name.partition(".")[0]
        found.setdefault(member, []).extend([name] if "." in name else [])
    if not found:
        raise usage("--to is empty: name the members to ask, such as la,vn")
    return [{"member": member, "offices": offices} for member, offices in found.items()]
