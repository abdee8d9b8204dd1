"""Describe the content of a backup, and the restoring of a home from one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.config import argument, load_settings
from gateway.errors import LiaisonError
from gateway.ops.backup.backup import Made
from gateway.ops.backup.restore import Restored
from gateway.views.lines import Line
from gateway.views.lines.report import report_lines, report_value


def key_lines(made: dict[str, str]) -> Iterator[Line]:
    """Yield the places of the key pair."""
    yield f"key, to be kept offline: {made['key']}", "good"
    yield f"public key, for the node: {made['public']}"


def backup_value(made: Made, out: Path, key_copy: str) -> dict[str, Any]:
    """Return the content of a backup as JSON; `key_copy` is the place of the keystore's copy, or empty."""
    about = {"backup": str(out), "member": made.member, "created": made.created, "bytes": made.size}
    about |= {"files": len(made.files), "logs": made.logs, "left_out": list(made.left_out), "key_copy": key_copy}
    return about


def backup_lines(about: dict[str, Any]) -> Iterator[Line]:
    """Yield what a backup holds, and what it does not."""
    yield f"{about['backup']}: {about['files']} files, {about['bytes'] / 1e6:,.1f} MB", "good"
    for log, size in about["logs"].items():
        yield f"  {log}: {size:,} entries"
    yield f"  not in it: {', '.join(about['left_out'])}", "dim"
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
    except LiaisonError:
        is_there = False
    if old_home is not None and is_there:
        making = f"liaison backup --home {argument(old_home)} --to backup.pub --out NEWER.backup"
        return f"the old home still has its database, which may hold it: {making}; move {home} away, and restore that"
    going_on = f"liaison audit next-log --help (--home {argument(home)})"
    return f"where there is none, and the entries are lost for good: {going_on}"
