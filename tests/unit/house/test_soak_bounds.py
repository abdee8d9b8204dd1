"""The judgement of a soak can fail: each bound that is broken is named, and a level node breaks none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.soak.__main__ import as_json, table
from tests.soak.attacks import ATTACKS
from tests.soak.ground import Seat
from tests.soak.officers import Away, Question, Tally
from tests.soak.run import Bounds, Soak, judge
from tests.soak.watch import Sample, Watch, slope
from tests.support import tables

MIB = 1024 * 1024


def level(grow: Callable[[int], dict[str, float]] = lambda minute: {}) -> Soak:
    """A soak of an hour in which nothing happened but what `grow` says of each minute."""
    samples = []
    for minute in range(61):
        usual = {"at": 60.0 * minute, "rss": 200 * MIB, "handles": 60, "threads": 25, "held_s": 0.01, "idle_s": 0.0}
        usual["disk"] = usual["pages"] = 8 * minute * MIB
        samples.append(Sample(**{**usual, "is_quiet": minute % 2 == 0} | grow(minute)))  # type: ignore[arg-type]
    attacks = Counter({attack.name: 5 for attack in ATTACKS})
    seat = Seat("vn", Path(), 1, 2, 3)
    return Soak({"vn": Watch(seat, Path(), samples)}, Tally([0.1] * 1000), attacks, 3, {"vn": 0})


def test_a_level_node_breaks_no_bound() -> None:
    assert list(judge(level(), Bounds())) == []


@tables.table(
    ("grow", "said"),
    [
        (lambda minute: {"rss": 200 * MIB + minute * MIB}, "memory grew by 30"),
        (lambda minute: {"handles": 60 + minute}, "more handles at rest"),
        (lambda minute: {"threads": 25 + minute // 3}, "more threads at rest"),
        (lambda minute: {"disk": minute * 40 * MIB}, "the home grew"),
        (lambda minute: {"held_s": 0.2 if minute == 7 else 0.0}, "the loop was held for 200 ms"),
    ],
)
def test_what_grows_is_named(grow: Callable[[int], dict[str, float]], said: str) -> None:
    [found] = judge(level(grow), Bounds())
    assert said in found


def test_the_minute_of_the_start_and_waiting_for_the_machine_are_no_fault_of_a_node() -> None:
    assert list(judge(level(lambda minute: {"held_s": 0.2 if minute < 2 else 0.0}), Bounds())) == []
    seen = level(lambda minute: {"idle_s": 0.6 if minute == 5 else 0.0})
    seen.tally.seconds.append(4.0)
    seen.tally.unserved.append("vn: silent")
    assert list(judge(seen, Bounds())) == []


def test_page_caches_may_fill_with_what_was_written_and_no_more() -> None:
    def little(pages: float, grown: float) -> Callable[[int], dict[str, float]]:
        index = 40 * MIB  # a home gets its key indexes at once; they are in no page cache
        return lambda minute: {
            "rss": 200 * MIB + grown * minute * MIB,
            "pages": int(pages * minute * MIB),
            "disk": int(pages * minute * MIB) + index,
        }

    assert list(judge(level(little(0.5, 0.55)), Bounds())) == []
    assert [line for line in judge(level(little(0.5, 1)), Bounds()) if "memory" in line]
    assert [line for line in judge(level(little(4, 0.55)), Bounds()) if "memory" in line]
    assert [line for line in judge(level(little(0, 0.55)), Bounds()) if "memory" in line]


@tables.table(
    ("kib", "is_leak"),
    [(2, False), (12, True), (256 * 64 / 420, True)],
    ids=["caches with a limit", "12 KiB for each search", "the buffers of 64 half requests in a round"],
)
def test_a_leak_is_found_within_three_minutes(kib: float, is_leak: bool) -> None:
    """The samples are two seconds apart, 14 searches a second; pools take and give back 4 MiB."""
    seen = level()
    searches = [14 * 2 * number for number in range(91)]
    seen.tally.seconds[:] = [0.1] * searches[-1]
    seen.watches["vn"].samples[:] = [
        replace(
            seen.watches["vn"].samples[0],
            at=2.0 * number,
            rss=int(200 * MIB + kib * 1024 * asked + 4 * MIB * (number % 15) / 15),
            pages=0,
        )
        for number, asked in enumerate(searches)
    ]
    assert bool([line for line in judge(seen, Bounds()) if "memory" in line]) is is_leak


def test_what_grew_while_caches_filled_and_then_stayed_is_level() -> None:
    assert list(judge(level(lambda minute: {"rss": 200 * MIB + min(minute, 20) * 5 * MIB}), Bounds())) == []


@tables.table(
    ("change", "said"),
    [
        (lambda seen: seen.tally.wrong.append("vn: no_hit, not hit"), "1 wrong answers: 1 × vn: no_hit, not hit"),
        (lambda seen: seen.tally.unserved.append("vn: silent"), "1 not served"),
        (lambda seen: seen.tally.seconds.append(4.0), "1 searches took more than"),
        (lambda seen: seen.tally.seconds.clear(), "no search was answered"),
        (lambda seen: seen.attacks.pop("flood"), "the attack `flood` (CASE-I7) did nothing"),
        (lambda seen: seen.codes.update(vn=70), "vn ended with 70"),
    ],
)
def test_what_officers_and_attackers_met_is_judged(change: Callable[[Soak], None], said: str) -> None:
    seen = level()
    change(seen)
    [found] = judge(seen, Bounds())
    assert said in found
    seen.broken = [found]
    assert f"BROKEN {found}" in table(seen)
    assert as_json(seen)["broken"] == [found]


@tables.table(
    ("begun", "is_counted"),
    [(-4, True), (-2, False), (1, False), (6, True)],
    ids=["long before", "sent again", "while it is away", "since it listens again"],
)
def test_not_searched_is_due_only_to_a_question_whose_time_passed_while_its_counterpart_was_away(
    monkeypatch: pytest.MonkeyPatch, begun: float, is_counted: bool
) -> None:
    now = [100.0]
    monkeypatch.setattr("tests.soak.officers.time.monotonic", lambda: now[0])
    away = Away()
    away.leaves("kh")
    now[0] += 5
    away.listens("kh")
    tally = Tally()
    line: dict[str, Any] = {"member": "kh", "outcome": "not_searched", "missing": ["customs records"]}
    asked = Question({"kind": "document"}, {"kh": "hit", "vn": "hit"})
    tally.count(line, asked, away, 100 + begun)
    assert len(tally.unserved) == is_counted
    assert tally.cut_short == ({} if is_counted else {"kh": 1})
    tally.count({**line, "outcome": "no_hit", "missing": []}, asked, away, 101)
    tally.count({**line, "member": "vn"}, asked, away, 101)
    assert len(tally.wrong) == 1, "what is away says nothing wrong for that"
    assert len(tally.unserved) == is_counted + 1


def test_a_slope_is_that_of_the_best_line() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == 2
    assert slope([(3, 7)]) == 0
