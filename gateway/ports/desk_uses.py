"""Declare the use cases of people at the desk, for the REST API and the console. Each checks the person's roles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import msgspec

from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import Ask, Notice, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer
from gateway.ports.desk import Delivery, NoticeRow, Thread, Work


class WorkQuery(msgspec.Struct, frozen=True):
    """The work that a person wants to see, so many items at most.

    Without more it is what waits for them: assigned to them, or for one of their roles and not taken. `all` adds what
    others have taken, and what waits for others and the person looks after; `done` adds work that is done. `folded`
    makes one item of a counterpart's hits of a search. The list begins behind the place `after`.
    """

    kinds: tuple[WorkKind, ...] = ()
    mine: bool = False
    all: bool = False
    done: bool = False
    limit: int = 200
    folded: bool = False
    after: str = ""


class ThreadQuery(msgspec.Struct, frozen=True):
    """The threads that a person wants to see."""

    kinds: tuple[ThreadKind, ...] = ()
    states: tuple[ThreadState, ...] = ()
    group_id: str = ""
    limit: int = 100


class WorkItem(msgspec.Struct, frozen=True):
    """Work as one person sees it, without content.

    `act` is what ends it; `refusal` is the code of why this person may not do that, empty where they may. `state` is
    that of its thread by the clock. `folded` are the ids of more work that this item stands for: the other hits of a
    search that wait for the same person.
    """

    work: Work
    kind: ThreadKind | None
    state: ThreadState | None
    act: str
    refusal: str = ""
    folded: tuple[str, ...] = ()


class WorkPage(msgspec.Struct, frozen=True):
    """A page of a list of work. `next` is the place behind which the next one begins; empty: there is none."""

    items: tuple[WorkItem, ...]
    next: str = ""


class Tally(msgspec.Struct, frozen=True):
    """The items of a whole list by their kind, whichever page is shown; with `more` it has more than were counted.

    `mine` are those that the person has taken. `pressing` and `mine_pressing` tell whether one of them is FLASH.
    """

    kinds: Mapping[WorkKind, int]
    mine: int
    pressing: bool
    mine_pressing: bool
    more: bool

    @property
    def total(self) -> int:
        """Return how many items were counted."""
        return sum(self.kinds.values())


class Hands(msgspec.Struct, frozen=True):
    """The persons on duty to whom some work can be assigned, and the agencies to which it can be passed on."""

    persons: tuple[str, ...]
    agencies: tuple[str, ...]


class NoticeItem(msgspec.Struct, frozen=True):
    """One notice of a thread. `notice` is None once it is erased; `delivery` is that of a notice of ours."""

    row: NoticeRow
    ours: bool
    notice: Notice | None
    delivery: Delivery | None = None
    late: bool = False
    fields: dict[str, Any] | None = None
    """Those of an alert's record, verified."""


class DraftItem(msgspec.Struct, frozen=True, kw_only=True):
    """An ask of ours that is not approved yet, with what its notice will say of it. `lapses_us` is when it is over."""

    ask: Ask
    urgency: Urgency
    purpose: Purpose
    offence: Offence
    case: str
    ticket: str
    to_office: str
    lapses_us: int
    attachments: tuple[Attachment, ...] = ()


class ThreadItem(msgspec.Struct, frozen=True):
    """A thread as a list shows it, without content. `state` is that by the clock."""

    thread: Thread
    state: ThreadState


class ProposedItem(msgspec.Struct, frozen=True):
    """A reply of ours that waits: for the passkey of its author, or for a second person where `first` has decided."""

    answer: str
    author: str
    first: str


class ThreadContent(msgspec.Struct, frozen=True):
    """A thread with all that stands in it. `draft` is an ask of ours that is not approved yet.

    `acts` are what a person can do to the thread as a whole, each with the code of why this person may not, empty where
    they may.
    """

    item: ThreadItem
    notices: tuple[NoticeItem, ...]
    works: tuple[WorkItem, ...]
    draft: DraftItem | None = None
    proposed: ProposedItem | None = None
    acts: dict[str, str] = {}


class WorkQueue(Protocol):
    """Work with its clocks (`gateway.desk.worklist` serves it)."""

    async def works(self, officer: Officer, query: WorkQuery) -> list[WorkItem]:
        """Return the items of the first page."""

    async def page(self, officer: Officer, query: WorkQuery) -> WorkPage:
        """Return a page of the work that this person sees: first what a human is waited for, then the first due."""

    async def tally(self, officer: Officer, query: WorkQuery) -> Tally:
        """Return how much work of each kind stands in the whole list, `query.limit` items at most."""

    def follow(self, officer: Officer, query: WorkQuery) -> AsyncIterator[list[WorkItem]]:
        """Yield the same list now, and each time that something of it has changed."""

    async def work(self, officer: Officer, work_id: str) -> WorkItem:
        """Return one item of work; raise `Unknown` for one that this person does not see."""

    async def take(self, officer: Officer, work_id: str) -> WorkItem:
        """Assign work to this person, who may do it; the same again changes nothing."""

    async def assign(self, officer: Officer, work_id: str, person: str, reason: str = "") -> WorkItem:
        """Assign work to another person, who may do it."""

    async def hands(self, officer: Officer, work_id: str) -> Hands:
        """Return who is on duty and may do this work, and which agencies it could be passed on to."""


class ThreadReading(Protocol):
    """Threads, to look at."""

    async def threads(self, officer: Officer, query: ThreadQuery) -> list[ThreadItem]:
        """Return the threads that this person may read, the newest first."""

    async def thread(self, officer: Officer, thread_id: str, peer: str = "") -> ThreadContent:
        """Return a thread with its notices, once the entry of this reading is durable.

        Raises `Unknown` for one that this person may not read.
        """

    async def key(self, officer: Officer, thread_id: str, peer: str = "") -> ThreadKey:
        """Return the key of a thread that this person may read; raise as `thread` does."""

    def follow(self, key: ThreadKey) -> AsyncIterator[None]:
        """Yield each time that something about a thread has changed: notices, deliveries, work, and copies given."""

    async def after(self, key: ThreadKey) -> ThreadItem:
        """Return a thread as it stands after an act of a person, without content. Raises `Unknown`."""

    async def note(self, officer: Officer, key: ThreadKey, act: str) -> None:
        """Write the entry of a reading, durable when this returns."""
