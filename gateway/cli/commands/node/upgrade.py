"""`liaison upgrade`: bring the home of an earlier version up to date."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.options import FILE, NEW_FILE, home_option
from gateway.cli.output import Output, printed, working
from gateway.clock import SystemClock
from gateway.ops.finding import Obstacles
from gateway.ops.upgrade.plan import plan_upgrade
from gateway.ops.upgrade.run import Place, go_back
from gateway.ops.upgrade.run import upgrade as run_upgrade
from gateway.views.lines.backup import plan_lines, plan_value, upgraded_lines, upgraded_value
from gateway.views.lines.findings import finding_lines


@click.command()
@home_option
@click.option("--check", "checks", is_flag=True, help="Say what would be done, and what stands in the way.")
@click.option("--run", "runs", is_flag=True, help="Do it, after a backup.")
@click.option("--back", "schema", default="", metavar="SCHEMA", help="Give the database an earlier schema again.")
@click.option("--to", type=FILE, help="The public key that the backup is sealed for, with --out.")
@click.option("--out", type=NEW_FILE, help="The file of the backup, instead of one in the home's folder `upgrades`.")
@printed
def upgrade(home: Path, checks: bool, runs: bool, schema: str, to: Path | None, out: Path | None) -> Output:
    """Bring the home of an earlier version up to date: its database, its folders; see docs/upgrade.md.

    A backup comes first, on whose copy everything is rehearsed. What fails changes nothing, and a run that was
    interrupted is given again. With several machines on PostgreSQL the others go on serving, unless --check says that
    they must stop. Homes of sources and witnesses need no command: their next start does it.

    --back is for going back to the program before, after the node stopped: all entries stay. What only the new
    program wrote beside them is taken away, as docs/upgrade.md says.

    \b
    Examples:
      liaison upgrade --check --home th
      liaison upgrade --run --home th
      liaison upgrade --run --home th --to backup.pub --out /mnt/backup/th-before.backup
      liaison upgrade --back 0008 --home th

    --check has exit code 1 where something stands in the way.
    """
    if [checks, runs, bool(schema)].count(True) != 1:
        raise click.UsageError("give --check, --run or --back")
    if (to is None) != (out is None) or (checks and to is not None):
        raise click.UsageError("--to and --out go together, with --run or --back")
    if checks:
        with working("looking"):
            plan = plan_upgrade(home, SystemClock())
        return Output(plan_value(plan), plan_lines(plan), 1 if plan.obstacles else 0)
    place = Place(out, to) if to is not None and out is not None else None
    try:
        with working("making a backup, rehearsing, and migrating"):
            clock = SystemClock()
            done = go_back(home, clock, schema, place) if schema else run_upgrade(home, clock, place)
    except Obstacles as refused:
        if len(refused.findings) == 1:
            raise
        value = {"ready": False, "findings": [asdict(finding) for finding in refused.findings]}
        return Output(value, [*finding_lines(refused.findings), ("nothing was changed", "title")], refused.exit_code)
    return Output(upgraded_value(done, schema), upgraded_lines(done, schema))
