"""`liaison audit erase`: content that is gone for good, while every proof of it stays."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_json, say, working
from gateway.ops.orders.erasure_home import (
    ages,
    erase_age,
    erase_entries,
    erased_lines,
    erased_value,
    named,
    of_subject,
    plan,
)


@click.command()
@home_option
@click.option(
    "--older-than", "age", metavar="AGE", default="", help="Whole months that ended so long ago: 3y, 36m, 1100d."
)
@click.option(
    "--entry", "entries", multiple=True, metavar="LOG:INDEX", help="One entry, such as exchange/1:17; repeatable."
)
@click.option("--number", "numbers", multiple=True, metavar="NUMBER", help="A document, person or vehicle; repeatable.")
@click.option(
    "--record", "records", multiple=True, metavar="RECORD", help="A record, as audit find has it; repeatable."
)
@click.option("--exchange", "exchanges", multiple=True, metavar="ID", help="All entries of one exchange; repeatable.")
@click.option(
    "--court-order", "court", metavar="REFERENCE", default="", help="On the order of a court, with its reference."
)
@click.option("--by", default="", help="Who decides: a name; it stands in the entry.")
@click.option("--reason", default="", help="Why; it stands in the entry.")
@click.option("--dry-run", is_flag=True, help="Count what would go, by month and class; nothing is changed.")
@json_option
def erase(
    home: Path,
    age: str,
    entries: tuple[str, ...],
    exchanges: tuple[str, ...],
    numbers: tuple[str, ...],
    records: tuple[str, ...],
    court: str,
    by: str,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Destroy the keys of content. Entries, hashes and proofs stay, and an entry says what was erased.

    Nobody can bring back what is erased, from no backup. What a legal hold covers is kept, or refused where it was
    named. A running node carries the order out within a second or so. What is over its age is also erased by the node
    itself, as `[retention]` in node.toml says.

    A subject is meant by --number (every exchange in which it was asked for) and --record (every one in which it was
    given or used). To find them the program opens all entries; that has its entry, so it needs --by and why, also
    with --dry-run.

    \b
    Examples:
      liaison audit erase --home th --older-than 3y --dry-run
      liaison audit erase --home th --older-than 3y --by "A. Clerk, data protection" --reason "end of retention"
      liaison audit erase --home th --exchange 3c1f… --court-order "Black 117/2569" --by "A. Clerk"
      liaison audit erase --home th --entry exchange/1:17 --by "A. Clerk" --reason "asked in error"
      liaison audit erase --home th --number C4419027 --court-order "Black 117/2569" --by "A. Clerk" --dry-run
    """
    ways = (age, entries or exchanges, numbers or records)
    if sum(map(bool, ways)) != 1:
        raise click.UsageError("say what to erase: --older-than, or --entry and --exchange, or --number and --record")
    looks = dry_run and not (numbers or records)
    if not looks and not by:
        raise click.UsageError("say who decides: --by; or look first with --dry-run")
    if not looks and not (reason or court):
        raise click.UsageError("say why: --reason, or --court-order with the order's reference")
    with working("looking" if dry_run else "erasing"):
        before = ages(age) if age else {}
        wanted = named(home, entries, exchanges) if entries or exchanges else {}
        if numbers or records:
            wanted = of_subject(home, numbers, records, by, reason, court)
        problem = ""
        if dry_run:
            found = plan(home, before, wanted)
        elif age:
            found, problem = erase_age(home, before, by, reason, court)
        else:
            found, problem = erase_entries(
                home, wanted, "entry" if entries or exchanges else "subject", by, reason, court
            )
    value = erased_value(found)
    if as_json:
        print_json({"dry_run": dry_run} | value | {"problem": problem})
        return 0
    for style, text in erased_lines(value, planned=dry_run):
        say(text, style)
    if problem:
        say(f"keys may live on in the copy of the keystore: {problem}", "bad")
    return 0
