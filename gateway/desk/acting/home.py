"""Hold what is ours in threads at home, in which no counterpart takes part: how each kind is read, moved and refused.

Refusals have one order for all kinds, so that nothing is told of what is hidden from a person (decision 0138). A person
whose roles may not do the act is refused. What is not there and what the person may not read are unknown alike. Then
counts how far the act reaches, and last its state.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from gateway.conversion import converter
from gateway.desk.acting.persons import OnDuty, as_read, check_person
from gateway.desk.acts import Act
from gateway.desk.listing import Slice, slice_of
from gateway.desk.roles import Matter, Person, check_role, matter_of, may, refusal
from gateway.errors import Stale, Unknown
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Level, Role, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Officer
from gateway.ports.desk import DeskStore, ListPlace, Thread, Work, WorkFilter

if TYPE_CHECKING:  # values of kinds are read by commands, too, which load no desk
    from gateway.desk.acting.parts import Actor, DeskParts

Value = TypeVar("Value", bound=msgspec.Struct)
Row = TypeVar("Row")


class Stand(StrEnum):
    """The standing of something of ours that a second person approves; each kind has some of these."""

    WAITING = "waiting"
    """Another person must approve it before it counts."""
    ON = "on"
    PUBLISHED = "published"
    PAUSED = "paused"
    LIFTED = "lifted"
    CLOSED = "closed"
    """It ended with an outcome."""
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    SEALED = "sealed"
    CALLED_OFF = "called-off"
    LEFT = "left"
    DECLINED = "declined"
    LAPSED = "lapsed"
    """It was not approved in time."""
    OVER = "over"
    """Its time ran out."""


GOES_ON = frozenset({Stand.WAITING, Stand.ON, Stand.PUBLISHED, Stand.PAUSED})


class Handed(msgspec.Struct, frozen=True):
    """Holds what a person has handed in, and a second person approves."""

    id: ExchangeId

    @property
    @abstractmethod
    def asker(self) -> str:
        """Return the person who handed it in."""

    @property
    @abstractmethod
    def is_alive(self) -> bool:
        """Tell whether it goes on, or waits for its approval."""


class Own(Handed, frozen=True):
    """Holds what an officer has handed in, and a second person approves, as it should be everywhere."""

    author: Officer
    stand: Stand

    @property
    def asker(self) -> str:
        """Return the person who handed it in."""
        return self.author.person

    @property
    def is_alive(self) -> bool:
        """Tell whether it goes on, or waits for its approval."""
        return self.stand in GOES_ON


def _until_it_ends(_: object) -> int:
    return 0


@dataclass(frozen=True, kw_only=True)
class Home(Generic[Value]):
    """One kind of what threads at home hold: its values, and the error for one that is not there for a person.

    `closed_us` tells when the thread of one that goes on is closed; 0: when it ends.
    """

    kind: ThreadKind
    value: type[Value]
    unknown: Callable[[str], Unknown]
    closed_us: Callable[[Value], int] = _until_it_ends
    _convert: Callable[[object], Value] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Learn the type of its values, while a module is imported."""
        object.__setattr__(self, "_convert", converter(self.value))

    def of(self, thread: Thread | None) -> Value | None:
        """Return what a thread at home holds; None where it holds nothing of this kind."""
        if thread is None or thread.kind is not self.kind or not thread.draft:
            return None
        plain: dict[str, Any] = msgspec.json.decode(thread.draft)
        config = self.value.__struct_config__
        is_ours = config.tag_field is None or plain.get(config.tag_field) == config.tag
        return self._convert(plain) if is_ours else None

    def read(self, thread: Thread | None, name: str = "") -> Value:
        """Return what a thread at home holds. Raises `Unknown` where it holds nothing of this kind."""
        value = self.of(thread)
        if value is None:
            raise self.unknown(thread.key.thread_id if thread is not None else name)
        return value

    def moved(self, thread: Thread, value: Value, state: ThreadState, now_us: int) -> Thread:
        """Return the thread as it stands with another value."""
        return moved(thread, msgspec.json.encode(value), state, now_us, self.closed_us(value))


