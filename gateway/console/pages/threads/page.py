"""The page of a thread: what it is about, what is to be done, and the steps of both sides with their proofs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from gateway.console.frame.clocks import clock_of
from gateway.console.frame.events import EVENT_STREAM, merged_changes
from gateway.console.frame.page import Page
from gateway.console.frame.shapes import Banner, Clock, Link, Row, Step, Tag, Task
from gateway.console.pages.threads.acts import DECISIONS, Place, thread_forms, works_of
from gateway.console.pages.threads.facts import ask_rows, held_clock, subject
from gateway.console.pages.threads.forms import ActForm, Sent, WorkView, Writer, headline
from gateway.console.pages.threads.timeline import steps_of
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.errors import LiaisonError
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.model.desk.notices import About, Ask, Head, NoticeType, Urgency
from gateway.model.desk.threads import ThreadState
from gateway.model.desk.work import WorkKind
from gateway.ports.desk_uses import DraftItem, Hands, ThreadContent
from gateway.views.desk.words import kind_words, notice_words, state_words, urgency_words, work_words

TEMPLATE = "pages/threads/thread.html"


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A thread as a page shows it. `tasks` is what waits, in short, and lives; `works` are the forms of it."""

    title: str
    tags: Sequence[Tag]
    about: Sequence[str]
    notices: Sequence[Banner]
    rows: Sequence[Row]
    held: Clock | None
    tasks: Sequence[Task]
    works: Sequence[WorkView]
    forms: Sequence[ActForm]
    steps: Sequence[Step]
    links: Sequence[Link]
    faults: Sequence[tuple[str, str]] = ()


class ThreadPages:
    """Makes the page of a thread; what was sent and refused is shown in it again."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return a thread, once the entry of its reading is durable."""
        return await self.page(visit, visit.part("peer"), visit.part("thread"), Sent())

    async def follow(self, visit: Visit) -> Response:
        """Stream that a thread has changed; nothing of it is told."""
        key = await self._parts.desk.reading.key(visit.officer, visit.part("thread"), visit.part("peer"))
        changes: AsyncIterator[object] = self._parts.desk.reading.follow(key)
        return StreamingResponse(merged_changes([_some(changes)]), media_type=EVENT_STREAM)

    async def page(self, visit: Visit, peer: str, thread_id: str, sent: Sent) -> Page:
        """Return the page of a thread, with what was sent and refused."""
        desk = self._parts.desk
        content = await desk.reading.thread(visit.officer, thread_id, peer)
        place = Place(content, await self._hands(visit, content), visit.officer.person, visit.now_us)
        view = self._view(place, await self._approvers(content), visit.language, sent)
        # One line of a print has room for so many ids.
        shown = ", ".join((thread_id, *(item.row.notice_id for item in content.notices[1:])))
        status = 400 if sent.faults else 200
        return Page(TEMPLATE, view.title, view, status, f"{place.path}/events", shown[:200])

    async def _hands(self, visit: Visit, content: ThreadContent) -> dict[str, Hands]:
        queue = self._parts.desk.queue
        found: dict[str, Hands] = {}
        for item in content.works:
            if not item.work.done_us:
                try:
                    found[item.work.id] = await queue.hands(visit.officer, item.work.id)
                except LiaisonError:  # work that this person does not see in a list
                    continue
        return found

    async def _approvers(self, content: ThreadContent) -> tuple[str, ...]:
        """Return who is on duty and can approve a draft; its author may phone them."""
        if content.draft is None:
            return ()
        key = content.item.thread.key
        card = await asyncio.to_thread(self._parts.desk.phoning.of, key)
        waiting = (each for each in card.here if each.work.kind is WorkKind.APPROVE)
        return tuple(one.id for each in waiting for one in each.who.persons)

    def _view(self, place: Place, approvers: tuple[str, ...], language: Language, sent: Sent) -> ThreadView:
        content, writer = place.content, Writer(language, sent)
        ask, basis = _asked(content)
        kind = content.item.thread.kind
        return ThreadView(
            title=headline(subject(ask, language) if ask is not None else kind_words(kind.value, language)),
            tags=_tags(content, language),
            about=_about(content, language),
            notices=tuple(_banners(content, approvers, language)),
            rows=ask_rows(ask, basis, language) if ask is not None and basis is not None else (),
            held=held_clock(ask, place.now_us, language) if ask is not None and _is_open(content) else None,
            tasks=_tasks(place, language),
            works=works_of(place, writer),
            forms=thread_forms(place, writer),
            steps=steps_of(content.notices, content.item.thread.key.peer, self._parts.member, language),
            links=_links(ask, place, language),
            faults=tuple(sent.faults.items()),
        )


