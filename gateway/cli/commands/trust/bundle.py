"""`liaison trust export` and `import`: documents of trust in a file, for a member that no connection reaches."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, NEW_FILE, home_option
from gateway.cli.output import Output, printed
from gateway.config import Home, load_settings
from gateway.ops.trust.bundle import export_documents, import_documents, is_older
from gateway.views.lines.trust import exported_lines, imported_about, imported_lines


@click.command("export")
@home_option
@click.option("--out", required=True, type=NEW_FILE, help="Where the documents go, one on each line.")
@printed
def export(home: Path, out: Path) -> Output:
    """Write all documents of trust that a home holds into one file: for a stick, where no connection reaches.

    \b
    Example:
      liaison trust export --home th --out trust.jsonl
    """
    count = export_documents(Home(load_settings(home).home).trust, out)
    return Output({"documents": count, "out": str(out)}, exported_lines(count, out))


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE)
@home_option
@click.option("--fingerprint", help="Of the charter with which a home begins that has none yet.")
@printed
def import_(files: tuple[Path, ...], home: Path, fingerprint: str | None) -> Output:
    """Take what is new of the documents in FILES into a home, in the right order; exit code 1 where one is refused.

    Documents that are held already, and older ones, are left out without a word of blame.

    \b
    Example:
      liaison trust import trust.jsonl --home vn
    """
    taken = import_documents(Home(load_settings(home).home).trust, files, fingerprint)
    refused = [item for item in taken if item.refusal is not None and not is_older(item)]
    return Output(imported_about(taken, refused), imported_lines(taken, refused), 1 if refused else 0)
