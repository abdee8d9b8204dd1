"""The forms of messages about documents of trust."""

from __future__ import annotations

from liaison.gossip.v1 import gossip_pb2 as pb

from gateway.errors import Malformed
from gateway.model.documents import Held, Kind, Part, Wanted
from gateway.model.names import member_id
from gateway.rpc.contract import Form
from gateway.rpc.forms import parse
from gateway.rpc.strict import check_count

MAX_HELD = 4_096
"""Lines of one list: those of two thousand members, at 80 bytes each, fit into an answer."""

_MAX_VERSION = 2**53


def _read_nothing(data: bytes) -> None:
    if data:
        raise _bad("request")


def _write_held(lines: list[Held]) -> bytes:
    held = [
        pb.HeldDocument(kind=line.kind, member=line.member, version=line.version, hash=line.hash)
        for line in lines[:MAX_HELD]
    ]
    return pb.ListDocumentsResponse(held=held).SerializeToString()


def _read_held(data: bytes) -> list[Held]:
    check_count(data, MAX_HELD, "held")
    return [
        Held(_kind(line.kind), _member(line.member), _version(line.version), _hash(line.hash))
        for line in parse(pb.ListDocumentsResponse, data).held
    ]


def _write_wanted(wanted: Wanted) -> bytes:
    return pb.FetchDocumentsRequest(
        kind=wanted.kind, member=wanted.member, after=wanted.after, hash=wanted.hash, offset=wanted.offset
    ).SerializeToString()


def _read_wanted(data: bytes) -> Wanted:
    asked = parse(pb.FetchDocumentsRequest, data)
    kind, member = _kind(asked.kind), _member(asked.member)
    return Wanted(kind, member, _version(asked.after), _hash(asked.hash), _version(asked.offset))


def _write_part(part: Part) -> bytes:
    return pb.FetchDocumentsResponse(part=part.data, total=part.total).SerializeToString()


def _read_part(data: bytes) -> Part:
    answer = parse(pb.FetchDocumentsResponse, data)
    return Part(answer.part, answer.total)


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise _bad("kind") from None


def _member(text: str) -> str:
    return member_id(text) if text else ""


def _version(number: int) -> int:
    if number > _MAX_VERSION:
        raise _bad("version")
    return number


def _hash(data: bytes) -> bytes:
    if len(data) != 32:
        raise _bad("hash")
    return data


def _bad(where: str) -> Malformed:
    return Malformed("this is not a line of a held document", code="malformed-documents", where=where)


NOTHING = Form[None](lambda _: b"", _read_nothing)
HELD_DOCUMENTS = Form(_write_held, _read_held)
WANTED_DOCUMENTS = Form(_write_wanted, _read_wanted)
DOCUMENTS_PART = Form(_write_part, _read_part)
