"""`liaison desk note`, `read` and `form`: words between two desks, and forms as they are printed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk, attach_option
from gateway.cli.inputs.handed import option_of
from gateway.cli.options import NEW_FILE, TEXT, Code
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.language.languages import Language
from gateway.model.handed.work import WriteNote
from gateway.views.desk.lines import work_lines
from gateway.views.desk.steps import stands_lines

_peer = click.option("--peer", default="", metavar="COUNTRY", help="Whose thread, where two countries use the id.")


@click.command()
@click.argument("thread", metavar="THREAD", type=TEXT)
@at_the_desk
@_peer
@option_of(WriteNote, "text")
@attach_option
@click.option("--in", "language", type=Code(list(Language)), help="Their language; by default yours.")
@click.option("--idempotency-key", "key", default="", help="The same key writes one note.")
@printed
def note(
    bearer: Bearer, thread: str, peer: str, text: str, files: tuple[Path, ...], language: str | None, key: str
) -> Output:
    """Write to the humans of the other side, in a thread with them; a note answers nothing that was asked.

    \b
    Examples:
      liaison desk note 5f0c… --home vn --as vn.d.7 --text "the lorry is being looked for"
      liaison desk note 5f0c… --home vn --as vn.d.7 --text "đang kiểm tra" --in vi --json
      liaison desk note 5f0c… --home vn --as vn.d.7 --text "the lorry" --attach lorry.jpg
    """
    body = {"text": text, "language": language or spoken().value, **bearer.attached(files)}
    found = bearer.call("POST", f"threads/{quote(thread, safe='')}/note", body, key=key, **_of(peer))
    return Output(found, stands_lines(found, spoken()))


@click.command()
@click.argument("work", metavar="WORK", type=TEXT)
@at_the_desk
@printed
def read(bearer: Bearer, work: str) -> Output:
    """Say that you have looked at a note, or at what was not delivered; an answer you open: `liaison desk open`.

    \b
    Example:
      liaison desk read read.vn.5f0c… --home th --as th.o.1042
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/read")
    return Output(found, work_lines(found, spoken()))


@click.command()
@click.argument("thread", metavar="THREAD", type=TEXT)
@at_the_desk
@_peer
@click.option("--out", type=NEW_FILE, help="Write a page to be printed (HTML, needs no network) to this file.")
@printed
def form(bearer: Bearer, thread: str, peer: str, out: Path | None) -> Output:
    """Print a form that was sent or has come, in your language. That you have read it is an entry of the log.

    \b
    Examples:
      liaison desk form 5f0c… --home vn --as vn.n.2
      liaison desk form 5f0c… --home vn --as vn.n.2 --out form.html
    """
    found = bearer.call("GET", f"threads/{quote(thread, safe='')}/form", **_of(peer))
    if out is not None:
        out.write_text(found["page"], encoding="utf-8")
    return Output(found | {"out": str(out or "")}, [str(out)] if out is not None else found["text"].splitlines())


def _of(peer: str) -> dict[str, str]:
    return {"peer": peer} if peer else {}
