"""`liaison restore`: make a home from a backup, without content that was erased since."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, NEW_FOLDER, json_option
from gateway.cli.output import print_result, working
from gateway.clock import SystemClock
from gateway.ops.backup.restore import restore as restore_home
from gateway.views.lines.backup import restored_lines, restored_value


@click.command()
@click.option("--backup", "backup_file", required=True, type=FILE, help="The backup.")
@click.option("--key", required=True, type=FILE, help="The key that it was sealed for.")
@click.option("--home", required=True, type=NEW_FOLDER, help="A new or empty folder.")
@click.option("--old-home", type=FOLDER, help="What is left of the home that was lost: keystore, high-water files.")
@click.option("--keys", type=FOLDER, help="The copy of the keystore (storage.key_copy).")
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
    with working("restoring, and checking the logs"):
        done = restore_home(backup_file, key, home, SystemClock(), old_home=old_home, keys=keys, pin=fingerprint)
    print_result(restored_value(done, home), restored_lines(done, home, old_home), as_json=as_json)
    return done.report.exit_code
