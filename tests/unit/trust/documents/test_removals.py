"""A status renews and removes, and nothing else: numbers of rules are those of `gateway.trust.documents.removals`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.clock import ManualClock, SystemClock
from gateway.errors import BadSignature, Contradicted, LiaisonError, Stale
from gateway.trust.ceremony.ceremony import import_document, publish_descriptor, publish_status
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.removals import AHEAD
from gateway.trust.documents.status import Status, sign_status
from gateway.trust.keeper import TrustKeeper
from tests.support.federation import Federation, make_federation

LARGEST = 2**53 - 1


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    """A copy with a clock that the test sets."""
    return founded.copy(tmp_path, ManualClock(founded.clock.now()))


def held(federation: Federation, at: str = "th") -> Status:
    """The status of `vn` that a member holds."""
    found = federation.view(at).status("vn")
    assert found
    return found


def forged(federation: Federation, **changes: object) -> bytes:
    """A status by the thief of the status key of `vn`."""
    now = federation.clock.now_us() // 1_000_000 * 1_000_000
    values: dict[str, object] = {"issued_us": now, "expires_us": now + 3_600_000_000, **changes}
    return sign_status(replace(held(federation), **values), federation["vn"].key("status"))  # type: ignore[arg-type]


def take(federation: Federation, data: bytes, member: str = "th") -> bool:
    return import_document(federation[member].home / "trust", data, federation.clock)[0].changed


def remove(federation: Federation, *files: str) -> list[str]:
    """The own node removes keys, and everybody takes it."""
    ids = [federation["vn"].key(file).key_id for file in files]
    federation.share(publish_status(federation["vn"].home, federation.clock, removed=ids))
    return ids


def republish(federation: Federation, **values: object) -> bytes:
    """The next descriptor of `vn`."""
    vn = federation["vn"]
    more = {"endpoints": ["127.0.0.1:7444"], "offices": [], "agencies": vn.agencies, **values}
    return publish_descriptor(vn.home, vn.authority, federation.clock, **more)  # type: ignore[arg-type]


def is_removed(federation: Federation, key_id: str, use: str = "statement", at: str = "th") -> bool:
    try:
        federation.view(at).verify_key("vn", key_id, use, federation.clock.now_us())
    except BadSignature:
        return True
    return False


def tick(federation: Federation, **by: float) -> None:
    assert isinstance(federation.clock, ManualClock)
    federation.clock.advance(timedelta(**by))


# ------------------------------------------------------------------ 3: removals only grow


@pytest.mark.long
@pytest.mark.parametrize("step", [1, 2, 500])
def test_3_a_stolen_status_key_cannot_bring_back_a_removed_key(federation: Federation, step: int) -> None:
    (gone,) = remove(federation, "statement")
    with pytest.raises(Contradicted) as caught:
        take(federation, forged(federation, sequence=held(federation).sequence + step, removed=()))
    assert caught.value.code == "removal-undone"
    assert Path(caught.value.where).exists()
    assert is_removed(federation, gone)


def test_3_another_removal_does_not_pay_for_bringing_one_back(federation: Federation) -> None:
    gone, other = (federation["vn"].key(name).key_id for name in ("statement", "log"))
    remove(federation, "statement")
    with pytest.raises(Contradicted):
        take(federation, forged(federation, sequence=held(federation).sequence + 1, removed=(other,)))
    assert is_removed(federation, gone)
    assert is_removed(federation, other, "log")  # what a status key removes is removed, whatever else it says


def test_3_the_own_node_may_renew_and_remove_more(federation: Federation) -> None:
    remove(federation, "statement")
    tick(federation, minutes=5)
    ids = remove(federation, "log")
    tick(federation, hours=30)
    federation.share(publish_status(federation["vn"].home, federation.clock))
    assert set(held(federation).removed) >= {federation["vn"].key("statement").key_id, *ids}


# ------------------------------------------------------------------ 2: numbers rise by what passed in time


@pytest.mark.parametrize("number", [LARGEST, 2**40, 1_000_000])
def test_2_a_jump_ahead_locks_nobody_out(federation: Federation, number: int) -> None:
    with pytest.raises(Stale) as caught:
        take(federation, forged(federation, sequence=number))
    assert caught.value.code == "number-ahead"
    assert take(federation, publish_status(federation["vn"].home, federation.clock))


@pytest.mark.long
def test_2_who_runs_ahead_as_far_as_it_goes_is_overtaken_within_a_day(federation: Federation) -> None:
    best = 0
    for number in range(1, 4 * AHEAD, 64):
        try:
            take(federation, forged(federation, sequence=number))
            best = number
        except LiaisonError:
            continue
    assert best >= AHEAD - 64
    tick(federation, hours=24)
    assert take(federation, publish_status(federation["vn"].home, federation.clock))


def test_2_a_home_of_an_earlier_version_that_holds_a_jump_is_freed_by_the_next_status(federation: Federation) -> None:
    """Version 0.1.0 took any number; what it holds blocks nothing, and what it removed stays removed."""
    gone = federation["vn"].key("statement").key_id
    for member in ("th", "vn"):
        path = TrustDocuments(federation[member].home / "trust").status_path("vn")
        path.write_bytes(forged(federation, sequence=LARGEST, removed=(gone,)) + b"\n")
    keeper = federation["th"].keeper()
    data = publish_status(federation["vn"].home, federation.clock)
    assert take(federation, data)
    assert keeper.refresh()
    assert keeper.view.status("vn") == held(federation)
    assert keeper.alarms == ()
    assert is_removed(federation, gone)


def test_2_a_clock_that_was_ahead_and_was_put_right_blocks_nothing(federation: Federation) -> None:
    ahead = ManualClock(federation.clock.now() + timedelta(days=90))
    publish_status(federation["vn"].home, ahead)
    tick(federation, minutes=1)
    assert take(federation, publish_status(federation["vn"].home, federation.clock))


def test_2_a_home_from_a_backup_is_heard_again_at_once(federation: Federation) -> None:
    documents = TrustDocuments(federation["vn"].home / "trust")
    old = documents.status_path("vn").read_bytes()
    for _ in range(3):
        tick(federation, hours=1)
        federation.share(publish_status(federation["vn"].home, federation.clock))
    documents.status_path("vn").write_bytes(old)
    tick(federation, minutes=2)
    assert take(federation, publish_status(federation["vn"].home, federation.clock))


def test_2_several_processes_publish_together(federation: Federation) -> None:
    problems: list[LiaisonError] = []

    def publish() -> None:
        try:
            publish_status(federation["vn"].home, federation.clock)
        except LiaisonError as error:
            problems.append(error)

    threads = [Thread(target=publish) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert take(federation, publish_status(federation["vn"].home, federation.clock))


# ------------------------------------------------------------------ 1: a new descriptor begins a new count


@pytest.mark.long
def test_1_only_a_new_descriptor_brings_a_key_back(federation: Federation) -> None:
    (gone,) = remove(federation, "statement")
    tick(federation, seconds=10)
    federation.share(republish(federation, restored=[gone]))
    assert is_removed(federation, gone)  # until the first status of the new count
    federation.share(publish_status(federation["vn"].home, federation.clock))
    assert not is_removed(federation, gone)
    assert federation["th"].keeper().alarms == ()


def test_1_a_new_descriptor_for_another_reason_brings_nothing_back(federation: Federation) -> None:
    """A thief of the status key waits for it, and says that nothing is removed."""
    (gone,) = remove(federation, "statement")
    tick(federation, seconds=10)
    federation.share(republish(federation, endpoints=["127.0.0.1:9"]))
    descriptor = federation.view().descriptor("vn")
    named = {"descriptor_version": descriptor.version, "descriptor_hash": descriptor.hash.hex()}
    assert take(federation, forged(federation, sequence=1, removed=(), **named))
    assert is_removed(federation, gone)


@pytest.mark.long
def test_1_a_removal_after_the_descriptor_was_drafted_stays(federation: Federation) -> None:
    """Its second signature takes days; meanwhile a key is removed."""
    elsewhere = federation.copy(federation.folder / "drafted", federation.clock)
    descriptor = republish(elsewhere, endpoints=["127.0.0.1:9"])
    tick(federation, minutes=10)
    (gone,) = remove(federation, "statement")
    tick(federation, minutes=10)
    federation.share(descriptor)
    federation.share(publish_status(federation["vn"].home, federation.clock))
    assert is_removed(federation, gone)
    named = {"descriptor_version": 2, "descriptor_hash": federation.view().descriptor("vn").hash.hex()}
    with pytest.raises(LiaisonError):
        take(federation, forged(federation, sequence=held(federation).sequence + 1, removed=(), **named))
    assert is_removed(federation, gone)


def test_1_a_new_descriptor_ends_what_a_thief_has_counted(federation: Federation) -> None:
    assert take(federation, forged(federation, sequence=AHEAD))
    federation.share(republish(federation, endpoints=["127.0.0.1:9"]))
    assert take(federation, publish_status(federation["vn"].home, federation.clock))
    with pytest.raises(Stale):
        take(federation, forged(federation, sequence=AHEAD + 1, descriptor_version=1, descriptor_hash="ab" * 32))


@pytest.mark.long
def test_1_a_descriptor_that_does_not_exist_begins_no_count(federation: Federation) -> None:
    (gone,) = remove(federation, "statement")
    for version in (2, 3, LARGEST):
        data = forged(federation, sequence=1, removed=(), descriptor_version=version, descriptor_hash="ab" * 32)
        take(federation, data)
        assert is_removed(federation, gone)
    assert take(federation, publish_status(federation["vn"].home, federation.clock))
    federation.view().freshness("vn", federation.clock.now_us())
    tick(federation, seconds=10)
    federation.share(republish(federation, endpoints=["127.0.0.1:9"]))
    federation.share(publish_status(federation["vn"].home, federation.clock))
    federation.view().freshness("vn", federation.clock.now_us())
    assert is_removed(federation, gone)


# ------------------------------------------------------------------ 4: a removal counts whatever its number


def test_4_of_two_statuses_of_one_number_both_are_kept_and_all_removals_count(federation: Federation) -> None:
    gone, before = federation["vn"].key("statement").key_id, held(federation)
    keeper = federation["th"].keeper()
    data = forged(federation, sequence=before.sequence, removed=(gone,))
    for _ in range(2):
        if not keeper.refresh():
            with pytest.raises(Contradicted) as caught:
                take(federation, data)
            assert Path(caught.value.where).read_bytes().strip() == data
    assert keeper.view.hash != federation.view("kh").hash
    assert "contradict" in keeper.alarms[0]
    assert is_removed(federation, gone)  # a new process, from the files alone
    assert not take(federation, data)
    assert held(federation).sequence == before.sequence
    with pytest.raises(Contradicted):
        take(federation, forged(federation, sequence=before.sequence + 1, removed=()))


def test_4_a_removal_that_comes_after_a_higher_number_counts(federation: Federation) -> None:
    """A thief runs ahead, so that the own node's removal seems to be old."""
    gone = federation["vn"].key("statement").key_id
    data = publish_status(federation["vn"].home, federation.clock, removed=[gone])
    assert take(federation, forged(federation, sequence=held(federation, "vn").sequence + 9))
    with pytest.raises(Contradicted):
        take(federation, data)
    assert is_removed(federation, gone)


