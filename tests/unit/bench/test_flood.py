"""The floods of the bench are what their names say."""

from __future__ import annotations

import pytest

from gateway.bench.attacker import FLOODS
from gateway.errors import Malformed
from gateway.matching.keys import query_cost
from gateway.model.query import PersonQuery
from tests.support.tables import table


@table("name", [name for name in FLOODS if name != "by names beyond the limit"])
def test_a_flood_within_the_limit_asks_what_is_taken_and_never_the_same_name_twice(name: str) -> None:
    asked = [FLOODS[name].ask(turn) for turn in range(20)]
    for query in asked:
        query_cost(query)
    assert len(set(asked)) == len(asked)


def test_a_costly_flood_asks_for_as_much_as_is_taken() -> None:
    query = FLOODS["by costly names"].ask(7)
    assert isinstance(query, PersonQuery)
    assert query_cost(query) > 0.03
    with pytest.raises(Malformed):
        query_cost(FLOODS["by names beyond the limit"].ask(7))
