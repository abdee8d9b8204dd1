"""Messages of `liaison.exchange.v1.ExchangeService` to and from the types of the story."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from google.protobuf.message import DecodeError, Message
from liaison.exchange.v1 import account_pb2
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.errors import Malformed, Reason, TimedOut, Unavailable
from gateway.exchange.answering.inbound import FrameRefusal, Reply
from gateway.model.exchange import AnswerMessage, LogProof, ReceiptMessage

MAX_PACKAGE = 64 * 1024
"""Bytes of requests that go together in one gRPC message."""

MAX_REPLIES = 256 * 1024
"""Bytes of replies that go together: those of a batch, since each message costs the loop a turn of its own."""

MAX_FRAMES = 64

_MAX_HASHES = 64

_OVERHEAD = 64
"""Bytes of a frame beside its texts and hashes: tags, lengths and numbers."""


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


def parse_acknowledge(data: bytes) -> ReceiptMessage:
    """A receipt with its entry and proof, or `Malformed`."""
    message = pb.AcknowledgeExchangesRequest()
    _parse(message, data)
    return ReceiptMessage(message.envelope, message.entry, _proof(message.proof))


def acknowledge(receipt: ReceiptMessage) -> bytes:
    """A receipt on its way."""
    made = pb.AcknowledgeExchangesRequest(envelope=receipt.envelope, entry=receipt.entry)
    _fill_proof(made.proof, receipt.proof)
    return made.SerializeToString()


def acknowledged(through: int) -> bytes:
    """The answer to a receipt."""
    return pb.AcknowledgeExchangesResponse(through=through).SerializeToString()


def parse_ask_consent(data: bytes) -> bytes:
    """The envelope of a request for consent, or `Malformed`."""
    message = pb.AskConsentRequest()
    _parse(message, data)
    return message.envelope


def ask_consent(envelope: bytes) -> bytes:
    """A request for consent on its way."""
    return pb.AskConsentRequest(envelope=envelope).SerializeToString()


def consent_word(envelope: bytes) -> bytes:
    """The owner's word on its way."""
    return pb.AskConsentResponse(envelope=envelope).SerializeToString()


def parse_compare_day(data: bytes) -> bytes:
    """The envelope of a day's account, or `Malformed`."""
    message = account_pb2.CompareDayRequest()
    _parse(message, data)
    return message.envelope


def compare_day(envelope: bytes) -> bytes:
    """A day's account on its way."""
    return account_pb2.CompareDayRequest(envelope=envelope).SerializeToString()


def compared_day(envelope: bytes) -> bytes:
    """What our log holds of that day, on its way back."""
    return account_pb2.CompareDayResponse(envelope=envelope).SerializeToString()


def parse_compared_day(data: bytes) -> bytes:
    """The envelope of what the other side holds, or `Malformed`."""
    message = account_pb2.CompareDayResponse()
    _parse(message, data)
    return message.envelope


def parse_consent_word(data: bytes) -> bytes:
    """The envelope of the owner's word, or `Malformed`."""
    message = pb.AskConsentResponse()
    _parse(message, data)
    return message.envelope


def submit(envelope: bytes, budget_ms: int, traceparent: str) -> pb.SubmitExchangeRequest:
    """A request on its way."""
    return pb.SubmitExchangeRequest(envelope=envelope, budget_ms=budget_ms, traceparent=traceparent)


def response(message: AnswerMessage) -> pb.SubmitExchangeResponse:
    """An answer message for the wire."""
    made = pb.SubmitExchangeResponse()
    _fill(made, message)
    return made


def _fill(made: pb.SubmitExchangeResponse, message: AnswerMessage) -> None:
    """Write into a message where it stands: handing finished ones over copies them, for each level once."""
    made.envelope, made.entry = message.envelope, message.entry
    _fill_proof(made.proof, message.proof)


def _fill_proof(made: pb.LogProof, proof: LogProof) -> None:
    made.index, made.checkpoint = proof.index, proof.checkpoint
    made.hashes.extend(proof.hashes)


def _proof(message: pb.LogProof) -> LogProof:
    hashes = tuple(message.hashes)
    if len(hashes) > _MAX_HASHES or any(len(item) != 32 for item in hashes):
        raise Malformed("the proof is not a list of hashes", code="malformed-proof")
    return LogProof(message.index, hashes, message.checkpoint)


def answer_message(message: pb.SubmitExchangeResponse) -> AnswerMessage:
    """An answer message from the wire; hashes of another length than 32 are `Malformed`."""
    return AnswerMessage(message.envelope, message.entry, _proof(message.proof))


def parse_response(data: bytes) -> AnswerMessage:
    """A unary answer, or `Malformed`."""
    message = pb.SubmitExchangeResponse()
    _parse(message, data)
    return answer_message(message)


def pack_replies(replies: Sequence[tuple[int, Reply]]) -> list[bytes]:
    """Replies as stream messages of at most MAX_REPLIES bytes each (one larger answer goes alone)."""
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
            _fill(frame.response, reply)
    if message.frames:
        packed.append(message.SerializeToString())
    return packed


def _reply_size(reply: Reply) -> int:
    """The bytes of a frame with this reply, or a few more."""
    if isinstance(reply, FrameRefusal):
        return len(reply.reason.value) + len(reply.code) + _OVERHEAD
    proof = reply.proof
    return len(reply.envelope) + len(reply.entry) + len(proof.checkpoint) + 34 * len(proof.hashes) + _OVERHEAD


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
