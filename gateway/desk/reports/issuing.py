"""Issue a report's record for one reader, and verify that of a counterpart.

No request precedes a report, so that its record is bound to the thread that brings it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway.clock import from_us
from gateway.desk.reports.values import SOURCE, OwnReport
from gateway.errors import Malformed
from gateway.exchange.parts import Parts
from gateway.matching.method_reports import RECORD_TYPE
from gateway.model.hit import SourceRecord
from gateway.model.marking import Level, Marking, Onward, ReleaseMarking, Tlp, UseCode, tlp
from gateway.model.names import ExchangeId, MemberId
from gateway.records.sdjwt import issue, present
from gateway.records.verify import VerifiedRecord, verify_record


def issued_for(parts: Parts, report: OwnReport, reader: MemberId, thread_id: ExchangeId) -> str:
    """Return the record of a report of ours for one reader, signed by the agency that owns it."""
    issued = issue(
        SourceRecord(SOURCE, report.id, RECORD_TYPE, report.author.agency, dict(report.fields), Marking()),
        issuer=parts.issuer(report.author.agency),
        audience=reader,
        request_hash=_binding(thread_id),
        marking=release_marking(report),
        now_us=parts.clock.now_us(),
    )
    return present(issued, report.fields)


def verified(
    parts: Parts, compact: str, owner: MemberId, reader: MemberId, thread_id: ExchangeId, at_us: int
) -> VerifiedRecord:
    """Return the record of a report, verified as of `at_us`. Raises what `verify_record` does."""
    record = verify_record(
        compact, parts.trust(), member=owner, audience=reader, request_hash=_binding(thread_id), now_us=at_us
    )
    if record.type != RECORD_TYPE:
        raise Malformed("the record is no report", code="bad-report", where="record")
    return record


def release_marking(report: OwnReport) -> ReleaseMarking:
    """Return the handling rules: all law enforcement of the reader's country may use it, until it must be gone."""
    return ReleaseMarking(
        level=report.level,
        use=frozenset({UseCode.LAW_ENFORCEMENT}),
        caveats=frozenset(),
        onward=Onward.SAME_COUNTRY,
        purposes=frozenset({report.purpose.value}),
        not_after=from_us(report.until_us) - timedelta(microseconds=report.until_us % 1_000_000),
    )


def own_label(report: OwnReport, me: MemberId, members: frozenset[str]) -> Tlp:
    """Return the label of a report of ours, by the members that have it."""
    names = frozenset({me, *(to.member for to in report.to)})
    return tlp(Marking(report.level, releasable_to=names), members)


def label(marking: Mapping[str, Any]) -> Tlp:
    """Return the label of a counterpart's report: it does not say who else has it, so that it stays within a country.

    One that is open is for everybody.
    """
    return Tlp.CLEAR if marking["level"] == Level.OPEN.value and not marking["caveats"] else Tlp.AMBER


def _binding(thread_id: ExchangeId) -> bytes:
    """Return what is in a report's record for the request that it answers: the hash of its thread's id."""
    return hashlib.sha256(b"liaison report\n" + thread_id.encode()).digest()
