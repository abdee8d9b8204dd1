"""The one writer of the desk in a process: entries with rows, in batches that each hold a thread once.

An order reads the thread and drafts its entry in the worker's thread, so that two orders of one thread never build on
the same state. Another process may write to the same thread; the journal then raises `Outdated`, and the order drafts
its entry anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from msgspec.structs import replace

from gateway.errors import LiaisonError, Outdated, Stale, StorageBroken
from gateway.exchange.parts import Parts
from gateway.exchange.stages import Stage, Turn, as_error, reraise_fatal
from gateway.model.desk.threads import ThreadKey
from gateway.ports.desk import Work
from gateway.ports.journal import EntryDraft, Journal, Logged, LogName, StoredAnswer
from gateway.statements.envelope import PayloadType, Sealed, check_signatures, sealed_together
from gateway.statements.kind import Unproved

_ATTEMPTS = 8
"""Drafts of one order, while other processes keep changing its thread."""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A draft that lacks a statement of ours: payload type and payload; `finish` returns the draft with it."""

    statement: tuple[PayloadType, bytes]
    finish: Callable[[Sealed], EntryDraft]


Make = Callable[[], EntryDraft | Unsigned]


@dataclass(frozen=True, slots=True)
class Written:
    """An entry with the draft that became it; `stored` is the answer of another one that was first."""

    draft: EntryDraft
    logged: Logged | None
    stored: StoredAnswer | None = None


@dataclass(slots=True)
class _Order:
    line: str
    key: ThreadKey
    make: Make
    proof: Unproved[Any, Any] | None
    future: asyncio.Future[Written]
    rank: int = 0
    draft: EntryDraft | None = field(default=None)
    unsigned: Unsigned | None = field(default=None)


def _as_it_is(work: Work) -> Work:
    """Leave work in its list, even where no one is there."""
    return work


