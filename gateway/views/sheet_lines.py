"""Describe opened exchanges in lines, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.audit.reading.opened import Opened
from gateway.audit.reading.show import Shown
from gateway.audit.verify.content import Content, Given
from gateway.audit.verify.findings import State
from gateway.clock import rfc3339
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.ops.audit.contents import OpenedEntries
from gateway.ops.homes.open_home import shown_value
from gateway.views.desk.notices import notice_value, receipt_value
from gateway.views.lines import Line, exact
from gateway.views.lines.report import report_lines, report_value
from gateway.views.sheet_words import HEADINGS, STATES
from gateway.views.sheets import Pairs, RecordSheet, Sheet, sheets_of

_STYLES = {State.PROVED: "good", State.CONTRADICTED: "bad", State.NOT_PROVABLE: "warn"}


def opened_value(found: OpenedEntries) -> dict[str, Any]:
    """Return what was opened as JSON: each entry as it is kept, and each exchange as it is read and proved."""
    at = {"entry": {"log": found.at.log, "index": found.at.index}} if found.at else {}
    verified = {"verified": report_value(found.report)} if found.report else {}
    return {
        **at,
        **verified,
        "member": found.member,
        "charter": "of-the-export" if found.own_charter else "trusted",
        "entries": [_entry_value(log, opened) for log, opened in found.entries],
        "exchanges": [_content_value(content) for content in found.contents],
    }


def _entry_value(log: str, opened: Opened) -> dict[str, Any]:
    why, _, key_id = opened.closed.partition(": ")
    is_gone = why in ("erased", "lost")
    shown = Shown(opened.entry, opened.private or {}, key_id if is_gone else "", is_lost=opened.lost)
    return shown_value(log, shown, "" if is_gone else opened.closed)


def _content_value(content: Content) -> dict[str, Any]:
    request, answer, entry = content.request, content.answer, content.first.entry
    value: dict[str, Any] = {
        "log": content.log,
        "entries": [opened.entry.index for opened in content.entries],
        "exchange_id": entry.exchange_id,
        "peer": entry.peer,
        "question": {"kind": content.query.kind.value, **content.query.as_value()} if content.query else None,
        "request": None,
        "answer": None,
        "notice": notice_value(content.notice) if content.notice else None,
        "receipt": receipt_value(content.receipt) if content.receipt else None,
        "sealed": content.sealed,
        "withheld": [{"digest": item.digest, "rule": item.rule} for item in content.withheld],
        "proofs": [
            {"part": proof.part.value, "state": proof.state.value, "entry": proof.entry, "why": proof.why}
            for proof in content.proofs
        ],
    }
    if request is not None:
        asker = request.requester
        value["request"] = {
            "from": request.sender,
            "to": request.recipient,
            "issued": rfc3339(request.issued_us),
            "purpose": request.purpose.value,
            "offence": request.offence.value,
            "case": request.case,
            "ticket": request.ticket,
            "agreement": request.agreement,
            "requester": {
                "role": asker.role,
                "office": asker.office,
                "agency": asker.agency,
                "pseudonym": asker.pseudonym,
            },
        }
    if answer is not None:
        told = answer.refusal
        value["answer"] = {
            "from": answer.sender,
            "to": answer.recipient,
            "issued": rfc3339(answer.issued_us),
            "outcome": answer.outcome.value,
            "refusal": {"reason": told.reason.value, "code": told.code, "text": told.text} if told else None,
            "missing": list(answer.missing),
            "capped": answer.capped,
            "withheld_count": answer.withheld_count,
            "hits": [_given_value(given) for given in content.given],
        }
    return value


def _given_value(given: Given) -> dict[str, Any]:
    hit, record = given.hit, given.record
    value: dict[str, Any] = {
        "reference": hit.reference,
        "quality": hit.quality.value,
        "record_type": hit.record_type,
        "rules": list(hit.rules),
        "action": hit.action,
        "record": None,
        "problem": given.problem,
        "sd_jwt": hit.record,
    }
    if record is not None:
        value["record"] = {
            "owner": record.owner,
            "signed_by": "own" if record.own_key else "held-by-node",
            "jti": record.jti,
            "issued": rfc3339(record.iat * 1_000_000),
            "expires": rfc3339(record.exp * 1_000_000),
            "fields": record.fields,
            "undisclosed": record.undisclosed,
            "marking": record.marking,
        }
    return value


def opened_lines(found: OpenedEntries, language: Language) -> Iterator[Line]:
    """Yield what was opened, an exchange after the other."""
    if found.at is not None:
        place = {"index": found.at.index, "log": found.at.log}
        yield tell(language, "this opening is entry {index} of {log}", **place), "title"
    for sheet in sheets_of(found, language):
        yield from _sheet_lines(sheet, language)
    if found.own_charter:
        yield tell(language, OWN_CHARTER), "warn"
    if found.report is not None:
        yield from report_lines(found.report)


OWN_CHARTER = (
    "signatures were checked under the charter that the export brings, which proves them to nobody who does not know "
    "it: give --charter"
)


def _sheet_lines(sheet: Sheet, language: Language) -> Iterator[Line]:
    yield sheet.title, "title"
    yield from (f"  {entry}" for entry in sheet.entries)
    yield from ((f"  {text}", "warn") for text in sheet.closed)
    for part, pairs in (("who", sheet.who), ("asked", sheet.asked), ("given", sheet.given)):
        yield from _pairs_lines(tell(language, HEADINGS[part]), pairs)
    for record in sheet.records:
        yield from _record_lines(record, language)
    yield from _pairs_lines(tell(language, HEADINGS["rest"]), sheet.rest)
    for state, text in sheet.proofs:
        yield f"  {tell(language, STATES[state])}: {text}", _STYLES[state]


@exact
def _pairs_lines(heading: str, pairs: Pairs) -> Iterator[Line]:
    if pairs:
        yield f"  {heading}"
        yield from (f"    {name}: {value}" for name, value in pairs)


@exact
def _record_lines(record: RecordSheet, language: Language) -> Iterator[Line]:
    yield f"    {record.title}", "title"
    yield f"      {record.status}", _STYLES[record.state] if record.state else ""
    yield from (f"        {name}: {value}" for name, value in record.fields)
    if record.marking:
        yield f"      {tell(language, HEADINGS['marking'])}"
        yield from (f"        {name}: {value}" for name, value in record.marking)
    yield from (f"      {name}: {value}" for name, value in record.about)
