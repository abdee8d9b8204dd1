"""Check what a worker says of a request before it is signed or written: a worker may have been taken over.

It can then still lie about records of the sources that it asks, and sign with the keys of agencies that it holds. It
cannot make the front sign anything but an answer to a request that this worker was given, of the form, version, policy
and outcome that the front would give, nor write more into an entry than such an answer has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import orjson

from gateway.audit.entries.entry import LARGEST_PRIVATE
from gateway.clock import SECOND_US
from gateway.errors import Malformed, Reason
from gateway.exchange.answering.draft import told_policy
from gateway.exchange.answering.job import Drawn, Job
from gateway.exchange.ledger import GivenCopy
from gateway.exchange.workers.frames import MAX_TEXT, Result, Turned
from gateway.model.exchange import Outcome
from gateway.model.hit import Hit
from gateway.model.names import MemberId
from gateway.records.claims import claims_of
from gateway.records.types import RECORD_TYPES
from gateway.records.withheld import check_withheld
from gateway.statements.answer import ANSWER_VERSIONS
from gateway.statements.fields import SKEW_US

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_NOT_THEIRS = frozenset({Reason.ALREADY_EXISTS, Reason.RECEIPTS_DUE})
"""Reasons that only the front has: it decides on claims and receipts."""

_LONGEST_S = 3600.0
"""Seconds that no source has to answer."""

_SMALL = 16 * 1024
"""Bytes of the texts of an answer's entry that cannot be too large, whatever they are written as."""


def check_result(
    result: Result, job: Job, member: MemberId, now_us: int, size: int, types: Collection[str] = RECORD_TYPES
) -> None:
    """Raise `LiaisonError` unless a result is one of the request of `job`.

    `size` are the bytes in which it came, `types` those of records that a source may give for it.
    """
    if result.turned is not None and result.drawn is None:
        _check_turned(result.turned)
    elif result.drawn is not None and result.turned is None:
        _check_drawn(result.drawn, job, member, now_us, size, types)
    else:
        raise _wrong("neither one answer nor one refusal")


def _check_turned(turned: Turned) -> None:
    """Raise `Malformed` for a refusal that a worker cannot have."""
    if not _CODE.fullmatch(turned.code) or len(turned.text) > MAX_TEXT or turned.reason in _NOT_THEIRS:
        raise _wrong("a refusal")


def _check_drawn(drawn: Drawn, job: Job, member: MemberId, now_us: int, size: int, types: Collection[str]) -> None:
    """Raise `LiaisonError` unless `drawn` answers the request of `job`."""
    request = job.verified
    answer = ANSWER_VERSIONS.numbered(job.answer_version()).parse(drawn.payload)
    said = (answer.exchange_id, answer.sender, answer.recipient, answer.request_hash, answer.policy_hash)
    if said != (request.value.exchange_id, member, job.peer, request.payload_hash, told_policy(job)):
        raise _wrong("an answer to another request")
    if (answer.outcome, answer.missing) != (drawn.outcome, drawn.missing) or answer.refusal is not None:
        raise _wrong("an outcome")
    if answer.outcome in (Outcome.REFUSED, Outcome.SUSPENDED) or abs(answer.issued_us - now_us) > SKEW_US:
        raise _wrong("an outcome or a time")
    if len(drawn.times) != len(drawn.sources) or not all(0 <= end - start < _LONGEST_S for start, end in drawn.times):
        raise _wrong("the times of sources")
    check_withheld(answer.withheld_commitment, {"salt": drawn.withheld_salt, "withheld": drawn.withheld})
    if answer.hits or drawn.copies:
        _check_records(drawn.copies, answer.hits, job.peer, types)
    if size > LARGEST_PRIVATE // 8 and len(orjson.dumps([drawn.sources, drawn.hits])) > LARGEST_PRIVATE - _SMALL:
        raise _wrong("an entry's size")


def _check_records(copies: Sequence[GivenCopy], hits: Sequence[Hit], peer: MemberId, types: Collection[str]) -> None:
    """Raise `Malformed` unless all hits are of these types, all records for `peer`, and `copies` the rows of these.

    A copy that has no row would get no correction, and would not be called back.
    """
    told = []
    for hit in hits:
        claims = claims_of(hit.record) if hit.record else None
        if hit.record_type not in types:
            raise _wrong("a record of a type that no source gives for this")
        if claims is not None and claims.aud != peer:
            raise _wrong("a record for another member")
        if hit.record:
            told.append((claims.jti, hit.record_type, claims.exp * SECOND_US) if claims is not None else None)
    # A name at home came in a frame: it is of whole characters.
    if [(copy.jti, copy.record_type, copy.expires_us) for copy in copies] != told:
        raise _wrong("copies")
    if any("\0" in copy.record for copy in copies):
        raise _wrong("copies")


def _wrong(what: str) -> Malformed:
    return Malformed("{what} that no worker of ours can give", code="bad-frame", where="worker", what=what)
