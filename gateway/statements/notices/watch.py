"""Watches, their reach at the recipient, and the hits that it tells of."""

from __future__ import annotations

import re

from liaison.exchange.v1 import notices_pb2 as pb
from liaison.exchange.v1 import statements_pb2
from msgspec import structs

from gateway.errors import Malformed
from gateway.model.desk.watches import Goods, Subject, Watch, Watched
from gateway.model.hit import Hit, Quality
from gateway.statements.fields import microseconds, timestamp
from gateway.statements.notices.texts import MAX_VALUES, code, listed, many, record_type
from gateway.statements.request import fill_query, read_query

MAX_HITS = 16
"""The most hits that one notice tells of."""

LONGEST_US = 90 * 86_400_000_000
"""The longest time for which a watch is asked, or stays without a renewal."""

_MAX_RULES = 16
_REFERENCE = re.compile(r"[A-Za-z0-9._~-]{1,256}", re.ASCII)
_KIND = re.compile(r"[^\W_](?:[\w ,.()/-]{0,126}[^\W_]|)", re.UNICODE)


def write_watch(message: pb.WatchNotice, watch: Watch) -> None:
    """Write a watch into its payload."""
    if isinstance(watch.query, Goods):
        message.goods.CopyFrom(pb.WatchedGoods(**structs.asdict(watch.query)))
    else:
        fill_query(message, watch.query)
    message.until_time.CopyFrom(timestamp(watch.until_us))
    message.revalidate_by_time.CopyFrom(timestamp(watch.revalidate_by_us))
    message.no_tip_off = watch.no_tip_off


def read_watch(message: pb.WatchNotice) -> Watch:
    """Return the watch in a parsed payload, or raise `Malformed`."""
    issued_us = microseconds(message.head.issued_time, "issued_time")
    until_us = microseconds(message.until_time, "until_time")
    by_us = microseconds(message.revalidate_by_time, "revalidate_by_time")
    if not issued_us < by_us <= until_us <= issued_us + LONGEST_US:
        raise Malformed("a watch ends within 90 days", code="bad-time", where="until_time")
    return Watch(_subject(message), until_us, by_us, message.no_tip_off)


def _subject(message: pb.WatchNotice) -> Subject:
    if message.WhichOneof("query") != Goods.kind:
        return read_query(message)
    goods = message.goods
    return Goods(goods.container, goods.heading, goods.consignee, goods.route)


def watched_message(watched: Watched) -> pb.Watched:
    """Return the reach of a watch for a payload."""
    message = pb.Watched(sources=watched.sources, not_watched=watched.not_watched)
    message.looked_time.CopyFrom(timestamp(watched.looked_us))
    return message


def read_watched(message: pb.Watched) -> Watched:
    """Return the reach of a watch, or raise `Malformed`."""
    return Watched(
        sources=many(message.sources, MAX_VALUES, "watched", _kind),
        not_watched=many(message.not_watched, MAX_VALUES, "watched", _kind),
        looked_us=microseconds(message.looked_time, "looked_time"),
    )


def hit_messages(hits: tuple[Hit, ...]) -> list[statements_pb2.Hit]:
    """Return hits for a payload."""
    return [
        statements_pb2.Hit(
            reference=hit.reference, quality=hit.quality.value, record_type=hit.record_type, rules=hit.rules
        )
        for hit in hits
    ]


def read_hits(message: pb.ReplyNotice) -> tuple[Hit, ...]:
    """Return what a watch has met, or raise `Malformed`: a hit of a watch brings no record."""
    if len(message.hits) > MAX_HITS:
        raise Malformed("more than {limit} items", code="too-many", where="hits", limit=MAX_HITS)
    found = tuple(map(_read_hit, message.hits))
    if len({hit.reference for hit in found}) != len(found):
        raise Malformed("an item is listed twice", code="listed-twice", where="hits")
    return found


def _read_hit(message: statements_pb2.Hit) -> Hit:
    if message.record or message.action:
        raise Malformed("a watch tells of a hit by its reference only", code="bad-reply", where="hits")
    if not _REFERENCE.fullmatch(message.reference):
        raise Malformed("not an opaque reference", code="bad-value", where="hits.reference")
    return Hit(
        message.reference,
        listed(Quality, message.quality, "quality"),
        record_type(message.record_type, "hits.record_type"),
        many(message.rules, _MAX_RULES, "hits.rules", code),
    )


def _kind(text: str, where: str) -> str:
    if not _KIND.fullmatch(text):
        raise Malformed("not a kind of sources", code="bad-value", where=where)
    return text
