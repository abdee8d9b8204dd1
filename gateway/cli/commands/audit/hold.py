"""`liaison audit hold`: keep the content of entries from erasure for a time, by two approvers' signatures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from certs.keyfiles import KeyPlace
from gateway.audit.retention.holds import MAX_PLACES
from gateway.cli.inputs.acts import subject_options, with_unread
from gateway.cli.inputs.moments import TIME_AHEAD
from gateway.cli.options import FILE, KEY, NEW_FILE, home_option
from gateway.cli.output import Output, printed, progress_bars
from gateway.errors import Unknown
from gateway.language.dates import with_zones
from gateway.ops.retention.forget_plan import Subject, entry_places, of_subject
from gateway.ops.retention.hold_documents import (
    bring_command,
    bring_hold,
    draft_hold,
    draft_lift,
    hold_value,
    list_holds,
    sign_command,
    sign_hold,
)
from gateway.trust.documents.policy_approval import APPROVALS
from gateway.views.lines import Exact, Line

_KEY = click.option("--key", required=True, type=KEY, help="The key of a data officer or approver.")
_REASON = click.option("--reason", required=True, help="Why; it stands in the entry.")
_OUT_OPTION = click.option("--out", required=True, type=NEW_FILE, help="The document, for the other approver.")


@click.command()
@home_option
@click.option(
    "--entry", "entries", multiple=True, metavar="LOG:INDEX", help="One entry, such as exchange/1:17; repeatable."
)
@click.option("--exchange", "exchanges", multiple=True, metavar="ID", help="Every entry of one exchange; repeatable.")
@subject_options
@click.option("--until", "ends", required=True, type=TIME_AHEAD, help="When it ends by itself; at most 366 days away.")
@_REASON
@_KEY
@_OUT_OPTION
@printed
def draft(
    home: Path,
    entries: tuple[str, ...],
    exchanges: tuple[str, ...],
    subject: Subject,
    ends: datetime,
    reason: str,
    key: KeyPlace,
    out: Path,
) -> Output:
    """Write a new hold with the first approver's signature.

    A subject is meant as in liaison audit erase: --number and --record hold the entries that are there now. To find
    them has its entry, which the same key signs. How many could not be judged stands in the hold's reason (exit code
    3).

    \b
    Examples:
      liaison audit hold draft --home th --exchange 3c1f… --until 2027-06-01 --reason "case 7" --key a.key --out h
      liaison audit hold draft --home th --number C4419027 --until 2027-06-01 --reason "case 7" --key a.key --out h
    """
    if not (entries or exchanges or subject):
        raise click.UsageError("say what to hold: --entry, --exchange, or --number and --record")
    places, unread = entry_places(entries), 0
    if subject:
        with progress_bars() as progress:
            found, unread = of_subject(home, subject, reason, "", [key], progress)
        for log, indexes in found.items():
            places.setdefault(log, []).extend(indexes)
        if not places and not exchanges:
            raise _none_found(unread)
    said = f"{reason} ({unread} entries unread: their keys are lost)" if unread else reason
    return with_unread(_written(out, draft_hold(home, places, exchanges, ends, said, key)), unread)


@click.command()
@home_option
@click.option("--hold", "name", required=True, help="The hold, as `liaison audit hold list` shows it.")
@_REASON
@_KEY
@_OUT_OPTION
@printed
def lift(home: Path, name: str, reason: str, key: KeyPlace, out: Path) -> Output:
    """Write the lifting of a hold with the first approver's signature.

    \b
    Example:
      liaison audit hold lift --home th --hold hold-… --reason "case closed" --key a.key --out l
    """
    return _written(out, draft_lift(home, name, reason, key))


@click.command()
@click.argument("file", type=FILE)
@_KEY
@_OUT_OPTION
@printed
def sign(file: Path, key: KeyPlace, out: Path) -> Output:
    """Read a document, and add an approver's signature.

    \b
    Example:
      liaison audit hold sign h --key b.key --out h
    """
    return _written(out, sign_hold(file, key))


@click.command()
@click.argument("file", type=FILE)
@home_option
@printed
def bring(file: Path, home: Path) -> Output:
    """Place or lift a hold that two approvers signed; a running node does it within a second or so.

    \b
    Example:
      liaison audit hold bring h --home th
    """
    done = bring_hold(home, file)
    what = "placed" if done["action"] == "place" else "lifted"
    return Output(done, [(f"{done['hold']} is {what}, signed by {len(done['approvers'])} persons", "good")])


@click.command("list")
@home_option
@printed
def list_all(home: Path) -> Output:
    """All holds that were ever placed, and whether they stand.

    \b
    Example:
      liaison audit hold list --home th
    """
    found = list_holds(home)
    return Output({"holds": found}, _hold_lines(found))


def _hold_lines(found: list[dict[str, Any]]) -> Iterator[Line]:
    for item in found:
        named = [f"{len(indexes)} entries of {log}" for log, indexes in item["entries"].items()]
        named += [f"{len(item['exchanges'])} exchanges"] if item["exchanges"] else []
        style = "warn" if item["state"] == "stands" else "dim"
        until = with_zones(item["until"])
        yield Exact(f"{item['id']}  {item['state']:<7} until {until}  {', '.join(named)}: {item['reason']}"), style
    if not found:
        yield "no hold was ever placed"


def _none_found(unread: int) -> Unknown:
    if not unread:
        return Unknown("no entry is about this subject", code="no-such-subject", where="--number")
    return Unknown(
        "no entry that can be opened is about this subject; the keys of {unread} others are lost",
        code="subject-unreadable",
        where="--number",
        remedy="put the keys back, from the copy of the keystore; or hold those entries with --entry",
        unread=unread,
    )


def _places(indexes: list[int]) -> str:
    if len(indexes) <= MAX_PLACES:
        return ", ".join(map(str, indexes))
    return f"{len(indexes):,} entries, {indexes[0]} to {indexes[-1]}"


def _written(out: Path, data: bytes) -> Output:
    value = hold_value(data) | {"out": str(out)}
    out.write_bytes(data)
    return Output(value, _document_lines(out, value))


def _document_lines(out: Path, value: dict[str, Any]) -> Iterator[Line]:
    yield f"{out}: {value['action']} {value['hold']}, {value['signatures']} of 2 signed", "good"
    for log, indexes in value["entries"].items():
        yield f"  {log}: {_places(indexes)}"
    for exchange in value["exchanges"]:
        yield f"  exchange {exchange}"
    yield Exact(f"  reason: {value['reason']}" + (f"; until {with_zones(value['until'])}" if value["until"] else ""))
    yield f"  SHA-256 of what is signed, to compare by voice: {value['hash']}"
    following = sign_command(out) if value["signatures"] < APPROVALS else bring_command(out, "HOME")
    yield f"  next: {following}"