class Pen:
    """Writes the desk's entries.

    `wrote` is called, on the loop, with each entry that is durable. `fatal` is called with a failure of the storage:
    the process ends. `placed` returns work in the list of a person who is there for it.
    """

    def __init__(
        self,
        parts: Parts,
        fatal: Callable[[BaseException], None],
        wrote: Callable[[Written], None],
        turn: Turn | None = None,
        placed: Callable[[Work], Work] = _as_it_is,
    ) -> None:
        self._parts = parts
        self._journals: dict[LogName, Journal] = {
            LogName.EXCHANGE: parts.journal,
            LogName.OPERATIONS: parts.operations,
        }
        self._wrote = wrote
        self._in_list = placed
        self._results: list[tuple[_Order, Written | LiaisonError]] = []
        self._stage = Stage[_Order]("desk", self._work, fatal, turn)

    def start(self) -> None:
        """Start the worker."""
        self._stage.start()

    def stop(self, timeout: float) -> None:
        """Write what waits, then end the worker."""
        self._stage.stop(timeout)

    async def write(self, line: str, key: ThreadKey, make: Make, proof: Unproved[Any, Any] | None = None) -> Written:
        """Write the entry that `make` drafts, in the turn of `line` (a member). Raises what `make` or the journal does.

        `make` runs in the worker, where it may read the desk's store; it may run again where its thread has changed.
        `proof` is the counterpart's statement from which it drafts: its signature is verified before, together with
        those of the batch, and an order with a wrong one ends with its refusal. What `make` leaves unsigned is signed
        together with that of the others.
        """
        # In the worker, too, a draft belongs to the call that handed it in: what it needs of its person is noted there.
        within = partial(copy_context().run, make)
        order = _Order(line, key, within, proof, asyncio.get_running_loop().create_future())
        self._stage.put(order)
        return await order.future

    async def write_if_first(self, line: str, key: ThreadKey, make: Make) -> None:
        """Write the entry that `make` drafts, unless `make` raises `Stale`: a person or another round was first."""
        with suppress(Stale):
            await self.write(line, key, make)

    # ------------------------------------------------------------ in the worker

    def _work(self, batch: list[_Order]) -> None:
        try:
            batch = self._proved(batch)
            while batch:
                taken: set[ThreadKey] = set()
                now: list[_Order] = []
                later: list[_Order] = []
                # One order of each thread at a time: the next one is drafted from what the first has written.
                for order in batch:
                    (later if order.key in taken else now).append(order)
                    taken.add(order.key)
                self._write_all(self._signed([order for order in now if self._drafted(order)]))
                self._tell()
                batch = later
        finally:
            self._tell()

    def _proved(self, batch: list[_Order]) -> list[_Order]:
        """Return the orders but for those whose proof is signed wrongly, which are settled with the refusal."""
        at_us = self._parts.clock.now_us()
        shown = [(order, order.proof.signature(at_us)) for order in batch if order.proof is not None]
        if not shown:
            return batch
        outcomes = check_signatures([signature for _, signature in shown], self._parts.trust())
        refusals = {id(order): refusal for (order, _), refusal in zip(shown, outcomes, strict=True)}
        good = []
        for order in batch:
            if (refusal := refusals.get(id(order))) is None:
                good.append(order)
            else:
                self._settle(order, refusal)
        return good

    def _drafted(self, order: _Order) -> bool:
        try:
            made = order.make()
        except Exception as error:  # noqa: BLE001 - one order that cannot be drafted must not cost the batch
            reraise_fatal(error)
            self._settle(order, as_error(error))
            return False
        order.draft, order.unsigned = (self._listed(made), None) if isinstance(made, EntryDraft) else (None, made)
        return True

    def _listed(self, draft: EntryDraft) -> EntryDraft:
        """Return a draft with each of its works in the list of a person who is there for it."""
        if draft.rows is not None and draft.rows.works:
            draft.rows = replace(draft.rows, works=tuple(map(self._in_list, draft.rows.works)))
        return draft

    def _signed(self, orders: list[_Order]) -> list[_Order]:
        """Return the orders with whole drafts; those that could not be signed are settled."""
        waiting = [(order, order.unsigned) for order in orders if order.unsigned is not None]
        if not waiting:
            return orders
        try:
            outcomes = sealed_together([unsigned.statement for _, unsigned in waiting], self._parts.key)
        except LiaisonError as error:  # our own key was removed
            outcomes = [error] * len(waiting)
        for (order, unsigned), outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self._settle(order, as_error(outcome))
            else:
                order.draft = self._listed(unsigned.finish(outcome))
        return [order for order in orders if order.draft is not None]

    def _write_all(self, orders: Sequence[_Order]) -> None:
        for log, journal in self._journals.items():
            mine = [order for order in orders if order.draft is not None and order.draft.event.log is log]
            if mine:
                self._append(journal, mine)

    def _append(self, journal: Journal, orders: Sequence[_Order]) -> None:
        try:
            # All or nothing: one order that does not fit has the whole batch refused.
            places = journal.append([order.draft for order in orders if order.draft is not None])
        except StorageBroken:
            raise
        except LiaisonError as error:
            if len(orders) > 1:
                for order in orders:  # one of them is at fault: the others must not fail with it
                    self._append_one(journal, order)
            else:
                self._failed(journal, orders[0], error, _ATTEMPTS)
            return
        for order, place in zip(orders, places, strict=True):
            self._placed(order, place)

    def _append_one(self, journal: Journal, order: _Order, attempts: int = _ATTEMPTS) -> None:
        assert order.draft is not None
        try:
            (place,) = journal.append([order.draft])
        except StorageBroken:
            raise
        except LiaisonError as error:
            self._failed(journal, order, error, attempts)
            return
        self._placed(order, place)

    def _failed(self, journal: Journal, order: _Order, error: LiaisonError, attempts: int) -> None:
        """Draft an order anew whose thread another process has changed; settle it with any other error."""
        if not isinstance(error, Outdated) or attempts <= 0:
            self._settle(order, error)
        elif self._drafted(order) and self._signed([order]):
            self._append_one(journal, order, attempts - 1)

    def _placed(self, order: _Order, place: Logged | StoredAnswer) -> None:
        assert order.draft is not None
        stored = None if isinstance(place, Logged) else place
        self._settle(order, Written(order.draft, place if isinstance(place, Logged) else None, stored))

    def _settle(self, order: _Order, result: Written | LiaisonError) -> None:
        """Keep the result of an order until the batch ends."""
        self._results.append((order, result))

    def _tell(self) -> None:
        """Hand the results of a batch over to their loop, which is woken once."""
        results, self._results = self._results, []
        if results:
            results[0][0].future.get_loop().call_soon_threadsafe(self._hand_over, results)

    # ------------------------------------------------------------ on the loop

    def _hand_over(self, results: Sequence[tuple[_Order, Written | LiaisonError]]) -> None:
        for order, result in results:
            # The call was cancelled while its entry was written: the entry stands, and `wrote` is called all the same.
            if order.future.done():
                continue
            if isinstance(result, LiaisonError):
                order.future.set_exception(result)
            else:
                order.future.set_result(result)
        for _, result in results:
            if isinstance(result, Written):
                self._wrote(result)
