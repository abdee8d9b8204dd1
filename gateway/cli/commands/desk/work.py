"""`liaison desk list`, `show`, `take`, `assign`, `phone` and `threads`, through the node's own REST API."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import option_of
from gateway.cli.options import TEXT, page_options
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.errors import Refused
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.handed.work import Assign
from gateway.views.desk.lines import card_lines, paged_lines, thread_lines, threads_lines, work_lines, works_lines

_THREAD = re.compile(r"[0-9a-f]{32}")
_KINDS = click.Choice([kind.value for kind in WorkKind])


@click.command("list")
@at_the_desk
@click.option("--kind", "kinds", multiple=True, type=_KINDS, help="Only of this kind; may be repeated.")
@click.option("--mine", is_flag=True, help="Only what is assigned to you.")
@click.option("--all", "everything", is_flag=True, help="What others do or are to do, as well.")
@click.option("--done", is_flag=True, help="Work that is done, as well.")
@page_options
@printed
def list_work(
    bearer: Bearer, kinds: tuple[str, ...], mine: bool, everything: bool, done: bool, limit: int, after: str
) -> Output:
    """The work that you see: who asks, how urgent it is, until when; no content.

    First comes what a human is waited for: FLASH, then URGENT, then what another country or a colleague waits for. The
    hits of a search that are to be confirmed come last, those of a counterpart as one item.

    \b
    Examples:
      liaison desk list --home vn --as vn.d.7
      liaison desk list --home vn --as vn.d.7 --kind decide --json
    """
    found = bearer.call("GET", "work", kind=list(kinds), mine=mine, all=everything, done=done, limit=limit, after=after)
    return Output(found, paged_lines(works_lines(found["work"], spoken()), found["next"], spoken()))


@click.command()
@click.argument("name", metavar="ID", type=TEXT)
@at_the_desk
@click.option("--peer", default="", metavar="COUNTRY", help="Whose thread, where two countries have used the id.")
@printed
def show(bearer: Bearer, name: str, peer: str) -> Output:
    """One item of work or one thread (both have ids in `liaison desk list`), with all that was said.

    That you have read it is an entry of the log.

    \b
    Example:
      liaison desk show decide.th.5f0c… --home vn --as vn.d.7
    """
    if _THREAD.fullmatch(name):
        found = _thread(bearer, name, peer)
        return Output(found, thread_lines(found, spoken()))
    work = bearer.call("GET", f"work/{quote(name, safe='')}")
    try:
        thread = _thread(bearer, work["thread"], work["peer"]) if work["thread_kind"] else None
    except Refused as error:
        if error.code != "no-such-thread":
            raise
        thread = None
    lines = [*work_lines(work, spoken()), *(thread_lines(thread, spoken()) if thread else ())]
    return Output({"work": work, "thread": thread}, lines)


@click.command()
@click.argument("name", metavar="ID", type=TEXT)
@at_the_desk
@printed
def take(bearer: Bearer, name: str) -> Output:
    """Take work, so that your colleagues see that you do it.

    \b
    Example:
      liaison desk take decide.th.5f0c… --home vn --as vn.d.7
    """
    found = bearer.call("POST", f"work/{quote(name, safe='')}/take")
    return Output(found, work_lines(found, spoken()))


@click.command()
@click.argument("name", metavar="ID", type=TEXT)
@at_the_desk
@option_of(Assign, "person", option="to", metavar="PERSON")
@option_of(Assign, "reason")
@printed
def assign(bearer: Bearer, name: str, **given: str) -> Output:
    """Give work to a colleague, who must be allowed to do it.

    \b
    Example:
      liaison desk assign decide.th.5f0c… --home vn --as vn.n.1 --to vn.d.8 --reason "end of shift"
    """
    found = bearer.call("POST", f"work/{quote(name, safe='')}/assign", given)
    return Output(found, work_lines(found, spoken()))


@click.command()
@at_the_desk
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(ThreadKind)), help="Only of this kind.")
@click.option("--state", "states", multiple=True, type=click.Choice(list(ThreadState)), help="Only in this state.")
@printed
def threads(bearer: Bearer, kinds: tuple[str, ...], states: tuple[str, ...]) -> Output:
    """The threads that you may read, the newest first.

    \b
    Example:
      liaison desk threads --home th --as th.o.1042 --state open
    """
    found = bearer.call("GET", "threads", kind=list(kinds), state=list(states))
    return Output(found, threads_lines(found["threads"], spoken()))


@click.command()
@click.argument("name", metavar="ID", type=TEXT)
@at_the_desk
@click.option("--peer", default="", metavar="COUNTRY", help="Whose thread, where two countries have used the id.")
@printed
def phone(bearer: Bearer, name: str, peer: str) -> Output:
    """Whom to phone about work or a thread: who is on duty here for what waits, and their offices there.

    \b
    Examples:
      liaison desk phone approve.kh.5f0c… --home th --as th.o.1042
      liaison desk phone 5f0c… --home th --as th.o.1042 --json

    The numbers of other countries come from their descriptors: `liaison trust publish --contact`.
    """
    if not _THREAD.fullmatch(name):
        work = bearer.call("GET", f"work/{quote(name, safe='')}")
        name, peer = work["thread"], work["peer"]
    found = bearer.call("GET", f"threads/{name}/phone", **({"peer": peer} if peer else {}))
    return Output(found, card_lines(found, spoken()))


def _thread(bearer: Bearer, name: str, peer: str) -> dict[str, Any]:
    return bearer.call("GET", f"threads/{name}", **({"peer": peer} if peer else {}))
