"""The messages of a stream of exchanges: frames that go together, and how they are packed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.errors import ConnectionLost, LiaisonError, Malformed, Overloaded, Reason, TimedOut, Unavailable, Untrusted
from gateway.exchange.answering.inbound import FrameRefusal, Reply
from gateway.exchange.incidents import LIMITS, QUOTAS
from gateway.model.exchange import AnswerMessage
from gateway.rpc.forms import answer_message, fill_answer, parse
from gateway.rpc.methods import STREAM
from gateway.rpc.strict import check_count
from gateway.telemetry import NO_TRACE, Trace
from gateway.trust.standing import OWN_KEY_REMOVED

P = TypeVar("P", pb.StreamExchangesRequest, pb.StreamExchangesResponse)

MAX_PACKAGE = 64 * 1024
"""Bytes of requests that go together in one gRPC message."""

MAX_REPLIES = 128 * 1024
"""Bytes of replies that go together. A counterpart that takes so few in two seconds is one that reads, if slowly."""

MAX_FRAMES = 64

STOPPING = FrameRefusal(Reason.UNAVAILABLE, "stopping")
"""The refusal of a request that came after its process began to stop: another process may answer it."""

MAX_IDLE = 64
"""Messages in a row that bring nothing: no request, or no answer that is waited for. After more, the stream ends."""

_OVERHEAD = 64
"""Bytes of a frame beside its texts and hashes: tags, lengths and numbers."""


def parse_frames(data: bytes) -> pb.StreamExchangesRequest:
    """Return a package of request frames; raise `Malformed`, or `TooLarge` over the size of a package."""
    STREAM.check_size(data)
    return _checked(pb.StreamExchangesRequest, data)


def _checked(kind: type[P], data: bytes) -> P:
    """Return a package whose frames are counted before they are parsed, so that empty ones cost next to nothing."""
    check_count(data, MAX_FRAMES + 2, "frames")  # two more: a hello, and the ending
    package = parse(kind, data)
    if len(package.frames) > MAX_FRAMES:
        raise Malformed("more than {limit} frames in one message", code="too-many-frames", limit=MAX_FRAMES)
    return package


def check_idle(messages: int) -> None:
    """Raise `Malformed` when too many messages in a row brought nothing: they only cost time."""
    if messages > MAX_IDLE:
        raise Malformed("more than {limit} messages bring nothing", code="idle-messages", limit=MAX_IDLE)


def submit(envelope: bytes, budget_ms: int, trace: Trace = NO_TRACE) -> pb.SubmitExchangeRequest:
    """Return the message that carries a request."""
    return pb.SubmitExchangeRequest(
        envelope=envelope, budget_ms=budget_ms, traceparent=trace.header, tracestate=trace.state
    )


def pack_replies(replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
    """Pack replies as stream messages of at most `MAX_REPLIES` bytes each (one larger answer goes alone)."""
    packed: list[bytes] = []
    message, size = pb.StreamExchangesResponse(), 0
    for number, reply in replies:
        length = _reply_size(reply)
        if message.frames and (size + length > MAX_REPLIES or len(message.frames) == MAX_FRAMES):
            packed.append(message.SerializeToString())
            message, size = pb.StreamExchangesResponse(), 0
        size += length
        frame = message.frames.add(id=number)
        if isinstance(reply, FrameRefusal):
            frame.status.reason, frame.status.code = reply.reason.value, reply.code
        else:
            fill_answer(frame.response, reply)
    if message.frames:
        packed.append(message.SerializeToString())
    return packed


def _reply_size(reply: Reply) -> int:
    """Return the bytes of a frame with this reply, or slightly more."""
    if isinstance(reply, FrameRefusal):
        return len(reply.reason.value) + len(reply.code) + _OVERHEAD
    proof = reply.proof
    return len(reply.envelope) + len(reply.entry) + len(proof.checkpoint) + 34 * len(proof.hashes) + _OVERHEAD


RequestFrame = pb.RequestFrame
"""A request on a stream."""


def request_frame(number: int, request: pb.SubmitExchangeRequest) -> RequestFrame:
    """Return a request with its number on the stream."""
    return RequestFrame(id=number, request=request)


def request_hello(hello: pb.Hello) -> bytes:
    """Return a message of the asking side that greets."""
    return pb.StreamExchangesRequest(hello=hello).SerializeToString()


def reply_hello(hello: pb.Hello) -> bytes:
    """Return a message of the answering side that greets."""
    return pb.StreamExchangesResponse(hello=hello).SerializeToString()


def pack_requests(frames: Sequence[RequestFrame]) -> list[bytes]:
    """Pack request frames as stream messages."""
    return [pb.StreamExchangesRequest(frames=group).SerializeToString() for group in _packages(frames)]


def parse_package(data: bytes) -> pb.StreamExchangesResponse:
    """Return a package of replies; raise like `parse_frames`."""
    STREAM.check_answer_size(data)
    return _checked(pb.StreamExchangesResponse, data)


def parse_replies(data: bytes) -> Iterator[tuple[int, AnswerMessage | Exception]]:
    """Yield the replies of one stream message; raise like `parse_frames`."""
    return replies(parse_package(data))


def replies(package: pb.StreamExchangesResponse) -> Iterator[tuple[int, AnswerMessage | Exception]]:
    """Yield the replies of a package as (id, answer), or (id, error) for a status."""
    for frame in package.frames:
        if frame.HasField("response"):
            yield frame.id, answer_message(frame.response)
        else:
            yield frame.id, refusal_error(frame.status.reason, frame.status.code)


def refusal_error(reason: str, code: str) -> LiaisonError:
    """Return the error of an unsigned refusal, which proves nothing.

    It is `ConnectionLost` from a process that stops, `Overloaded` beyond a limit of the counterpart, `TimedOut` after a
    deadline, `Untrusted` where the counterpart says that its own key was removed, else `Unavailable`.
    """
    if code == STOPPING.code:
        return ConnectionLost("the counterpart's process is stopping", code=code)
    if code == OWN_KEY_REMOVED:
        return Untrusted("the counterpart does not sign, since its key was removed", code="key-removed")
    if reason == Reason.RESOURCE_EXHAUSTED:
        word = code if code in LIMITS | QUOTAS else "overloaded"
        return Overloaded("the counterpart turned the question away, beyond a limit of its own", code=word)
    text = f"the counterpart refused without a signature: {reason[:40]!a} {code[:40]!a}"
    if reason == Reason.DEADLINE_EXCEEDED:
        return TimedOut(text)
    return Unavailable(text, code=code[:40] if code.isascii() and code else "unsigned-refusal")


def _packages(frames: Iterable[RequestFrame]) -> Iterator[list[RequestFrame]]:
    group: list[RequestFrame] = []
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
