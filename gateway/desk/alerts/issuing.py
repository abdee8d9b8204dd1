"""Issue an alert's record for one reader, and verify that of a counterpart.

No request precedes an alert, so that its record is bound to the thread that brings it: in another thread, or for
another reader, it does not verify.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from gateway.clock import from_us
from gateway.desk.alerts.values import LONGEST_US, SOURCE, OwnAlert
from gateway.errors import Forbidden, Malformed
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Alert, Head
from gateway.model.hit import SourceRecord
from gateway.model.marking import Caveat, Level, Marking, Onward, ReleaseMarking, UseCode
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Purpose
from gateway.records.sdjwt import issue, present
from gateway.records.verify import VerifiedRecord, verify_record

RECORD_TYPE = "Alert"
_CAVEATS = {"DO_NOT_ALERT_SUBJECT": Caveat.NO_TIP_OFF, "DO_NOT_DETAIN": Caveat.DO_NOT_DETAIN}


def binding(thread_id: ExchangeId) -> bytes:
    """Return what is in an alert's record for the request that it answers: the hash of its thread's id."""
    return hashlib.sha256(b"liaison alert\n" + thread_id.encode()).digest()


def issued_for(
    parts: Parts, alert: OwnAlert, reader: MemberId, thread_id: ExchangeId, offices: tuple[str, ...]
) -> tuple[str, VerifiedRecord]:
    """Return the record of an alert of ours for one reader, signed by the agency that owns it, and as it verifies."""
    now_us = parts.clock.now_us()
    source = SourceRecord(SOURCE, alert.id, RECORD_TYPE, alert.author.agency, dict(alert.fields), Marking())
    issued = issue(
        source,
        issuer=parts.issuer(alert.author.agency),
        audience=reader,
        request_hash=binding(thread_id),
        marking=_marking(alert, offices),
        now_us=now_us,
    )
    compact = present(issued, alert.fields)
    return compact, verified(parts, compact, parts.member, reader, thread_id, now_us)


def verified(
    parts: Parts, compact: str, owner: MemberId, reader: MemberId, thread_id: ExchangeId, at_us: int
) -> VerifiedRecord:
    """Return the record of an alert, verified as of `at_us`. Raises what `verify_record` does."""
    record = verify_record(
        compact, parts.trust(), member=owner, audience=reader, request_hash=binding(thread_id), now_us=at_us
    )
    if record.type != RECORD_TYPE:
        raise Malformed("the record is no alert", code="bad-alert", where="record")
    return record


def check_alert(head: Head, alert: Alert, record: VerifiedRecord, offices: tuple[str, ...]) -> None:
    """Raise where an alert says other things than its record, is in force for too long, or names another's office.

    `offices` are those of the reader.
    """
    if alert.action != record.fields.get("alert_class"):
        raise Forbidden("the action is not that of the record", code="bad-alert", where="action")
    if not 0 < alert.until_us - head.issued_us <= LONGEST_US or record.exp * 1_000_000 > alert.until_us + 1_000_000:
        raise Forbidden("the alert is in force for too long", code="bad-alert", where="until_time")
    strange = [office for office in alert.scope if office not in offices]
    if strange:
        raise Forbidden("`{office}` is no office here", code="unknown-office", where="scope", office=strange[0])


def _marking(alert: OwnAlert, offices: tuple[str, ...]) -> ReleaseMarking:
    """Return the handling rules: within the offices that get it, not onward, and no longer than it is in force."""
    caveats = {_CAVEATS[code] for code in alert.fields.get("do_not", ()) if code in _CAVEATS}
    return ReleaseMarking(
        level=Level.OFFICIAL,
        use=frozenset({UseCode.LAW_ENFORCEMENT, UseCode.NOT_ONWARD}),
        caveats=frozenset(caveats),
        onward=Onward.SAME_UNIT if offices else Onward.SAME_COUNTRY,
        purposes=frozenset({alert.purpose.value, Purpose.BORDER_CHECK.value}),
        not_after=from_us(alert.until_us) - timedelta(microseconds=alert.until_us % 1_000_000),
    )
