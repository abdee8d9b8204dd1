"""The list that is handed out: it follows the node and the clock, and pages go on where they stopped."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.leaving import Audience
from bridges.report import moment_us, read_report
from bridges.taxii.shelf import Shelf, Wanted, after, place_of
from gateway.clock import ManualClock, from_us
from gateway.errors import Malformed, Unavailable
from tests.support.report_feed import item, marking

NOW_US = moment_us("2026-12-01T00:00:00Z")


def shelf(items: list[dict[str, Any]], clock: ManualClock | None = None) -> Shelf:
    clock = clock or ManualClock(from_us(NOW_US))
    made = Shelf(clock.now_us, clock.monotonic, 900)
    made.put([read_report(one, "th") for one in items])
    return made


def names(made: Shelf, **wanted: Any) -> list[tuple[int, str]]:
    page = made.page(Audience.COUNTRY, Wanted(limit=1000, **wanted))
    return [(row.added_us, row.object["id"]) for row in page.rows]


def revoked(made: Shelf) -> bool:
    page = made.page(Audience.COUNTRY, Wanted(types=frozenset({"report"})))
    return bool(page.rows[0].object.get("revoked"))


@given(
    numbers=st.lists(st.integers(1, 9), unique=True, min_size=1),
    ended=st.sets(st.integers(1, 9)),
    size=st.integers(1, 7),
    asked=st.integers(0, 60),
)
def test_pages_and_moments_leave_nothing_out_and_repeat_nothing(
    numbers: list[int], ended: set[int], size: int, asked: int
) -> None:
    ends = {number: {"withdrawn": f"2026-11-0{number}T00:00:00Z"} for number in ended}
    made = shelf([item(number, **ends.get(number, {})) for number in numbers])
    whole = names(made)
    assert whole == sorted(whole)
    assert len(whole) == len(set(whole)) == len({name for _, name in whole})
    found: list[tuple[int, str]] = []
    following = ""
    while not found or following:
        wanted = Wanted(after=place_of(following) if following else (-1, ""), limit=size)
        page = made.page(Audience.COUNTRY, wanted)
        found += [(row.added_us, row.object["id"]) for row in page.rows]
        following = page.following
    assert found == whole
    moment = whole[min(asked, len(whole) - 1)][0]
    assert names(made, after=after(moment)) == [row for row in whole if row[0] > moment]


def test_a_report_ends_on_time_though_the_node_says_nothing_new() -> None:
    clock = ManualClock(from_us(NOW_US))
    made = shelf([item(1, marking=marking(not_after="2026-12-01T00:05:00Z"))], clock)
    assert not revoked(made)
    clock.advance(from_us(NOW_US + 299_000_000) - from_us(NOW_US))
    assert not revoked(made)
    clock.advance(from_us(2_000_000) - from_us(0))
    assert revoked(made)


def test_n189_who_has_read_on_hears_of_an_end_that_was_written_later() -> None:
    """The moment of a withdrawal is when it came, and another report may be added before it is written."""
    other = item(2, added="2026-11-05T10:00:00.000500Z")
    made = shelf([item(1), other])
    seen = names(made)[-1][0]
    gone = item(1, version=2, added="2026-11-05T10:00:00.001500Z", withdrawn="2026-11-05T10:00:00.000300Z", fields={})
    made.put([read_report(one, "th") for one in (gone, other)])
    later = made.page(Audience.COUNTRY, Wanted(after=after(seen))).rows
    assert [row.object["type"] for row in later if row.object.get("revoked")] == ["attack-pattern", "report"]


@pytest.mark.parametrize("ahead_s", [-3_600, 3_600])
def test_who_has_read_on_hears_of_an_end_and_of_what_comes_after_it_whatever_our_clock_says(ahead_s: int) -> None:
    """Our clock is not the node's: a report is over here before or after other reports come, by either clock."""
    clock = ManualClock(from_us(NOW_US + ahead_s * 1_000_000))
    over = item(1, marking=marking(not_after="2026-12-01T00:05:00Z"))
    made = shelf([over], clock)
    place = names(made)[-1][0]
    seen = {}

    def read_on() -> None:
        nonlocal place
        for row in made.page(Audience.COUNTRY, Wanted(after=after(place), limit=1000)).rows:
            place = row.added_us
            if row.object["type"] == "report":
                seen[row.object["id"]] = bool(row.object.get("revoked"))

    items = [over]
    for minutes in (3, 8, 13):  # of the node's clock: one report comes before the end, and two come after it
        clock.advance(from_us(5 * 60_000_000) - from_us(0))
        items.append(item(minutes, added=f"2026-12-01T00:{minutes:02d}:00.000000Z"))
        made.put([read_report(one, "th") for one in items])
        read_on()
    assert list(seen.values()).count(False) == 3, "all that came later was read"
    clock.advance(from_us(7_200_000_000) - from_us(0))
    made.put([read_report(one, "th") for one in items])
    read_on()
    assert list(seen.values()).count(True) == 1
    gone = item(1, version=2, added="2026-12-01T00:20:00Z", withdrawn="2026-12-01T00:05:00Z", fields={})
    made.put([read_report(one, "th") for one in (gone, *items[1:])])
    later = made.page(Audience.COUNTRY, Wanted(after=after(place))).rows
    assert {row.object["type"] for row in later if row.object.get("revoked")} == {"attack-pattern", "report"}


def test_an_old_list_is_not_handed_out() -> None:
    clock = ManualClock(from_us(NOW_US))
    made = shelf([item(1)], clock)
    clock.advance(from_us(901_000_000) - from_us(0))
    with pytest.raises(Unavailable):
        names(made)
    made.put([read_report(item(1), "th")])
    assert names(made)


@given(st.text(max_size=300))
def test_a_place_of_the_list_is_one_of_ours_or_malformed(text: str) -> None:
    try:
        moment, name = place_of(text)
    except Malformed:
        return
    assert moment >= 0
    assert name


@pytest.mark.timed
def test_a_page_of_a_long_list_costs_as_much_as_one_of_a_short_list() -> None:
    def cost(count: int) -> float:
        made = shelf([item(number) for number in range(1, count)])
        middle = Wanted(after=(moment_us("2026-11-01T00:09:00Z"), ""), limit=20)
        assert len(made.page(Audience.COUNTRY, middle).rows) == 20
        begun = time.process_time()
        for _ in range(200):
            made.page(Audience.COUNTRY, middle)
        return time.process_time() - begun

    cost(20)
    assert min(cost(1000) for _ in range(3)) < 4 * min(cost(20) for _ in range(3))