def test_4_a_removed_status_key_removes_nothing(federation: Federation) -> None:
    with pytest.raises(BadSignature):
        remove(federation, "status")


def test_4_a_file_that_was_exchanged_by_hand_undoes_nothing_in_a_running_node(federation: Federation) -> None:
    keeper = federation["th"].keeper()
    (gone,) = remove(federation, "statement")
    keeper.refresh()
    path = TrustDocuments(federation["th"].home / "trust").status_path("vn")
    path.write_bytes(forged(federation, sequence=held(federation).sequence + 1, removed=()) + b"\n")
    assert not keeper.refresh()
    assert keeper.alarms
    with pytest.raises(BadSignature):
        keeper.view.verify_key("vn", gone, "statement", federation.clock.now_us())


@pytest.mark.long
def test_a_flood_of_contradictions_is_bounded(federation: Federation) -> None:
    before = held(federation)
    for number in range(40):
        with pytest.raises(LiaisonError):
            take(federation, forged(federation, sequence=before.sequence, removed=(f"{number:064x}",)))
    path = TrustDocuments(federation["th"].home / "trust").status_path("vn")
    assert len(path.read_bytes().splitlines()) == 1


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 12), st.sets(st.sampled_from(["statement", "log", "witness"])), st.booleans()),
        max_size=8,
    )
)
@pytest.mark.long
def test_whatever_the_status_key_signs_no_removal_is_ever_undone(
    federation: Federation, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, set[str], bool]]
) -> None:
    world = federation.copy(tmp_path_factory.mktemp("world"), federation.clock)
    keeper = TrustKeeper(world["th"].home / "trust", world.clock)
    gone: set[str] = set()
    for sequence, files, accepted in steps:
        ids = tuple(sorted(world["vn"].key(file).key_id for file in files))
        data = forged(world, sequence=sequence, removed=ids)
        if accepted:
            with suppress(LiaisonError):
                take(world, data)
        else:
            TrustDocuments(world["th"].home / "trust").status_path("vn").write_bytes(data + b"\n")
        keeper.refresh()
        now = keeper.view.status("vn")
        assert now
        assert gone <= set(now.removed)
        gone = set(now.removed)
