"""`liaison onward`: ask through the node's own REST API whether a record from abroad may be used onward."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import NodeClient
from gateway.cli.inputs.handed import option_of
from gateway.cli.officers import trial_token
from gateway.cli.options import home_option, unlisted_officer
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.config import load_settings
from gateway.errors import Malformed
from gateway.model.desk.consent import Use
from gateway.model.handed.onward import UseOnward
from gateway.model.names import member_id
from gateway.views.lines import Line


@click.command()
@home_option
@click.option("--as", "officer", required=True, metavar="OFFICER", help="The officer who asked.")
@option_of(UseOnward, "search")
@click.option("--from", "owner", default="", metavar="COUNTRY", help="The country whose hit it is; or --exchange.")
@click.option("--exchange", default="", help="The exchange id of that country's line, as `ask --json` shows it.")
@option_of(UseOnward, "hit", required=False, default=0, show_default=True)
@click.option("--to", default="", metavar="COUNTRY.AGENCY", help="Who is to have it, such as th.customs.")
@click.option(
    "--to-office", default="", help="The office there; what is not named is taken for another one than yours."
)
@option_of(UseOnward, "purpose")
@option_of(UseOnward, "use", required=False, default=Use.PASS_ON.value, show_default=True)
@option_of(UseOnward, "reason")
@unlisted_officer
@printed
def onward(
    home: Path,
    officer: str,
    search: str,
    owner: str,
    exchange: str,
    hit: int,
    to: str,
    to_office: str,
    purpose: str,
    use: str,
    reason: str,
    role: str,
    office: str,
    agency: str,
) -> Output:
    """Pass a record from abroad on, use it as evidence or act upon it: the owner's marking decides.

    Where the marking leaves it to the owner, the owner's node is asked for consent, and a human there decides; give
    the same command again to learn whether that has happened. Without --to the use stays in the officer's own office.

    \b
    Examples:
      liaison onward --home th --as th.o.1042 --search 5f0c… --from kh --to th.customs \\
              --purpose INVESTIGATION --use pass-on --reason "the container is in their yard"
      liaison onward --home th --as th.o.1042 --search 5f0c… --from kh --hit 1 \\
              --purpose INVESTIGATION --use evidence --reason "case TH-2026-17 goes to court"

    Exit code 0 when it is allowed, 1 when it is refused or waits for the owner.
    """
    settings = load_settings(home)
    member, receiver = _receiver(to)
    if to_office and not to:
        raise click.UsageError("--to-office needs --to: name the country and the agency as well")
    if bool(owner) == bool(exchange):
        raise click.UsageError("whose hit is it? Give --from or --exchange")
    if use == Use.PASS_ON and not to:
        raise click.UsageError("--to is missing: who is to have it?")
    body: dict[str, Any] = {"hit": hit, "purpose": purpose, "use": use, "reason": reason}
    body |= {"to": {"member": member, "agency": receiver, "office": to_office}} if to else {}
    token = trial_token(settings, officer, role=role, office=office, agency=agency, purpose=purpose)
    with NodeClient(settings, language=spoken()) as node:
        body["exchange_id"] = exchange or _exchange_with(owner, node.get(search, token))
        answer = node.onward(search, body, token)
    return Output(answer, _lines(answer), 0 if answer["decision"] == "allowed" else 1)


def _receiver(to: str) -> tuple[str, str]:
    """Return member and agency of `--to`. Raises `UsageError` where it does not begin with a member."""
    member, _, agency = to.partition(".")
    try:
        return (str(member_id(member)) if to else ""), agency
    except Malformed as error:
        raise click.UsageError(f"--to: {error.message} (write COUNTRY.AGENCY, such as th.customs)") from error


def _exchange_with(owner: str, search: dict[str, Any]) -> str:
    found: list[str] = [line["exchange_id"] for line in search["lines"] if line["member"] == owner]
    if not found or not found[0]:
        raise click.UsageError(f"this search has no line of another country `{owner}`")
    return found[0]


def _lines(answer: dict[str, Any]) -> Iterator[Line]:
    consent = answer["consent"]
    if answer["decision"] == "allowed":
        yield f"allowed: {answer['text']}", "good"
        yield f"  until {answer['until']}" + (f", under consent {consent['id']}" if consent else "")
        return
    yield f"not yet: {answer['text']}", "warn"
    if consent["state"] == "not-taken":
        yield f"  the owner did not take the request {consent['id']} ({consent['problem']})", "bad"
        return
    if consent["state"] == "taken":
        yield f"  the owner's node has taken the request {consent['id']}; a human there decides"
    else:
        why = f" ({consent['problem']})" if consent["problem"] else ""
        yield f"  waiting: the owner's node has not taken the request {consent['id']} yet{why}; it is sent again"
    yield f"  give the same command again before {answer['until']}"
