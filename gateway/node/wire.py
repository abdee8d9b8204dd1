"""Messages of `liaison.exchange.v1.ExchangeService` to and from the types of the story."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.errors import Malformed, Reason, TimedOut, Unavailable
from gateway.exchange.inbound import FrameRefusal, Reply
from gateway.model.exchange import AnswerMessage, LogProof

MAX_PACKAGE = 64 * 1024
"""Bytes of frames that go together in one gRPC message."""

MAX_FRAMES = 64

_MAX_HASHES = 64


def _parse(message: Message, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise Malformed("the message does not parse", code="malformed-frame") from error


def parse_submit(data: bytes) -> pb.SubmitExchangeRequest:
    """A unary request, or `Malformed`."""
    message = pb.SubmitExchangeRequest()
    _parse(message, data)
    return message


def parse_frames(data: bytes) -> pb.StreamExchangesRequest:
    """A package of request frames, or `Malformed`."""
    message = pb.StreamExchangesRequest()
    _parse(message, data)
    if len(message.frames) > MAX_FRAMES:
        raise Malformed(f"more than {MAX_FRAMES} frames in one message", code="too-many-frames")
    return message


def parse_acknowledge(data: bytes) -> bytes:
    """The envelope of a receipt, or `Malformed`."""
    message = pb.AcknowledgeExchangesRequest()
    _parse(message, data)
    return message.envelope


def acknowledge(envelope: bytes) -> bytes:
    """A receipt on its way."""
    return pb.AcknowledgeExchangesRequest(envelope=envelope).SerializeToString()


def acknowledged(through: int) -> bytes:
    """The answer to a receipt."""
    return pb.AcknowledgeExchangesResponse(through=through).SerializeToString()


def submit(envelope: bytes, budget_ms: int, traceparent: str) -> pb.SubmitExchangeRequest:
    """A request on its way."""
    return pb.SubmitExchangeRequest(envelope=envelope, budget_ms=budget_ms, traceparent=traceparent)


def response(message: AnswerMessage) -> pb.SubmitExchangeResponse:
    """An answer message for the wire."""
    proof = message.proof
    return pb.SubmitExchangeResponse(
        envelope=message.envelope,
        entry=message.entry,
        proof=pb.LogProof(index=proof.index, hashes=proof.hashes, checkpoint=proof.checkpoint),
    )


def answer_message(message: pb.SubmitExchangeResponse) -> AnswerMessage:
    """An answer message from the wire; hashes of another length than 32 are `Malformed`."""
    hashes = tuple(message.proof.hashes)
    if len(hashes) > _MAX_HASHES or any(len(item) != 32 for item in hashes):
        raise Malformed("the proof is not a list of hashes", code="malformed-proof")
    return AnswerMessage(
        message.envelope, message.entry, LogProof(message.proof.index, hashes, message.proof.checkpoint)
    )


def parse_response(data: bytes) -> AnswerMessage:
    """A unary answer, or `Malformed`."""
    message = pb.SubmitExchangeResponse()
    _parse(message, data)
    return answer_message(message)


def pack_replies(replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
    """Replies as stream messages of at most MAX_PACKAGE bytes each (one larger answer goes alone)."""
    frames = []
    for number, reply in replies:
        if isinstance(reply, FrameRefusal):
            status = pb.FrameStatus(reason=reply.reason.value, code=reply.code)
            frames.append(pb.ResponseFrame(id=number, status=status))
        else:
            frames.append(pb.ResponseFrame(id=number, response=response(reply)))
    return [pb.StreamExchangesResponse(frames=group).SerializeToString() for group in _packages(frames)]


RequestFrame = pb.RequestFrame
"""A request on a stream."""


def request_frame(number: int, request: pb.SubmitExchangeRequest) -> RequestFrame:
    """A request with its number on the stream."""
    return RequestFrame(id=number, request=request)


def pack_requests(frames: Sequence[RequestFrame]) -> list[bytes]:
    """Request frames as stream messages."""
    return [pb.StreamExchangesRequest(frames=group).SerializeToString() for group in _packages(frames)]


def parse_replies(data: bytes) -> Iterator[tuple[int, AnswerMessage | Exception]]:
    """The replies of one stream message: (id, answer or the error that the status stands for)."""
    message = pb.StreamExchangesResponse()
    _parse(message, data)
    for frame in message.frames:
        if frame.HasField("response"):
            yield frame.id, answer_message(frame.response)
        else:
            yield frame.id, refusal_error(frame.status.reason, frame.status.code)


def refusal_error(reason: str, code: str) -> Exception:
    """The error for an unsigned refusal: it proves nothing, so it is no more than `Unavailable` or `TimedOut`."""
    text = f"the counterpart refused without a signature: {reason[:40]!a} {code[:40]!a}"
    if reason == Reason.DEADLINE_EXCEEDED:
        return TimedOut(text)
    return Unavailable(text, code=code[:40] if code.isascii() and code else "unsigned-refusal")


F = TypeVar("F", pb.RequestFrame, pb.ResponseFrame)


def _packages(frames: Iterable[F]) -> Iterator[list[F]]:
    group: list[F] = []
    size = 0
    for frame in frames:
        length = frame.ByteSize() + 8
        if group and (size + length > MAX_PACKAGE or len(group) == MAX_FRAMES):
            yield group
            group, size = [], 0
        group.append(frame)
        size += length
    if group:
        yield group
