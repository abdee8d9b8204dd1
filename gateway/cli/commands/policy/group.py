"""`liaison policy`: check, test, explain, compare and rehearse what leaves the country."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.commands.policy.approval import admit, approver, fetch, install, sign, status
from gateway.cli.output import home_option, json_option, print_json, say, working
from gateway.errors import LiaisonError

if TYPE_CHECKING:
    from gateway.ops.homes.open_home import Written

_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
_BY = click.option("--by", default="", help="Who you are, for the entry; by default the account of the machine.")
_MEMBER = click.option("--member", help="Whose policy it is; by default the folder's own name.")


@click.group()
def policy() -> None:
    """National policy: what leaves the country, to whom, and why.

    \b
    Examples:
      liaison policy check policy/national/th
      liaison policy test policy
      liaison policy explain --case policy/national/th/cases/document.toml
      liaison policy matrix policy/national/th --html matrix.html
      liaison policy diff policy/national/th draft/th
      liaison policy rehearse --home th --draft draft/th --since 30d

    
    A policy is put in force by two approvers:
      liaison policy approver --out keys --name a               # each in a place of their own
      liaison policy admit keys/a.pub --home th; liaison trust publish --home th --authority th-authority
      liaison policy sign draft/th --version 3 --key a.key --out th-3.json
      liaison policy sign th-3.json --key b.key --out th-3.json
      liaison policy install th-3.json --home th                # a running node takes it within a second
    """


@policy.command()
@click.argument("folder", type=_FOLDER)
@_MEMBER
@json_option
def check(folder: Path, member: str | None, as_json: bool) -> int:
    """Find everything in a policy folder that would not load, with file, line and remedy.

    \b
    Examples:
      liaison policy check policy/national/th
      liaison policy check draft --member th
    """
    from gateway.ops.policy.policies import national_folders, problems_of

    found = [error for place, whose in national_folders(folder, member) for error in problems_of(place, whose)]
    if as_json:
        print_json({"folder": str(folder), "problems": [_problem(error) for error in found]})
        return int(bool(found))
    for error in found:
        say(f"{error.where}: {error.message}", "bad")
        if error.remedy:
            say(f"  remedy: {error.remedy}")
    if not found:
        say(f"{folder}: nothing is wrong", "good")
    return int(bool(found))


@policy.command()
@click.argument("folder", type=_FOLDER)
@_MEMBER
@json_option
def test(folder: Path, member: str | None, as_json: bool) -> int:
    """Decide all cases of one or more national folders; exit code 1 when one comes out otherwise.

    \b
    Examples:
      liaison policy test policy/national/th
      liaison policy test policy        # every country
    """
    from gateway.ops.policy.policies import national_folders, test_folder

    results = [(whose, one) for place, whose in national_folders(folder, member) for one in test_folder(place, whose)]
    failed = [(whose, one) for whose, one in results if one.problems]
    if as_json:
        cases = [{"member": whose} | asdict(one) | {"holds": not one.problems} for whose, one in results]
        print_json({"cases": cases, "passed": len(results) - len(failed), "failed": len(failed)})
        return int(bool(failed) or not results)
    for whose, one in failed:
        say(f"{whose} {one.name}", "bad")
        for problem in one.problems:
            say(f"  {problem}")
    say(f"{len(results) - len(failed)} of {len(results)} cases hold", "bad" if failed or not results else "good")
    return int(bool(failed) or not results)


@policy.command()
@click.argument("folder", type=_FOLDER)
@json_option
def mutants(folder: Path, as_json: bool) -> int:
    """Put one mistake after another into each policy; exit code 1 when one is noticed by no case.

    \b
    Example:
      liaison policy mutants policy
    """
    from gateway.ops.policy.policies import national_folders
    from policy.review.mutants import read_country, survivors

    with working("making mistakes"):
        alive, made = survivors([read_country(place, whose) for place, whose in national_folders(folder, None)])
    if as_json:
        print_json({"made": made, "survived": [{"policy": one.name, "change": one.change} for one in alive]})
        return int(bool(alive))
    for one in alive:
        say(f"{one.name}: {one.change}", "bad")
    say(f"{made - len(alive)} of {made} mistakes are noticed by a case", "bad" if alive else "good")
    return int(bool(alive))


@policy.command()
@click.option("--case", "case", type=_FILE, help="A case of a national folder.")
@click.option("--exchange", "exchange_id", help="An exchange that a home answered; needs --home and --reason.")
@click.option("--home", type=_FOLDER, envvar="LIAISON_HOME", help="The node's home.")
@_BY
@click.option("--reason", default="", help="Why you want to know; it stands in the entry.")
@_MEMBER
@json_option
def explain(
    case: Path | None,
    exchange_id: str | None,
    home: Path | None,
    by: str,
    reason: str,
    member: str | None,
    as_json: bool,
) -> int:
    """Say why: which rule, where it stands, and what would have to differ.

    Of an exchange, only what policy decided on is read: no officer, person, case or reference. It has an entry in the
    operations log first (`explained`), also at a running node, and without that entry nothing is read.

    \b
    Examples:
      liaison policy explain --case policy/national/th/cases/document.toml
      liaison policy explain --exchange 3c1f… --home th --reason "complaint 7/2026"
    """
    from gateway.ops.policy.policies import explain_case, explanation_lines, explanation_value

    if (case is None) == (exchange_id is None):
        raise click.UsageError("give either --case or --exchange")
    entry = None
    if case is not None:
        found = [(case.stem, explain_case(case, member))]
    elif home is None or exchange_id is None:
        raise click.UsageError("--exchange needs --home")
    elif not reason:
        raise click.UsageError("say why: --reason; it stands in the entry of the operations log")
    else:
        from gateway.ops.audit.policy_decisions import explain_exchange, user

        entry, found = explain_exchange(home, exchange_id, user(by, reason))
    if as_json:
        said = {} if entry is None else {"entry": {"log": entry.log, "index": entry.index}}
        print_json({"explanations": [{"what": what} | explanation_value(one) for what, one in found]} | said)
        return 0
    _say_entry(entry)
    for what, one in found:
        say(what, "title")
        for line, style in explanation_lines(one):
            say(line, style)
    return 0


@policy.command()
@click.argument("old", type=_FOLDER)
@click.argument("new", type=_FOLDER)
@_MEMBER
@json_option
def diff(old: Path, new: Path, member: str | None, as_json: bool) -> int:
    """Say what NEW changes against OLD: rules, agreements and times in words, and the cases that come out otherwise.

    \b
    Example:
      liaison policy diff policy/national/th draft/th
    """
    from gateway.ops.policy.policies import compared
    from policy.review.diff import difference

    found = difference(old, new, compared(old, new, member))
    if as_json:
        print_json(asdict(found))
        return 0
    for words in found.words:
        say(words)
    for change in found.cases:
        say(f"case {change.name} ({change.title}): {change.part} {change.before} -> {change.after}", "warn")
    if not found.words and not found.cases:
        say("nothing differs", "good")
    return 0


@policy.command()
@click.argument("folder", type=_FOLDER)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Also write a page.")
@_MEMBER
@json_option
def matrix(folder: Path, html: Path | None, member: str | None, as_json: bool) -> int:
    """Show who gets what: each counterpart's agencies, purposes, record types and fields.

    \b
    Example:
      liaison policy matrix policy/national/th --html matrix.html
    """
    from gateway.ops.policy.policies import member_of, now_words
    from policy.engine.engine import PolicyEngine
    from policy.review.matrix import as_html
    from policy.review.matrix import matrix as rows_of

    whose = member_of(folder, member)
    engine = PolicyEngine.load(folder, whose)
    now_us, made = now_words()
    with working("asking the policy"):
        rows = rows_of(engine, now_us)
    if html is not None:
        html.write_text(as_html(rows, whose, engine.hash.hex(), made), encoding="utf-8")
    if as_json:
        print_json({"member": whose, "policy": engine.hash.hex(), "rows": [row.as_json() for row in rows]})
        return 0
    for row in rows:
        subject = "" if row.subject == "ordinary" else f" ({row.subject})"
        say(f"{row.counterpart}.{row.agency}  {row.purpose}  {row.record_type}{subject}", "title")
        if row.with_ticket:
            say(f"  with a ticket: {', '.join(sorted(row.with_ticket))}")
        if row.with_case - row.with_ticket:
            say(f"  with a case:   {', '.join(sorted(row.with_case - row.with_ticket))}")
    say(f"written to {html}" if html else f"{len(rows)} rows; --html FILE writes a page", "good")
    return 0


@policy.command()
@home_option
@click.option("--draft", required=True, type=_FOLDER, help="The national folder to try.")
@click.option("--since", default="30d", show_default=True, help="How far back: 30d, 12h, 2w.")
@_BY
@click.option("--reason", default="", help="Why, where it is more than trying a draft; it stands in the entry.")
@json_option
def rehearse(home: Path, draft: Path, since: str, by: str, reason: str, as_json: bool) -> int:
    """Decide again, by a draft, what this home really answered: what would newly leave, and what no more.

    Only what policy decided on is read, and only sums are shown: no officer, person, case or reference. It has an entry
    in the operations log first (`rehearsed`), also at a running node, and without that entry nothing is read.

    \b
    Example:
      liaison policy rehearse --home th --draft draft/th --since 30d
    """
    from gateway.ops.audit.policy_decisions import TRIED, rehearse_home, user
    from gateway.ops.policy.policies import rehearsal_lines, rehearsal_value, since_us

    with working("deciding again"):
        entry, result = rehearse_home(home, draft, since_us(since), user(by, reason or TRIED))
    if as_json:
        print_json(rehearsal_value(result) | {"entry": {"log": entry.log, "index": entry.index}})
        return 0
    _say_entry(entry)
    for line, style in rehearsal_lines(result):
        say(line, style)
    return 0


@policy.command()
@home_option
@json_option
def quotas(home: Path, as_json: bool) -> int:
    """Show how much of today's quotas is used, the nearly used-up ones first.

    \b
    Example:
      liaison policy quotas --home th
    """
    from gateway.ops.policy.policies import quotas_of

    found = quotas_of(home)
    if as_json:
        print_json({"quotas": found})
        return 0
    for row in found:
        place = f"{row['direction']:<3} {row['peer']} {row['purpose']}"
        if row["limit"] is None:
            say(f"{place}: {row['used']}, no limit")
        else:
            say(f"{place}: {row['used']} of {row['limit']}", "warn" if row["used"] * 5 >= row["limit"] * 4 else "")
    if not found:
        say("nothing is limited, and nothing was counted today")
    return 0


def _say_entry(entry: Written | None) -> None:
    if entry is not None:
        say(f"this use is entry {entry.index} of {entry.log}", "title")


def _problem(error: LiaisonError) -> dict[str, str]:
    return {"where": error.where, "message": error.message, "remedy": error.remedy, "code": error.code}


for _command in (approver, admit, sign, install, status, fetch):
    policy.add_command(_command)
