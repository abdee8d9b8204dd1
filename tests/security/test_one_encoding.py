"""Every message that is signed or counted has one encoding: another one of the same content is refused."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from liaison.exchange.v1 import account_pb2, consent_pb2, envelope_pb2, exchange_pb2, notices_pb2, statements_pb2
from liaison.source.v1 import source_pb2
from liaison.witness.v1 import witness_pb2

from gateway.errors import Malformed
from gateway.rpc import strict
from tests.support.tables import table

FILES = (account_pb2, consent_pb2, envelope_pb2, exchange_pb2, notices_pb2, statements_pb2, source_pb2, witness_pb2)
MAPPED = {"NumberQuery", "Query", "SearchRequest"}
"""Messages of the source processes' wire with a map, whose entries have no order."""
KINDS = [getattr(file, name) for file in FILES for name in file.DESCRIPTOR.message_types_by_name if name not in MAPPED]
Field = tuple[int, int, bytes]
"""Number, wire type, and the bytes behind the tag."""


def varint(value: int, padding: int = 0) -> bytes:
    """Return a number, over-long by `padding` bytes."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(padding):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at


def fields_of(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            _, end = read_varint(data, at)
        elif tag & 7 == 2:
            size, start = read_varint(data, at)
            end = start + size
        else:
            end = at + (8 if tag & 7 == 1 else 4)
        yield tag >> 3, tag & 7, data[at:end]
        at = end


def joined(fields: list[Field]) -> bytes:
    return b"".join(varint(number << 3 | wire) + rest for number, wire, rest in fields)


def fill(message: Message, chance: random.Random, depth: int = 0) -> Message:
    """Fill the fields of a message with small values, chosen by chance."""
    for field in message.DESCRIPTOR.fields:
        count = chance.choice([0, 1, 2, 3]) if field.is_repeated else chance.choice([0, 1])
        for _ in range(count):
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                if depth < 3:
                    place = getattr(message, field.name)
                    made = place.add() if field.is_repeated else place
                    made.SetInParent() if not field.is_repeated else None
                    fill(made, chance, depth + 1)
                continue
            value = value_of(field, chance)
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
    return message


def value_of(field: Any, chance: random.Random) -> object:
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(["a", "bc"])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return chance.choice([b"a", b"bc"])
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    if field.type == FieldDescriptor.TYPE_ENUM:
        return 1
    return chance.randrange(1, 400)


def others(data: bytes, kind: type[Message]) -> Iterator[bytes]:
    """Yield other encodings that protobuf reads as the same message, or as another one of the same length."""
    fields = list(fields_of(data))
    packed = {
        field.number
        for field in kind.DESCRIPTOR.fields
        if field.is_repeated and field.cpp_type not in (field.CPPTYPE_STRING, field.CPPTYPE_MESSAGE)
    }
    if len(fields) > 1 and fields[0][0] != fields[-1][0]:
        yield joined([*fields[1:], fields[0]])
        yield joined(fields[::-1])
    for place, (number, wire, rest) in enumerate(fields):
        before, after = fields[:place], fields[place + 1 :]
        if not kind.DESCRIPTOR.fields_by_number[number].is_repeated:
            yield joined([*before, (number, wire, rest), (number, wire, rest), *after])
        if wire == 0:
            yield joined([*before, (number, wire, varint(read_varint(rest, 0)[0], 1)), *after])
        if wire == 2:
            size, start = read_varint(rest, 0)
            yield joined([*before, (number, wire, varint(size, 1) + rest[start:]), *after])
        if number in packed:
            yield from unpacked(before, number, rest, after)


def unpacked(before: list[Field], number: int, rest: bytes, after: list[Field]) -> Iterator[bytes]:
    """Yield a packed list with a tag before each number, alone and with over-long numbers to make up the length."""
    _, at = read_varint(rest, 0)
    numbers = []
    while at < len(rest):
        value, at = read_varint(rest, at)
        numbers.append(value)
    single = [(number, 0, varint(value)) for value in numbers]
    yield joined([*before, *single, *after])
    longer = [(number, 0, varint(numbers[0], 1)), *single[1:]]
    yield joined([*before, *longer, *after])
    half = len(numbers) // 2
    for part in (numbers[:half], numbers[half:]):
        body = b"".join(varint(value) for value in part)
        yield joined([*before, (number, 2, varint(len(body)) + body), *single, *after])


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32))
def test_a_message_has_one_encoding(kind: type[Message], seed: int) -> None:
    message = fill(kind(), random.Random(seed))
    data = message.SerializeToString()
    assert strict.parse(kind, data, "message") == message
    for other in others(data, kind):
        if other == data:
            continue
        with pytest.raises(Malformed):
            strict.parse(kind, other, "message")


def test_a_map_may_come_in_any_order_and_has_no_list_of_numbers_beside_it() -> None:
    for order in (("a", "b"), ("b", "a")):
        query = source_pb2.NumberQuery(parts=dict.fromkeys(order, "x"))
        assert strict.parse(source_pb2.NumberQuery, query.SerializeToString(), "query") == query
    one, two = (source_pb2.NumberQuery(parts={name: "x"}).SerializeToString() for name in "ab")
    for data in (one + two, two + one):
        assert len(strict.parse(source_pb2.NumberQuery, data, "query").parts) == 2
    with pytest.raises(Malformed):
        strict.parse(source_pb2.NumberQuery, one + one, "query")


@table("count", [1, 2, 3, 7])
@table(("kind", "field"), [(statements_pb2.Receipt, "gaps"), (account_pb2.DayAccountAnswer, "missing")])
def test_numbers_that_were_not_packed_are_refused(kind: type[Message], field: str, count: int) -> None:
    """Two of them have the very length of the packed list."""
    message = kind(**{field: range(1, count + 1)})
    number = kind.DESCRIPTOR.fields_by_name[field].number
    loose = b"".join(varint(number << 3) + varint(value) for value in range(1, count + 1))
    assert kind.FromString(loose) == message
    assert (len(loose) == message.ByteSize()) == (count == 2)
    with pytest.raises(Malformed):
        strict.parse(kind, loose, "message")
