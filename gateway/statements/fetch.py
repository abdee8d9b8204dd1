"""The fetch statement: a signed request for content that its recipient holds and its sender may have."""

from __future__ import annotations

from liaison.exchange.v1 import fetch_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.attachments import MAX_SIZE, FetchWanted, chunk_count
from gateway.model.desk.delivered import Fetch, NoticesWanted
from gateway.model.names import exchange_id, member_id
from gateway.statements.envelope import FETCHES
from gateway.statements.fields import check_hash, microseconds, timestamp
from gateway.statements.kind import Kind
from gateway.statements.request import check_fresh
from gateway.statements.versions import Versions

_MAX_AFTER = 128


def _write(fetch: Fetch) -> pb.Fetch:
    message = pb.Fetch(
        fetch_id=fetch.fetch_id,
        sender=fetch.sender,
        recipient=fetch.recipient,
        issued_time=timestamp(fetch.issued_us),
        expires_time=timestamp(fetch.expires_us),
    )
    wanted = fetch.wanted
    if isinstance(wanted, NoticesWanted):
        since = timestamp(wanted.since_us)
        lost = pb.LostNotices(since_time=since, after=wanted.after, recovery_id=wanted.recovery_id)
        message.lost.CopyFrom(lost)
    else:
        file = pb.FileChunks(notice_id=wanted.notice_id, merkle_root=wanted.root, chunk=wanted.chunk)
        message.file.CopyFrom(file)
    return message


def _read(message: pb.Fetch) -> Fetch:
    check_hash(message.blind, "blind")
    wanted: NoticesWanted | FetchWanted
    if message.HasField("lost"):
        wanted = _read_lost(message.lost)
    elif message.HasField("file"):
        wanted = _read_file(message.file)
    else:
        raise Malformed("it says nothing of what is wanted", code="missing-wanted", where="wanted")
    return Fetch(
        fetch_id=exchange_id(message.fetch_id),
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        issued_us=microseconds(message.issued_time, "issued_time"),
        expires_us=microseconds(message.expires_time, "expires_time"),
        wanted=wanted,
    )


def _read_lost(message: pb.LostNotices) -> NoticesWanted:
    if len(message.after) > _MAX_AFTER:
        raise Malformed("this names no page of notices", code="bad-page", where="after")
    since_us = microseconds(message.since_time, "since_time")
    return NoticesWanted(since_us, message.after, exchange_id(message.recovery_id))


def _read_file(message: pb.FileChunks) -> FetchWanted:
    if message.chunk >= chunk_count(MAX_SIZE):
        raise Malformed("no file has so many chunks", code="bad-chunk", where="chunk")
    return FetchWanted(exchange_id(message.notice_id), check_hash(message.merkle_root, "merkle_root"), message.chunk)


FETCH_KIND = Kind(FETCHES[0], pb.Fetch, "fetch", _write, _read, check_fresh)
"""A request for a page of what was lost, or for the chunks of a file."""

FETCH_VERSIONS = Versions(FETCH_KIND)
