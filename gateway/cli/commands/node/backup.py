"""`liaison backup` and `restore`: seal everything of a home but its content keys, and make a home of it again."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, FOLDER, NEW_FILE, NEW_FOLDER
from gateway.cli.output import Output, printed, working
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.ops.backup.backup import make_backup
from gateway.ops.backup.restore import restore as restore_home
from gateway.ops.key_pairs import make_key_pair
from gateway.views.lines.backup import backup_lines, backup_value, key_lines, restored_lines, restored_value


@click.command()
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="The node's home; the node may be running.")
@click.option("--to", type=FILE, help="The public key that it is sealed for.")
@click.option("--out", type=NEW_FILE, help="A new file.")
@click.option("--new-key", type=NEW_FOLDER, help="Make a key pair in this folder.")
@printed
def backup(home: Path | None, to: Path | None, out: Path | None, new_key: Path | None) -> Output:
    """Back up a home, consistent while its node serves, and sealed for one key that the node does not have.

    The keystore is never in it, so no backup brings back what was erased. Keep the keystore on a disk of its own, and
    a copy of it with `storage.key_copy` in node.toml: the node keeps that in step, destroyed keys included.

    \b
    Examples:
      liaison backup --new-key /media/offline                         # once; backup.key stays offline
      liaison backup --home th --to backup.pub --out th-2026-11-24.backup
      liaison restore --backup th-2026-11-24.backup --key backup.key --home th --fingerprint 3f2a… --old-home th.broken
    """
    if new_key is not None:
        if to is not None or out is not None:
            raise click.UsageError("--new-key makes a key, and no backup")
        key = make_key_pair(new_key, "backup")
        return Output(key, key_lines(key))
    if home is None or to is None or out is None:
        raise click.UsageError("give --home, --to and --out, or --new-key")
    with working("backing up"):
        settings = load_settings(home)
        made = make_backup(settings, to, out, SystemClock())
    value = backup_value(made, out, settings.storage.key_copy)
    return Output(value, backup_lines(value))


@click.command()
@click.option("--backup", "backup_file", required=True, type=FILE, help="The backup.")
@click.option("--key", required=True, type=FILE, help="The key that it was sealed for.")
@click.option("--home", required=True, type=NEW_FOLDER, help="A new or empty folder.")
@click.option("--old-home", type=FOLDER, help="What is left of the home that was lost: keystore, high-water files.")
@click.option("--keys", type=FOLDER, help="The copy of the keystore (storage.key_copy).")
@click.option(
    "--fingerprint", help="Of the first charter, from paper or by voice; --old-home with its charter stands for it."
)
@printed
def restore(
    backup_file: Path, key: Path, home: Path, old_home: Path | None, keys: Path | None, fingerprint: str | None
) -> Output:
    """Restore a home, and check its logs against every head that is known to be signed.

    Entries of starts and stops since the backup are taken over from the old home, where its database can be read.
    Content that was erased after the backup was made is overwritten at once. A database that lacks entries which were
    signed is refused (exit code 1): neither this command nor a node signs anything over it.

    A backup says itself under which charter it was made, and so could one of a stranger: the fingerprint of the first
    charter comes from elsewhere. `liaison backup` prints it, to be written on the paper that lies with the key; spaces
    do not count. The old home's own charter stands for it. Any other member can read it out by telephone: it runs
    `liaison trust verify HOME/trust/charter.jsonl`.

    \b
    Examples:
      liaison restore --backup th.backup --key backup.key --home th --old-home th.broken
      liaison restore --backup th.backup --key backup.key --home th --keys /mnt/keys/th --fingerprint "3f2a 90c1 …"
    """
    with working("restoring, and checking the logs"):
        done = restore_home(backup_file, key, home, SystemClock(), old_home=old_home, keys=keys, pin=fingerprint)
    return Output(restored_value(done, home), restored_lines(done, home, old_home), done.report.exit_code)
