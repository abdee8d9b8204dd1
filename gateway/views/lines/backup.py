"""Describe the content of a backup, the restoring of a home from one, and the upgrade that begins with one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.config import argument, load_settings
from gateway.errors import LiaisonError
from gateway.ops.backup.backup import Made
from gateway.ops.backup.restore import Restored
from gateway.ops.upgrade.plan import Plan
from gateway.ops.upgrade.run import Upgraded
from gateway.storage.database.migrate import HEAD
from gateway.views.lines import Line
from gateway.views.lines.findings import finding_lines
from gateway.views.lines.report import report_lines, report_value


def key_lines(made: dict[str, str]) -> Iterator[Line]:
    """Yield the places of the key pair."""
    yield f"key, to be kept offline: {made['key']}", "good"
    yield f"public key, for the node: {made['public']}"


def backup_value(made: Made, out: Path, key_copy: str) -> dict[str, Any]:
    """Return the content of a backup as JSON; `key_copy` is the place of the keystore's copy, or empty."""
    about = {"backup": str(out), "member": made.member, "created": made.created, "bytes": made.size}
    about |= {"files": len(made.files), "logs": made.logs, "left_out": list(made.left_out), "key_copy": key_copy}
    return about | {"fingerprint": made.fingerprint}


def backup_lines(about: dict[str, Any]) -> Iterator[Line]:
    """Yield what a backup holds, and what it does not."""
    yield f"{about['backup']}: {about['files']} files, {about['bytes'] / 1e6:,.1f} MB", "good"
    for log, size in about["logs"].items():
        yield f"  {log}: {size:,} entries"
    yield f"  not in it: {', '.join(about['left_out'])}", "dim"
    groups = " ".join(about["fingerprint"][at : at + 8] for at in range(0, 64, 8))
    if groups.strip():
        yield "  a restore asks for the fingerprint of the first charter: write it on the paper that lies with the key"
        yield f"    {groups}"
    if not about["key_copy"]:
        yield "  the keystore has no copy: set storage.key_copy, or its disk takes all content along", "warn"


def restored_value(done: Restored, home: Path) -> dict[str, Any]:
    """Return the result of restoring a home as JSON."""
    about = {"member": done.member, "created": done.created, "fingerprint": done.fingerprint, "home": str(home)}
    return about | {
        "emptied": done.emptied,
        "keys": done.keys,
        "taken_over": done.taken,
        "logs": report_value(done.report),
    }


def restored_lines(done: Restored, home: Path, old_home: Path | None) -> Iterator[Line]:
    """Yield the result of restoring a home, and what to do where the backup lacks signed entries."""
    yield f"{home}: the home of `{done.member}` as of {done.created}", "good"
    yield f"  fingerprint of its first charter: {done.fingerprint}"
    yield f"  {done.keys} keys of content; {done.emptied:,} entries were erased since, and are empty now"
    if done.taken:
        yield f"  {done.taken:,} entries of starts and stops since the backup come from the old home's database"
    if not done.keys:
        yield "  there is no keystore: all content is unreadable until you name it with --keys", "warn"
    for text, style in report_lines(done.report):
        yield f"  {text}", style
    if done.report.exit_code == 1:
        yield "  this backup lacks what was signed: find a newer one. A node refuses to start over this home.", "bad"
        yield f"  {_newer(home, old_home)}"


def _newer(home: Path, old_home: Path | None) -> str:
    """Return where a newer backup may come from: a node that stops writes an entry, also after its last backup."""
    try:
        is_there = old_home is not None and load_settings(old_home).database_file.is_file()
    # The old home may be half gone: it is named only where its settings can be read.
    except LiaisonError:
        is_there = False
    if old_home is not None and is_there:
        making = f"liaison backup --home {argument(old_home)} --to backup.pub --out NEWER.backup"
        return f"the old home still has its database, which may hold it: {making}; move {home} away, and restore that"
    going_on = f"liaison audit next-log --help (--home {argument(home)})"
    return f"where there is none, and the entries are lost for good: {going_on}"


def plan_value(plan: Plan) -> dict[str, Any]:
    """Return what an upgrade would do as JSON."""
    return {
        "home": str(plan.settings.home),
        "program": plan.program,
        "from": plan.schema,
        "to": HEAD,
        "needed": plan.is_needed,
        "ready": not plan.obstacles,
        "needs_stop": plan.needs_stop,
        "migrations": [asdict(migration) for migration in plan.migrations],
        "folders": [folder.name for folder in plan.folders],
        "without_id": list(plan.without_id),
        "findings": [asdict(finding) for finding in plan.findings],
    }


def plan_lines(plan: Plan) -> Iterator[Line]:
    """Yield what an upgrade would do, and what is in its way."""
    yield from finding_lines(plan.findings)
    for folder in plan.folders:
        yield f"note  folder: {folder.name}/ is missing, and will be made", "warn"
    if plan.without_id:
        yield f"note  stores: {', '.join(plan.without_id)} will get the id of this home", "warn"
    if plan.obstacles:
        yield "the home cannot be brought up to date yet", "title"
    elif not plan.is_needed:
        yield f"the home is up to date with version {plan.program}", "title"
    else:
        how = "while no process serves it" if plan.needs_stop else "while its processes go on serving"
        yield f"the home can be brought up to date, {how}", "title"


def upgraded_value(done: Upgraded, back: str = "") -> dict[str, Any]:
    """Return what an upgrade did as JSON; `back` is the earlier schema that it gave the database, or empty."""
    kept = done.kept
    backup = None
    if kept is not None:
        backup = {"file": str(kept.place.file), "key": str(kept.place.key or ""), "bytes": kept.made.size}
        backup |= {"logs": report_value(kept.logs)}
    return {
        "home": str(done.plan.settings.home),
        "program": done.plan.program,
        "from": done.plan.schema,
        "to": back or HEAD,
        "migrations": [asdict(migration) for migration in done.plan.migrations],
        "folders": [folder.name for folder in done.folders],
        "got_id": [] if back else list(done.plan.without_id),
        "backup": backup,
    }


def upgraded_lines(done: Upgraded, back: str = "") -> Iterator[Line]:
    """Yield what an upgrade did, or the way `back` to a schema, and what comes next."""
    home = done.plan.settings.home
    if not done.plan.is_needed:
        yield f"the home is up to date with version {done.plan.program}: nothing was changed", "good"
        return
    for folder in done.folders:
        yield f"{folder.name}/ was made"
    if done.plan.without_id and not back:
        yield f"{', '.join(done.plan.without_id)}: got the id of this home"
    if done.kept is not None:
        place = done.kept.place
        yield f"backup: {place.file}, {done.kept.made.size / 1e6:,.1f} MB, with schema `{done.plan.schema}`"
        yield f"  what it is for: docs/upgrade.md{f'; its key: {place.key}' if place.key else ''}", "dim"
        for text, style in report_lines(done.kept.logs):
            yield f"  {text}", style
        for migration in done.plan.migrations:
            yield f"{migration.revision}: {migration.text}{': taken back' if back else ''}"
        yield f"the database has schema `{back or HEAD}`", "good"
    if back:
        yield "next: start the version that has this schema; it finds all entries"
        return
    yield f"next: liaison serve --home {argument(home)}; then liaison doctor --home {argument(home)}"
