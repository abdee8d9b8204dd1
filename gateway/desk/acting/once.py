"""Let the same call have its effect once: its key is claimed before it is carried out, and its answer is kept with it.

What the call opens has an id that is made of the person and the key. So a call that was broken off between its effect
and its answer finds what it opened, and opens nothing else.

A kept answer is given as if it were made now: with it is kept what the call needed of the person (`roles.Needed`), and
that is asked again. Who may not do any more what the call did, or not read what its answer shows, is refused.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import msgspec

from gateway.clock import Clock
from gateway.conversion import converter
from gateway.desk.acting.parts import Actor
from gateway.desk.roles import Needed, noting, refusal
from gateway.errors import Forbidden, Malformed, Replayed
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId, exchange_id
from gateway.model.requester import Officer
from gateway.ports.documents import DocumentStore

_KIND = "desk-keys"
_KEPT_US = 7 * 86_400_000_000
_HASH = 64


class Claim(msgspec.Struct, frozen=True):
    """A call under a key. `name` is the id of what it opens, `answer` what it was answered before; empty: nothing.

    `needed` grows while the call is carried out.
    """

    actor: Actor
    name: ExchangeId
    same: bytes
    needed: Needed
    answer: bytes = b""
    first: bool = False


class _Kept(msgspec.Struct):
    """Hold what is before a kept answer: what it needed, and in which role, agency and office it was called."""

    needed: Needed
    standing: tuple[str, str, str]


_kept = converter(_Kept)


def part_of(name: ExchangeId, part: str) -> ExchangeId:
    """Return the id of one of several things that a call opens."""
    return exchange_id(hashlib.sha256(f"{name}\n{part}".encode()).hexdigest()[:32])


class OnceKeys:
    """The idempotency keys of people at the desk. Thread-safe but for `once`, which belongs to one loop.

    `sees_thread` and `sees_work` tell whether a person may read a thread, or sees an item of work, now; they read the
    database.
    """

    def __init__(
        self,
        documents: DocumentStore,
        clock: Clock,
        sees_thread: Callable[[Officer, ThreadKey], bool],
        sees_work: Callable[[Officer, str], bool],
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._sees_thread = sees_thread
        self._sees_work = sees_work
        self._running: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def once(self, actor: Actor, key: str, asked: bytes) -> AsyncIterator[Claim]:
        """Hold a key while its call is carried out; the same call at the same time waits until this one is over.

        A first call that is not well formed sets its key free. One that breaks off leaves it without an answer, so the
        next one carries it out. Raises `Replayed` and `Forbidden` as `claim` does.
        """
        # Held weakly: a key that no call of this process uses takes no memory.
        lock = self._running.setdefault(_name(actor.person.person, key), asyncio.Lock())
        async with lock:
            claim = await asyncio.to_thread(self.claim, actor, key, asked)
            try:
                with noting(claim.needed):
                    yield claim
            except Malformed:
                if claim.first:
                    await asyncio.to_thread(self.release, claim)
                raise

    def claim(self, actor: Actor, key: str, asked: bytes) -> Claim:
        """Claim a key for a call; `asked` is all that the call says.

        Raises `Replayed` where it came with another one, and `Forbidden` (`answer-kept-back`) where it was carried out
        and its answer is not for this person any more.
        """
        person = actor.person.person
        name = _name(person, key)
        same = hashlib.sha256(asked).hexdigest().encode()
        found = self._documents.put_new(_KIND, name, same, self._until_us)
        if found is not None and found[:_HASH] != same:
            raise Replayed(
                "this idempotency key was used for another request",
                where="idempotency-key",
                remedy="use a new key for a new request",
            )
        about, _, answer = (found or b"")[_HASH:].partition(b"\n")
        if about and (cause := self._refused(actor, about)):
            raise Forbidden(
                "this call was carried out before, and its answer is not given to you any more: {cause}",
                code="answer-kept-back",
                where="idempotency-key",
                remedy="do not send it again under another key: ask who looks after the matter now",
                cause=cause,
            )
        return Claim(actor, exchange_id(name), same, Needed(person), answer, first=found is None)

    def keep(self, claim: Claim, answer: bytes) -> None:
        """Keep the answer of a call, for those that come again while the person may still do and read the same."""
        officer, needed = claim.actor.officer, claim.needed
        needed.threads = [key for key in needed.threads if self._sees_thread(officer, key)]
        needed.works = [name for name in needed.works if self._sees_work(officer, name)]
        about = msgspec.json.encode(_Kept(needed, _standing(officer)))
        self._documents.put(_KIND, claim.name, claim.same + about + b"\n" + answer, self._until_us)

    def release(self, claim: Claim) -> None:
        """Let a key be used anew: its call was not well formed, and did nothing."""
        self._documents.delete(_KIND, claim.name)

    def _refused(self, actor: Actor, about: bytes) -> str:
        """Return the code of why a kept answer is not given to this person now; an empty text where it is.

        A call that needed no right by the table is answered again to the same role, agency and office only.
        """
        try:
            kept = _kept(msgspec.json.decode(about))
        except msgspec.DecodeError:  # an answer of an earlier version: nothing says what it needed
            return "unknown-rights"
        now_us, needed = self._clock.now_us(), kept.needed
        for act, matter in needed.rights:
            if code := refusal(actor.person, act, matter, now_us):
                return code
        if not needed.rights and kept.standing != _standing(actor.officer):
            return "role-not-permitted"
        if not actor.officer.purposes.issuperset(needed.purposes):
            return "purpose-not-in-token"
        if not all(self._sees_thread(actor.officer, key) for key in needed.threads):
            return "no-such-thread"
        return "" if all(self._sees_work(actor.officer, name) for name in needed.works) else "no-such-work"

    @property
    def _until_us(self) -> int:
        return self._clock.now_us() + _KEPT_US


def _standing(officer: Officer) -> tuple[str, str, str]:
    return officer.role, officer.agency, officer.office


def _name(person: str, key: str) -> str:
    return hashlib.sha256(f"liaison desk\n{person}\n{key}".encode()).hexdigest()[:32]