@dataclass(frozen=True, kw_only=True)
class OwnKind(Home[Value]):
    """A kind that persons read and act on by its own facts. `see` is the act of reading one, `matter` the facts."""

    see: Act
    matter: Callable[[Value], Matter]

    def sees(self, person: Person, value: Value, now_us: int) -> bool:
        """Tell whether a person may read one."""
        return not refusal(person, self.see, self.matter(value), now_us)

    def seen(self, desk: DeskParts, actor: Actor, act: Act, name: ExchangeId) -> tuple[Thread, Value]:
        """Return one that a person may read who is about to do an act, with its thread. It reads the store.

        Raises `Forbidden` where no role of the person may do it, and `Unknown` for one that the person may not read.
        """
        check_person(actor)
        thread, now_us = desk.store.thread(home_key(desk.parts.member, name)), desk.parts.clock.now_us()
        value = self.of(thread)
        if thread is None or value is None or not self.sees(actor.person, value, now_us):
            # The role first, so that the refusal does not tell whether it is there (decision 0138).
            check_role(actor.person, act, now_us)
            raise self.unknown(name)
        return thread, value

    def found(self, desk: DeskParts, actor: Actor, act: Act, name: ExchangeId) -> tuple[Thread, Value]:
        """Return one on which a person may do an act. Raises as `seen` does, and `Forbidden` beyond the act's reach."""
        thread, value = self.seen(desk, actor, act, name)
        may(actor.person, act, self.matter(value), desk.parts.clock.now_us())
        return thread, value

    def to_decide(
        self, desk: DeskParts, actor: Actor, act: Act, name: ExchangeId, read: str, on_duty: OnDuty, idle: Stale
    ) -> tuple[Thread, Value, Work]:
        """Return one that waits for a second person, and its approval (`read` names it), which this person may decide.

        Raises as `seen` and `decidable` do.
        """
        thread, value = self.seen(desk, actor, act, name)
        now_us = desk.parts.clock.now_us()
        work = decidable(
            actor,
            act,
            approval(desk.store, thread.key),
            read,
            lambda one: to_approve(one, on_duty, now_us),
            idle,
            now_us,
        )
        return thread, value, work

    def decides(
        self, desk: DeskParts, person: Person, act: Act, name: ExchangeId, on_duty: OnDuty
    ) -> tuple[Work | None, bool]:
        """Return the approval that waits, and whether this person may decide it. It reads the store."""
        work, now_us = approval(desk.store, home_key(desk.parts.member, name)), desk.parts.clock.now_us()
        return work, work is not None and not refusal(person, act, to_approve(work, on_duty, now_us), now_us)

    def page(
        self,
        desk: DeskParts,
        states: tuple[ThreadState, ...],
        fits: Callable[[Value], Row | None],
        limit: int,
        after: str,
    ) -> Slice[Row]:
        """Return a page of a list of those in these states, the newest first. It reads the store."""

        def read(behind: ListPlace | None, count: int) -> list[Thread]:
            me = desk.parts.member
            return desk.store.threads(kinds=(self.kind,), states=states, peer=me, behind=behind, limit=count)

        def fitting(thread: Thread) -> Row | None:
            value = self.of(thread)
            return fits(value) if value is not None else None

        return slice_of(read, fitting, limit, after)


def home_key(me: MemberId, name: ExchangeId) -> ThreadKey:
    """Return the key of the thread that holds something of ours at home: no counterpart takes part in it."""
    return ThreadKey(me, name)


def written_by(author: Officer, kind: ThreadKind, key: ThreadKey, urgency: Urgency, now_us: int) -> Thread:
    """Return a new thread at home for what a person has written."""
    home = of_node(kind, key, urgency, now_us)
    return replace(
        home,
        state=ThreadState.NEW,
        group_id=key.thread_id,
        office=author.office,
        agency=author.agency,
        officer=author.person,
    )


def of_node(kind: ThreadKind, key: ThreadKey, urgency: Urgency, now_us: int) -> Thread:
    """Return a new thread at home that names no agency, office or person: who may do its work reads it there."""
    state = ThreadState.OPEN
    return Thread(key, kind, opener=True, state=state, urgency=urgency, version=0, opened_us=now_us)


def moved(thread: Thread, draft: bytes, state: ThreadState, now_us: int, closed_us: int = 0) -> Thread:
    """Return a thread at home with what it holds now; it is closed when it ends, and keeps the time of its first end.

    One that goes on is closed at `closed_us`, when what it holds may not be kept any more; 0: not before it ends.
    """
    if state is ThreadState.ENDED:
        closed_us = thread.closed_us if thread.state is ThreadState.ENDED else now_us
    return replace(thread, version=thread.version + 1, state=state, draft=draft, closed_us=closed_us)


def approval(store: DeskStore, key: ThreadKey) -> Work | None:
    """Return the open approval of what a thread at home holds; None without one."""
    return next(iter(store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,)))), None)


def to_approve(work: Work, on_duty: OnDuty, now_us: int) -> Matter:
    """Return the facts about an approval: at its end the national desk may do it beside a supervisor on duty."""
    here = work.level is not Level.END and on_duty(work.agency, work.office, Role.SUPERVISOR, now_us)
    return matter_of(work, supervisor_on_duty=here)


def decidable(
    actor: Actor, act: Act, work: Work | None, read: str, matter: Callable[[Work], Matter], idle: Stale, now_us: int
) -> Work:
    """Return the approval that this person may give or decline, where it is the one that the person has read.

    Raises `idle` where nothing waits, `Forbidden`, and `Stale` where other work waits by now.
    """
    if work is None:
        check_role(actor.person, act, now_us)
        raise idle
    may(actor.person, act, matter(work), now_us)
    as_read(work, read)
    return work
