"""Show work, threads and copies to agency systems. Work and the list of threads hold nothing of a thread's content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel

from gateway.agency.bodies.answers import answer, many
from gateway.clock import rfc3339
from gateway.desk.fold import OVER
from gateway.language.languages import Language
from gateway.model.desk.notices import Alert, Change, Reply
from gateway.model.desk.reports import Report
from gateway.model.desk.work import Level
from gateway.ports.desk import Delivery, Work
from gateway.ports.desk_uses import DraftItem, NoticeItem, ThreadContent, ThreadItem, WorkItem, WorkPage
from gateway.views.desk.words import notice_words, state_words, work_words

STREAM_PAUSE_S = 5.0
"""The most seconds in which a stream of events brings nothing."""


class DoneBody(BaseModel):
    """The end of an item of work."""

    by: str
    result: str
    at: str


class WorkBody(BaseModel):
    """Somebody must do something until `due`. `why_not` is the code of why the caller may not, empty where they may.

    `level` says how far the clock has raised it: `first`, `half` (half of its time is over) or `end`. `paused` is since
    when its clock stands. `mark` says what came meanwhile: `LATE`, `phone` (a draft lapses soon: phone its approver),
    `undelivered` (phone the counterpart), `lapsed`. `text` says what is to be done in the caller's language.
    `folded` are the ids of the other hits of the same search at that counterpart, for which this one stands in a list.
    """

    id: str
    kind: str
    act: str
    text: str
    why_not: str
    urgency: str
    agency: str
    office: str
    role: str
    peer: str
    thread: str
    thread_kind: str
    state: str
    notice: str
    opened: str
    half: str
    due: str
    level: str
    overdue: bool
    paused: str
    assigned: str
    mark: str
    folded: list[str]
    done: DoneBody | None


class WorkListBody(BaseModel):
    """The work that the caller sees: first what a human is waited for, then the first due.

    `next` is the `after` of the next page, empty on the last one.
    """

    work: list[WorkBody]
    next: str


class ThreadBody(BaseModel):
    """A thread, without content. `opener`: our side opened it. `state` is that by the clock."""

    id: str
    peer: str
    kind: str
    opener: bool
    state: str
    text: str
    urgency: str
    opened: str
    due: str
    closed: str
    group: str
    office: str
    agency: str
    officer: str
    ours: int
    theirs: int


class ApprovedBody(ThreadBody):
    """A thread in which something was approved. `closed_offices` have closed since it was asked for and get nothing."""

    closed_offices: list[str]


class ThreadListBody(BaseModel):
    """The threads that the caller may read, the newest first."""

    threads: list[ThreadBody]


class DeliveryBody(BaseModel):
    """The state of a notice of ours on its way: `waiting`, `taken`, `refused` or `expired`."""

    state: str
    tries: int
    problem: str
    next: str
    expires: str


class NoticeBody(BaseModel):
    """One notice. `content` is null once it is erased; records are opened apart, and only counted here.

    `late`: it came after the time until which it was due.
    """

    id: str
    type: str
    code: str
    ours: bool
    seq: int
    time: str
    text: str
    late: bool
    head: dict[str, Any] | None
    content: dict[str, Any] | None
    records: int
    delivery: DeliveryBody | None


DRAFT = answer(
    "DraftBody",
    "An ask of ours that is not approved yet, and when it lapses.",
    DraftItem,
    leave=("ask", "attachments"),
    content=dict[str, Any],
)
CONTENT = answer(
    "ThreadContentBody",
    "A thread with its notices and its work. `draft` is an ask of ours that is not approved yet.",
    base=ThreadBody,
    draft=DRAFT | None,
    notices=many(NoticeBody),
    work=many(WorkBody),
)


def work_body(item: WorkItem, now_us: int, language: Language = Language.EN) -> WorkBody:
    """Return work as JSON shows it."""
    work = item.work
    return WorkBody(
        id=work.id,
        kind=work.kind.value,
        act=item.act,
        text=work_words(work.kind.value, language, item.kind.value if item.kind is not None else ""),
        why_not=item.refusal,
        urgency=work.urgency.value,
        agency=work.agency,
        office=work.office,
        role=work.role.value,
        peer=work.key.peer,
        thread=work.key.thread_id,
        thread_kind=item.kind.value if item.kind is not None else "",
        state=item.state.value if item.state is not None else "",
        notice=work.notice_id,
        opened=_time(work.opened_us),
        half=_time(work.half_us),
        due=_time(work.due_us),
        level=work.level.value,
        overdue=not work.done_us and not work.paused_us and (work.level is Level.END or now_us >= work.due_us),
        paused=_time(work.paused_us),
        assigned=work.assigned,
        mark="" if work.done_us else work.result,
        folded=list(item.folded),
        done=_done(work),
    )


def work_list(page: WorkPage, now_us: int, language: Language = Language.EN) -> WorkListBody:
    """Return a page of a list of work as JSON shows it."""
    return WorkListBody(work=[work_body(item, now_us, language) for item in page.items], next=page.next)


def thread_body(item: ThreadItem, language: Language = Language.EN) -> ThreadBody:
    """Return a thread as a list shows it."""
    return ThreadBody(**_thread(item, language))


def approved_body(item: ThreadItem, closed: Sequence[str], language: Language = Language.EN) -> ApprovedBody:
    """Return a thread after an approval, with the offices that do not get what was approved."""
    return ApprovedBody(**_thread(item, language), closed_offices=list(closed))


def thread_content(found: ThreadContent, now_us: int, language: Language = Language.EN) -> BaseModel:
    """Return a thread with its notices."""
    return CONTENT(
        **_thread(found.item, language),
        draft=_draft(found.draft) if found.draft is not None else None,
        notices=[_notice(notice, language) for notice in found.notices],
        work=[work_body(item, now_us, language) for item in found.works],
    )


async def work_events(lists: AsyncIterator[list[WorkItem]], now_us: Any, language: Language) -> AsyncIterator[bytes]:
    """Yield server-sent events: `work` for each item that is new or has changed, `gone` for one that left the list.

    `listed` comes once, after those that stand at the beginning. A comment in a pause keeps readers and what lies
    between from taking a silent stream for a broken one.
    """
    shown: dict[str, WorkItem] = {}
    listed = False
    newer: asyncio.Future[list[WorkItem] | None] | None = None
    try:
        while True:
            newer = asyncio.ensure_future(anext(lists, None))
            while not (await asyncio.wait((newer,), timeout=STREAM_PAUSE_S))[0]:
                yield b": nothing new\n\n"
            if (items := newer.result()) is None:
                return
            found = {item.work.id: item for item in items}
            for name, item in found.items():
                if shown.get(name) != item:
                    yield f"event: work\ndata: {work_body(item, now_us(), language).model_dump_json()}\n\n".encode()
            for name in shown.keys() - found.keys():
                yield f"event: gone\ndata: {msgspec.json.encode({'id': name}).decode()}\n\n".encode()
            if not listed:
                listed = True
                yield b"event: listed\ndata: {}\n\n"
            shown = found
    finally:
        if newer is not None:
            newer.cancel()


def _thread(item: ThreadItem, language: Language) -> dict[str, Any]:
    thread = item.thread
    return {
        "id": thread.key.thread_id,
        "peer": thread.key.peer,
        "kind": thread.kind.value,
        "opener": thread.opener,
        "state": item.state.value,
        "text": state_words(item.state.value, language),
        "urgency": thread.urgency.value,
        "opened": _time(thread.opened_us),
        "due": _time(thread.due_us),
        "closed": _time(thread.closed_us if item.state in OVER else 0),
        "group": thread.group_id,
        "office": thread.office,
        "agency": thread.agency,
        "officer": thread.officer,
        "ours": thread.ours,
        "theirs": thread.theirs,
    }


def _draft(draft: DraftItem) -> BaseModel:
    said = _plain(draft)
    return DRAFT(content=said["ask"], **said)


def _notice(item: NoticeItem, language: Language) -> NoticeBody:
    placed, notice = item.row.placed, item.notice
    return NoticeBody(
        id=item.row.notice_id,
        type=placed.type.value,
        code=placed.code,
        ours=item.ours,
        seq=placed.seq,
        time=rfc3339(item.row.time_us),
        text=notice_words(placed.type.value, placed.code, language),
        late=item.late,
        head=_plain(notice.head) if notice is not None else None,
        content=_content(notice.body, item.fields) if notice is not None else None,
        records=len(notice.records) if notice is not None else 0,
        delivery=_delivery(item.delivery) if item.delivery is not None else None,
    )


def _content(body: msgspec.Struct, fields: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a notice says, with the fields of an alert.

    The records of a package are opened apart, with an entry of their own.
    """
    value = _plain(body)
    if isinstance(body, Reply | Alert | Change | Report):
        value.pop("record", None)
        value.pop("records" if isinstance(body, Reply) else "", None)
    return value | ({"fields": fields} if fields is not None else {})


def _plain(value: msgspec.Struct) -> dict[str, Any]:
    """Return a value as JSON: times as texts, hashes in hexadecimal digits."""
    return {_name(name): _member(name, getattr(value, name)) for name in value.__struct_fields__}


def _name(name: str) -> str:
    return name.removesuffix("_us")


def _member(name: str, value: Any) -> Any:
    if name.endswith("_us"):
        return _time(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return _plain(value)
    if isinstance(value, tuple):
        return [_member("", each) for each in value]
    return getattr(value, "value", value)


def _delivery(row: Delivery) -> DeliveryBody:
    return DeliveryBody(
        state=row.state.value,
        tries=row.tries,
        problem=row.problem,
        next=_time(row.due_us) if row.state.value == "waiting" else "",
        expires=_time(row.expires_us),
    )


def _done(work: Work) -> DoneBody | None:
    return DoneBody(by=work.by, result=work.result, at=rfc3339(work.done_us)) if work.done_us else None


def _time(us: int) -> str:
    return rfc3339(us) if us else ""
