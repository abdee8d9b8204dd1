"""The window of a birth date holds every date that scoring would not call a conflict, so that no match goes unread."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.matching.dates import BirthFit, compare_births, window
from gateway.model.values import PartialDate
from tests.support.tables import table

_DAYS = st.dates(date(1900, 1, 1), date(2030, 12, 31))


@st.composite
def near_dates(draw: st.DrawFn) -> tuple[PartialDate, PartialDate]:
    """A date that is asked, and one that is held, of any precision and often close to it."""
    asked = draw(_DAYS)
    near = st.integers(-800, 800).map(lambda days: asked + timedelta(days))
    decade = st.integers(-9, 9).map(lambda years: asked.replace(year=asked.year + years, day=min(asked.day, 28)))
    held = draw(st.one_of(_DAYS, near, decade, st.just(asked.replace(month=1, day=1))))
    lengths = st.sampled_from((4, 7, 10, 10))
    return (
        PartialDate(asked.isoformat()[: draw(lengths)], estimated=draw(st.booleans())),
        PartialDate(held.isoformat()[: draw(lengths)]),
    )


@given(near_dates())
def test_what_does_not_conflict_lies_in_the_window(pair: tuple[PartialDate, PartialDate]) -> None:
    asked, held = pair
    if compare_births(asked, held) is not BirthFit.CONFLICT:
        found = window(asked)
        assert held.value in found.days or held.value[:4] in found.years


@pytest.mark.long
@table("text", ["1981-03-01", "1981-01-01", "1981-12-11", "1980-02-29"])
@table("estimated", [False, True])
def test_every_day_of_thirty_years_is_judged_as_scoring_does(text: str, estimated: bool) -> None:
    asked = PartialDate(text, estimated=estimated)
    found = window(asked)
    start = date(1966, 1, 1)
    for step in range(30 * 365):
        day = (start + timedelta(step)).isoformat()
        fits = compare_births(asked, PartialDate(day)) is not BirthFit.CONFLICT
        assert (day in found.days or day[:4] in found.years) == fits, day


def test_a_full_date_has_a_small_window() -> None:
    found = window(PartialDate("1981-03-12"))
    assert len(found.days) < 150
    assert not found.years
