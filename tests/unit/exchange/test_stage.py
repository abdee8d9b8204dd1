"""A stage lets more items come while many are on their way; one that comes alone never waits."""

from __future__ import annotations

from queue import SimpleQueue

import msgspec
import pytest

from gateway.exchange import stages
from gateway.exchange.stages import FEWEST, Stage


class Coming(msgspec.Struct, frozen=True):
    """An item of one member."""

    number: int
    line: str = "th"
    rank: int = 2


@pytest.mark.parametrize(("inside", "first"), [(100, FEWEST), (FEWEST, 1)])
def test_a_stage_lets_more_items_come_only_while_many_are_on_their_way(
    monkeypatch: pytest.MonkeyPatch, inside: int, first: int
) -> None:
    batches: SimpleQueue[list[Coming]] = SimpleQueue()
    stage: Stage[Coming] = Stage("trial", batches.put, lambda error: pytest.fail(str(error)), inside=lambda: inside)
    items = [Coming(number) for number in range(FEWEST)]
    monkeypatch.setattr(stages, "sleep", lambda _: stage.put_all(items[1:]))
    stage.put(items[0])
    stage.start()
    assert batches.get(timeout=30) == items[:first]
    stage.stop(30)
