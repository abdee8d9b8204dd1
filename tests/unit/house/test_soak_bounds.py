"""The judgement of a soak can fail: each bound that is broken is named, and a level node breaks none."""

from __future__ import annotations

import importlib
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.soak.__main__ import as_json, table
from tests.soak.attacks import ATTACKS
from tests.soak.ground import Seat
from tests.soak.held import SMALL, Allocators
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
        usual |= {"searches": 800 * minute, "in_use": 190 * MIB, "disk": 8 * minute * MIB}
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
        (
            lambda minute: {"in_use": 190 * MIB + minute * MIB},
            "24000 searches left 30720 KiB of memory in use, 16384 are",
        ),
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


def minutes(count: int, kib: float, per_s: int = 14) -> Soak:
    """A soak of so many minutes with a rest every half one, in which each search leaves `kib` in use.

    What is at work while one looks comes and goes by half a mebibyte. The first minute fills what has a limit.
    """
    seen = level()
    first = seen.watches["vn"].samples[0]
    seen.watches["vn"].samples[:] = [
        replace(
            first,
            at=30.0 * rest,
            searches=30 * per_s * rest,
            in_use=int(180 * MIB + min(rest, 2) * 5 * MIB + kib * 1024 * 30 * per_s * rest + rest % 2 * MIB // 2),
            is_quiet=True,
        )
        for rest in range(2 * count + 1)
    ]
    return seen


@tables.table(
    ("kib", "is_leak"),
    [(0, False), (1, False), (4, True), (256 * 64 / 420, True)],
    ids=["level", "ids of exchanges", "4 KiB for each search", "the buffers of 64 half requests in a round"],
)
def test_a_leak_is_found_within_three_minutes(kib: float, is_leak: bool) -> None:
    assert bool([line for line in judge(minutes(3, kib), Bounds()) if "in use" in line]) is is_leak


def test_what_a_soak_says_that_it_finds_is_found_and_an_hour_finds_less() -> None:
    for count, per_s in ((3, 14), (3, 3), (60, 14)):
        searches = minutes(count, 0, per_s).watches["vn"].searches
        kib = Bounds().found_from(searches) / 1024
        assert list(judge(minutes(count, kib * 1.01, per_s), Bounds())), f"{count} minutes, {kib:.1f} KiB"
        said = list(table(minutes(count, 0, per_s), Bounds()))
        assert f"finds a leak from {kib:.1f} KiB for each of {searches} searches" in said
    assert kib < 1 < 2 < Bounds().found_from(1_050) / 1024 < 4


def test_limits_that_a_soak_makes_small_are_limits_of_the_program() -> None:
    """A name that had gone would leave a memory as large as it was, and what fills it would look like a leak."""
    for (module, name), most in SMALL.items():
        assert getattr(importlib.import_module(module), name) > most, f"{module}.{name}"


def test_what_is_in_use_is_told_by_each_allocator_and_what_was_freed_is_not() -> None:
    allocators = Allocators()
    before = allocators.held()
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table row (value)")
        database.execute("insert into row values (zeroblob(?))", (2 * MIB,))
        kept = [str(number).encode() * 40 for number in range(1_000_000_000, 1_000_010_000)], bytes(8 * MIB)
        more = allocators.held()
    assert 4 * MIB < more.python - before.python < 6 * MIB
    assert 10 * MIB < more.library - before.library < 12 * MIB
    assert 2 * MIB < more.sqlite - before.sqlite < 3 * MIB
    del kept
    after = allocators.held()
    assert max(after.python - before.python, after.library - before.library, after.sqlite - before.sqlite) < MIB // 4


def test_what_grew_in_the_first_half_and_then_stayed_is_level() -> None:
    def grow(minute: int) -> dict[str, float]:
        return {name: 200 * MIB + min(minute, 20) * 5 * MIB for name in ("rss", "in_use")}

    assert list(judge(level(grow), Bounds())) == []


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
    assert f"BROKEN {found}" in table(seen, Bounds())
    assert as_json(seen, Bounds())["broken"] == [found]


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
