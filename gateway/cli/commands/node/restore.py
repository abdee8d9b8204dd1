"""`liaison restore`: a home from a backup, in which nothing lives that was erased since."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.output import json_option, print_json, say, working

_THERE = click.Path(file_okay=False, exists=True, path_type=Path)
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
_STYLE = {"proved": "good", "contradicted": "bad", "not provable": "warn"}


@click.command()
@click.option("--backup", "backup_file", required=True, type=_FILE, help="The backup.")
@click.option("--key", required=True, type=_FILE, help="The key that it was sealed for.")
@click.option("--home", required=True, type=click.Path(file_okay=False, path_type=Path), help="A new or empty folder.")
@click.option("--old-home", type=_THERE, help="What is left of the home that was lost: keystore, high-water files.")
@click.option("--keys", type=_THERE, help="The copy of the keystore (storage.key_copy).")
@click.option("--fingerprint", help="Of the first charter, to be sure whose backup it is.")
@json_option
def restore(
    backup_file: Path,
    key: Path,
    home: Path,
    old_home: Path | None,
    keys: Path | None,
    fingerprint: str | None,
    as_json: bool,
) -> int:
    """Restore a home, and check its logs against every head that is known to be signed.

    Content that was erased after the backup was made is overwritten at once. A database that lacks entries which were
    signed is refused (exit code 1): neither this command nor a node signs anything over it.

    \b
    Examples:
      liaison restore --backup th.backup --key backup.key --home th --old-home th.broken
      liaison restore --backup th.backup --key backup.key --home th --keys /mnt/keys/th      # on a new machine
    """
    from gateway.ops.backup.command import bring_back
    from gateway.views.report import report_lines, report_value

    with working("restoring, and checking the logs"):
        done = bring_back(backup_file, key, home, old_home, keys, fingerprint)
    if as_json:
        about = {"member": done.member, "created": done.created, "fingerprint": done.fingerprint, "home": str(home)}
        print_json(about | {"emptied": done.emptied, "keys": done.keys, "logs": report_value(done.report)})
        return done.report.exit_code
    say(f"{home}: the home of `{done.member}` as of {done.created}", "good")
    say(f"  fingerprint of its first charter: {done.fingerprint}")
    say(f"  {done.keys} keys of content; {done.emptied:,} entries were erased since, and are empty now")
    if not done.keys:
        say("  there is no keystore: all content is unreadable until you name it with --keys", "warn")
    for state, text in report_lines(done.report):
        say(f"  {text}", _STYLE.get(state, ""))
    if done.report.exit_code == 1:
        say("  this backup lacks what was signed: find a newer one. A node refuses to start over this home.", "bad")
        say(f"  {_newer(home, old_home)}")
    return done.report.exit_code


def _newer(home: Path, old_home: Path | None) -> str:
    """Where a newer backup may come from: a node writes an entry when it stops, also after the last backup of it."""
    from gateway.config import argument, load_settings
    from gateway.errors import LiaisonError

    try:
        is_there = old_home is not None and load_settings(old_home).database_file.is_file()
    except LiaisonError:
        is_there = False
    if old_home is not None and is_there:
        making = f"liaison backup --home {argument(old_home)} --to backup.pub --out NEWER.backup"
        return f"the old home still has its database, which may hold it: {making}; move {home} away, and restore that"
    going_on = f"liaison audit next-log --help (--home {argument(home)})"
    return f"where there is none, and the entries are lost for good: {going_on}"
