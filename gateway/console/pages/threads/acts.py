"""Say what a person can do in a thread, and with which form; what they may not do comes with why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from gateway.console.frame.navigation import TOKENS
from gateway.console.frame.shapes import Button, Link, Tag, Text
from gateway.console.pages.alerts.outcome import outcome_fields
from gateway.console.pages.threads.forms import ActForm, Part, WorkView, Writer, headline, thread_path
from gateway.language.catalogue import Sentences, tell
from gateway.language.terms import NOT_EXECUTED
from gateway.model.desk.notices import REACTIONS, Ask, NoticeType, OutcomeReport, ReplyCode, StatusCode
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.handed.asks import Reasons
from gateway.model.handed.changes import Comply
from gateway.model.handed.work import Approve, Assign, GiveReason, Mark, PassOn, React, WriteNote
from gateway.ports.desk_uses import Hands, ThreadContent, WorkItem
from gateway.views.desk.words import OUTCOMES, STATUSES, why_not_words, work_words

DECISIONS = frozenset({WorkKind.DECIDE, WorkKind.CORRECT, WorkKind.DISTINGUISH})
_LOOKED_AT = frozenset({WorkKind.REVIEW, WorkKind.INCIDENT})
_UNANSWERED = frozenset({ThreadState.NEW, ThreadState.OPEN, ThreadState.BACK, ThreadState.OVERDUE})
OBJECTIONS: Sentences = {
    "court-file": "it is part of a court's file",
    "own-law": "our own law orders us to keep it",
    "still-needed": "a person would be in danger without it",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A thread with the person's view of it: what stands in it, who could do its work, and the moment."""

    content: ThreadContent
    hands: Mapping[str, Hands]
    person: str
    now_us: int

    @property
    def path(self) -> str:
        """The address of the thread's page."""
        return thread_path(self.content.item.thread.key)

    @property
    def has_reply(self) -> bool:
        """Tell whether the other side has answered an ask of ours; a question back is no answer."""
        replies = [each for each in self.content.notices if not each.ours and each.row.placed.type is NoticeType.REPLY]
        return bool(replies) and replies[-1].row.placed.code != ReplyCode.CLARIFY and bool(replies[-1].row.envelope)

    @property
    def is_opened(self) -> bool:
        """Tell whether the answer was opened, or an alert acted on, so that something can have come of it."""
        codes = {each.row.placed.code for each in self.content.notices if each.ours}
        return bool(codes & {StatusCode.READ, StatusCode.ACTING})

    @property
    def last_ask(self) -> Ask | None:
        """The newest ask of the thread."""
        asks = (each.notice.body for each in reversed(self.content.notices) if each.notice is not None)
        return next((body for body in asks if isinstance(body, Ask)), None)


def works_of(place: Place, writer: Writer) -> tuple[WorkView, ...]:
    """Return the open work of a thread, the first due first; that which is this person's comes before the rest."""
    items = [item for item in place.content.works if not item.work.done_us]
    items.sort(key=lambda item: (bool(item.refusal), item.work.due_us))
    return tuple(_work(item, place, writer) for item in items)


def _work(item: WorkItem, place: Place, writer: Writer) -> WorkView:
    work, language = item.work, writer.language
    is_reply = work.kind is WorkKind.READ and _is_of_reply(item, place)
    ways: list[Link] = []
    if not item.refusal and work.kind in DECISIONS:
        ways.append(Link(f"/desk/work/{work.id}/decide", tell(language, "Decide")))
    if not item.refusal and work.kind is WorkKind.DISTINGUISH:
        query = urlencode({"work": work.id})
        ways.append(Link(f"{TOKENS}?{query}", tell(language, "Issue a token “not this person”")))
    if not item.refusal and work.kind in _LOOKED_AT:
        ways.append(Link(f"/desk/work/{work.id}/matter", tell(language, "Look at it")))
    forms = [] if item.refusal else [*_ends(item, place, writer, is_reply=is_reply)]
    return WorkView(
        id=f"work-{work.id}",
        title=headline(work_words(work.kind.value, language)),
        tags=(Tag(tell(language, "LATE: after its time"), "danger"),) if work.result == "LATE" else (),
        why_not=why_not_words(item.refusal, language) if item.refusal else "",
        ways=tuple(ways),
        forms=(*forms, *_hand_over(item, place, writer)),
    )


def _is_of_reply(item: WorkItem, place: Place) -> bool:
    of = next((each for each in place.content.notices if each.row.notice_id == item.work.notice_id), None)
    return of is not None and not of.ours and of.row.placed.type is NoticeType.REPLY


def _ends(item: WorkItem, place: Place, writer: Writer, *, is_reply: bool) -> Iterator[ActForm]:
    """Yield the form that ends this work."""
    language, kind, action = writer.language, item.work.kind, f"/desk/work/{item.work.id}"
    if kind is WorkKind.APPROVE:
        parts = (writer.of(Approve, "reason", place="decline-reason"),)
        buttons = (
            Button(tell(language, "Approve: it leaves"), "do", "approve", "first"),
            Button(tell(language, "Decline"), "do", "decline"),
        )
        yield ActForm("approve", "", f"{action}/approve", parts, buttons, folded=False)
    elif kind is WorkKind.READ and is_reply:
        yield _open(place, writer)
    elif kind is WorkKind.READ:
        seen = Button(tell(language, "I have seen it"), kind="first")
        yield ActForm(f"read-{item.work.id}", "", f"{action}/read", (), (seen,), folded=False)
    elif kind is WorkKind.CLARIFY:
        ask = place.last_ask
        label = tell(language, "Facts, with the answer to their question")
        facts = writer.of(Reasons, "facts", ask.facts if ask is not None else "", place="clarify-facts", label=label)
        send = Button(tell(language, "Send the answer"), kind="first")
        yield ActForm("clarify", "", f"{place.path}/clarify", (facts,), (send,), folded=False)
    elif kind is WorkKind.ACKNOWLEDGE:
        yield _acknowledge(action, writer)
    elif kind is WorkKind.COMPLY:
        yield _comply(action, writer)


