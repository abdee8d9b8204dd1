"""`liaison policy`: check, test, explain, compare and rehearse what leaves the country."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from gateway.cli.inputs.moments import TIME
from gateway.cli.options import FILE, FOLDER, NEW_FILE, by_option, home_option, member_option
from gateway.cli.output import Output, printed, working
from gateway.clock import SystemClock, to_us
from gateway.ops.audit.policy_decisions import TRIED, explain_exchange, rehearse_home, user
from gateway.ops.policy.folders import compared, national_folders
from gateway.ops.policy.policies import explain_case, matrix_of, problems_of, quotas_of
from gateway.views.lines.policy import (
    case_lines,
    case_value,
    difference_lines,
    explained_lines,
    explained_value,
    matrix_lines,
    problem_lines,
    problem_value,
    quota_lines,
    rehearsal_lines,
    rehearsal_value,
)
from policy.review.cases import run_cases
from policy.review.diff import difference
from policy.review.mutants import read_country, survivors


@click.command()
@click.argument("folder", type=FOLDER)
@member_option
@printed
def check(folder: Path, member: str | None) -> Output:
    """Find everything in a policy folder that would not load, with file, line and remedy.

    \b
    Examples:
      liaison policy check policy/national/th
      liaison policy check draft --member th
    """
    found = [error for place, whose in national_folders(folder, member) for error in problems_of(place, whose)]
    about = {"folder": str(folder), "problems": [problem_value(error) for error in found]}
    return Output(about, problem_lines(found) if found else [(f"{folder}: nothing is wrong", "good")], int(bool(found)))


@click.command()
@click.argument("old", type=FOLDER)
@click.argument("new", type=FOLDER)
@member_option
@printed
def diff(old: Path, new: Path, member: str | None) -> Output:
    """Say what NEW changes against OLD: rules, agreements and times in words, and the cases that come out otherwise.

    \b
    Example:
      liaison policy diff policy/national/th draft/th
    """
    found = difference(old, new, compared(old, new, member), SystemClock().now_us())
    return Output(asdict(found), difference_lines(found))


@click.command()
@click.option("--case", "case", type=FILE, help="A case of a national folder.")
@click.option("--exchange", "exchange_id", help="An exchange that a home answered; needs --home and --reason.")
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="The node's home.")
@by_option
@click.option("--reason", default="", help="Why you want to know; it stands in the entry.")
@member_option
@printed
def explain(
    case: Path | None, exchange_id: str | None, home: Path | None, by: str, reason: str, member: str | None
) -> Output:
    """Say why: which rule, where it stands, and what would have to differ.

    Of an exchange, only what policy decided on is read: no officer, person, case or reference. It has an entry in the
    operations log first (`explained`), also at a running node, and without that entry nothing is read.

    \b
    Examples:
      liaison policy explain --case policy/national/th/cases/document.toml
      liaison policy explain --exchange 3c1f… --home th --reason "complaint 7/2026"
    """
    if (case is None) == (exchange_id is None):
        raise click.UsageError("give either --case or --exchange")
    if case is not None:
        found = [(case.stem, explain_case(case, member))]
        return Output(explained_value(found), explained_lines(found))
    if home is None or exchange_id is None:
        raise click.UsageError("--exchange needs --home")
    if not reason:
        raise click.UsageError("say why: --reason; it stands in the entry of the operations log")
    explained = explain_exchange(home, exchange_id, user(by, reason))
    return Output(
        explained_value(explained.decisions, explained.policy_hash, explained.entry),
        explained_lines(explained.decisions, explained.policy_hash, explained.entry),
    )


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--html", type=NEW_FILE, help="Also write a page.")
@member_option
@printed
def matrix(folder: Path, html: Path | None, member: str | None) -> Output:
    """Show who gets what: each counterpart's agencies, purposes, record types and fields.

    \b
    Example:
      liaison policy matrix policy/national/th --html matrix.html
    """
    with working("asking the policy"):
        found = matrix_of(folder, member)
    if html is not None:
        html.write_text(found.page(), encoding="utf-8")
    return Output(found.value(), matrix_lines(found.rows, str(html or "")))


@click.command()
@click.argument("folder", type=FOLDER)
@printed
def mutants(folder: Path) -> Output:
    """Put one mistake after another into each policy; exit code 1 when one is noticed by no case.

    \b
    Example:
      liaison policy mutants policy
    """
    with working("making mistakes"):
        alive, made = survivors([read_country(place, whose) for place, whose in national_folders(folder, None)])
    lines = [(f"{one.name}: {one.change}", "bad") for one in alive]
    lines.append((f"{made - len(alive)} of {made} mistakes are noticed by a case", "bad" if alive else "good"))
    about = {"made": made, "survived": [{"policy": one.name, "change": one.change} for one in alive]}
    return Output(about, lines, int(bool(alive)))


@click.command()
@home_option
@printed
def quotas(home: Path) -> Output:
    """Show how much of today's quotas is used, the nearly used-up ones first.

    \b
    Example:
      liaison policy quotas --home th
    """
    found = quotas_of(home)
    return Output({"quotas": found}, quota_lines(found))


@click.command()
@home_option
@click.option("--draft", required=True, type=FOLDER, help="The national folder to try.")
@click.option("--since", type=TIME, default="30d", show_default=True, help="How far back: 30d, 12h, 2026-11-01.")
@by_option
@click.option("--reason", default="", help="Why, where it is more than trying a draft; it stands in the entry.")
@printed
def rehearse(home: Path, draft: Path, since: datetime, by: str, reason: str) -> Output:
    """Decide again, by a draft, what this home really answered: what would newly leave, and what no more.

    Only what policy decided on is read, and only sums are shown: no officer, person, case or reference. It has an entry
    in the operations log first (`rehearsed`), also at a running node, and without that entry nothing is read.

    \b
    Example:
      liaison policy rehearse --home th --draft draft/th --since 30d
    """
    with working("deciding again"):
        entry, result = rehearse_home(home, draft, to_us(since), user(by, reason or TRIED))
    return Output(rehearsal_value(entry, result), rehearsal_lines(entry, result))


@click.command()
@click.argument("folder", type=FOLDER)
@member_option
@printed
def test(folder: Path, member: str | None) -> Output:
    """Decide all cases of one or more national folders; exit code 1 when one comes out otherwise.

    \b
    Examples:
      liaison policy test policy/national/th
      liaison policy test policy        # every country
    """
    results = [(whose, one) for place, whose in national_folders(folder, member) for one in run_cases(place, whose)]
    failed = sum(bool(one.problems) for _, one in results)
    about = {"cases": [case_value(*result) for result in results], "passed": len(results) - failed, "failed": failed}
    return Output(about, case_lines(results, failed), int(bool(failed) or not results))
