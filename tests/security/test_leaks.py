"""Withheld values are in no byte that leaves: body, entry, trailers, refusals, logs, metrics, spans."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.sources import planted
from gateway.model.exchange import Outcome, Request
from gateway.model.hit import SourceRecord
from gateway.model.purpose import Offence, Purpose
from gateway.rpc import methods
from gateway.statements.request import REQUEST_KIND
from tests.support.exchange import KH, answer_of, caller, person, request, sample_world, stopping, submission
from tests.support.nodes import World
from tests.support.waiting import MOST_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORTEST = 5
"""Characters of a value that can be told from chance."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("leaks"), ("th", "kh"))
    async with stopping(made):
        for member in ("th", "kh"):
            await made.start(member)
        yield made


def record_of(world: World, who: planted.Person) -> SourceRecord:
    """All that the source knows of a person, read beside the exchange."""
    node = world.nodes["kh"]
    source = node.resources.walls[0].source
    deadline = node.resources.clock.monotonic() + 5
    (candidate,) = source.search(person(who), deadline).candidates
    return source.fetch(candidate.key, candidate.record_type, deadline)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str) and len(value) >= SHORTEST:
        yield value


def disguises(value: str) -> Iterator[bytes]:
    """A value as it could stand among other bytes."""
    raw = value.encode()
    yield raw
    yield raw.hex().encode()
    yield value.encode("utf-16-le")
    yield value.encode("utf-16-be")
    yield json.dumps(value).strip('"').encode()
    for shift in range(3):
        # The characters that do not depend on what stands before and behind.
        coded = base64.b64encode(bytes(shift) + raw)[(8 * shift + 5) // 6 : 8 * (shift + len(raw)) // 6]
        yield coded
        yield coded.replace(b"+", b"-").replace(b"/", b"_")


def found_in(data: bytes, values: set[str]) -> set[str]:
    return {value for value in values if any(form and form in data for form in disguises(value))}


async def everything(world: World, asked: Request, capfd: pytest.CaptureFixture[str]) -> tuple[bytes, Outcome]:
    """All bytes of one exchange that others can see, on the wire and beside it."""
    capfd.readouterr()
    envelope = REQUEST_KIND.build(asked, world.federation["th"].key("statement")).envelope
    async with caller(world, to="kh").channel() as channel:
        call = channel.unary_unary(methods.SUBMIT.path)(submission(envelope), timeout=MOST_S)
        body = await call
        beside = [*await call.initial_metadata(), *await call.trailing_metadata(), await call.details()]
    said = "".join(capfd.readouterr())
    counted = json.dumps(repr(world.nodes["kh"].resources.counters.__dict__), ensure_ascii=False)
    answer = methods.SUBMIT.answer.read(body)
    inside = b"".join(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in _coded(answer_of(answer)))
    return body + inside + repr(beside).encode() + said.encode() + counted.encode(), answer_of(answer).outcome


def _coded(answer: Any) -> Iterator[str]:
    """What is base64 inside an answer: the parts and disclosures of its records."""
    for hit in answer.hits:
        for part in hit.record.replace("~", ".").split("."):
            if part:
                yield part


def asking(who: planted.Person, **changes: Any) -> Request:
    return request(recipient=KH, query=person(who), purpose=Purpose.INVESTIGATION, offence=Offence.NARC, **changes)


async def test_the_search_for_disguises_finds_each_of_them() -> None:
    for form in disguises("AB 123456"):
        assert found_in(b"xx" + form + b"yy", {"AB 123456"})


async def test_withheld_fields_are_in_no_byte(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    record = record_of(world, planted.DRIVER)
    released = {"names", "birth", "nationalities", "status"}
    shown = {text for name in released for text in texts(record.fields[name])}
    kept = {text for name, value in record.fields.items() if name not in released for text in texts(value)} - shown
    assert len(kept) >= 3
    data, outcome = await everything(world, asking(planted.DRIVER), capfd)
    assert outcome is Outcome.HIT
    assert found_in(data, shown)
    assert found_in(data, kept) == set()
    assert found_in(data, {record.key}) == set() or len(record.key) < SHORTEST


async def test_nothing_of_a_hidden_record_is_in_any_byte(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    record = record_of(world, planted.HIDDEN)
    asked = {planted.HIDDEN.thai, planted.HIDDEN.birth.isoformat()[:4]}
    kept = set(texts(record.fields)) - asked
    assert len(kept) >= 4
    data, outcome = await everything(world, asking(planted.HIDDEN), capfd)
    assert outcome is Outcome.NO_HIT
    assert found_in(data, kept) == set()


@pytest.mark.parametrize("changes", [{"purpose": Purpose.PREVENTION}, {"agreement": "no-such-agreement"}])
async def test_a_refusal_says_nothing_of_what_is_there(
    world: World, changes: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    record = record_of(world, planted.DRIVER)
    kept = set(texts(record.fields)) - {planted.DRIVER.thai}
    made = request(recipient=KH, query=person(planted.DRIVER), **changes)
    data, outcome = await everything(world, made, capfd)
    assert outcome is Outcome.REFUSED
    assert found_in(data, kept) == set()
