"""`liaison audit key`, `appoint`, `auditors` and `open`: an auditor's mandate, from appointment to opened entries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli.options import TIME, home_option, json_option
from gateway.cli.output import print_json, say, working
from gateway.config import argument
from gateway.ops.audit.auditors import appoint as make_appointment
from gateway.ops.audit.auditors import auditors as listed
from gateway.ops.audit.auditors import open_entries, scope_of
from gateway.ops.key_pairs import make_key_pair

_FOLDER = click.Path(file_okay=False, path_type=Path)
_THERE = click.Path(file_okay=False, exists=True, path_type=Path)
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--out", required=True, type=_FOLDER, help="Where the keys go: a place of the auditor's own.")
@click.option("--name", required=True, help="The auditor's id, such as th.auditor.1.")
@json_option
def key(out: Path, name: str, as_json: bool) -> int:
    """Make an auditor's key, on the auditor's own machine. The public half goes to the authority that appoints.

    \b
    Example:
      liaison audit key --out keys --name th.auditor.1
    """
    made = make_key_pair(out, name)
    if as_json:
        print_json(made)
        return 0
    say(f"key, for the auditor alone: {made['key']}", "good")
    say(f"public key, for the authority: {made['public']}")
    return 0


@click.command()
@home_option
@click.option("--authority", required=True, type=_THERE, help="The folder with authority.key.")
@click.option("--auditor", required=True, help="The auditor's id, such as th.auditor.1.")
@click.option("--key", "public", required=True, type=_FILE, help="The auditor's public key: what `audit key` made.")
@click.option("--by", "appointed_by", required=True, help="Who appoints, in words; every export says it.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 366), help="Days until it expires.")
@click.option("--since", type=TIME, help="Scope: only entries from this time on (UTC).")
@click.option("--until", type=TIME, help="Scope: only entries before this time (UTC).")
@click.option(
    "--counterpart",
    "counterparts",
    multiple=True,
    help="Scope: only with this member; repeatable. The own member's id stands for entries without a counterpart.",
)
@click.option("--agency", "agencies", multiple=True, help="Scope: only where no other agency took part; repeatable.")
@click.option("--without-answers", is_flag=True, help="Scope: not the signed answers, which hold records.")
@click.option("--out", required=True, type=_OUT, help="Where the signed appointment goes, for the auditor.")
@json_option
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
    as_json: bool,
) -> int:
    """Appoint an auditor: a certificate with scope and expiry, signed by the authority; the descriptor lists its key.

    A later appointment of the same key takes the place of the one before: so a scope is changed, and a mandate ended.

    \b
    Example:
      liaison audit appoint --home th --authority th-authority --auditor th.auditor.1 --key th.auditor.1.pub \\
              --by "Office of the Auditor General, order 12/2026" --days 30 --since 2026-01-01 --counterpart vn \\
              --out appointment.json
    """
    begin, end = (_utc(moment) for moment in (since, until))
    if begin and end and begin >= end:
        raise click.UsageError("--since is not before --until")
    scope = scope_of(begin, end, counterparts, agencies, content=not without_answers)
    about = make_appointment(home, authority, public, auditor, scope, days, appointed_by, out)
    if as_json:
        print_json(about)
        return 0
    say(f"`{about['auditor']}` is an auditor of `{about['member']}` until {about['until'][:10]}: {out}", "good")
    say(f"  scope: {about['scope']}")
    if about["in_force"]:
        say(f"  descriptor {about['descriptor']} lists the key; a running node takes it within a second")
        say(f"  the others need it before your next status: hand round trust/descriptors/{about['member']}.jsonl")
    else:
        signing = f"liaison trust sign {argument(out)} --authority ADIR"
        say(f"  {about['signatures_needed']} signatures of the authority are needed: {signing}", "warn")
        say(f"  then: liaison trust accept {argument(out)} --home HOME, and liaison trust publish --home HOME", "warn")
    return 0


@click.command()
@home_option
@json_option
def auditors(home: Path, as_json: bool) -> int:
    """List who was appointed as an auditor, by whom, how far and until when.

    \b
    Example:
      liaison audit auditors --home th
    """
    found = listed(home)
    if as_json:
        print_json({"auditors": found})
        return 0
    for item in found:
        say(
            f"{item['auditor']}, appointed by {item['appointed_by']}, until {item['until'][:10]}",
            "good" if item["in_force"] else "warn",
        )
        say(f"  scope: {item['scope']}")
        if item["problem"]:
            say(f"  not in force: {item['problem']}")
    if not found:
        say("nobody was appointed")
    return 0


@click.command("open")
@home_option
@click.option("--key", "key_file", required=True, type=_FILE, help="The key of an appointed auditor.")
@click.option("--entry", "entries", multiple=True, required=True, type=click.IntRange(0), help="Its place; repeatable.")
@click.option(
    "--log", default="exchange", show_default=True, help="exchange or operations; exchange/2 for an older one."
)
@click.option("--reason", required=True, help="Why; it stands in the log before anything is shown.")
@json_option
def open_command(home: Path, key_file: Path, entries: tuple[int, ...], log: str, reason: str, as_json: bool) -> int:
    """Open entries within the scope of an appointment. The opening has its own entry before anything is shown.

    The node may run: it writes that entry. Nothing is shown without it.

    \b
    Example:
      liaison audit open --home th --key th.auditor.1.key --entry 42 --reason "complaint 7/2026"
    """
    with working("waiting for the entry of this opening"):
        found = open_entries(home, key_file, log, entries, reason)
    if as_json:
        print_json(found)
        return 0
    say(f"this opening is entry {found['entry']['index']} of {found['entry']['log']}", "title")
    for item in found["entries"]:
        place = f"entry {item['index']} of {item['log']}, {item['time']}, {item['kind']} {item['peer']}".rstrip()
        say(place, "title")
        if item["erased"]:
            say(f"  erased: {item['erased']}", "warn")
        for name, value in item["private"].items():
            say(f"  {name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    return 0


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
