"""`liaison backup`: seal everything of a home but its content keys in one file."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, NEW_FILE, NEW_FOLDER, json_option
from gateway.cli.output import print_result, working
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.ops.backup.backup import make_backup
from gateway.ops.key_pairs import make_key_pair
from gateway.views.lines.backup import backup_lines, backup_value, key_lines


@click.command()
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="The node's home; the node may be running.")
@click.option("--to", type=FILE, help="The public key that it is sealed for.")
@click.option("--out", type=NEW_FILE, help="A new file.")
@click.option("--new-key", type=NEW_FOLDER, help="Make a key pair in this folder.")
@json_option
def backup(home: Path | None, to: Path | None, out: Path | None, new_key: Path | None, as_json: bool) -> int:
    """Back up a home, consistent while its node serves, and sealed for one key that the node does not have.

    The keystore is never in it, so no backup brings back what was erased. Keep the keystore on a disk of its own, and
    a copy of it with `storage.key_copy` in node.toml: the node keeps that in step, destroyed keys included.

    \b
    Examples:
      liaison backup --new-key /media/offline                         # once; backup.key stays offline
      liaison backup --home th --to backup.pub --out th-2026-11-24.backup
      liaison restore --backup th-2026-11-24.backup --key backup.key --home th --old-home th.broken
    """
    if new_key is not None:
        if to is not None or out is not None:
            raise click.UsageError("--new-key makes a key, and no backup")
        key = make_key_pair(new_key, "backup")
        print_result(key, key_lines(key), as_json=as_json)
        return 0
    if home is None or to is None or out is None:
        raise click.UsageError("give --home, --to and --out, or --new-key")
    with working("backing up"):
        settings = load_settings(home)
        made = make_backup(settings, to, out, SystemClock())
    value = backup_value(made, out, settings.storage.key_copy)
    print_result(value, backup_lines(value), as_json=as_json)
    return 0
