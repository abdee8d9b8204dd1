"""`liaison passkey options`, `enrol`, `list` and `withdraw`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from certs.keyfiles import KeyPlace
from gateway.cli.acts import act_output, key_option
from gateway.cli.options import FILE, NEW_FILE, TEXT, home_option
from gateway.cli.output import Output, printed
from gateway.config import argument
from gateway.ops.acts.carry import bring
from gateway.ops.acts.passkeys import draft_enrolment, draft_withdrawal, listed_passkeys, new_options
from gateway.signing import strict_json
from gateway.views.lines import Line

_REASON = click.option("--reason", required=True, type=TEXT, help="Why; it stands in the entry.")
_OUT = click.option(
    "--out", type=NEW_FILE, help="Only sign: the act goes here, for the other person (liaison act sign)."
)


@click.command()
@home_option
@click.option("--person", required=True, type=TEXT, help="The person's id, as their officer tokens have it.")
@click.option("--out", required=True, type=NEW_FILE, help="The options, as JSON.")
@printed
def options(home: Path, person: str, out: Path) -> Output:
    """Write the options for `navigator.credentials.create`; its answer (`toJSON()`) is what `enrol` takes.

    \b
    Example:
      liaison passkey options --home th --person th.d.7 --out options.json
    """
    value = new_options(home, person)
    out.write_bytes(strict_json.dumps(value) + b"\n")
    following = f"liaison passkey enrol --home {argument(home)} --options {argument(out)} --response FILE"
    lines: list[Line] = [(f"{out}: for `{person}` at {value['rp']['id']}", "good"), f"  next: {following}"]
    return Output(value | {"out": str(out)}, lines)


@click.command()
@home_option
@click.option("--options", "asked", required=True, type=FILE, help="What `liaison passkey options` wrote.")
@click.option("--response", required=True, type=FILE, help="The browser's answer, as JSON.")
@_REASON
@key_option("The key of one who signs", more="; two persons sign, so give it twice, or --out")
@_OUT
@printed
def enrol(home: Path, asked: Path, response: Path, reason: str, keys: tuple[KeyPlace, ...], out: Path | None) -> Output:
    """Enrol a person's passkey: verify the browser's answer, and have the act carried out that two persons sign.

    \b
    Examples:
      liaison passkey enrol --home th --options options.json --response response.json \\
              --reason "new duty officer" --key adm.key --key data1.key
      liaison passkey enrol --home th --options options.json --response response.json \\
              --reason "new duty officer" --key adm.key --out act
      liaison act sign act --key data1.key --out act      # the other person, on another machine
      liaison act bring act --home th
    """
    data = draft_enrolment(home, asked, response, reason, keys)
    if out is not None:
        out.write_bytes(data)
        return act_output(out, data)
    done = bring(home, data)
    return Output(done, [(f"{done['credential']}  is a passkey of `{done['person']}`, by {done['by']}", "good")])


@click.command("list")
@home_option
@printed
def list_all(home: Path) -> Output:
    """List all passkeys that were ever enrolled.

    \b
    Example:
      liaison passkey list --home th
    """
    found = [item.as_json() for item in listed_passkeys(home)]
    return Output({"passkeys": found}, _lines(found))


def _lines(found: list[dict[str, object]]) -> Iterator[Line]:
    for item in found:
        state = f"withdrawn {item['withdrawn']}" if item["withdrawn"] else f"since {item['enrolled']}"
        text = f"{item['person']}  {item['algorithm']}  {state}  signed {item['counter']} times  {item['credential']}"
        yield text, "dim" if item["withdrawn"] else "good"
    if not found:
        yield "no passkey was ever enrolled"


@click.command()
@home_option
@click.option("--credential", required=True, type=TEXT, help="The passkey's id, or the beginning of it.")
@_REASON
@key_option("An administrator's or approver's key")
@_OUT
@printed
def withdraw(home: Path, credential: str, reason: str, keys: tuple[KeyPlace, ...], out: Path | None) -> Output:
    """Let a passkey count no more, at once and for good. What it signed before stays proved.

    \b
    Example:
      liaison passkey withdraw --home th --credential Vx3k --reason "lost" --key adm.key
    """
    data = draft_withdrawal(home, credential, reason, keys)
    if out is not None:
        out.write_bytes(data)
        return act_output(out, data)
    done = bring(home, data)
    return Output(done, [(f"{done['credential']}  of `{done['person']}` counts no more, by {done['by']}", "good")])
