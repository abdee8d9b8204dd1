"""Erasing content: what goes, what stays, and what a crash at any moment leaves behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit.reading.show import Filter, show
from gateway.audit.retention.destroyed_keys import Tombstones
from gateway.audit.retention.erase import Names
from gateway.audit.retention.erase_key import ErasureReason
from gateway.audit.retention.holds import HoldAction, HoldOrder, placed_entry, read_holds
from gateway.audit.retention.plan import DOCUMENTS, plan_by_age
from gateway.audit.tree.checkpoint import verify_checkpoint
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.clock import ManualClock, from_us, to_us
from gateway.errors import Forbidden, Malformed, Misconfigured, Unknown
from gateway.model.evidence.retention import (
    age_before,
    content_key_id,
    months_before,
    outside_ranges,
    ranges,
    read_steps,
    steps,
)
from gateway.model.names import MemberId
from gateway.ops.backup.restore_target import empty_destroyed
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.signing.keys import VerifyKey
from tests.support.audit_logs import LogHome, answered, logged, new_id
from tests.support.erasing import Open, files_with, opened
from tests.support.tables import table

START = datetime(2023, 9, 20, 12, tzinfo=UTC)
WHY = ErasureReason("age", "th.admin", reason="retention")
CLASSES = (Retention.HIT, Retention.NO_HIT)
RECEIVED: dict[str, Any] = {"event": events.RECEIVED, "channel": "", "claim": None}


@pytest.fixture
def home(tmp_path: Path) -> LogHome:
    """Two entries a month of two classes, from September 2023 to February 2024."""
    made = LogHome(tmp_path / "home", clock=ManualClock(START))
    made.folder.mkdir()
    fill(made, months=6)
    return made


def fill(home: LogHome, months: int) -> None:
    clock = home.clock
    assert isinstance(clock, ManualClock)
    with home.log() as log:
        for month in range(months):
            for retention in CLASSES:
                place = {"case": f"case {month} {retention}", "search": f"{month:032x}", "outcome": "no_hit"}
                log.append([answered(private=place, retention=retention, **RECEIVED)])
            clock.advance(timedelta(days=30))


def before(text: str, *classes: str) -> dict[str, int]:
    moment = to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))
    return dict.fromkeys(classes or CLASSES, moment)


# ---------------------------------------------------------------- ages


@table(
    ("age", "ago"),
    [
        ("3y", datetime(2023, 11, 24, 12, tzinfo=UTC)),
        ("36m", datetime(2023, 11, 24, 12, tzinfo=UTC)),
        ("1d", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("9000y", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_age_is_counted_by_the_calendar(age: str, ago: datetime) -> None:
    assert from_us(age_before(to_us(datetime(2026, 11, 24, 12, tzinfo=UTC)), age)) == ago


@table("text", ["", "3", "y", "0y", "-3y", "3 y", "3w", "99999999y", "3y\n", "३y"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="is not an age"):
        age_before(0, text)


def test_the_last_day_of_a_longer_month_falls_on_that_of_a_shorter_one() -> None:
    march = to_us(datetime(2025, 3, 31, tzinfo=UTC))
    assert from_us(months_before(march, 1)) == datetime(2025, 2, 28, tzinfo=UTC)


@given(st.sets(st.integers(0, 300)))
def test_ranges_hold_exactly_what_they_were_made_of(indexes: set[int]) -> None:
    text = ranges(sorted(indexes))
    assert {index for index in range(302) if outside_ranges(text, [index]) is None} == indexes
    assert outside_ranges(text, range(302)) == next(index for index in range(302) if index not in indexes)
    assert outside_ranges(text, sorted(indexes)) is None


@given(st.sets(st.integers(0, 300), min_size=1))
def test_steps_say_exactly_what_they_were_made_of(indexes: set[int]) -> None:
    text = steps(sorted(indexes))
    assert read_steps(text, len(indexes)) == sorted(indexes)
    with pytest.raises(Malformed):
        read_steps(text, len(indexes) - 1)


@table("text", ["", "1 ", "1,2", "5 0", "0x2", "1x", "-1", "1x999999999", "١"])
def test_steps_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_steps(text, 1_000)


@given(st.sets(st.text("ab01", min_size=1, max_size=4), min_size=1), st.lists(st.text("ab01x", max_size=8)))
def test_names_are_found_in_a_value_in_one_pass_as_by_looking_for_each(names: set[str], values: list[str]) -> None:
    found = Names(names)
    for value in values:
        assert found.any_in(value.encode()) == any(name in value for name in names)


# ---------------------------------------------------------------- by age


@pytest.mark.long
def test_a_month_is_erased_once_its_end_is_over_the_age(home: LogHome) -> None:
    with opened(home) as it:
        erased = it.eraser.by_age(before("2023-11-30"), WHY)
        assert {item.key_id for item in erased} == {
            f"{name}/{month}" for name in CLASSES for month in ("2023-09", "2023-10")
        }
        assert it.erased() == {0, 1, 2, 3}
        assert all(item.entries == {"exchange/1": 1} and not item.kept for item in erased)
        assert it.eraser.by_age(before("2023-11-30"), WHY) == []


@pytest.mark.long
def test_a_class_that_is_not_named_stays(home: LogHome) -> None:
    with opened(home) as it:
        it.eraser.by_age(before("2024-01-01", Retention.HIT), WHY)
        assert {shown.private.get("case") for shown in it.shown()} >= {"case 0 nohit", "case 3 nohit"}
        assert it.erased() == {0, 2, 4, 6}


@pytest.mark.long
def test_a_plan_changes_nothing_and_says_what_comes(home: LogHome) -> None:
    with opened(home) as it:
        now = home.clock.now_us()
        planned = plan_by_age(it.store, it.one.content, it.keys, now, before("2024-01-01"))
        assert it.erased() == set()
        assert it.operations.size == 0
        done = it.eraser.by_age(before("2024-01-01"), WHY)
        assert [(item.key_id, item.entries) for item in planned] == [(item.key_id, item.entries) for item in done]


@pytest.mark.long
def test_every_proof_still_verifies_and_every_entry_is_as_it_was(home: LogHome) -> None:
    with opened(home) as it:
        proofs = [it.exchange.proof(index) for index in range(it.exchange.size)]
        bodies = [body for _, body, _ in it.store.bodies("exchange/1", 0, it.exchange.size)]
        it.eraser.by_age(before("2024-01-01"), WHY)
    with opened(home) as it:  # opening hashes every row again
        assert bodies == [body for _, body, _ in it.store.bodies("exchange/1", 0, it.exchange.size)]
        for proof, body in zip(proofs, bodies, strict=True):
            head = verify_checkpoint(proof.checkpoint, it.exchange.origin, VerifyKey.admit(home.key.spki))
            verify_inclusion(leaf_hash(body), proof.index, head.size, proof.hashes, head.root)


@pytest.mark.long
def test_the_entry_says_what_went_and_is_itself_never_erased(home: LogHome) -> None:
    with opened(home) as it:
        it.eraser.entries({"exchange/1": [1]}, ErasureReason("court-order", "A. Clerk", "order", "2026/17", "f" * 16))
        (proof,) = list(show(it.store, it.keys, "operations/1", Filter(kind="key-destroyed")))
        assert proof.private["key_id"] == "nohit/2023-09"
        assert (proof.private["ground"], proof.private["reference"]) == ("court-order", "2026/17")
        assert (proof.private["entries"], proof.private["indexes"]) == ({"exchange/1": 1}, {"exchange/1": "1"})
        with pytest.raises(Forbidden, match="never erased"):
            it.eraser.entries({"operations/1": [proof.entry.index]}, WHY)
        it.eraser.by_age({**before("2060-01-01", *CLASSES, Retention.OPERATIONS)}, WHY)
        assert it.erased("operations/1") == set()


# ---------------------------------------------------------------- single entries


@pytest.mark.long
def test_one_entry_goes_and_its_month_stays(home: LogHome) -> None:
    with opened(home) as it:
        month = it.exchange.append([answered(private={"case": f"today {number}"}) for number in range(250)])
        wanted = logged(month)[100].index
        it.eraser.entries({"exchange/1": [wanted]}, WHY)
        assert it.erased() == {wanted}
        more = logged(it.exchange.append([answered(private={"case": "after"})]))
        assert it.shown()[more[0].index].private["case"] == "after"


def test_what_is_not_there_is_named_and_nothing_is_erased(home: LogHome) -> None:
    with opened(home) as it:
        with pytest.raises(Unknown, match="no entry 999"):
            it.eraser.entries({"exchange/1": [0, 999]}, WHY)
        assert it.erased() == set()


@pytest.mark.long
def test_what_an_officer_was_shown_goes_with_the_entry(home: LogHome) -> None:
    with opened(home) as it:
        search, other = f"{5:032x}", f"{99:032x}"
        now = home.clock.now_us()
        it.documents.put("search", search, b'{"id":"%s"}' % search.encode(), now + 10**12)
        it.documents.put("copy", f"{search}/x/0", b"a record", now + 10**12)
        it.documents.put("idempotency", "th.o.1/k", f"{search} hash".encode(), now + 10**12)
        it.documents.put("search", other, b'{"id":"%s"}' % other.encode(), now + 10**12)
        old = it.keys.current(DOCUMENTS, now)
        it.eraser.entries({"exchange/1": [11]}, WHY)
        assert it.documents.get("search", search) is None
        assert it.documents.get("copy", f"{search}/x/0") is None
        assert it.documents.get("idempotency", "th.o.1/k") is None
        assert it.documents.get("search", other) is not None
        assert it.keys.is_destroyed(old)


@pytest.mark.long
def test_the_value_is_in_no_file_and_an_older_copy_of_the_database_holds_no_way_to_it(
    home: LogHome, tmp_path: Path
) -> None:
    canary = b"CANARY-4c1f9e-PHONGSAVANH"
    with opened(home) as it:
        draft = answered(private={"case": canary.decode()}, request=canary * 9, answer=canary * 4000 + os.urandom(2000))
        index = logged(it.exchange.append([draft]))[0].index
        it.documents.put("search", "s", canary)
        wrapped = next(iter(it.store.entries("exchange/1", index, index + 1))).content
        shutil.copytree(home.folder, tmp_path / "backup", ignore=shutil.ignore_patterns("keystore"))
        it.eraser.entries({"exchange/1": [index]}, WHY)
    assert files_with(home.folder, canary) == []
    assert wrapped is not None
    assert files_with(home.folder, wrapped.private) == []
    assert files_with(home.folder, wrapped.private[100:200]) == []
    # The backup holds the ciphertext, and the keystore no key to it.
    assert files_with(tmp_path / "backup", wrapped.private)
    with pytest.raises(Unknown, match="erased"):
        home.keystore.open_content("exchange/1", index, wrapped)


# ---------------------------------------------------------------- holds


def hold(it: Open, days: int = 30, **places: Any) -> HoldOrder:
    order = HoldOrder(
        MemberId("th"),
        HoldAction.PLACE,
        "hold-0123456789ab",
        "court case 7",
        places.get("entries", {}),
        places.get("exchanges", ()),
        home_us(it) + days * 86_400_000_000,
    )
    it.operations.append([placed_entry(order, {})])
    return order


def home_us(it: Open) -> int:
    return it.home.clock.now_us()


@pytest.mark.long
def test_what_is_held_is_refused_by_entry_and_kept_by_age(home: LogHome) -> None:
    with opened(home) as it:
        exchange = it.shown()[3].entry.exchange_id
        hold(it, entries={"exchange/1": (0,)}, exchanges=(exchange,))
        for index in (0, 3):
            with pytest.raises(Forbidden, match="legal hold `hold-0123456789ab`"):
                it.eraser.entries({"exchange/1": [1, index]}, WHY)
        erased = it.eraser.by_age(before("2024-01-01"), WHY)
        assert it.erased() == {1, 2, 4, 5, 6, 7}
        assert {item.held_by for item in erased} == {()}  # alone in its month, what is held needs no new key
        assert it.shown()[0].private["case"] == "case 0 hit"


@pytest.mark.long
def test_a_held_entry_stays_while_its_month_goes_and_goes_when_the_hold_ends(home: LogHome) -> None:
    clock = home.clock
    assert isinstance(clock, ManualClock)
    with opened(home) as it:
        it.exchange.append([answered(private={"case": "x"}) for _ in range(4)])
        last = it.exchange.size - 1
        hold(it, entries={"exchange/1": (last,)})
        clock.advance(timedelta(days=20))
        (erased,) = it.eraser.by_age(before("2024-04-01", Retention.NO_HIT), WHY)[-1:]
        assert (erased.entries, erased.kept, erased.held_by) == ({"exchange/1": 3}, 1, ("hold-0123456789ab",))
        assert last not in it.erased()
        assert it.eraser.by_age(before("2024-04-01", Retention.NO_HIT), WHY) == []
        clock.advance(timedelta(days=20))
        it.eraser.by_age(before("2024-04-01", Retention.NO_HIT), WHY)
        assert last in it.erased()


# ---------------------------------------------------------------- crashes


class Stopped(BaseException):
    """The process ends here."""


@contextmanager
def stops_at(it: Open, call: int) -> Iterator[list[str]]:
    """Let everything that changes something go on for `call` calls, then end; what was called is told."""
    called: list[str] = []
    changing = (
        (it.one.keys, ("retire", "destroy")),
        (it.one.content, ("rewrap", "empty", "reseal_small", "wipe")),
        (it.one.tombstones, ("note_destroyed", "note_emptied")),
        (it.one.operations, ("append",)),
    )
    for part, names in changing:
        for name in names:
            setattr(part, name, _counted(getattr(part, name), name, called, call))
    try:
        yield called
    except Stopped:
        return


def _counted(work: Callable[..., Any], name: str, called: list[str], stop: int) -> Callable[..., Any]:
    def counted(*arguments: Any, **more: Any) -> Any:
        if len(called) == stop:
            raise Stopped
        called.append(name)
        return work(*arguments, **more)

    return counted


@pytest.mark.long
def test_a_crash_between_any_two_steps_is_taken_up_where_it_was(tmp_path: Path) -> None:
    home = LogHome(tmp_path / "small", clock=ManualClock(START))
    home.folder.mkdir()
    fill(home, months=2)
    wanted = {"exchange/1": [2]}
    steps = 0
    while True:
        copy = home.copy(tmp_path / f"crash-{steps}")
        copy.clock = ManualClock(from_us(home.clock.now_us()))
        with opened(copy) as it:
            it.documents.put("search", f"{1:032x}", b"shown")
            it.documents.put("search", "other", b"kept")
            with stops_at(it, steps) as called:
                it.eraser.entries(wanted, WHY)
                break
        with opened(copy) as it:
            it.eraser.resume()
            it.eraser.entries(wanted, WHY)
            assert it.erased() == {2}
            assert it.documents.get("search", "other") == b"kept"
            assert it.documents.get("search", f"{1:032x}") is None
            assert it.tombstones.unfinished() == []
        steps += 1
    assert steps >= len(called) > 10


@pytest.mark.long
def test_a_key_that_somebody_put_back_is_destroyed_again_with_an_alarm(home: LogHome, tmp_path: Path) -> None:
    shutil.copytree(home.folder / "keystore", tmp_path / "old-keys")
    with opened(home) as it:
        it.eraser.by_age(before("2023-10-15"), WHY)
    shutil.rmtree(home.folder / "keystore")
    shutil.copytree(tmp_path / "old-keys", home.folder / "keystore")
    with opened(home) as it:
        assert it.eraser.resume() == 2
        assert it.keys.is_destroyed("hit/2023-09")
        alarms = list(show(it.store, it.keys, "operations/1", Filter(kind="alarm")))
        assert {shown.private["code"] for shown in alarms} == {"key-came-back"}
        assert it.eraser.resume() == 0


@pytest.mark.long
def test_an_older_database_is_emptied_of_what_was_erased(home: LogHome, tmp_path: Path) -> None:
    shutil.copyfile(home.database_path, tmp_path / "old.sqlite")
    with opened(home) as it:
        stored = next(iter(it.store.entries("exchange/1", 0, 1))).content
        it.eraser.by_age(before("2023-10-15"), WHY)
    assert stored is not None
    shutil.copyfile(tmp_path / "old.sqlite", home.database_path)
    (home.highwater / "operations-1").unlink()
    with home.database() as database:
        assert empty_destroyed(database, Tombstones(home.highwater / "destroyed-keys"), home.keystore) == 2
    with opened(home) as it:
        assert it.erased() == {0, 1}
    assert files_with(home.folder, stored.private) == []


# ---------------------------------------------------------------- the list of destroyed keys


def test_a_torn_line_is_one_that_was_never_written(tmp_path: Path) -> None:
    tombstones = Tombstones(tmp_path / "list")
    tombstones.note_destroyed("hit/2023-09")
    with (tmp_path / "list").open("ab") as file:
        file.write(b"hit/2023-10 destr")
    assert tombstones.destroyed() == ["hit/2023-09"]
    tombstones.note_emptied("hit/2023-09")
    assert tombstones.unfinished() == []


@table("line", [b"hit/2023-09\n", b"../x destroyed\n", b"hit/2023-09 gone\n", b"\xff destroyed\n"])
def test_a_list_that_is_none_is_refused(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "list").write_bytes(line)
    with pytest.raises(Misconfigured, match="not a list of destroyed keys"):
        Tombstones(tmp_path / "list").destroyed()


# ---------------------------------------------------------------- invariant


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    targets=st.sets(st.integers(0, 11), max_size=6),
    held=st.sets(st.integers(0, 11), max_size=4),
    month=st.integers(9, 14),
)
@pytest.mark.long
def test_exactly_what_is_wanted_and_not_held_is_erased(
    home: LogHome, tmp_path_factory: pytest.TempPathFactory, targets: set[int], held: set[int], month: int
) -> None:
    copy = home.copy(tmp_path_factory.mktemp("case") / "home")
    copy.clock = ManualClock(from_us(home.clock.now_us()))
    with opened(copy) as it:
        whole = it.shown()
        if held:
            hold(it, entries={"exchange/1": tuple(sorted(held))})
        end = to_us(datetime(2023 + month // 13, (month - 1) % 12 + 1, 1, tzinfo=UTC))
        free = targets - held
        it.eraser.entries({"exchange/1": free}, WHY)
        it.eraser.by_age(dict.fromkeys(CLASSES, end), WHY)
        over = {shown.entry.index for shown in whole if shown.entry.time_us < end}
        gone = free | (over - held)
        assert it.erased() == gone
        assert [shown.private for shown in it.shown() if not shown.erased] == [
            shown.private for shown in whole if shown.entry.index not in gone
        ]
        assert {content_key_id(item).id for item in it.keys.key_ids()}.isdisjoint(it.tombstones.destroyed())
        assert len(read_holds(it.store, it.keys)) == bool(held)


@pytest.mark.long
def test_a_draft_without_content_is_no_obstacle(home: LogHome) -> None:
    with opened(home) as it:
        it.operations.append([events.ALARM.draft(code=new_id())])
        it.eraser.entries({"operations/1": [0]}, WHY)
        assert it.erased("operations/1") == {0}


# ---------------------------------------------------------------- justifications


@pytest.mark.long
def test_duty_l11_a_reason_lies_apart_from_its_exchange_is_linked_to_it_and_has_a_clock_of_its_own(
    tmp_path: Path,
) -> None:
    """An act's entry holds the reason, under keys of its own class. Both entries name the exchange in the clear."""
    home = LogHome(tmp_path / "home", clock=ManualClock(START))
    home.folder.mkdir()
    exchange_id = new_id()

    def reasons(it: Open) -> list[str]:
        return [shown.private.get("reason", "") for shown in show(it.store, it.keys, "operations/1", of)]

    of = Filter(exchange_id=exchange_id)
    with opened(home) as it:
        it.exchange.append([answered(exchange_id=exchange_id, private={"case": "case 1"}, retention=Retention.HIT)])
        act = events.DESK_ACT.draft(peer="vn", exchange_id=exchange_id, act="mark", reason="the national id")
        assert act.retention is Retention.JUSTIFICATION
        it.operations.append([act])
        assert reasons(it) == ["the national id"]
        assert [shown.private["case"] for shown in show(it.store, it.keys, "exchange/1", of)] == ["case 1"]
        it.eraser.by_age(before("2024-01-01", Retention.HIT), WHY)
        assert it.erased() == {0}
        assert reasons(it) == ["the national id"], "the exchange is forgotten, and why it was asked is not"
        it.eraser.by_age(before("2024-01-01", Retention.JUSTIFICATION), WHY)
        assert reasons(it) == [""]
        assert it.erased("operations/1") == {0}
