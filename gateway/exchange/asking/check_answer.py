"""The checks of an answer before an officer sees it (step 5 of asking).

1. the answer's own checks (`statements.answer.verify_answer`): signer, audience, our request, form;
2. the public entry parses, and names us, our exchange, our request and this answer; it is of the kind of entry that
   such an answer has, and was written after our request and not after now;
3. the entry has a number in our channel;
4. the checkpoint is signed by a log key that the counterpart lists, for its own exchange log;
5. the inclusion proof leads from the entry to the checkpoint's root.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from gateway.audit.accounts.receipts import NumberedExchange
from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.tree.checkpoint import Checkpoint, Shown, foreign_head, parse_checkpoint
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.errors import Forbidden, Stale
from gateway.exchange.parts import Parts
from gateway.model.exchange import Answer, AnswerMessage, LogProof, Outcome, Request, Verified
from gateway.model.names import MemberId
from gateway.ports.entries import events
from gateway.signing.keys import VerifyKey
from gateway.statements.answer import verify_answer
from gateway.statements.fields import SKEW_US
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.view import TrustView

_HEADS, _SMALL_HEAD = 64, 2_048
"""Verified heads that are kept, and the most bytes of each: lines that a counterpart adds fill no memory."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer that passed all checks, and its place in the counterpart's channel."""

    answer: Verified[Answer]
    exchange: NumberedExchange
    shown: Shown

    @property
    def checkpoint(self) -> Checkpoint:
        """The head of the counterpart's log under which the answer's entry stands."""
        return self.shown.head


def check_answer(parts: Parts, request: Request, request_hash: bytes, message: AnswerMessage) -> Checked:
    """Check the answer in `message`; raise as `verify_answer` does, or `Forbidden` for its entry and proof."""
    member = request.recipient
    view = parts.trust()
    answer = verify_answer(  # 1
        message.envelope,
        keys=view,
        member=member,
        me=parts.member,
        request_hash=request_hash,
        exchange_id=request.exchange_id,
        now_us=parts.clock.now_us(),
    )
    expected = (request.exchange_id, request_hash, answer.payload_hash)
    parts.signed_time(member, answer.value.issued_us)
    entry, shown = check_entry(view, member, parts.member, message.entry, message.proof, expected)  # 2 to 5
    _check_place_in_time(entry, answer.value, request, parts.clock.now_us())
    assert entry.number is not None
    return Checked(answer, NumberedExchange(entry.number, *expected), shown)


def check_entry(
    view: TrustView, member: MemberId, me: MemberId, body: bytes, proof: LogProof, expected: tuple[str, bytes, bytes]
) -> tuple[Entry, Shown]:
    """Check 2 to 5 of `member`'s entry about an exchange with us, in `member`'s own exchange log.

    `expected` holds the exchange id, the hash of the request and the hash of the answer.
    """
    entry = parse_entry(body)  # 2
    if (entry.peer, entry.exchange_id, entry.request_hash, entry.answer_hash) != (me, *expected):
        raise Forbidden("the counterpart's entry is about another exchange", code="wrong-entry", where="entry")
    if entry.number is None:  # 3
        raise Forbidden("the counterpart's entry has no number", code="wrong-entry", where="entry.n")
    checkpoint = _check_head(view.vkeys(member, KeyUse.LOG), member, proof.checkpoint)  # 4
    if (entry.log, entry.index) != (checkpoint.origin, proof.index):
        raise Forbidden("the entry is of another place or log", code="wrong-entry", where="entry")
    leaf = leaf_hash(body)
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)  # 5
    return entry, Shown(checkpoint, proof.index, leaf, proof.hashes)


def _check_place_in_time(entry: Entry, answer: Answer, request: Request, now_us: int) -> None:
    """Carry out the rest of check 2.

    An answer that comes late, or that is given again, is still of an entry that was written after its request came. A
    refusal that says that the two clocks differ is of a time that differs.
    """
    refused = answer.outcome in (Outcome.REFUSED, Outcome.SUSPENDED)
    kinds = {Outcome.NOT_SEARCHED: (events.ANSWERED, events.REFUSED)}.get(  # an older version says it by a refusal
        answer.outcome, (events.REFUSED if refused else events.ANSWERED,)
    )
    if entry.kind not in [event.kind for event in kinds]:
        raise Forbidden("the counterpart's entry is of another kind", code="wrong-entry", where="entry.kind")
    apart = answer.refusal is not None and answer.refusal.code == Stale.default_code
    if not (apart or request.issued_us - SKEW_US <= entry.time_us <= now_us + SKEW_US):
        raise Forbidden(
            "the counterpart's entry is not of the time of this exchange", code="wrong-entry", where="entry.t"
        )


def _check_head(keys: tuple[VerifyKey, ...], member: MemberId, data: bytes) -> Checkpoint:
    """Return the head when one of the counterpart's log keys signed it for an exchange log of its own (`foreign_head`).

    Lines of other signers, with which the counterpart pads it, are left out.
    """
    origin = parse_checkpoint(data).origin
    if not re.fullmatch(rf"{member}\.liaison\.internal/exchange/[1-9][0-9]*", origin):
        raise Forbidden("the checkpoint is of another log", code="wrong-log", where="proof.checkpoint")
    return (_head_of if len(data) <= _SMALL_HEAD else foreign_head)(data, origin, keys)


@lru_cache(maxsize=_HEADS)
def _head_of(data: bytes, origin: str, keys: tuple[VerifyKey, ...]) -> Checkpoint:
    """Return what `foreign_head` does: a counterpart answers a batch under one head, which is verified once."""
    return foreign_head(data, origin, keys)
