"""`liaison audit erase`: destroy content for good, while every proof of it stays."""

from __future__ import annotations

from pathlib import Path

import click

from certs.keyfiles import KeyPlace
from gateway.audit.retention.plan import RESEALED, Erased
from gateway.cli.inputs.acts import act_output, key_option, problem_lines, subject_options, with_unread
from gateway.cli.options import NEW_FILE, home_option
from gateway.cli.output import Output, printed, progress_bars
from gateway.ops.acts.carry import bring
from gateway.ops.retention.forget_plan import (
    Subject,
    ages,
    draft_age,
    draft_entries,
    draft_lost,
    erased_lines,
    erased_of,
    erased_value,
    lost_keys,
    named,
    of_subject,
    plan,
    plan_lost,
)


@click.command()
@home_option
@click.option(
    "--older-than", "age", metavar="AGE", default="", help="Whole months that ended so long ago: 3y, 36m, 1100d."
)
@click.option(
    "--entry", "entries", multiple=True, metavar="LOG:INDEX", help="One entry, such as exchange/1:17; repeatable."
)
@subject_options
@click.option("--exchange", "exchanges", multiple=True, metavar="ID", help="All entries of one exchange; repeatable.")
@click.option(
    "--lost-key", "lost", multiple=True, metavar="KEY", help="Declare a key of a month lost for good; repeatable."
)
@click.option(
    "--court-order", "court", metavar="REFERENCE", default="", help="On the order of a court, with its reference."
)
@click.option("--reason", default="", help="Why; it stands in the entry.")
@key_option("The key of a data officer or approver", more="; two persons sign, so give it twice, or --out")
@click.option("--out", type=NEW_FILE, help="Only sign: the act goes here, for the other person (liaison act sign).")
@click.option("--dry-run", is_flag=True, help="Count what would go, by month and class; nothing is changed.")
@printed
def erase(
    home: Path,
    age: str,
    entries: tuple[str, ...],
    exchanges: tuple[str, ...],
    lost: tuple[str, ...],
    subject: Subject,
    court: str,
    reason: str,
    keys: tuple[KeyPlace, ...],
    out: Path | None,
    dry_run: bool,
) -> Output:
    """Destroy the keys of content. Entries, hashes and proofs stay, and an entry says what was erased.

    What is erased cannot be brought back, from no backup. Two persons sign: data officers or approvers whose keys the
    descriptor lists. What a legal hold covers is kept, or refused where it was named. A running node carries the act
    out within a second or so. What is over its age is also erased by the node itself, as `[retention]` in node.toml
    says.

    A subject is meant by --number (every exchange in which it was asked for) and --record (every one in which it was
    given or used). The search index finds them (liaison audit index); what it finds is opened and compared, and with
    --complete every entry is opened and no index believed. Entries whose key is lost, and not destroyed, nobody can
    judge: the act and the result say how many (`unread`), and the exit code is 3. Documents under a lost key count
    among them. Where a key is lost for good, two persons declare it with --lost-key: all that lies under it is erased
    then, and a copy of the key that is put back later is destroyed. The search has its entry, so it needs
    a key and why, also with --dry-run. What is cut off goes on at the next start of the node, or with the next act that
    erases or holds.

    \b
    Examples:
      liaison audit erase --home th --older-than 3y --dry-run
      liaison audit erase --home th --older-than 3y --reason "end of retention" --key a.key --key b.key
      liaison audit erase --home th --exchange 3c1f… --court-order "Black 117/2569" --key a.key --out act
      liaison act sign act --key b.key --out act      # the other person, on another machine
      liaison act bring act --home th
      liaison audit erase --home th --number C4419027 --court-order "Black 117/2569" --key a.key --dry-run
    """
    ways = (age, entries or exchanges, subject, lost)
    if sum(map(bool, ways)) != 1:
        raise click.UsageError(
            "say what to erase: --older-than, or --entry and --exchange, or --number and --record, or --lost-key"
        )
    looks = dry_run and not subject
    if not looks and not (reason or court):
        raise click.UsageError("say why: --reason, or --court-order with the order's reference")
    with progress_bars() as progress:
        before = ages(age) if age else {}
        wanted, unread = named(home, entries, exchanges) if entries or exchanges else {}, 0
        if subject:
            wanted, unread = of_subject(home, subject, reason, court, keys, progress)
        gone = lost_keys(home) if wanted or unread else {}
        unread += sum(number for key, number in gone.items() if key.partition("/")[0] in RESEALED)
        if dry_run and lost:
            return _erasure(plan_lost(home, lost), "", 0, {}, planned=True)
        if dry_run:
            return _erasure(plan(home, before, wanted, progress), "", unread, gone, planned=True)
        ground = "entry" if entries or exchanges else "subject"
        if age:
            data = draft_age(home, before, reason, court, keys)
        elif lost:
            data = draft_lost(home, lost, reason, court, keys)
        else:
            data = draft_entries(home, wanted, ground, reason, court, keys, unread)
        if out is None:
            return _erasure(*erased_of(bring(home, data, progress)), unread, gone, planned=False)
    out.write_bytes(data)
    return with_unread(act_output(out, data), unread)


def _erasure(found: list[Erased], problem: str, unread: int, gone: dict[str, int], *, planned: bool) -> Output:
    value = erased_value(found)
    lines = [*erased_lines(value, planned=planned), *problem_lines(problem)]
    if unread:
        lines += [(f"lost: {key}, with {number:,} entries or documents", "bad") for key, number in gone.items()]
        value |= {"lost_keys": gone}
    return with_unread(Output({"dry_run": planned} | value | {"problem": problem}, lines), unread)