async def _some(changes: AsyncIterator[object]) -> AsyncIterator[object]:
    """Yield something for each change: a stream that yields nothing has ended."""
    async for _ in changes:
        yield True


def _asked(content: ThreadContent) -> tuple[Ask | None, Head | DraftItem | None]:
    """Return the ask that a thread is about, and what it stands on: its draft, or the newest notice that asks."""
    if content.draft is not None:
        return content.draft.ask, content.draft
    for item in reversed(content.notices):
        if item.notice is not None and isinstance(item.notice.body, Ask):
            return item.notice.body, item.notice.head
    return None, None


def _is_open(content: ThreadContent) -> bool:
    return content.item.state in (ThreadState.NEW, ThreadState.OPEN, ThreadState.BACK, ThreadState.OVERDUE)


def _tags(content: ThreadContent, language: Language) -> tuple[Tag, ...]:
    thread, state = content.item.thread, content.item.state
    is_urgent = thread.urgency in (Urgency.FLASH, Urgency.URGENT) and _is_open(content)
    bad = state in (ThreadState.OVERDUE, ThreadState.EXPIRED, ThreadState.REFUSED)
    return (
        Tag(state_words(state.value, language), "danger" if bad else "info" if _is_open(content) else "done"),
        Tag(urgency_words(thread.urgency.value, language), "danger" if is_urgent else "quiet"),
    )


def _about(content: ThreadContent, language: Language) -> tuple[str, ...]:
    thread = content.item.thread
    peer = with_country(thread.key.peer, language)
    who = tell(language, "we ask {peer}", peer=peer) if thread.opener else tell(language, "{peer} asks us", peer=peer)
    if thread.kind.value != "ask":
        who = f"{kind_words(thread.kind.value, language)} · {peer}"
    return tuple(filter(None, (who, thread.office or thread.agency, thread.officer)))


def _banners(content: ThreadContent, approvers: tuple[str, ...], language: Language) -> list[Banner]:
    found = []
    if content.draft is not None:
        lines = (
            [tell(language, "These persons are on duty and can approve it: {names}", names=", ".join(approvers))]
            if approvers
            else [tell(language, "Nobody who can approve it is on duty: it waits in the list of the national desk.")]
        )
        title = tell(language, "Not sent: another person must approve it first.")
        found.append(Banner(title, tuple(lines), "warn"))
    if (waits := content.proposed) is not None:
        answer = notice_words("reply", waits.answer, language)
        title = tell(language, "Not sent: the decision “{answer}” waits.", answer=answer)
        if waits.first:
            line = tell(language, "{person} has decided. A second person decides as well.", person=waits.first)
        else:
            line = tell(language, "{person} still signs it with a passkey.", person=waits.author)
        found.append(Banner(title, (line,), "warn", _sign_links(content, language)))
    return found


def _sign_links(content: ThreadContent, language: Language) -> tuple[Link, ...]:
    return tuple(
        Link(f"/desk/work/{item.work.id}/sign", tell(language, "See it and sign"))
        for item in content.works
        if not item.work.done_us and not item.refusal and item.work.kind in DECISIONS
    )


def _tasks(place: Place, language: Language) -> tuple[Task, ...]:
    """Return the open work in short; its link shows the page anew, with the forms that have come since."""
    version = place.content.item.thread.version
    tasks = []
    for item in place.content.works:
        if item.work.done_us:
            continue
        work = item.work
        who = tell(language, "taken by {person}", person=work.assigned) if work.assigned else work.office or work.agency
        # Without another query a browser would jump to the mark on the page that it has, and fetch nothing.
        link = Link(f"{place.path}?at={version}#work-{work.id}", work_words(work.kind.value, language))
        clock = clock_of(work, place.now_us, language)
        tasks.append(Task(link, (who,), clock, tone=clock.tone if clock is not None else ""))
    return tuple(tasks)


def _links(ask: Ask | None, place: Place, language: Language) -> tuple[Link, ...]:
    files = Link(f"{place.path}/files", tell(language, "Files"))
    is_sent = any(item.row.placed.type is NoticeType.ASK for item in place.content.notices)
    if ask is None or ask.about is not About.FORM or not is_sent:
        return (files,)
    return files, Link(f"{place.path}/form", tell(language, "The form, to be printed"))
