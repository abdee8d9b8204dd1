"""`liaison backup`: everything of a home but the keys of its content, in one sealed file."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.output import json_option, print_json, say, working

_THERE = click.Path(file_okay=False, exists=True, path_type=Path)
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.command()
@click.option("--home", type=_THERE, envvar="LIAISON_HOME", help="The node's home; the node may be running.")
@click.option("--to", type=_FILE, help="The public key that it is sealed for.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
@click.option("--new-key", type=click.Path(file_okay=False, path_type=Path), help="Make a key pair in this folder.")
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
    from gateway.ops.backup.command import make, make_key

    if new_key is not None:
        if to is not None or out is not None:
            raise click.UsageError("--new-key makes a key, and no backup")
        made = make_key(new_key)
        if as_json:
            print_json(made)
        else:
            say(f"key, to be kept offline: {made['key']}", "good")
            say(f"public key, for the node: {made['public']}")
        return 0
    if home is None or to is None or out is None:
        raise click.UsageError("give --home, --to and --out, or --new-key")
    with working("backing up"):
        value = make(home, to, out)
    if as_json:
        print_json(value)
        return 0
    say(f"{out}: {value['files']} files, {value['bytes'] / 1e6:,.1f} MB", "good")
    for log, size in value["logs"].items():
        say(f"  {log}: {size:,} entries")
    say(f"  not in it: {', '.join(value['left_out'])}", "dim")
    if not value["key_copy"]:
        say("  the keystore has no copy: set storage.key_copy, or its disk takes all content along", "warn")
    return 0
