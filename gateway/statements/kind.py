"""A kind of statement: its content, and the one way in which statements of every kind are built and verified."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from google.protobuf.message import Message

from gateway.errors import LiaisonError
from gateway.model.exchange import Verified
from gateway.model.names import MemberId
from gateway.statements.envelope import (
    PayloadType,
    Sealed,
    SigningKey,
    StatementKeys,
    Unsealed,
    check_parties,
    check_signature,
    check_signatures,
    parse,
    sealed,
    unseal,
)
from gateway.statements.fields import HASH_SIZE

M = TypeVar("M", bound=Message)
T = TypeVar("T")


class Opened(msgspec.Struct, Generic[M, T], frozen=True):
    """A statement in the right form whose signature is *not* verified: good for routing, nothing else."""

    kind: Kind[M, T]
    unsealed: Unsealed
    message: M


class Unproved(msgspec.Struct, Generic[M, T], frozen=True):
    """A statement that says to be of `signer` and for us (checks 1 to 5 of `Kind.verify`), not verified yet.

    `signature` is what `check_signatures` checks of it; `accepted` makes the checks after it.
    """

    opened: Opened[M, T]
    signer: MemberId

    def signature(self, at_us: int) -> tuple[Unsealed, MemberId, int]:
        """Return what is to be checked of the signature, by a key that counts at `at_us`."""
        return self.opened.unsealed, self.signer, at_us

    def accepted(self, now_us: int, within: Callable[[T], None] | None = None) -> Verified[T]:
        """Make checks 7 and 8 of `Kind.verify`. Only for a statement whose signature was checked."""
        return accept(Signed(self.opened, self.signer), now_us, within)


class Signed(msgspec.Struct, Generic[M, T], frozen=True):
    """A statement whose sender and signature were checked (checks 3 to 6 of `Kind.verify`); its content is not."""

    opened: Opened[M, T]
    signer: MemberId


@dataclass(frozen=True, slots=True)
class Kind(Generic[M, T]):
    """A kind of statement.

    `name` is in refusals of bytes that do not parse. `write` makes the payload without its blind; `read` takes a
    parsed payload, and raises for content that is not allowed. `check_time` gets a statement that was read, and our
    time. `check` checks a statement of our own more quickly than reading its payload back. `finish` makes the exact
    bytes that are signed of a payload and its message, and `check_form` checks such bytes. `check_version` checks that
    a parsed payload has the fields of its payload type, where several types share a message. `head` returns the part of
    the message that has the blind and the addresses, where that is not the message itself.
    """

    payload_type: PayloadType
    message: type[M]
    name: str
    write: Callable[[T], M]
    read: Callable[[M], T]
    check_time: Callable[[T, int], None]
    check: Callable[[T], None] | None = None
    finish: Callable[[bytes, M], bytes] | None = None
    check_form: Callable[[bytes, M], None] | None = None
    check_version: Callable[[M], None] | None = None
    head: Callable[[M], Any] | None = None

    # ------------------------------------------------------------ ours

    def build(self, value: T, key: SigningKey) -> Sealed:
        """Sign `value`. Raises what a counterpart would raise: nothing is signed that the other side would refuse."""
        return self.seal(self.payload(value), key)

    def payload(self, value: T) -> bytes:
        """Return the payload of `value`, to be signed. Raises like `build`."""
        if self.check is not None:
            self.check(value)
        message = self.write(value)
        self.addressed(message).blind = os.urandom(HASH_SIZE)
        if self.check is None:
            self.read(message)
        data: bytes = message.SerializeToString()
        return data if self.finish is None else self.finish(data, message)

    def seal(self, payload: bytes, key: SigningKey) -> Sealed:
        """Sign a payload that `payload` made."""
        return sealed(self.payload_type, payload, key)

    def addressed(self, message: M) -> Any:
        """Return the part of a payload that has its blind, sender and recipient."""
        return message if self.head is None else self.head(message)

    # ------------------------------------------------------------ theirs

    def verify(
        self,
        envelope: bytes,
        *,
        keys: StatementKeys,
        peer: MemberId,
        me: MemberId,
        now_us: int,
        answers: Callable[[M], None] | None = None,
        within: Callable[[T], None] | None = None,
    ) -> Verified[T]:
        """Return the statement in `envelope`, when every check holds:

        1. size, form, payload type, and exactly one signature
        2. the payload parses, without unknown fields
        3. the sender is `peer`: the TLS peer, or the member that we asked
        4. the recipient is us
        5. it answers the statement of ours that it should (`answers`); only some kinds answer one
        6. a key that the sender lists for statements at `now_us` signed exactly these bytes
        7. the content is complete and well-formed, and goes no further than it may (`within`)
        8. it is of its time, as its kind says

        Nothing of the content but its addresses and what it answers is used before 6. The key must be valid now, not
        when the statement says that it was issued: a thief of a withdrawn key could write any time. Raises
        `TooLarge`, `Malformed`, `BadSignature`, `Forbidden` or `Stale`.
        """
        unproved = self.unproved(self.open(envelope), peer=peer, me=me, answers=answers)  # 1 to 5
        check_signature(unproved.opened.unsealed, keys, peer, now_us)  # 6
        return unproved.accepted(now_us, within)  # 7, 8

    def unproved(
        self, opened: Opened[M, T], *, peer: MemberId, me: MemberId, answers: Callable[[M], None] | None = None
    ) -> Unproved[M, T]:
        """Make checks 3 to 5 of `verify`."""
        _check_addresses(opened, peer, me)  # 3, 4
        if answers is not None:  # 5
            answers(opened.message)
        return Unproved(opened, peer)

    def open(self, envelope: bytes) -> Opened[M, T]:
        """Make checks 1 and 2 of `verify`."""
        return self.opened(unseal(envelope, self.payload_type))

    def opened(self, unsealed: Unsealed) -> Opened[M, T]:
        """Make check 2 of `verify`, for an envelope of this kind."""
        message = parse(self.message, unsealed.payload, self.name)
        if self.check_version is not None:
            self.check_version(message)
        return Opened(self, unsealed, message)

    def parse(self, payload: bytes) -> T:
        """Return the statement in exact payload bytes, checked for content (2 and 7), not for signature or time."""
        return self.content(payload, parse(self.message, payload, self.name))

    def content(self, payload: bytes, message: M) -> T:
        """Return the statement in a parsed payload, checked for content (7)."""
        value = self.read(message)
        if self.check_form is not None:
            self.check_form(payload, message)
        return value


def check_senders(
    batch: Sequence[tuple[Opened[M, T], MemberId]], *, keys: StatementKeys, me: MemberId, now_us: int
) -> list[Signed[M, T] | LiaisonError]:
    """Make checks 3, 4 and 6 of `Kind.verify` for a batch of statements and their peers, signatures together."""
    outcomes = [_addressed(opened, peer, me) for opened, peer in batch]
    signed = [item for item in outcomes if isinstance(item, Signed)]
    refusals = iter(check_signatures([(item.opened.unsealed, item.signer, now_us) for item in signed], keys))
    return [item if isinstance(item, LiaisonError) else next(refusals) or item for item in outcomes]


def accept(signed: Signed[M, T], now_us: int, within: Callable[[T], None] | None = None) -> Verified[T]:
    """Make checks 7 and 8 of `Kind.verify`."""
    opened = signed.opened
    kind, unsealed = opened.kind, opened.unsealed
    value = kind.content(unsealed.payload, opened.message)  # 7
    if within is not None:
        within(value)
    kind.check_time(value, now_us)  # 8
    return Verified(value, unsealed.payload_hash, unsealed.data, signed.signer, unsealed.key_id)


def _check_addresses(opened: Opened[M, T], peer: MemberId, me: MemberId) -> None:
    message = opened.kind.addressed(opened.message)
    check_parties(message.sender, message.recipient, peer, me)


def _addressed(opened: Opened[M, T], peer: MemberId, me: MemberId) -> Signed[M, T] | LiaisonError:
    """Return the statement when its addresses are right (3, 4), else the error; its signature is not verified here."""
    try:
        _check_addresses(opened, peer, me)
    except LiaisonError as error:
        return error
    return Signed(opened, peer)
