"""The desk: the work of a person, what presses first, by kind and by clock; and the threads behind it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from msgspec.structs import replace
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.console.frame.clocks import clock_of
from gateway.console.frame.events import EVENT_STREAM, merged_changes
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page
from gateway.console.frame.shapes import Link, Tag, Task
from gateway.console.pages.alerts.told import PATH as ALERTS
from gateway.console.pages.operations.listing import PATH as OPERATIONS
from gateway.console.pages.oversight.freezes import PATH as FREEZES
from gateway.console.pages.oversight.matter import matter_path
from gateway.console.pages.reports.told import PATH as REPORTS
from gateway.console.pages.threads.forms import thread_path
from gateway.console.pages.threads.question import ASKERS
from gateway.console.pages.watches.board import PATH as WATCHES
from gateway.console.visits.door import Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import WorkKind
from gateway.ports.desk_uses import Tally, ThreadItem, ThreadQuery, WorkItem, WorkPage, WorkQuery
from gateway.views.desk.words import kind_words, state_words, urgency_words, work_words

PATH = "/desk"
_ROWS = (50, 100, 200, 400)
"""Rows of a list: the first so many, and then more and more of them."""

_WAITING = 100
"""Work at the most whose change brings a page up to date, and of which the sound for flash tells."""

_COUNTED = 1_000
"""Items of a list that are counted at the most; of more the page says so."""

_LISTS: Sentences = {"": "For me", "mine": "Taken by me", "all": "All of my office", "threads": "Matters"}


@dataclass(frozen=True, slots=True)
class DeskView:
    """The lists as tabs, and the one that is shown: of work, or of threads.

    `kinds` narrow the list. `alarm` names the flash work that nobody has taken, which a page gives a sound for.
    `cut_at` is how many are shown where there are more, `more` the address of these.
    """

    tabs: Sequence[Link]
    kinds: Sequence[Link]
    tasks: Sequence[Task]
    are_matters: bool
    alarm: Sequence[str]
    cut_at: int
    more: str
    may_ask: bool


def desk_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the desk."""
    desk, roles = _Desk(parts), tuple(OPEN_TO[PATH])
    return [
        door.get(PATH, desk.show, roles),
        door.get(f"{PATH}/events", desk.follow, roles),
    ]


