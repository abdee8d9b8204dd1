"""The forms of messages by which a member gets back the notices that it lost."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.delivered import FetchMessage, NoticesPart, NoticesWanted
from gateway.rpc.contract import Form
from gateway.rpc.forms import parse
from gateway.rpc.strict import check_count

MAX_NOTICES = 64
"""The most notices and answers of one page."""

_MAX_AFTER = 128


def _write_wanted(message: FetchMessage) -> bytes:
    wanted = message.unsigned
    if not isinstance(wanted, NoticesWanted):
        return pb.FetchNoticesRequest(envelope=message.envelope).SerializeToString()
    since = Timestamp(seconds=wanted.since_us // 1_000_000, nanos=wanted.since_us % 1_000_000 * 1_000)
    return pb.FetchNoticesRequest(since_time=since, after=wanted.after).SerializeToString()


def _read_wanted(data: bytes) -> FetchMessage:
    """Return the fetch, without an envelope from a member that signs none. What is not signed is not read."""
    return FetchMessage(parse(pb.FetchNoticesRequest, data).envelope)


def _write_part(part: NoticesPart) -> bytes:
    answers, requests = [answer for _, answer in part.answers], [request for request, _ in part.answers]
    message = pb.FetchNoticesResponse(envelopes=part.envelopes, next=part.next, answers=answers, requests=requests)
    return message.SerializeToString()


def _read_part(data: bytes) -> NoticesPart:
    check_count(data, 2 * MAX_NOTICES + 1, "envelopes")
    answer = parse(pb.FetchNoticesResponse, data)
    if len(answer.next) > _MAX_AFTER or len(answer.answers) != len(answer.requests):
        raise Malformed("this names no page of notices", code="malformed-frame", where="next")
    return NoticesPart(tuple(answer.envelopes), answer.next, tuple(zip(answer.requests, answer.answers, strict=True)))


WANTED_NOTICES = Form(_write_wanted, _read_wanted)
NOTICES_PART = Form(_write_part, _read_part)
