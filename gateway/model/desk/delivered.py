"""Name what delivery exchanges beside the notices themselves: receipts, and what is fetched again or beside them."""

from __future__ import annotations

import msgspec

from gateway.model.desk.attachments import FetchWanted
from gateway.model.exchange import Refusal
from gateway.model.names import ExchangeId, MemberId


class NoticeReceipt(msgspec.Struct, frozen=True):
    """The answer to a notice: taken, with the time until which a human should act (0 for none), or refused."""

    notice_id: ExchangeId
    sender: MemberId
    recipient: MemberId
    notice_hash: bytes
    issued_us: int
    answer_by_us: int = 0
    refusal: Refusal | None = None

    @property
    def exchange_id(self) -> ExchangeId:
        """The id of the exchange that the notice opened."""
        return self.notice_id

    @property
    def request_hash(self) -> bytes:
        """The hash of the payload that it answers."""
        return self.notice_hash


class NoticeMessage(msgspec.Struct, frozen=True):
    """A notice on its way: the signed envelope, and the trace (W3C) that it belongs to."""

    envelope: bytes
    traceparent: str = ""


class NoticesWanted(msgspec.Struct, frozen=True):
    """A page of what a restored database lost since a time; `after` is what the page before gave as `next`.

    All pages of one recovery name the fetch id of its first page.
    """

    since_us: int
    after: str = ""
    recovery_id: ExchangeId = ExchangeId("")


class Fetch(msgspec.Struct, frozen=True):
    """A signed request for content that its recipient holds and its sender may have. It is used once."""

    fetch_id: ExchangeId
    sender: MemberId
    recipient: MemberId
    issued_us: int
    expires_us: int
    wanted: NoticesWanted | FetchWanted


class FetchMessage(msgspec.Struct, frozen=True):
    """A fetch on its way: its envelope. To a member that reads no fetch yet, what is wanted goes `unsigned` instead."""

    envelope: bytes = b""
    unsigned: NoticesWanted | FetchWanted | None = None


class NoticesPart(msgspec.Struct, frozen=True):
    """A page of notices (envelopes) that the taking side of each has taken; `next` is empty where it is the last.

    `answers` are the asking member's own answers whose records the other one holds, each after its request (envelopes).
    """

    envelopes: tuple[bytes, ...]
    next: str = ""
    answers: tuple[tuple[bytes, bytes], ...] = ()
