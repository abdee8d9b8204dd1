"""The one door by which content leaves that counterparts fetch: what a restored database lost, and files of notices.

1. the peer is an active member, by the certificate that TLS saw (its method's door checks it)
2. it is within its rate
3. it sends a signed fetch of the content that the method gives
4. signer = TLS peer, recipient = us, of our time
5. what it asks for is here, and the peer may have it
6. exchange with the peer is not suspended for it, and its documents are in their time
7. the fetch was not used before
8. the quota of this content is not used up
9. the entry is durable, with the fetch, and people are told where they are to know
10. content leaves, unless the peer, its key or the exchange with it was switched off meanwhile
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from gateway.clock import DAY_US, check_time
from gateway.desk.pen import Pen
from gateway.errors import Forbidden, LiaisonError, Malformed, Overloaded, Replayed, Suspended, Unsupported
from gateway.exchange.parts import Parts
from gateway.model.desk.attachments import FetchWanted
from gateway.model.desk.delivered import Fetch, FetchMessage, NoticesWanted
from gateway.model.desk.threads import ThreadKey
from gateway.model.exchange import Verified
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event
from gateway.ports.log_store import LogStore
from gateway.statements.envelope import check_signer
from gateway.statements.fetch import FETCH_VERSIONS
from gateway.statements.fields import SKEW_US
from gateway.statements.request import MAX_VALIDITY_US
from gateway.throttle import Rates

W = TypeVar("W", NoticesWanted, FetchWanted)
F = TypeVar("F")

UNSIGNED = "unsigned-fetch"
_USED = "fetch-used"


class Content(Protocol[W, F]):
    """A kind of content that counterparts fetch. Its methods block, but for `rates`."""

    @property
    def wanted(self) -> type[W]:
        """Return the type of what a fetch of it names."""

    @property
    def rates(self) -> Rates:
        """Return the rate at which each member may fetch of it."""

    def purpose(self, peer: MemberId, wanted: W, /) -> str:
        """Return the purpose under which it is given; empty for several. Raises for what the peer may not have."""

    def find(self, peer: MemberId, wanted: W, /) -> F:
        """Return what is asked for, to be given. Raises like `purpose`."""

    def spend(self, fetch: Fetch, wanted: W, /) -> None:
        """Use up the quota; raise `Overloaded` beyond it. Fetches of one member come one after another."""

    def entry(self, fetch: Verified[Fetch], found: F, /) -> EntryDraft:
        """Return the entry of what leaves, without the fetch itself."""

    async def tell(self, fetch: Fetch, wanted: W, /) -> None:
        """Tell people of ours what is given, where they were not told yet: what came before may have broken off."""


@dataclass(frozen=True, slots=True)
class Admitted(Generic[F]):
    """Content that may leave. `look_again` raises once the peer, its key or the exchange with it is switched off."""

    found: F
    look_again: Callable[[], None]


class ContentDoor:
    """Lets counterparts have content for which they sign."""

    def __init__(self, parts: Parts, pen: Pen) -> None:
        self._parts = parts
        self._pen = pen

    async def admit(self, content: Content[W, F], peer: MemberId, message: FetchMessage) -> Admitted[F]:
        """Return what a fetch asks for, once its entry is durable. Raises for a fetch that is refused."""
        parts = self._parts
        if not content.rates.admits(peer):  # 2
            raise Overloaded("too many fetches", code="fetch-rate", where=peer)
        check_time(parts.clock)
        verified = await asyncio.to_thread(self._verified, peer, message.envelope)  # 4
        fetch = verified.value
        if not isinstance(fetch.wanted, content.wanted):  # 3
            raise Malformed("the fetch asks for other content", code="wrong-content", where="wanted")
        wanted = fetch.wanted
        purpose = await asyncio.to_thread(content.purpose, peer, wanted)  # 5
        look_again = partial(self._check, verified, purpose)
        await asyncio.to_thread(look_again)  # 6
        await asyncio.to_thread(self._use, fetch, verified.payload_hash)  # 7
        found = await asyncio.to_thread(content.find, peer, wanted)

        def entry() -> EntryDraft:
            content.spend(fetch, wanted)  # 8
            made = content.entry(verified, found)
            made.request, made.request_hash = verified.envelope, verified.payload_hash
            return made

        await self._pen.write(peer, ThreadKey(peer, ExchangeId("")), entry)  # 9
        await content.tell(fetch, wanted)
        try:
            await asyncio.to_thread(look_again)  # 10
        except LiaisonError as error:
            detail = str(error)[:300]
            await self._write(
                events.KEPT_BACK.draft(peer=peer, exchange_id=fetch.fetch_id, code=error.code, detail=detail)
            )
            raise
        return Admitted(found, look_again)

    def _verified(self, peer: MemberId, envelope: bytes) -> Verified[Fetch]:
        if not envelope:
            raise Forbidden(
                "content is given to a member that signs for it, and not to a TLS key alone",
                code=UNSIGNED,
                where="envelope",
                remedy="its node must be of a version that signs what it fetches",
            )
        parts = self._parts
        return FETCH_VERSIONS.verify(
            envelope, keys=parts.trust(), peer=peer, me=parts.member, now_us=parts.clock.now_us()
        )

    def _check(self, verified: Verified[Fetch], purpose: str) -> None:
        parts, peer = self._parts, verified.signer
        view, now_us = parts.trust(), parts.clock.now_us()
        view.freshness(peer, now_us)
        check_signer(view, verified, now_us)
        if (reason := parts.suspensions.suspends(peer=peer, purpose=purpose)) is not None:
            raise Suspended("exchange with `{peer}` is suspended: {reason}", peer=peer, reason=reason)

    def _use(self, fetch: Fetch, payload_hash: bytes) -> None:
        """Use up a fetch, in all processes and across restarts; raise `Replayed` where it was used before."""
        # Kept until its time is over by every clock that we accept: it cannot come as a new one after that.
        key, until_us = f"{fetch.sender}.{fetch.fetch_id}", fetch.expires_us + 2 * SKEW_US
        if self._parts.documents.put_new(_USED, key, payload_hash, until_us) is not None:
            raise Replayed("this fetch was used before", where="fetch_id")

    async def _write(self, draft: EntryDraft) -> None:
        key = ThreadKey(MemberId(draft.peer), ExchangeId(draft.exchange_id))
        await self._pen.write(self._parts.member, key, lambda: draft)


class Fetching:
    """Signs what our node fetches, each fetch with its entry first."""

    def __init__(self, parts: Parts, pen: Pen) -> None:
        self._parts = parts
        self._pen = pen

    async def signed(
        self, peer: MemberId, fetch_id: ExchangeId, wanted: W, key: ThreadKey, entry: EntryDraft
    ) -> FetchMessage:
        """Return what to send for content of `peer`, once `entry` is durable, which gets the fetch.

        To a member of a version before, which reads no fetch, that is what is wanted, unsigned.
        """
        parts, now_us = self._parts, self._parts.clock.now_us()
        fetch = Fetch(fetch_id, parts.member, peer, now_us, now_us + MAX_VALIDITY_US, wanted)
        try:
            sealed = FETCH_VERSIONS.newest(parts.trust(), peer).build(fetch, parts.key)
        except Unsupported:
            message = FetchMessage(unsigned=wanted)
        else:
            message = FetchMessage(sealed.envelope)
            entry.request, entry.request_hash = sealed.envelope, sealed.payload_hash
        await self._pen.write(parts.member, key, lambda: entry)
        return message


def given_lately(store: LogStore, event: Event, peer: MemberId, exchange_id: ExchangeId, now_us: int, most: int) -> int:
    """Return how many entries of a kind about a member and an exchange are of the last day, `most` at most."""
    count = 0
    for log in store.logs():
        if log.startswith(f"{event.log.value}/") and count < most:
            lately = {"since_us": now_us - DAY_US, "limit": most - count}
            count += len(store.find(log, peer=peer, exchange_id=exchange_id, kind=event.kind, **lately))
    return count
