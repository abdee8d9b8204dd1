"""A hidden record and no record take the same time: a rank test cannot tell them apart.

Ninety-six invented people are hidden from Thailand in the source of Cambodia's customs, ninety-six others with names of
the same words are in no database. Both are asked for in turn. Six of the hidden ones have 400 hidden namesakes each,
more than a search ever compares.

`LIAISON_TIMING_SAMPLES` sets how many of each are measured (2,000 in the full form, `make timing`).
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from datetime import date

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.demo.sources import kh_customs, planted, words
from gateway.demo.sources.tables import insert
from gateway.model.exchange import Outcome, Request
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import Query
from gateway.model.requester import Requester
from gateway.rpc import methods
from gateway.statements.request import REQUEST_KIND
from tests.support.exchange import KH, answer_of, caller, person, request, sample_world, stopping, submission
from tests.support.nodes import World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1_200)]

SAMPLES = int(os.environ.get("LIAISON_TIMING_SAMPLES", "250"))
WARM = 40
LOW, HIGH = 0.45, 0.55
"""The bounds of the full form; fewer samples scatter more (the standard error is about 0.29 / sqrt(n))."""


def bounds() -> tuple[float, float]:
    spread = 3 * 0.41 / SAMPLES**0.5
    return min(LOW, 0.5 - spread), max(HIGH, 0.5 + spread)


def people() -> tuple[list[planted.Person], list[planted.Person]]:
    """Those who are hidden, and those who are nowhere: halves of one shuffled list."""
    dice = random.Random(20261124)
    names = [(first, last) for first in words.THAI_MEN for last in words.THAI_FAMILIES]
    dice.shuffle(names)
    made = [
        planted.Person(
            f"{first[0]} {last[0]}",
            "",
            f"{first[1]} {last[1]}".upper(),
            date(dice.randrange(1950, 2000), dice.randrange(1, 13), dice.randrange(1, 28)),
        )
        for first, last in names
    ]
    half = len(made) // 2
    return made[:half], made[half:]


HIDDEN, ABSENT = people()
CROWDED, NAMESAKES = HIDDEN[:6], 400


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("timing")
    made = sample_world(folder, ("th", "kh"))
    with closing(sqlite3.connect(folder / "sources" / "kh_customs.sqlite")) as database:
        hidden = [kh_customs.known_party(number, each, typ="S", ops="TH") for number, each in enumerate(HIDDEN, 5_000)]
        alike = [
            kh_customs.known_party(6_000 + NAMESAKES * place + number, each, typ="S", ops="TH")
            for place, each in enumerate(CROWDED)
            for number in range(NAMESAKES)
        ]
        insert(database, "party", hidden + alike)
        database.commit()
    settings = made.home("kh") / "node.toml"  # many samples in a short time are no flood here
    settings.write_text(settings.read_text().replace("[limits]", "[limits]\nrate_per_member = 1000000"))
    async with stopping(made):
        for member in ("th", "kh"):
            await made.start(member)
        yield made


def usual() -> Requester:
    return Requester("officer", "th.blo.aranyaprathet", "police", "0123456789abcdef")


def other_office() -> Requester:
    """An office that no one has named before: no decision on it is kept anywhere."""
    return replace(usual(), office=f"th.blo.{secrets.token_hex(6)}")


def asking(query: Query, requester: Requester) -> Request:
    return request(recipient=KH, query=query, purpose=Purpose.INVESTIGATION, offence=Offence.NARC, requester=requester)


async def measure(
    world: World, requester: Callable[[], Requester], hidden: Sequence[planted.Person] = HIDDEN
) -> dict[str, list[float]]:
    """Seconds of interleaved questions about the hidden person and about no one, over one connection."""
    key = world.federation["th"].key("statement")
    taken: dict[str, list[float]] = {"hidden": [], "nobody": []}
    late = 0  # a source that a busy machine keeps from answering in its time: its question's seconds count all the same
    pools = {"hidden": hidden, "nobody": ABSENT[: len(hidden)]}
    async with caller(world, to="kh").channel() as channel:
        submit = channel.unary_unary(methods.SUBMIT.path)
        for number in range(SAMPLES + WARM):
            # Which comes first changes at random: neither always follows the other.
            for name in sorted(pools, key=lambda _: secrets.randbelow(1 << 30)):
                query = person(secrets.choice(pools[name]))
                message = submission(REQUEST_KIND.build(asking(query, requester()), key).envelope)
                began = time.perf_counter()
                body = await submit(message, timeout=60)
                if number >= WARM:
                    taken[name].append(time.perf_counter() - began)
                outcome = answer_of(methods.SUBMIT.answer.read(body)).outcome
                late += outcome is Outcome.NOT_SEARCHED
                assert outcome in {Outcome.NO_HIT, Outcome.NOT_SEARCHED}
    assert late <= SAMPLES // 20
    return taken


def auc(one: list[float], other: list[float]) -> float:
    """The chance that a value of `one` is above one of `other`; ties count half (Mann and Whitney)."""
    ranked = sorted([(value, 1) for value in one] + [(value, 0) for value in other])
    above = seen = 0.0
    for _, is_one in ranked:
        above += seen if is_one else 0
        seen += 0 if is_one else 1
    return above / (len(one) * len(other))


async def test_the_rank_test_sees_what_is_slower() -> None:
    assert auc([2.0, 3.0, 4.0], [1.0, 1.5, 0.5]) == 1.0
    assert auc([1.0, 3.0], [2.0, 2.5]) == 0.5


@pytest.mark.timed
@pytest.mark.parametrize("requester", [usual, other_office])
@pytest.mark.parametrize("loaded", [False, True])
async def test_time_does_not_tell_a_hidden_record_from_none(
    world: World, requester: Callable[[], Requester], loaded: bool
) -> None:
    others = [asyncio.create_task(measure(world, usual)) for _ in range(3 if loaded else 0)]
    try:
        low, high = bounds()
        taken = await measure(world, requester)
        if not low <= auc(taken["hidden"], taken["nobody"]) <= high:  # one retry
            taken = await measure(world, requester)
        found = auc(taken["hidden"], taken["nobody"])
        print(f"\n{requester.__name__}, {'loaded' if loaded else 'alone'}, {SAMPLES} of each: AUC {found:.3f}")
        assert low <= found <= high, f"AUC {found:.3f}"
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@pytest.mark.timed
async def test_time_does_not_tell_a_full_list_of_hidden_records_from_none(world: World) -> None:
    low, high = bounds()
    taken = await measure(world, usual, CROWDED)
    if not low <= auc(taken["hidden"], taken["nobody"]) <= high:  # one retry
        taken = await measure(world, usual, CROWDED)
    found = auc(taken["hidden"], taken["nobody"])
    print(f"\n{NAMESAKES} namesakes, {SAMPLES} of each: AUC {found:.3f}")
    assert low <= found <= high, f"AUC {found:.3f}"