class _Desk:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the list that the query names, of one kind where it names one."""
        which, rows = visit.query("list"), _rows(visit)
        is_first = not visit.query("after")
        waiting, works, shown, matters = await self._listed(visit, which, rows)
        waits, listed = await self._tallies(visit, which)
        kinds: tuple[Link, ...] = ()
        if which == "threads":
            tasks = [_matter(item, visit) for item in matters]
            is_cut, behind = len(tasks) >= rows, ""
        else:
            kinds = _kinds(listed, which, visit)
            tasks = [work_task(item, visit, self._parts.member) for item in shown.items]
            is_cut, behind = bool(shown.next), shown.next
        flash = [item.work.id for item in waiting if item.work.urgency is Urgency.FLASH and not item.work.assigned]
        view = DeskView(
            tabs=_tabs(waits, which, visit),
            kinds=kinds,
            tasks=tasks,
            are_matters=which == "threads",
            alarm=flash,
            cut_at=rows if is_first and is_cut else 0,
            more=_more(which, rows, behind, visit) if is_cut else "",
            may_ask=bool(visit.roles & ASKERS),
        )
        marks = {"shown": _mark(works), "waiting": _mark(waiting)}
        query = {"list": which, "rows": rows, "after": visit.query("after"), **marks}
        live = f"{PATH}/events?{urlencode(query)}"
        return Page("pages/desk.html", tell(visit.language, "Desk"), view, live=live)

    async def _listed(
        self, visit: Visit, which: str, rows: int
    ) -> tuple[Sequence[WorkItem], Sequence[WorkItem], WorkPage, Sequence[ThreadItem]]:
        """Read at the same time what waits, the work of the list (what waits, where it shows none), of this the kind
        that the page shows, and threads."""
        officer, after, kind = visit.officer, visit.query("after"), visit.query("kind")
        queue, reading = self._parts.desk.queue, self._parts.desk.reading
        counting = queue.works(officer, _query("", _WAITING))
        if which == "threads":
            waiting, matters = await asyncio.gather(counting, reading.threads(officer, ThreadQuery(limit=rows)))
            return waiting, waiting, WorkPage(()), matters
        whole = _query(which, rows, after)
        waiting, listed = await asyncio.gather(counting, queue.page(officer, whole))
        if kind not in set(WorkKind):
            return waiting, listed.items, listed, ()
        return waiting, listed.items, await queue.page(officer, replace(whole, kinds=(WorkKind(kind),))), ()

    async def _tallies(self, visit: Visit, which: str) -> tuple[Tally, Tally]:
        """Count what waits, and the list that is shown (what waits, where it shows no work)."""
        queue, waits = self._parts.desk.queue, _query("", _COUNTED)
        if which in ("", "threads"):
            return (found := await queue.tally(visit.officer, waits)), found
        shown = queue.tally(visit.officer, _query(which, _COUNTED))
        return await asyncio.gather(queue.tally(visit.officer, waits), shown)

    async def follow(self, visit: Visit) -> Response:
        """Stream that the work of the person has changed; nothing of it is told."""
        which, after, waiting = visit.query("list"), visit.query("after"), _query("", _WAITING)
        feeds = [self._changes(visit, waiting if which == "threads" else _query(which, _rows(visit), after), "shown")]
        if after or which == "mine":  # what is raised now stands before these rows, or is nobody's yet
            feeds.append(self._changes(visit, waiting, "waiting"))
        return StreamingResponse(merged_changes(feeds), media_type=EVENT_STREAM)

    async def _changes(self, visit: Visit, wanted: WorkQuery, mark: str) -> AsyncIterator[object]:
        """Yield what differs from the page, which was made before this began, and then each change."""
        shown = visit.query(mark)
        async for works in self._parts.desk.queue.follow(visit.officer, wanted):
            if _mark(works) != shown:
                yield works
            # Only the first list is compared with the page; each that follows has changed since the one before.
            shown = ""


def _tabs(waiting: Tally, which: str, visit: Visit) -> list[Link]:
    """Return the lists; the first two say how much waits in them, and whether it presses."""
    counted = {"": (waiting.total, waiting.pressing), "mine": (waiting.mine, waiting.mine_pressing)}
    return [
        Link(
            f"{PATH}?list={name}" if name else PATH,
            tell(visit.language, text),
            name == which,
            *counted.get(name, (0, False)),
            more=waiting.more,
        )
        for name, text in _LISTS.items()
    ]


def _kinds(listed: Tally, which: str, visit: Visit) -> tuple[Link, ...]:
    """Return the kinds of work in a whole list, by which it is narrowed; none where there is one kind only."""
    if len(listed.kinds) < 2:
        return ()
    chosen, language = visit.query("kind"), visit.language
    every = Link(f"{PATH}?list={which}", tell(language, "All kinds"), not chosen, listed.total, more=listed.more)
    return (
        every,
        *(
            Link(
                f"{PATH}?list={which}&kind={kind.value}",
                work_words(kind.value, language),
                kind.value == chosen,
                count,
                more=listed.more,
            )
            for kind, count in sorted(listed.kinds.items())
        ),
    )


def work_path(item: WorkItem, own: str) -> str:
    """Return the path of the page on which work is done: alerts, watches and reports have pages of their own.

    `own` is our member.
    """
    key = item.work.key
    if item.work.kind in (WorkKind.REVIEW, WorkKind.INCIDENT):
        return matter_path(item.work.id)
    if item.kind is ThreadKind.SERVICE and item.work.kind is WorkKind.APPROVE:
        return f"{FREEZES}/{key.thread_id}"
    if item.kind is ThreadKind.ALERT and item.work.kind is WorkKind.APPROVE:
        return f"{ALERTS}/{key.thread_id}"
    if item.kind is ThreadKind.WATCH and item.work.kind in (WorkKind.APPROVE, WorkKind.REVALIDATE):
        return f"{WATCHES}/{key.thread_id}"
    if item.kind is ThreadKind.REPORT and item.work.kind is WorkKind.APPROVE:
        return f"{REPORTS}/{key.thread_id}"
    if item.kind is ThreadKind.ALERT and item.work.kind is WorkKind.ACKNOWLEDGE:
        return f"{ALERTS}/{key.peer}/{key.thread_id}"
    if item.kind is ThreadKind.ROOM and item.work.kind is WorkKind.ACKNOWLEDGE:
        return f"{OPERATIONS}/thread/{key.peer}/{key.thread_id}"
    if item.work.kind is WorkKind.OUTCOME and item.kind is None:
        return f"/desk/work/{item.work.id}/outcome"
    if item.work.kind is WorkKind.OUTCOME and key.peer == own:
        return f"{ALERTS}/{key.thread_id}"
    return thread_path(key)


def work_task(item: WorkItem, visit: Visit, own: str) -> Task:
    """Return work as a list shows it: what is to be done, with whom, until when."""
    work, language = item.work, visit.language
    matter = item.kind.value if item.kind is not None else ""
    about = [with_country(work.key.peer, language), work.office or work.agency]
    if item.kind is not None:
        about.append(kind_words(item.kind.value, language))
    if work.assigned:
        about.append(tell(language, "taken by {person}", person=work.assigned))
    if item.folded:
        about.append(tell(language, "and {count} more hits of this search", count=len(item.folded)))
    urgent = work.urgency in (Urgency.FLASH, Urgency.URGENT)
    return Task(
        link=Link(work_path(item, own), work_words(work.kind.value, language, matter)),
        about=tuple(filter(None, about)),
        clock=clock_of(work, visit.now_us, language),
        tags=(
            Tag(urgency_words(work.urgency.value, language), "danger" if urgent else "info"),
            *((Tag(tell(language, "LATE: after its time"), "danger"),) if work.result == "LATE" else ()),
        ),
        tone="danger" if work.urgency is Urgency.FLASH else "warn" if urgent else "",
    )


def _matter(item: ThreadItem, visit: Visit) -> Task:
    thread, language = item.thread, visit.language
    return Task(
        link=Link(thread_path(thread.key), kind_words(thread.kind.value, language)),
        about=tuple(filter(None, (with_country(thread.key.peer, language), thread.office, thread.officer))),
        tags=(
            Tag(state_words(item.state.value, language), "info"),
            Tag(urgency_words(thread.urgency.value, language), "quiet"),
        ),
    )


def _mark(works: Sequence[WorkItem]) -> str:
    """Return a mark of a list, by which it is known whether it has changed."""
    return hashlib.sha256(repr(list(works)).encode()).hexdigest()[:16]


def _query(which: str, rows: int, after: str = "") -> WorkQuery:
    return WorkQuery(mine=which == "mine", all=which == "all", limit=rows, folded=True, after=after)


def _rows(visit: Visit) -> int:
    """Return how many rows the query asks for; the least for any other text."""
    return next((rows for rows in _ROWS if visit.query("rows") == str(rows)), _ROWS[0])


def _more(which: str, rows: int, behind: str, visit: Visit) -> str:
    """Return the address of the same list with more rows, or of the page `behind` it; empty where there are no more."""
    more = next((each for each in _ROWS if each > rows), 0)
    if not (more or behind):
        return ""
    after = visit.query("after") if more else behind
    query = {"list": which, "kind": visit.query("kind"), "rows": more or rows} | ({"after": after} if after else {})
    return f"{PATH}?{urlencode(query)}"
