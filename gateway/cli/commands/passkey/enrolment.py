"""`liaison passkey options`, `enrol`, `waiting`, `list`, `public` and `withdraw`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from certs.keyfiles import KeyPlace
from gateway.cli.inputs.acts import act_output, key_option
from gateway.cli.options import FILE, NEW_FILE, TEXT, home_option
from gateway.cli.output import Output, printed
from gateway.cli.speech import usage
from gateway.clock import rfc3339
from gateway.config import argument
from gateway.ops.acts.carry import bring
from gateway.ops.acts.passkeys import (
    draft_enrolment,
    draft_waiting_enrolment,
    draft_withdrawal,
    listed_passkeys,
    new_options,
    passkeys_that_wait,
    write_public_key,
)
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
@click.option("--options", "asked", type=FILE, help="What `liaison passkey options` wrote.")
@click.option("--response", type=FILE, help="The browser's answer, as JSON.")
@click.option("--request", "number", type=TEXT, help="Or the number of a passkey that the person made at the console.")
@_REASON
@key_option("The key of one who signs", more="; two persons sign, so give it twice, or --out")
@_OUT
@printed
def enrol(
    home: Path,
    asked: Path | None,
    response: Path | None,
    number: str | None,
    reason: str,
    keys: tuple[KeyPlace, ...],
    out: Path | None,
) -> Output:
    """Enrol a person's passkey: verify the browser's answer, and have the act carried out that two persons sign.

    \b
    Examples:
      liaison passkey enrol --home th --options options.json --response response.json \\
              --reason "new duty officer" --key adm.key --key data1.key
      liaison passkey enrol --home th --options options.json --response response.json \\
              --reason "new duty officer" --key adm.key --out act
      liaison act sign act --key data1.key --out act      # the other person, on another machine
      liaison act bring act --home th
      liaison passkey enrol --home th --request 5f0c1be0a1d2 --reason "new tablet" --key adm.key --out act
    """
    if number is not None and not (asked or response):
        data = draft_waiting_enrolment(home, number, reason, keys)
    elif asked is not None and response is not None and number is None:
        data = draft_enrolment(home, asked, response, reason, keys)
    else:
        raise usage("give --options and --response, or --request alone")
    if out is not None:
        out.write_bytes(data)
        return act_output(out, data)
    done = bring(home, data)
    return Output(done, [(f"{done['credential']}  is a passkey of `{done['person']}`, by {done['by']}", "good")])


@click.command()
@home_option
@printed
def waiting(home: Path) -> Output:
    """List the passkeys that people made at the console, and that wait for two persons to sign.

    \b
    Example:
      liaison passkey waiting --home th
    """
    found = [
        {"request": item.id, "person": item.person, "made": rfc3339(item.made_us), "until": rfc3339(item.until_us)}
        for item in passkeys_that_wait(home)
    ]
    lines: list[Line] = [f"{item['request']}  {item['person']}  made {item['made']}" for item in found]
    return Output({"waiting": found}, lines or ["no passkey waits"])


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


@click.command()
@home_option
@click.option("--credential", required=True, type=TEXT, help="The passkey's id, or the beginning of it.")
@click.option("--out", required=True, type=NEW_FILE, help="Where the public key goes.")
@printed
def public(home: Path, credential: str, out: Path) -> Output:
    """Write a passkey's public key, for the authority that appoints its person as an auditor (`liaison audit appoint`).

    \b
    Example:
      liaison passkey public --home th --credential Vx3k --out th.auditor.1.pub
    """
    found = write_public_key(home, credential, out)
    return Output(found | {"out": str(out)}, [(f"{out}: the key {found['key_id']} of `{found['person']}`", "good")])