def _open(place: Place, writer: Writer) -> ActForm:
    button = Button(tell(writer.language, "Open the answer"), kind="first")
    return ActForm("open", "", f"{place.path}/open", (), (button,), folded=False)


def _acknowledge(action: str, writer: Writer) -> ActForm:
    language = writer.language
    answers = {code.value: tell(language, STATUSES[code]) for code in REACTIONS}
    reasons = {"": "–"} | writer.told(NOT_EXECUTED)
    parts = (
        writer.one_of(React, "answer", answers, "ACKNOWLEDGED", place="acknowledge-answer", draw="radio"),
        writer.one_of(React, "reason", reasons, place="acknowledge-reason"),
        writer.of(React, "text", place="acknowledge-text"),
    )
    button = Button(tell(language, "Send"), kind="first")
    return ActForm("acknowledge", "", f"{action}/acknowledge", parts, (button,), folded=False)


def _comply(action: str, writer: Writer) -> ActForm:
    language = writer.language
    parts = (
        writer.one_of(Comply, "objection", {"": "–"} | writer.told(OBJECTIONS), place="comply-objection"),
        writer.of(Comply, "text", place="comply-text"),
    )
    buttons = (
        Button(tell(language, "Erase the copies now"), "do", "erase", "danger"),
        Button(tell(language, "Object"), "do", "object"),
    )
    return ActForm("comply", "", f"{action}/comply", parts, buttons, folded=False)


def _hand_over(item: WorkItem, place: Place, writer: Writer) -> Iterator[ActForm]:
    """Yield the forms by which work is taken, assigned and passed on."""
    work, language = item.work, writer.language
    hands, action = place.hands.get(work.id, Hands((), ())), f"/desk/work/{work.id}"
    if not item.refusal and not work.assigned:
        take = Button(tell(language, "I take it"))
        yield ActForm(f"take-{work.id}", "", f"{action}/take", (), (take,), folded=False)
    if hands.persons:
        colleagues = writer.one_of(Assign, "person", {one: one for one in hands.persons}, place="assign-person")
        yield _folded(
            f"assign-{work.id}", tell(language, "Give it to a colleague"), f"{action}/assign", (colleagues,), writer
        )
    if hands.agencies:
        name = f"pass-on-{work.id}"
        parts = (
            writer.one_of(PassOn, "agency", {one: Text(one, "en") for one in hands.agencies}, place=name),
            writer.of(PassOn, "reason", place=f"{name}-reason"),
        )
        yield _folded(name, tell(language, "Pass it on to another agency"), f"{action}/pass-on", parts, writer)


def _folded(id_: str, title: str, action: str, parts: tuple[Part, ...], writer: Writer) -> ActForm:
    return ActForm(id_, title, action, parts, (Button(title),), open=writer.has_fault(parts))


def thread_forms(place: Place, writer: Writer) -> tuple[ActForm, ...]:
    """Return the forms of what can be done to a thread as a whole."""
    return tuple(_thread_forms(place, writer))


def _thread_forms(place: Place, writer: Writer) -> Iterator[ActForm]:
    language, acts, item = writer.language, place.content.acts, place.content.item
    may = {act for act, why in acts.items() if not why}
    if place.has_reply and "read" in may and not _is_unread(place):
        yield _open(place, writer)
    is_opened = place.is_opened or item.thread.kind is ThreadKind.OUTCOME
    if is_opened and ("outcome" in may or item.thread.kind is ThreadKind.ALERT):
        yield outcome_form(place.path, writer)
    # A draft has no notice yet that a note could follow.
    if "note" in may and item.thread.ours + item.thread.theirs:
        parts = (writer.of(WriteNote, "text", place="note-text"),)
        yield _folded("note", tell(language, "Write a note"), f"{place.path}/note", parts, writer)
    if "withdraw-ask" in may and item.thread.kind is ThreadKind.ASK and item.state in _UNANSWERED:
        parts = (writer.of(GiveReason, "reason", place="withdraw-reason"),)
        yield _folded("withdraw", tell(language, "Take the question back"), f"{place.path}/withdraw", parts, writer)


def _is_unread(place: Place) -> bool:
    """Tell whether the work of opening the answer waits, which has its own button."""
    open_works = [item for item in place.content.works if not item.work.done_us and not item.refusal]
    return any(item.work.kind is WorkKind.READ and _is_of_reply(item, place) for item in open_works)


def outcome_form(path: str, writer: Writer) -> ActForm:
    """Return the form that tells what came of an answer or an alert."""
    language = writer.language
    fields = outcome_fields(language, writer.value, writer.sent.faults)
    parts = (
        writer.one_of(OutcomeReport, "outcome", writer.told(OUTCOMES), draw="radio"),
        *(Part("field", each) for each in fields),
    )
    title = tell(language, "Say what came of it")
    send = Button(title, kind="first")
    return ActForm("came-of-it", title, f"{path}/outcome", parts, (send,), open=writer.has_fault(parts))


def not_same_form(path: str, writer: Writer) -> ActForm:
    """Return the form that tells the owner that its answer is about another person or thing."""
    language = writer.language
    parts = (writer.of(Mark, "reason", place="not-same-reason"),)
    return _folded("not-same", tell(language, "This is another person or thing"), f"{path}/not-same", parts, writer)
