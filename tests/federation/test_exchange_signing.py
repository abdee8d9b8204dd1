"""Step 10 when a key does not sign, such as one in a security module that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.errors import Unavailable
from gateway.model.exchange import Outcome
from gateway.signing.keys import SigningKey
from tests.support.exchange import answer_of, caller, kinds, sample_world, sealed, stopping
from tests.support.forger import eventually_async
from tests.support.nodes import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


class AbsentKey:
    """A key whose module does not answer; `times` says how often."""

    def __init__(self, key: SigningKey, times: int) -> None:
        self._key = key
        self._times = times
        self.key_id = key.key_id

    def sign(self, data: bytes) -> bytes:
        """Fail, or sign once the module is back."""
        self._times -= 1
        if self._times >= 0:
            raise Unavailable("the security module does not answer")
        return self._key.sign(data)


class RubbishKey(AbsentKey):
    """A key whose module answers, but not with a signature."""

    def sign(self, data: bytes) -> bytes:
        """Give nothing, or sign once the module is itself again."""
        try:
            return super().sign(data)
        except Unavailable:
            return None  # type: ignore[return-value]  # what a module gives is untrusted


broken = pytest.mark.parametrize("broken", [AbsentKey, RubbishKey])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(Path(tmp_path_factory.mktemp("signing")), ("th", "vn"))
    async with stopping(made):
        await made.start("vn")
        yield made


@broken
async def test_a_record_whose_agency_cannot_sign_is_missing(world: World, broken: type[AbsentKey]) -> None:
    node = world.nodes["vn"]
    issuers = node.core.parts.issuers
    name, issuer = next(item for item in issuers.items() if item[0] == "vn.immigration")
    assert isinstance(issuers, dict)
    issuers[name] = replace(issuer, key=broken(world.federation["vn"].key("agency-immigration"), 1))
    partial = answer_of(await caller(world).submit(sealed(world.federation["th"])))
    assert (partial.outcome, partial.hits, partial.missing) == (Outcome.NOT_SEARCHED, (), ("immigration records",))

    async def given() -> bool:
        again = answer_of(await caller(world).submit(sealed(world.federation["th"])))
        return bool(again.outcome is Outcome.HIT and again.hits[0].record)

    await eventually_async(given)
    issuers[name] = issuer


@broken
async def test_an_answer_that_cannot_be_signed_becomes_a_refusal_with_its_entry(
    world: World, broken: type[AbsentKey]
) -> None:
    node = world.nodes["vn"]
    parts = node.answering.answerer._parts
    key: Any = broken(parts.key, 1)
    node.answering.answerer._parts = replace(parts, statement_key=lambda: key)
    answer = answer_of(await caller(world).submit(sealed(world.federation["th"])))
    node.answering.answerer._parts = parts
    assert answer.outcome is Outcome.REFUSED
    assert answer.hits == ()
    assert kinds(node, answer.exchange_id) == ["refused"]
