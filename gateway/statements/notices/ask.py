"""Asks, and the replies to them."""

from __future__ import annotations

import re

from liaison.exchange.v1 import notices_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.notices import About, Ask, RecordPlace, Reply, ReplyCode
from gateway.model.marking import SubjectCategory
from gateway.model.names import exchange_id
from gateway.statements.consent import read_use, use_message
from gateway.statements.fields import check_hash, timestamp
from gateway.statements.notices.texts import (
    MAX_VALUES,
    code,
    compact,
    free_text,
    jti,
    listed,
    many,
    optional_code,
    optional_text,
    optional_time,
    value_messages,
    values,
)
from gateway.statements.notices.watch import hit_messages, read_hits

MAX_RECORDS = 32

_REFERENCE = re.compile(r"[A-Za-z0-9._~-]{1,256}", re.ASCII)
_OF_HIT = frozenset((About.HIT, About.CONSENT, About.ERROR, About.EXTENSION))
_TOPICAL = frozenset((About.QUESTION, About.FORM))
_TOLD_BY_ITSELF = frozenset((About.FORM, About.EXTENSION))
"""Asks that may come without facts."""
_GIVING = frozenset((ReplyCode.RELEASED, ReplyCode.PARTLY))


def write_ask(message: pb.AskNotice, ask: Ask) -> None:
    """Write an ask into its payload."""
    message.about, message.topic, message.category = ask.about.value, ask.topic, ask.category.value
    message.facts, message.why_you, message.link = ask.facts, ask.why_you, ask.link
    message.fields.extend(ask.fields)
    message.values.extend(value_messages(ask.values))
    if ask.hit is not None:
        message.hit.CopyFrom(place_message(ask.hit))
    if ask.use is not None:
        message.use.CopyFrom(use_message(ask.use))
    if ask.held_until_us:
        message.held_until_time.CopyFrom(timestamp(ask.held_until_us))


def read_ask(message: pb.AskNotice) -> Ask:
    """Return the ask in a parsed payload, or raise `Malformed`."""
    about = listed(About, message.about, "about")
    if message.HasField("hit") != (about in _OF_HIT) or message.HasField("use") != (about is About.CONSENT):
        raise Malformed("a hit or a use stands with an ask about one", code="bad-ask", where="about")
    if about is not About.ERROR and bool(message.topic) != (about in _TOPICAL):
        raise Malformed("a topic stands with a question, a form's id with a form", code="bad-ask", where="topic")
    return Ask(
        about=about,
        facts=(optional_text if about in _TOLD_BY_ITSELF else free_text)(message.facts, "facts"),
        why_you=optional_text(message.why_you, "why_you"),
        link=optional_text(message.link, "link"),
        topic=optional_code(message.topic, "topic"),
        category=listed(SubjectCategory, message.category, "category"),
        hit=read_place(message.hit) if message.HasField("hit") else None,
        use=read_use(message.use) if message.HasField("use") else None,
        fields=many(message.fields, MAX_VALUES, "fields", code),
        values=values(message.values),
        held_until_us=optional_time(
            message.held_until_time, "held_until_time", present=message.HasField("held_until_time")
        ),
    )


def place_message(place: RecordPlace) -> pb.RecordPlace:
    """Return the place of a hit as a message."""
    return pb.RecordPlace(
        exchange_id=place.exchange_id,
        answer_hash=place.answer_hash,
        log_number=place.log_number,
        entry_index=place.entry_index,
        hit_reference=place.reference,
        record_id=place.record,
    )


def read_place(message: pb.RecordPlace) -> RecordPlace:
    """Return the place of a hit in a parsed payload, or raise `Malformed`."""
    if not _REFERENCE.fullmatch(message.hit_reference):
        raise Malformed("not an opaque reference", code="bad-value", where="hit.hit_reference")
    if message.entry_index >= 2**63:
        raise Malformed("not a place in a log", code="bad-value", where="hit.entry_index")
    return RecordPlace(
        exchange_id=exchange_id(message.exchange_id),
        answer_hash=check_hash(message.answer_hash, "hit.answer_hash"),
        log_number=message.log_number,
        entry_index=message.entry_index,
        reference=message.hit_reference,
        record=jti(message.record_id, "hit.record_id") if message.record_id else "",
    )


def write_reply(message: pb.ReplyNotice, reply: Reply) -> None:
    """Write a reply into its payload."""
    message.code, message.reason, message.text = reply.code.value, reply.reason, reply.text
    message.records.extend(reply.records)
    message.withheld_commitment = reply.withheld_commitment
    message.hits.extend(hit_messages(reply.hits))
    if reply.until_us:
        message.until_time.CopyFrom(timestamp(reply.until_us))


def read_reply(message: pb.ReplyNotice) -> Reply:
    """Return the reply in a parsed payload, or raise `Malformed`."""
    said = listed(ReplyCode, message.code, "code")
    if (message.records or message.HasField("until_time")) and said not in _GIVING:
        raise Malformed("records and a time stand with what is released", code="bad-reply", where="code")
    if bool(message.hits) != (said is ReplyCode.HIT):
        raise Malformed("hits stand with HIT, and only there", code="bad-reply", where="hits")
    commitment = message.withheld_commitment
    return Reply(
        code=said,
        reason=optional_code(message.reason, "reason"),
        text=optional_text(message.text, "text"),
        records=many(message.records, MAX_RECORDS, "records", compact),
        withheld_commitment=check_hash(commitment, "withheld_commitment") if commitment else b"",
        until_us=optional_time(message.until_time, "until_time", present=message.HasField("until_time")),
        hits=read_hits(message),
    )
