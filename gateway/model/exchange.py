"""One exchange: the request, the answer and the receipt as types, apart from their bytes on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from gateway.clock import SECOND_US
from gateway.errors import Reason
from gateway.model.hit import Hit
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import Query
from gateway.model.requester import Requester


class Outcome(StrEnum):
    """The outcome of an answer. Three are never in an answer, and the asker notes them when it has none:

    `SILENT` where none came, `TOO_MANY` where the counterpart turned the question away beyond a limit, which it did not
    sign, and `NOT_ACCEPTED` where one came that we do not believe (its signature, key, time or proof does not hold), or
    where we refuse the connection to the node that would give it.
    `NO_HIT`: every source that takes the question was searched. `PARTIAL`: some were, and hold nothing that may be
    told; `missing` names the others. `NOT_SEARCHED`: none was, since none takes such a question or none answered.
    """

    HIT = "hit"
    NO_HIT = "no_hit"
    PARTIAL = "partial"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    SILENT = "silent"
    TOO_MANY = "too_many"
    NOT_SEARCHED = "not_searched"
    NOT_ACCEPTED = "not_accepted"


class Refusal(msgspec.Struct, frozen=True):
    """The refusal of a request: the coarse `reason`, a machine `code`, and a sentence for a human."""

    reason: Reason
    code: str
    text: str = ""


class Request(msgspec.Struct, frozen=True):
    """A request as its payload holds it. Times are microseconds since 1970."""

    exchange_id: ExchangeId
    sender: MemberId
    recipient: MemberId
    issued_us: int
    expires_us: int
    purpose: Purpose
    offence: Offence
    case: str
    ticket: str
    agreement: str
    requester: Requester
    token_commitment: bytes
    query: Query
    trust_hash: bytes
    policy_hash: bytes


class Searched(msgspec.Struct, frozen=True):
    """A kind of source that was searched: what it held at `as_of_us` (whole seconds), 0 where no one can tell."""

    kind: str
    as_of_us: int


def searched_of(looks: Iterable[tuple[str, int]]) -> tuple[Searched, ...]:
    """Return the kinds of sources that were searched: of several the oldest, and 0 where one does not tell."""
    oldest: dict[str, int] = {}
    for kind, as_of_us in looks:
        oldest[kind] = min(oldest.get(kind, as_of_us), as_of_us)
    return tuple(Searched(kind, as_of_us - as_of_us % SECOND_US) for kind, as_of_us in sorted(oldest.items()))


class Answer(msgspec.Struct, frozen=True):
    """An answer as its payload holds it. `missing` names kinds of sources that did not answer.

    A hit with `missing` is partial, too. `suspended` are those of `missing` that policy has switched off. `searched`
    and `suspended` are empty in answers before version 4.

    `policy_hash` names the one policy that decided on the question; it is empty in answers of version 1.
    """

    exchange_id: ExchangeId
    sender: MemberId
    recipient: MemberId
    request_hash: bytes
    issued_us: int
    outcome: Outcome
    refusal: Refusal | None = None
    hits: tuple[Hit, ...] = ()
    missing: tuple[str, ...] = ()
    capped: bool = False
    withheld_commitment: bytes = b""
    withheld_count: int | None = None
    policy_hash: bytes = b""
    searched: tuple[Searched, ...] = ()
    suspended: tuple[str, ...] = ()


class Receipt(msgspec.Struct, frozen=True):
    """A cumulative acknowledgement of one channel (asker → answerer), numbers `first` to `through`.

    `exchanges_hash` is SHA-256 over the exchanges of that range that arrived, in order of their number
    (`audit.accounts.receipts`); `gaps` are the numbers that did not arrive; `previous` is the hash of the last receipt.
    """

    sender: MemberId
    recipient: MemberId
    first: int
    through: int
    exchanges_hash: bytes
    gaps: tuple[int, ...]
    previous: bytes
    issued_us: int


class LogProof(msgspec.Struct, frozen=True):
    """An inclusion proof (RFC 6962, 2.1.1) of one entry under a signed checkpoint (C2SP tlog-checkpoint)."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes


class AnswerMessage(msgspec.Struct, frozen=True):
    """The reply to a request: the signed envelope, the public part of the entry, and its proof."""

    envelope: bytes
    entry: bytes
    proof: LogProof


class ReceiptMessage(msgspec.Struct, frozen=True):
    """A receipt on its way: the signed envelope, the sender's entry of the last answer that it covers, its proof."""

    envelope: bytes
    entry: bytes
    proof: LogProof


T_co = TypeVar("T_co", covariant=True)


class Verified(msgspec.Struct, Generic[T_co], frozen=True):
    """A statement whose signature, signer and audience `statements` has checked; no other package makes one.

    `payload_hash` is SHA-256 of the exact payload bytes; `envelope` are the exact bytes received; `signer` is the
    member and `key_id` the key.
    """

    value: T_co
    payload_hash: bytes
    envelope: bytes
    signer: MemberId
    key_id: str
