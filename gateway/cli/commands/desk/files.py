"""`liaison desk attach`, `attachments` and `save`: files that go with what is written, and that come with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.options import FILE, NEW_FILE, TEXT, Word
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.errors import Misconfigured, Unknown
from gateway.model.marking import Level
from gateway.views.desk.files import brought_lines, file_lines, saved_lines

_peer = click.option("--peer", default="", metavar="COUNTRY", help="Whose thread, where two countries use the id.")
_thread = click.argument("thread", metavar="THREAD", type=TEXT)


@click.command()
@click.argument("files", metavar="FILE…", type=FILE, nargs=-1, required=True)
@at_the_desk
@click.option("--marking", default="OFFICIAL", show_default=True, type=Word([level.value for level in Level]))
@printed
def attach(bearer: Bearer, files: tuple[Path, ...], marking: str) -> Output:
    """Bring files to your node: JPEG, PNG, TIFF, PDF, MP4, CSV and plain text, each up to 2 GiB.

    What you write next names them by the ids that this prints; other commands do both with --attach. A file that
    nothing names is gone after 14 days.

    \b
    Example:
      liaison desk attach lorry.jpg statement.pdf --home vn --as vn.d.7
    """
    found = bearer.bring(files, marking)
    return Output({"attachments": found}, brought_lines(found, spoken()))


@click.command()
@_thread
@at_the_desk
@_peer
@printed
def attachments(bearer: Bearer, thread: str, peer: str) -> Output:
    """The files of a thread: how much of each is here, and whether it can be opened.

    \b
    Example:
      liaison desk attachments 5f0c… --home vn --as vn.d.7
    """
    found = bearer.call("GET", f"threads/{quote(thread, safe='')}/attachments", **_of(peer))
    return Output(found, file_lines(found["attachments"], spoken()))


@click.command()
@_thread
@click.argument("file", metavar="FILE", type=TEXT)
@at_the_desk
@_peer
@click.option("--out", required=True, type=NEW_FILE, help="Where to save it: a new file.")
@printed
def save(bearer: Bearer, thread: str, file: str, peer: str, out: Path) -> Output:
    """Open a file of a thread: it is saved here, and that you have opened it is an entry of the log.

    FILE is its name, or its root as `liaison desk attachments` shows it.

    \b
    Example:
      liaison desk save 5f0c… lorry.jpg --home vn --as vn.d.7 --out lorry.jpg
    """
    path = f"threads/{quote(thread, safe='')}/attachments"
    chosen = _chosen(bearer.call("GET", path, **_of(peer))["attachments"], file)
    aside = out.with_name(f".{out.name}.part")
    if out.exists():
        raise Misconfigured("there is a file already", code="file-exists", where=str(out), remedy="name a new file")
    try:
        with aside.open("wb") as target:
            size = bearer.save(f"{path}/{chosen['root']}", target, chosen["name"], chosen["size"], **_of(peer))
        aside.rename(out)
    finally:
        aside.unlink(missing_ok=True)
    return Output(chosen | {"out": str(out)}, saved_lines(str(out), size, chosen["original"], spoken()))


def _chosen(found: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """Return the file of this root or name. Raises `Unknown` for none, and where several have the name."""
    fitting = [each for each in found if wanted in (each["root"], each["name"])]
    if len({each["root"] for each in fitting}) != 1:
        raise Unknown(
            "{count} files of the thread are called so",
            code="no-such-file",
            where=wanted[:80],
            remedy="name it by its root: `liaison desk attachments`",
            count=len(fitting),
        )
    return fitting[0]


def _of(peer: str) -> dict[str, str]:
    return {"peer": peer} if peer else {}
