"""`liaison audit key`, `appoint`, `sign` and `auditors`: an auditor's mandate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from certs.hsm.uri import KeyUri
from certs.keyfiles import KeyPlace
from gateway.cli.inputs.moments import TIME
from gateway.cli.inputs.periods import in_order
from gateway.cli.options import (
    FILE,
    FOLDER,
    KEY,
    NEW_FILE,
    NEW_FOLDER,
    held_option,
    home_option,
)
from gateway.cli.output import Output, printed
from gateway.config import argument
from gateway.ops.audit.auditors import appoint as make_appointment
from gateway.ops.audit.auditors import auditors as listed
from gateway.ops.audit.auditors import scope_of
from gateway.ops.key_pairs import make_key_pair
from gateway.ops.mandate.elsewhere import sign_prepared
from gateway.views.lines import Exact, Line


@click.command()
@click.option("--out", required=True, type=NEW_FOLDER, help="Where the keys go: a place of the auditor's own.")
@click.option("--name", required=True, help="The auditor's id, such as th.auditor.1.")
@held_option
@printed
def key(out: Path, name: str, held: KeyUri | None) -> Output:
    """Make an auditor's key, on the auditor's own machine. The public half goes to the authority that appoints.

    \b
    Example:
      liaison audit key --out keys --name th.auditor.1
    """
    made = make_key_pair(out, name, held)
    words = f"key, for the auditor alone: {made['key']}"
    return Output(made, [(words, "good"), f"public key, for the authority: {made['public']}"])


@click.command()
@home_option
@click.option("--authority", required=True, type=FOLDER, help="The folder with authority.key.")
@click.option("--auditor", required=True, help="The auditor's id, such as th.auditor.1.")
@click.option("--key", "public", required=True, type=FILE, help="The auditor's public key: what `audit key` made.")
@click.option("--by", "appointed_by", required=True, help="Who appoints, in words; every export says it.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 366), help="Days until it expires.")
@click.option("--since", type=TIME, callback=in_order, help="Scope: only entries from this time on.")
@click.option("--until", type=TIME, callback=in_order, help="Scope: only entries before this time.")
@click.option(
    "--counterpart",
    "counterparts",
    multiple=True,
    help="Scope: only with this member; repeatable. The own member's id stands for entries without a counterpart.",
)
@click.option("--agency", "agencies", multiple=True, help="Scope: only where no other agency took part; repeatable.")
@click.option("--without-answers", is_flag=True, help="Scope: not the signed answers, which hold records.")
@click.option("--out", required=True, type=NEW_FILE, help="Where the signed appointment goes, for the auditor.")
@printed
def appoint(
    home: Path,
    authority: Path,
    auditor: str,
    public: Path,
    appointed_by: str,
    days: int,
    since: datetime | None,
    until: datetime | None,
    counterparts: tuple[str, ...],
    agencies: tuple[str, ...],
    without_answers: bool,
    out: Path,
) -> Output:
    """Appoint an auditor: a certificate with scope and expiry, signed by the authority; the descriptor lists its key.

    A later appointment of the same key takes the place of the one before: so a scope is changed, and a mandate ended.

    \b
    Example:
      liaison audit appoint --home th --authority th-authority --auditor th.auditor.1 --key th.auditor.1.pub \\
              --by "Office of the Auditor General, order 12/2026" --days 30 --since 2026-01-01 --counterpart vn \\
              --out appointment.json
    """
    scope = scope_of(since, until, counterparts, agencies, content=not without_answers)
    about = make_appointment(home, authority, public, auditor, scope, days, appointed_by, out)
    return Output(about, _appointed_lines(about, out))


def _appointed_lines(about: dict[str, Any], out: Path) -> Iterator[Line]:
    yield f"`{about['auditor']}` is an auditor of `{about['member']}` until {about['until']}: {out}", "good"
    yield f"  scope: {about['scope']}"
    if about["in_force"]:
        yield f"  descriptor {about['descriptor']} lists the key; a running node takes it within a second"
        yield f"  the others need it before your next status: hand round trust/descriptors/{about['member']}.jsonl"
    else:
        signing = f"liaison trust sign {argument(out)} --authority ADIR"
        yield f"  {about['signatures_needed']} signatures of the authority are needed: {signing}", "warn"
        yield f"  then: liaison trust accept {argument(out)} --home HOME, and liaison trust publish --home HOME", "warn"


@click.command()
@click.argument("file", type=FILE)
@click.option("--key", "key_file", required=True, type=KEY, help="The key of an appointed auditor.")
@printed
def sign(file: Path, key_file: KeyPlace) -> Output:
    """Sign, on the auditor's own machine, what the console's audit pages have prepared. Paste the line there.

    Read what it says before you paste it: the document is your word that you wanted this opened.

    \b
    Example:
      liaison audit sign inspection.json --key keys/th.auditor.1.key
    """
    value, document = sign_prepared(file, key_file)
    said = f"{value['action']} at `{value['member']}`, because: {value['reason']}"
    detail = ", ".join(f"{name} {part}" for name, part in value["detail"].items())
    return Output(value | {"document": document}, [(Exact(said), "warn"), f"  {detail}", document])


@click.command()
@home_option
@printed
def auditors(home: Path) -> Output:
    """List who was appointed as an auditor, by whom, how far and until when.

    \b
    Example:
      liaison audit auditors --home th
    """
    found = listed(home)
    return Output({"auditors": found}, _auditor_lines(found))


def _auditor_lines(found: list[dict[str, Any]]) -> Iterator[Line]:
    for item in found:
        words = f"{item['auditor']}, appointed by {item['appointed_by']}, until {item['until']}"
        yield words, "good" if item["in_force"] else "warn"
        yield f"  scope: {item['scope']}"
        if item["problem"]:
            yield f"  not in force: {item['problem']}"
    if not found:
        yield "nobody was appointed"
