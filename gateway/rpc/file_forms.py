"""The forms of messages by which a member fetches a file of a notice."""

from __future__ import annotations

from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.attachments import CHUNK, Chunk, FetchWanted
from gateway.model.desk.delivered import FetchMessage
from gateway.rpc.contract import Form
from gateway.rpc.forms import parse

_MAX_PATH = 16
"""The most hashes from a chunk to the root: a file has 2,048 chunks at most."""


def _write_wanted(message: FetchMessage) -> bytes:
    wanted = message.unsigned
    if not isinstance(wanted, FetchWanted):
        return pb.FetchAttachmentRequest(envelope=message.envelope).SerializeToString()
    asked = pb.FetchAttachmentRequest(notice_id=wanted.notice_id, merkle_root=wanted.root, chunk=wanted.chunk)
    return asked.SerializeToString()


def _read_wanted(data: bytes) -> FetchMessage:
    """Return the fetch, without an envelope from a member that signs none. What is not signed is not read."""
    return FetchMessage(parse(pb.FetchAttachmentRequest, data).envelope)


def _write_chunk(chunk: Chunk) -> bytes:
    made = pb.FetchAttachmentResponse(chunk=chunk.number, data=chunk.data, path=chunk.path)
    return made.SerializeToString()


def _read_chunk(data: bytes) -> Chunk:
    answer = parse(pb.FetchAttachmentResponse, data)
    if not 0 < len(answer.data) <= CHUNK or len(answer.path) > _MAX_PATH:
        raise Malformed("this is no chunk of a file", code="malformed-frame", where="data")
    return Chunk(answer.chunk, answer.data, tuple(answer.path))


WANTED_FILE = Form(_write_wanted, _read_wanted)
FILE_CHUNK = Form(_write_chunk, _read_chunk)
