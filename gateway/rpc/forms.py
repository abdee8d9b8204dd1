"""The forms of messages: protobuf to and from the values of handlers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health_pb2
from liaison.exchange.v1 import exchange_pb2 as pb
from liaison.witness.v1 import witness_pb2

from gateway.errors import Malformed
from gateway.model.desk.delivered import NoticeMessage
from gateway.model.exchange import AnswerMessage, LogProof, ReceiptMessage
from gateway.rpc import strict
from gateway.rpc.contract import Form

M = TypeVar("M", bound=Message)
T = TypeVar("T")

AnswerOnWire = pb.SubmitExchangeResponse | pb.DeliverNoticeResponse
"""The messages that bring what ends an exchange, with its entry and proof."""

_MAX_HASHES = 64
_MAX_ENTRY = 8 * 1024
_MAX_CHECKPOINT = 64 * 1024


def parse(kind: type[M], data: bytes) -> M:
    """Return `data` as a message of `kind`, or raise `Malformed`."""
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise Malformed("the message does not parse", code="malformed-frame") from error


def message_form(kind: type[M]) -> Form[M]:
    """Return the form of a message that is handed on as it is."""
    return Form(lambda message: message.SerializeToString(), partial(parse, kind))


def strict_form(kind: type[M]) -> Form[M]:
    """Return the form of a message that must come in its only encoding (`strict.parse`)."""
    return Form(lambda message: message.SerializeToString(), lambda data: strict.parse(kind, data, "request"))


def field_form(kind: type[Message], field: str, _: type[T]) -> Form[T]:
    """Return the form of a message whose only field is the value."""
    make: Callable[..., Message] = kind
    return Form(
        lambda value: make(**{field: value}).SerializeToString(), lambda data: getattr(parse(kind, data), field)
    )


def envelope_form(kind: type[Message]) -> Form[bytes]:
    """Return the form of a message that carries one envelope."""
    return field_form(kind, "envelope", bytes)


def fill_answer(made: AnswerOnWire, message: AnswerMessage) -> None:
    """Write an answer into the message in its place, since protobuf copies a finished message at each level."""
    made.envelope, made.entry = message.envelope, message.entry
    _fill_proof(made.proof, message.proof)


def answer_message(message: AnswerOnWire) -> AnswerMessage:
    """Return an answer message from the wire; raise `Malformed` for a proof or an entry that cannot be one."""
    return AnswerMessage(message.envelope, _entry(message.entry), _proof(message.proof))


def response(message: AnswerMessage) -> pb.SubmitExchangeResponse:
    """Return an answer message for the wire."""
    made = pb.SubmitExchangeResponse()
    fill_answer(made, message)
    return made


def _write_taken(message: AnswerMessage) -> bytes:
    made = pb.DeliverNoticeResponse()
    fill_answer(made, message)
    return made.SerializeToString()


def _write_notice(message: NoticeMessage) -> bytes:
    return pb.DeliverNoticeRequest(envelope=message.envelope, traceparent=message.traceparent).SerializeToString()


def _read_notice(data: bytes) -> NoticeMessage:
    message = parse(pb.DeliverNoticeRequest, data)
    return NoticeMessage(message.envelope, message.traceparent)


def _write_receipt(receipt: ReceiptMessage) -> bytes:
    made = pb.AcknowledgeExchangesRequest(envelope=receipt.envelope, entry=receipt.entry)
    _fill_proof(made.proof, receipt.proof)
    return made.SerializeToString()


def _read_receipt(data: bytes) -> ReceiptMessage:
    message = parse(pb.AcknowledgeExchangesRequest, data)
    return ReceiptMessage(message.envelope, _entry(message.entry), _proof(message.proof))


def _fill_proof(made: pb.LogProof, proof: LogProof) -> None:
    made.index, made.checkpoint = proof.index, proof.checkpoint
    made.hashes.extend(proof.hashes)


def _proof(message: pb.LogProof) -> LogProof:
    if len(message.hashes) > _MAX_HASHES or any(len(item) != 32 for item in message.hashes):
        raise Malformed("the proof is not a list of hashes", code="malformed-proof")
    if len(message.checkpoint) > _MAX_CHECKPOINT:
        raise Malformed("the checkpoint is too large", code="malformed-proof")
    return LogProof(message.index, tuple(message.hashes), message.checkpoint)


def _entry(body: bytes) -> bytes:
    """Return the public part of an entry as it came; raise `Malformed` over the size of any entry."""
    if len(body) > _MAX_ENTRY:
        raise Malformed("the entry is too large", code="malformed-entry")
    return body


def _write_head(head: tuple[bytes, bytes]) -> bytes:
    return witness_pb2.AddCheckpointRequest(body=head[0], cosigned=head[1]).SerializeToString()


def _read_head(data: bytes) -> tuple[bytes, bytes]:
    message = parse(witness_pb2.AddCheckpointRequest, data)
    return message.body, message.cosigned


def _write_health(serving: bool) -> bytes:
    status: Any = health_pb2.HealthCheckResponse
    answer: bytes = status(status=status.SERVING if serving else status.NOT_SERVING).SerializeToString()
    return answer


ANSWER_MESSAGE = Form[AnswerMessage](
    lambda message: response(message).SerializeToString(),
    lambda data: answer_message(parse(pb.SubmitExchangeResponse, data)),
)
NOTICE_MESSAGE = Form(_write_notice, _read_notice)
TAKEN_MESSAGE = Form[AnswerMessage](_write_taken, lambda data: answer_message(parse(pb.DeliverNoticeResponse, data)))
"""The answer to a notice: the envelope of its receipt, the taker's entry and proof."""

RECEIPT_MESSAGE = Form(_write_receipt, _read_receipt)
HEAD_REQUEST = Form(_write_head, _read_head)
"""A head on its way to a witness: its body, and the largest head that the witness cosigned."""

WRITTEN = Form[bytes](bytes, bytes)
"""Bytes that are sent as they are."""

ANYTHING = Form[None](lambda _: b"", lambda _: None)
"""A message whose content is not read."""

HEALTH = Form[bool](_write_health, lambda data: b"\x08\x01" in data)
