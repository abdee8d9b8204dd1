"""Greetings on one stream: news that come quickly go together, so that no honest stream ends for idle greetings."""

from __future__ import annotations

import asyncio

import pytest
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.model.names import MemberId
from gateway.node.greetings import Mute, StreamGreetings
from gateway.ports.gossip import Greeting
from tests.support.forger import eventually

VN = MemberId("vn")


class Listener(Mute):
    """Notes what it hears."""

    def __init__(self) -> None:
        super().__init__(MemberId("th"))
        self.greetings: list[Greeting] = []

    def heard(self, _speaker: MemberId, greeting: Greeting) -> None:
        self.greetings.append(greeting)


@pytest.mark.asyncio
async def test_many_changes_in_a_moment_are_two_greetings() -> None:
    said: list[float] = []
    loop = asyncio.get_running_loop()
    greetings = StreamGreetings(VN, Mute(MemberId("th")), loop.time)

    def greet() -> None:
        greetings.hello()
        said.append(loop.time())

    for _ in range(200):
        greetings.soon(greet)
    assert len(said) == 1
    await eventually(lambda: len(said) == 2)
    assert said[1] - said[0] > 0.5
    greetings.soon(greet)
    greetings.close()
    await asyncio.sleep(0.7)
    assert len(said) == 2


def test_a_greeting_that_comes_early_is_heard_without_its_heads() -> None:
    listener, now = Listener(), [0.0]
    greetings = StreamGreetings(VN, listener, lambda: now[0])
    now[0] = 10.0
    heads = [b"head"]
    assert greetings.hear(pb.Hello(member=VN, trust_hash=b"1" * 32, heads=heads))
    assert not greetings.hear(pb.Hello(member=VN, trust_hash=b"2" * 32, heads=heads))
    assert listener.greetings == [Greeting(b"1" * 32, (b"head",)), Greeting(b"2" * 32)]
