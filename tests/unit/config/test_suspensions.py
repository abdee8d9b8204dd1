"""The off-switch: written durably, read within a second, and failing towards off."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import ManualClock, rfc3339
from gateway.config import Home, Suspensions
from gateway.config.suspensions import HUMANITARIAN, Action, Switch, read_switches
from gateway.errors import Malformed
from gateway.model.purpose import Purpose
from gateway.ops.acts.switches import append, history, options_of, target_of
from gateway.ops.acts.switches import suspend as switch_off


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def resume(home: Home, clock: ManualClock, target: str, reason: str) -> Switch:
    """The line that an act which was proved appends."""
    line = Switch(secrets.token_hex(16), rfc3339(clock.now_us()), Action.RESUME, target, reason)
    append(home, line)
    return line


def suspend(home: Home, clock: ManualClock, target: str, reason: str = "because") -> None:
    switch_off(home, clock, target, reason)


def test_nothing_is_suspended_without_a_file(home: Home, clock: ManualClock) -> None:
    assert Suspensions(home.suspensions, clock.monotonic).suspends(peer="vn", agency="police", source="x") is None


@pytest.mark.parametrize(
    ("target", "question"),
    [
        ("peer:vn", {"peer": "vn"}),
        ("agency:police", {"agency": "police"}),
        ("source:th.police.records", {"source": "th.police.records"}),
        ("all", {"peer": "kh"}),
        ("all", {}),
    ],
)
def test_each_target_is_suspended_and_resumed(
    home: Home, clock: ManualClock, target: str, question: dict[str, str]
) -> None:
    suspensions = Suspensions(home.suspensions, clock.monotonic)
    suspend(home, clock, target, "maintenance")
    clock.advance(timedelta(seconds=1))
    assert suspensions.suspends(**question) == "maintenance"
    resume(home, clock, target, "done")
    clock.advance(timedelta(seconds=1))
    assert suspensions.suspends(**question) is None


@pytest.mark.parametrize("target", ["client:records-desk", f"certificate:{'A-_9' * 10}abc"])
def test_a_withdrawn_system_or_certificate_stays_so_until_it_is_resumed_itself(
    home: Home, clock: ManualClock, target: str
) -> None:
    """A stolen key stays stolen when an incident ends."""
    suspensions = Suspensions(home.suspensions, clock.monotonic)
    kind, _, name = target.partition(":")
    asked = (name, "") if kind == "client" else ("another", name)
    suspend(home, clock, "all")
    suspend(home, clock, target)
    clock.advance(timedelta(seconds=1))
    assert suspensions.is_withdrawn(*asked)
    assert not suspensions.is_withdrawn("another", "B" * 43)
    resume(home, clock, "all", "incident closed")
    clock.advance(timedelta(seconds=1))
    assert suspensions.suspends(peer="vn") is None
    assert suspensions.is_withdrawn(*asked)
    assert options_of(target) == f"--{kind} {name}"
    resume(home, clock, target, "found again")
    clock.advance(timedelta(seconds=1))
    assert not suspensions.is_withdrawn(*asked)


def test_others_are_not_suspended(home: Home, clock: ManualClock) -> None:
    suspend(home, clock, "peer:vn")
    suspensions = Suspensions(home.suspensions, clock.monotonic)
    assert suspensions.suspends(peer="kh", agency="vn", source="vn") is None


def test_a_running_node_looks_at_most_once_a_second_and_sees_it_within_one(home: Home, clock: ManualClock) -> None:
    suspensions = Suspensions(home.suspensions, clock.monotonic)
    suspend(home, clock, "all")
    assert suspensions.suspends(peer="vn") is None
    clock.advance(timedelta(seconds=1))
    assert suspensions.suspends(peer="vn") == "because"


def test_while_one_thread_reads_a_change_no_other_one_decides_under_what_was_before(
    home: Home, clock: ManualClock
) -> None:
    """Both directions: a hit of what is switched off must not leave, and `no hit` of what is on again is wrong."""
    reading, go_on = threading.Event(), threading.Event()
    go_on.set()

    def logged() -> set[str]:
        reading.set()
        assert go_on.wait(30)
        return {switch.mark for switch in history(home)}

    suspend(home, clock, "peer:vn")
    suspensions = Suspensions(home.suspensions, clock.monotonic, logged=logged)
    assert suspensions.in_force
    resume(home, clock, "peer:vn", "over")
    clock.advance(timedelta(seconds=1))
    reading.clear()
    go_on.clear()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(lambda: suspensions.in_force)
        assert reading.wait(30)
        second = threads.submit(lambda: suspensions.in_force)
        with pytest.raises(TimeoutError):
            second.result(0.1)
        go_on.set()
        assert first.result(30) == second.result(30) == {}


def test_resuming_everything_ends_all_suspensions(home: Home, clock: ManualClock) -> None:
    for target in ("peer:vn", "agency:police", "all"):
        suspend(home, clock, target)
    resume(home, clock, "all", "over")
    assert Suspensions(home.suspensions, clock.monotonic).active == {}


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "{}",
        '{"id":"1","time":"t","action":"delete","target":"all","reason":"r"}',
        '{"id":"1","time":"t","action":"resume","target":"everything","reason":"r"}',
        '{"id":"1","time":"t","action":"resume","target":"peer:","reason":"r"}',
        '{"id":"1","time":"t","action":"resume","target":"all","reason":3}',
        "[" * 5000,
    ],
)
def test_a_line_that_cannot_be_understood_suspends_everything(home: Home, clock: ManualClock, line: str) -> None:
    home.suspensions.write_text(line + "\n")
    resume(home, clock, "all", "try to hide it")
    assert Suspensions(home.suspensions, clock.monotonic).suspends(peer="vn") is not None


def test_a_file_that_cannot_be_read_suspends_everything(home: Home, clock: ManualClock) -> None:
    home.suspensions.mkdir()
    assert Suspensions(home.suspensions, clock.monotonic).suspends(peer="vn") is not None


def test_a_line_that_switches_on_counts_where_the_log_has_its_act_and_only_once(home: Home, clock: ManualClock) -> None:
    known: set[str] = set()
    suspensions = Suspensions(home.suspensions, clock.monotonic, logged=lambda: known)
    suspend(home, clock, "peer:vn", "one")
    bare = resume(home, clock, "peer:vn", "appended by hand")
    clock.advance(timedelta(seconds=1))
    assert suspensions.active == {"peer:vn": "one"}
    proved = Switch("0" * 32, bare.time, Action.RESUME, "peer:vn", "two")
    known.add(proved.id)
    append(home, proved)
    clock.advance(timedelta(seconds=1))
    assert suspensions.active == {}
    suspend(home, clock, "peer:vn", "again")
    append(home, proved)
    clock.advance(timedelta(seconds=1))
    assert suspensions.active == {"peer:vn": "again"}, "a copy of an old line switched on"
    assert [line.reason for line in history(home)] == ["one", "appended by hand", "two", "again", "two"]


def test_a_file_of_version_0_1_0_is_read(home: Home, clock: ManualClock) -> None:
    """Its ids are shorter, and its lines that switch on have their entries already."""
    line = (
        '{"id": "0123456789abcdef", "time": "2026-11-24T09:00:00Z", "action": "%s", "target": "peer:vn", "reason": "r"}'
    )
    home.suspensions.write_text(line % "suspend" + "\n" + line.replace("cdef", "cd00") % "resume" + "\n")
    assert Suspensions(home.suspensions, clock.monotonic, logged=lambda: {"0123456789abcd00"}).active == {}
    assert Suspensions(home.suspensions, clock.monotonic, logged=set).active == {"peer:vn": "r"}


def test_lines_are_read_as_they_were_written(home: Home, clock: ManualClock) -> None:
    line = switch_off(home, clock, "source:th.police.records", "ปิดปรับปรุง")
    assert read_switches(home.suspensions.read_text(encoding="utf-8")) == (line,)


def test_a_reason_with_a_line_break_is_refused(home: Home, clock: ManualClock) -> None:
    """CASE-L7: one action, one line."""
    with pytest.raises(Malformed):
        switch_off(home, clock, "all", "one\ntwo")


def test_exactly_one_target_is_needed() -> None:
    assert target_of(peer="vn") == "peer:vn"
    assert target_of(everything=True) == "all"
    assert options_of("all") == "--all"
    assert options_of(target_of(source="th.police.records")) == "--source th.police.records"
    assert options_of(target_of(peer="vn", record_type="Person")) == "--peer vn --type Person"
    for wrong in (
        {},
        {"peer": "vn", "agency": "police"},
        {"peer": "VN"},
        {"source": "a b"},
        {"peer": "vn", "everything": True},
    ):
        with pytest.raises(Malformed):
            target_of(**wrong)


def test_a_record_type_is_switched_off_with_one_counterpart_only(home: Home, clock: ManualClock) -> None:
    suspend(home, clock, target_of(peer="vn", record_type="Person"))
    found = Suspensions(home.suspensions, clock.monotonic)
    assert found.suspended_types("vn") == {"Person"}
    assert found.suspended_types("kh") == frozenset()
    assert found.suspends(peer="vn") is None
    resume(home, clock, "peer:vn/Person", "reviewed")
    assert Suspensions(home.suspensions, clock.monotonic).suspended_types("vn") == frozenset()


@pytest.mark.parametrize("target", ["all", "peer:vn"])
def test_a_named_approver_lets_humanitarian_purposes_through_and_no_others(
    home: Home, clock: ManualClock, target: str
) -> None:
    line = switch_off(home, clock, target, "under review", "minister of the interior")
    assert history(home) == (line,)
    found = Suspensions(home.suspensions, clock.monotonic)
    for purpose in Purpose:
        assert (found.suspends(peer="vn", purpose=purpose.value) is None) == (purpose.value in HUMANITARIAN)
    assert found.suspends(peer="vn") == "under review"


def test_without_an_approver_nothing_goes_through(home: Home, clock: ManualClock) -> None:
    suspend(home, clock, "peer:vn", "under review")
    found = Suspensions(home.suspensions, clock.monotonic)
    assert found.suspends(peer="vn", purpose="THREAT_TO_LIFE") == "under review"


@pytest.mark.parametrize("names", [{"record_type": "Person"}, {"peer": "vn", "record_type": "Persson"}])
def test_a_record_type_that_cannot_be_switched_is_refused(names: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        target_of(**names)


def test_the_humanitarian_purposes_are_purposes() -> None:
    assert {purpose.value for purpose in Purpose} >= HUMANITARIAN
