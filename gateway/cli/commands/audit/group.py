"""`liaison audit`: show, verify and export the audit log."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gateway.cli.commands.audit.erase import erase
from gateway.cli.commands.audit.find import find, index
from gateway.cli.commands.audit.hold import hold
from gateway.cli.commands.audit.key_report import key_report
from gateway.cli.commands.audit.mandate import AUDITOR_KEY, COMMANDS
from gateway.cli.commands.audit.next_log import next_log
from gateway.cli.commands.audit.prune import prune
from gateway.cli.commands.audit.stats import stats
from gateway.cli.output import home_option, json_option, print_json, progress_bar, say, working
from gateway.cli.times import TIME
from gateway.clock import to_micros

_FOLDER = click.Path(file_okay=False, path_type=Path)
_THERE = click.Path(file_okay=False, exists=True, path_type=Path)
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
_STYLE = {"proved": "good", "contradicted": "bad", "not provable": "warn"}


@click.group()
def audit() -> None:
    """What was asked and answered, and the proof of it.

    \b
    Examples:
      liaison audit show --home th --peer vn --since 2026-11-01
      liaison audit verify --home th
      liaison audit debt --home th
      liaison audit open --home th --key th.auditor.1.key --entry 42 --reason "complaint 7/2026"
      liaison audit export --home th --out th-export
      liaison audit verify --export th-export --charter charter.jsonl      # on any machine
      liaison audit reconcile th-export vn-export --charter charter.jsonl
      liaison audit find --home th --officer th.o.1042
      liaison audit key-report --home th --key statement --since 2026-11-20T08:00
      liaison audit stats --home th --html stats.html
      liaison audit erase --home th --older-than 3y --dry-run
    """


@audit.command()
@home_option
@click.option("--log", "log", default="exchange", type=click.Choice(["exchange", "operations"]), show_default=True)
@click.option("--since", type=TIME, help="From this time on (UTC).")
@click.option("--until", type=TIME, help="Before this time (UTC).")
@click.option("--officer", default="", help="The officer's person id.")
@click.option("--peer", default="", help="The counterpart.")
@click.option("--case", default="", help="The case or ticket number.")
@click.option("--outcome", default="", help="hit, no_hit, refused, suspended or silent.")
@click.option("--kind", default="", help="The kind of entry (docs/audit-events.md).")
@click.option("--exchange", "exchange_id", default="", help="The exchange id.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@AUDITOR_KEY
@click.option("--reason", default="", help="Why; it stands in the log before anything is shown.")
@json_option
def show(
    home: Path,
    log: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    key: Path | None,
    reason: str,
    as_json: bool,
    **filters: str,
) -> int:
    """Show entries, newest first: their public part, and what is said in them of the node's own operation.

    What speaks of persons, officers and cases is shown to an appointed auditor only (--key and --reason), within the
    scope, and after an entry that says so. Without a key --officer, --case and --outcome find public parts, after an
    entry (`looked-up`).

    \b
    Examples:
      liaison audit show --home th --log operations
      liaison audit show --home th --key th.auditor.1.key --reason "complaint 7/2026" --officer th.o.1042
    """
    from gateway.audit.reading.show import Filter
    from gateway.ops.audit.auditors import search_mandate
    from gateway.ops.audit.verify_export import closed, describe, entries, look_up_private, refuse_unknown_peer
    from gateway.ops.homes.open_home import entry_line, open_home

    _check_filters(log, **filters)
    bounds = to_micros(since), to_micros(until)
    wanted = Filter(since_us=bounds[0], until_us=bounds[1], **filters)
    if bool(key) != bool(reason.strip()) and (key or not wanted.private):
        raise click.UsageError("--key and --reason belong together: say who looks, and why")
    with open_home(home) as evidence:
        refuse_unknown_peer(evidence, wanted.peer)
    mandate = search_mandate(home, key, reason, log, filters, bounds) if key else None
    if mandate is None and wanted.private:
        look_up_private(home, reason, log, wanted, bounds)
    with open_home(home) as evidence:
        items = entries(evidence, log, wanted, limit + 1, mandate)
        found = [(name, item, closed(item, mandate)) for name, item in items]
    more = len(found) > limit
    if as_json:
        print_json({"entries": [describe(*item) for item in found[:limit]], "limit": limit, "more": more})
        return 0
    for item in found[:limit]:
        say(entry_line(*item))
    if not found:
        say("no entry fits")
    if any(why for _, _, why in found) and mandate is None:
        say("what speaks of persons is not shown: that needs the --key of an appointed auditor, and a --reason", "dim")
    if more:
        say(f"only the newest {limit} are shown, there are more: raise --limit, or narrow it with --until", "warn")
    return 0


def _check_filters(log: str, *, exchange_id: str, kind: str, outcome: str, **_others: str) -> None:
    """Raises `UsageError` for what no entry of `log` can have, naming what it can."""
    from gateway.errors import Malformed
    from gateway.model.exchange import Outcome
    from gateway.model.names import exchange_id as check_exchange_id
    from gateway.ports.events import EVENTS

    kinds = [event.kind for event in EVENTS.values() if event.log == log]
    for option, value, known in (("--kind", kind, kinds), ("--outcome", outcome, [str(item) for item in Outcome])):
        if value and value not in known:
            raise click.UsageError(f"{option} `{value}` is not one of the {log} log; known: {', '.join(known)}")
    try:
        if exchange_id:
            check_exchange_id(exchange_id)
    except Malformed as error:
        raise click.UsageError(f"--exchange `{exchange_id}`: {error.message}") from error


@audit.command()
@home_option
@json_option
def debt(home: Path, as_json: bool) -> int:
    """Who owes whom receipts: answers that were given and not acknowledged, either way.

    A counterpart that goes on asking and leaves 100 answers unacknowledged, or one for 10 minutes (limits.receipt_debt,
    limits.receipt_debt_s), is answered for humanitarian purposes only, until its receipts come.

    \b
    Example:
      liaison audit debt --home th --json
    """
    from gateway.ops.audit.debts import debt_lines, debts
    from gateway.ops.homes.open_home import open_home

    with open_home(home) as evidence:
        found = debts(evidence)
    if as_json:
        print_json({"counterparts": found})
        return 0
    for value in found:
        for text, style in debt_lines(value):
            say(text, style)
    if not any(value[side]["open"] for value in found for side in ("they_owe", "we_owe")):
        say("nobody owes a receipt", "good")
    return 0


@audit.command()
@home_option
@click.option("--out", type=_FOLDER, help="Write both notes of each pair into this new folder, to hand them on.")
@json_option
def evidence(home: Path, out: Path | None, as_json: bool) -> int:
    """Show heads that do not go together, of our own log or of a counterpart's: kept by a node or a domestic witness.

    Both are signed by the log itself. Exit code 1 when there are any.

    \b
    Examples:
      liaison audit evidence --home th
      liaison audit evidence --home witness --out forks
    """
    from gateway.ops.homes.witness_state import describe_evidence, evidence_lines, open_memory, write_evidence

    with open_memory(home) as store:
        found = store.evidence()
    if out is not None:
        write_evidence(found, out)
    described = [describe_evidence(item) for item in found]
    if as_json:
        print_json({"evidence": described})
    else:
        for about in described:
            for line in evidence_lines(about):
                say(line)
        if not found:
            say("no heads were found that do not go together", "good")
    return 1 if found else 0


@audit.command()
@click.option("--home", type=_THERE, envvar="LIAISON_HOME", help="Verify the logs of this home.")
@click.option("--export", "folder", type=_THERE, help="Verify an export; needs --charter and nothing else.")
@click.option("--charter", type=_FILE, help="The charter that the auditor trusts, all versions, one a line.")
@click.option("--fingerprint", help="Of the first charter.")
@click.option("--without-statements", is_flag=True, help="Leave out the signatures of requests and answers: faster.")
@click.option("--quorum", type=click.IntRange(0), default=0, help="Counterparts that must have cosigned an export.")
@click.option("--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as a page.")
@click.option("--processes", type=click.IntRange(1, 64), help="Processes for an export; by default one for each core.")
@json_option
def verify(
    home: Path | None,
    folder: Path | None,
    charter: Path | None,
    fingerprint: str | None,
    without_statements: bool,
    quorum: int,
    page: Path | None,
    processes: int | None,
    as_json: bool,
) -> int:
    """Recompute everything. Exit code 0 proved, 1 contradicted (the first bad entry is named), 3 not provable.

    \b
    Examples:
      liaison audit verify --home th
      liaison audit verify --export th-2026 --charter charter.jsonl --fingerprint 3f2a… --html report.html
    """
    from gateway.audit.verify.verify import no_progress
    from gateway.ops.audit.verify_export import verify_export_folder, verify_home_folder
    from gateway.views.report import report_lines, report_value, write_page

    statements = not without_statements
    if folder is not None and _given("home"):
        raise click.UsageError("give either --home or --export, not both")
    if folder is not None:
        if charter is None:
            raise click.UsageError("an export is verified under the auditor's own --charter")
        with progress_bar("verifying the export") as bar:
            report = verify_export_folder(
                folder,
                charter,
                fingerprint,
                statements=statements,
                quorum=quorum,
                processes=processes or os.cpu_count() or 1,
                progress=bar or no_progress,
            )
    elif home is not None:
        with progress_bar("verifying the logs") as bar:
            report = verify_home_folder(home, charter, fingerprint, statements=statements, progress=bar or no_progress)
    else:
        raise click.UsageError("give --home, or --export with --charter")
    if page is not None:
        write_page(report, page, charter)
    if as_json:
        print_json(report_value(report))
    else:
        for state, text in report_lines(report):
            say(text, _STYLE.get(state, ""))
    if page is not None:
        say(f"written to {page}", "good", err=True)
    return report.exit_code


@audit.command()
@home_option
@click.option("--out", required=True, type=_FOLDER, help="A new or empty folder, or one whose export was interrupted.")
@click.option("--since", type=TIME, help="Only from this time on (UTC).")
@click.option("--until", type=TIME, help="Only before this time (UTC).")
@AUDITOR_KEY
@click.option("--reason", default="", help="With --key: why; it stands in the log before anything is written.")
@json_option
def export(
    home: Path, out: Path, since: datetime | None, until: datetime | None, key: Path | None, reason: str, as_json: bool
) -> int:
    """Write the logs with their proofs, for an auditor without a node.

    Without --key it holds no private part and no statement: all that anybody needs who checks that nothing was changed
    or left out. With the key of an appointed auditor it holds what the appointment allows: protect it. An export that
    was interrupted goes on when the same command is given again.

    \b
    Examples:
      liaison audit export --home th --out th-export
      liaison audit export --home th --out th-october --since 2026-10-01 --until 2026-11-01 \\
              --key th.auditor.1.key --reason "yearly audit 2026"
    """
    from gateway.audit.export.export import no_progress
    from gateway.config import argument
    from gateway.ops.audit.auditors import export_appointment
    from gateway.ops.audit.verify_export import export_home

    if bool(key) != bool(reason.strip()):
        raise click.UsageError("--key and --reason belong together: say who looks, and why")
    if since and until and since >= until:
        raise click.UsageError("--since is not before --until")
    bounds = to_micros(since), to_micros(until)
    appointment, entry = export_appointment(home, key, reason, *bounds) if key else (None, None)
    with progress_bar("exporting the logs") as bar:
        manifest = export_home(home, out, *bounds, appointment, bar or no_progress)
    about: dict[str, Any] = {"out": str(out), "manifest": manifest, "entry": entry.index if entry else None}
    about["auditor"] = appointment.auditor if appointment else ""
    if as_json:
        print_json(about)
        return 0
    say(f"written to {out}", "good")
    if appointment and entry:
        who = f"`{appointment.auditor}`, appointed by {appointment.appointed_by}"
        say(f"  for {who}; entry {entry.index} of {entry.log}")
        say("  it holds private parts: protect it", "warn")
    else:
        say("  without private parts and statements: give an auditor's --key for them")
    say(f"  SHA-256 of its manifest: {about['manifest']}")
    say(f"  verify it elsewhere: liaison audit verify --export {argument(out)} --charter charter.jsonl")
    return 0


@audit.command()
@click.argument("one", type=_THERE)
@click.argument("other", type=_THERE)
@click.option("--charter", required=True, type=_FILE, help="The charter that the auditor trusts.")
@click.option("--fingerprint", help="Of the first charter.")
@json_option
def reconcile(one: Path, other: Path, charter: Path, fingerprint: str | None, as_json: bool) -> int:
    """Compare two countries' exports: what was lost, dropped or altered, and whom its own signature contradicts.

    Exit code 0 nobody is contradicted, 1 somebody is, 3 not provable: also when a question that one side asked has no
    entry at the other.

    \b
    Example:
      liaison audit reconcile th-2026 vn-2026 --charter charter.jsonl
    """
    from gateway.ops.audit.verify_export import reconcile_folders
    from gateway.views.report import reconciled_lines, reconciled_value

    with working("verifying and comparing both exports"):
        found = reconcile_folders(one, other, charter, fingerprint)
    if as_json:
        print_json(reconciled_value(found))
    else:
        for style, text in reconciled_lines(found):
            say(text, style)
    return found.exit_code


def _given(option: str) -> bool:
    """Whether an option is on the command line; the environment's home is no contradiction to another option."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


for _command in (*COMMANDS, find, index, key_report, next_log, prune, stats, erase, hold):
    audit.add_command(_command)
