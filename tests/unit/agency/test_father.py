"""The father's name in an agency's search: typed, limited, and handed on as it was written."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.agency.bodies.requests import SEARCH
from gateway.errors import Malformed
from gateway.model.query import PersonQuery
from tests.support.tables import table


def body(**changes: Any) -> dict[str, Any]:
    query = {"kind": "person", "names": [{"text": "Aye Aye Mon"}], **changes}
    return {"query": query, "to": ["mm"], "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-1"}


@pytest.mark.parametrize("father", ["", "U Hla", "ဦးလှ"])
def test_a_fathers_name_is_part_of_the_question(father: str) -> None:
    query = SEARCH.read(body(father=father), "bad-search").query
    assert isinstance(query, PersonQuery)
    assert query.father == father


def test_a_question_without_a_fathers_name_has_none() -> None:
    query = SEARCH.read(body(), "bad-search").query
    assert isinstance(query, PersonQuery)
    assert query.father == ""


@table("father", ["x" * 257, "U\0Hla", " ", 7, None])
def test_a_fathers_name_that_is_none_is_refused_and_not_repeated(father: object) -> None:
    with pytest.raises(Malformed) as caught:
        SEARCH.read(body(father=father), "bad-search")
    assert "father" in caught.value.where
    assert "Hla" not in caught.value.message
