"""Bodies of onward uses: what the document describes is taken, and what is not there is told as a conflict."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.agency.bodies.onward import ONWARD
from gateway.errors import Malformed, Unknown
from gateway.https.statuses import status_of
from tests.support.tables import table

BODY = {"exchange_id": "ab" * 16, "purpose": "INVESTIGATION", "use": "evidence", "reason": "court"}


@pytest.mark.parametrize("hit", [0, 146, 146.0])
def test_a_whole_number_is_the_same_with_a_point(hit: float) -> None:
    read = ONWARD.read({**BODY, "hit": hit}, "bad-onward", search_id="s").hit
    assert (read, type(read)) == (hit, int)


@table("hit", [0.5, 1001.0, -1, "1", True, None, float("inf")])
def test_no_other_value_is_a_place_among_the_hits(hit: Any) -> None:
    with pytest.raises(Malformed):
        ONWARD.read({**BODY, "hit": hit}, "bad-onward", search_id="s")


@table(("code", "status"), [("no-such-hit", 409), ("record-gone", 409), ("no-such-search", 404), ("not-found", 404)])
def test_a_search_that_is_there_is_not_said_to_be_missing(code: str, status: int) -> None:
    assert status_of(Unknown("no such thing", code=code)) == status
