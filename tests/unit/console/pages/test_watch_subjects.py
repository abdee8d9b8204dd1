"""The form of a watch: a boat is watched by its name or its number, whichever kind of number it is."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.console.pages.watches.board import _FIELDS, _KINDS, _subject
from gateway.errors import Malformed
from gateway.model.desk.watches import Goods
from gateway.model.query import QueryKind, VesselQuery
from tests.support.tables import table


def sent(kind: str, **fields: str) -> dict[str, str]:
    return dict.fromkeys(_FIELDS, "") | {"kind": kind} | fields


@table(
    ("fields", "query"),
    [
        ({"name": "ดาวนครพนม"}, VesselQuery("ดาวนครพนม")),
        ({"number": "LA-VTE 0417", "issuer": "la"}, VesselQuery(local_reg="LA-VTE 0417", flag="LA")),
        ({"number": "9074729"}, VesselQuery(imo="9074729", local_reg="9074729")),
        ({"number": "IMO 9074729"}, VesselQuery(imo="IMO 9074729")),
        ({"number": "574447120"}, VesselQuery(mmsi="574447120", local_reg="574447120")),
    ],
)
def test_a_boat_is_watched_by_what_the_officer_has(fields: dict[str, Any], query: VesselQuery) -> None:
    assert _subject(sent("vessel", **fields)) == query


@pytest.mark.parametrize("fields", [{}, {"number": "IMO 9074728"}, {"number": "X 1", "issuer": "LAO"}])
def test_a_boat_without_any_and_a_wrong_number_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        _subject(sent("vessel", **fields))


def test_the_form_lists_every_kind_but_those_of_cases_and_reports() -> None:
    asked_once = {QueryKind.CASE, QueryKind.REPORT}
    assert set(_KINDS) == {kind.value for kind in QueryKind if kind not in asked_once} | {Goods.kind}
