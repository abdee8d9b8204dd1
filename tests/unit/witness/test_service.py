"""A witness keeps the rules of C2SP tlog-witness. Numbers of checks are those of `gateway.witness.service`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs.keyfiles import spki
from gateway.audit.tree.checkpoint import origin, parse_checkpoint
from gateway.audit.tree.cosignature import Witness, read_lines, verify_cosignatures, witness_name
from gateway.audit.tree.merkle import EMPTY_ROOT
from gateway.errors import BadProof, BadSignature, Forbidden, HeadConflict, Malformed, Overloaded, Unavailable, Unknown
from gateway.model.names import MemberId
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.signing.witness_keys import WitnessSigningKey
from gateway.witness.seen_heads import MAX_EVIDENCE, MAX_LOGS
from gateway.witness.service import BEHIND_US, WitnessService, build_request, parse_request
from tests.support.witnesses import ORIGIN, TH, LogOf, StaticLogs, WitnessHouse, make_witness

VECTORS = json.loads((Path(__file__).parents[2] / "support" / "vectors" / "witness.json").read_text("utf-8"))
RACE = VECTORS["race"]
KEYS = (WitnessSigningKey(Ed25519PrivateKey.generate()),)


@pytest.fixture
def log() -> LogOf:
    """A log of seven entries."""
    return LogOf().grow(7)


@pytest.fixture
def house(log: LogOf, tmp_path: Path) -> Iterator[WitnessHouse]:
    """Its witness."""
    made = make_witness(tmp_path, StaticLogs({ORIGIN: (TH, [log.key.verify_key()])}))
    yield made
    made.database.close()


def cosigned(house: WitnessHouse, head: bytes, lines: bytes) -> int:
    """How many of the lines verify over the head."""
    keys = [Witness(witness_name("vn"), "vn", False, key.public, 0, 2**63) for key in house.keys]
    return len(verify_cosignatures(parse_checkpoint(head), read_lines(lines), keys, house.clock.now_us()))


# ------------------------------------------------------------------ what another implementation published


@pytest.fixture
def published(tmp_path: Path) -> Iterator[WitnessHouse]:
    """A witness of the log whose heads are published."""
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(RACE["log_key"]))
    made = make_witness(tmp_path, StaticLogs({RACE["origin"]: (TH, [VerifyKey.admit(spki(public))])}))
    yield made
    made.database.close()


def test_g21_a_published_sequence_of_heads_is_cosigned_and_a_late_request_does_not_roll_back(
    published: WitnessHouse,
) -> None:
    published.service.add_checkpoint(TH, RACE["first"].encode())
    published.service.add_checkpoint(TH, RACE["longer"].encode())
    with pytest.raises(HeadConflict) as conflict:
        published.service.add_checkpoint(TH, RACE["shorter"].encode())
    assert conflict.value.size == 5
    known = published.store.witnessed(RACE["origin"])
    assert known is not None
    assert (known.size, known.root.hex()) == (5, RACE["end_root"])


def test_g21_the_race_of_the_specification_never_rolls_back(published: WitnessHouse) -> None:
    """Two requests from one head: the shorter one stands still between its check and its write."""
    published.service.add_checkpoint(TH, RACE["first"].encode())
    advance = published.store.advance

    def late(before: object, head: object) -> bool:
        published.store.advance = advance  # type: ignore[method-assign]
        published.service.add_checkpoint(TH, RACE["longer"].encode())
        return advance(before, head)  # type: ignore[arg-type]

    published.store.advance = late  # type: ignore[method-assign]
    with pytest.raises(HeadConflict) as conflict:
        published.service.add_checkpoint(TH, RACE["shorter"].encode())
    assert conflict.value.size == 5
    known = published.store.witnessed(RACE["origin"])
    assert known is not None
    assert known.root.hex() == RACE["end_root"]


def test_the_published_sequence_goes_through_the_shorter_head_as_well(published: WitnessHouse) -> None:
    published.service.add_checkpoint(TH, RACE["first"].encode())
    published.service.add_checkpoint(TH, RACE["shorter"].encode())
    with pytest.raises(HeadConflict) as conflict:
        published.service.add_checkpoint(TH, RACE["longer"].encode())
    assert conflict.value.size == 3


# ------------------------------------------------------------------ the checks


def test_heads_that_extend_each_other_are_cosigned_by_both_keys(log: LogOf, house: WitnessHouse) -> None:
    for old, size in ((0, 3), (3, 3), (3, 7)):
        lines = house.service.add_checkpoint(TH, log.request(old, size))
        assert cosigned(house, log.head(size), lines) == 2
    assert house.service.largest_head(TH, ORIGIN) == log.head(7)
    assert house.found == []


def test_the_same_head_twice_is_no_conflict_and_has_a_later_time(log: LogOf, house: WitnessHouse) -> None:
    first = house.service.add_checkpoint(TH, log.request(0))
    house.clock.advance(timedelta(seconds=61))
    again = house.service.add_checkpoint(TH, log.request(7))
    assert first != again
    assert cosigned(house, log.head(), again) == 2
    assert house.found == []


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"old 3", b"old 03"),
        lambda body: body.replace(b"old 3", b"old -3"),
        lambda body: body.replace(b"old 3", b"old  3"),
        lambda body: body.replace(b"old 3", b"old 3\r"),
        lambda body: body.replace(b"old 3", b"new 3"),
        lambda body: body.replace(b"old 3\n", b""),
        lambda body: body.replace(b"old 3\n", b"old 3\n\n"),
        lambda body: body.replace(b"old 3\n", b"old 3\nAAAA\n"),
        lambda body: body.replace(b"old 3\n", b"old 3\n*\n"),
        lambda body: body.replace(b"old 3\n", b"old 3\n\xff\n"),
        lambda body: body.replace(b"old 3\n", b"old 3\n" + b"KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64),
        lambda body: body.replace(b"\n\n", b"\n"),
        lambda body: body.partition(b"\n\n")[0],
        lambda body: body + b"x" * 40_000,
        lambda _body: b"",
    ],
)
def test_1_a_request_has_one_form(log: LogOf, house: WitnessHouse, change: Callable[[bytes], bytes]) -> None:
    house.service.add_checkpoint(TH, log.request(0, 3))
    body = change(log.request(3))
    with pytest.raises(Malformed):
        house.service.add_checkpoint(TH, body)
    known = house.store.witnessed(ORIGIN)
    assert known is not None
    assert known.size == 3


@settings(max_examples=50)
@given(body=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f"old 0\n\n{text}".encode()))
def test_1_whatever_comes_parses_or_is_malformed(body: bytes) -> None:
    try:
        parse_request(body)
    except Malformed:
        return


def test_1_a_head_with_extension_lines_is_not_cosigned(log: LogOf, house: WitnessHouse) -> None:
    head = log.head().replace(b"\n\n", b"\nextra\n\n")
    with pytest.raises(Malformed, match="extension"):
        house.service.add_checkpoint(TH, build_request(0, (), head))


@pytest.mark.parametrize("name", ["la.liaison.internal/exchange/1", "example.com/behind-the-sofa", "x"])
def test_2_a_log_that_is_not_known_is_not_found(log: LogOf, house: WitnessHouse, name: str) -> None:
    other = LogOf(log.key, name).grow(3)
    with pytest.raises(Unknown):
        house.service.add_checkpoint(TH, other.request(0))
    with pytest.raises(Unknown):
        house.service.largest_head(TH, name)


def test_2_a_log_is_cosigned_and_shown_for_its_own_member_only(log: LogOf, house: WitnessHouse) -> None:
    house.service.add_checkpoint(TH, log.request(0))
    with pytest.raises(Forbidden):
        house.service.add_checkpoint(MemberId("kh"), log.request(7))
    with pytest.raises(Forbidden):
        house.service.largest_head(MemberId("kh"), ORIGIN)


def test_3_a_head_by_another_key_or_without_a_signature_is_refused(log: LogOf, house: WitnessHouse) -> None:
    thief = LogOf(SigningKey(Ed25519PrivateKey.generate()), leaves=log.leaves)
    with pytest.raises(BadSignature):
        house.service.add_checkpoint(TH, thief.request(0))
    with pytest.raises(BadSignature):
        house.service.add_checkpoint(TH, log.request(0).replace(b"\n7\n", b"\n8\n"))
    assert house.store.witnessed(ORIGIN) is None


def test_3_signatures_of_unknown_keys_beside_ours_are_ignored(log: LogOf, house: WitnessHouse) -> None:
    thief = LogOf(SigningKey(Ed25519PrivateKey.generate()), leaves=log.leaves).head().partition(b"\n\n")[2]
    lines = house.service.add_checkpoint(TH, build_request(0, (), log.head() + thief))
    assert cosigned(house, log.head(), lines) == 2


def test_4_an_old_size_above_the_heads_is_malformed(log: LogOf, house: WitnessHouse) -> None:
    with pytest.raises(Malformed):
        house.service.add_checkpoint(TH, build_request(8, (), log.head()))


def test_5_a_memory_that_was_put_back_is_noticed_and_mended(log: LogOf, house: WitnessHouse, tmp_path: Path) -> None:
    house.service.add_checkpoint(TH, log.request(0, 3))
    old = tmp_path / "copy"
    old.mkdir()
    house.database.close()
    (old / "witness.sqlite").write_bytes((tmp_path / "witness.sqlite").read_bytes())
    logs = StaticLogs({ORIGIN: (TH, [log.key.verify_key()])})
    later = make_witness(tmp_path, logs, house.keys)
    lines = later.service.add_checkpoint(TH, log.request(3, 5))
    later.database.close()
    put_back = make_witness(old, logs, house.keys)
    fork = log.branch(3).grow(4, "other ")
    with pytest.raises(BadProof):
        put_back.service.add_checkpoint(TH, build_request(5, (), fork.head()), log.head(5) + lines)
    known = put_back.store.witnessed(ORIGIN)
    assert known is not None
    assert known.size == 5
    assert [item.code for item in put_back.found] == ["went-back", "no-proof"]
    assert put_back.service.add_checkpoint(TH, log.request(5, 7), log.head(5) + lines)
    put_back.database.close()


def test_5_only_our_own_cosignature_recalls_a_head(log: LogOf, house: WitnessHouse, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_witness(tmp_path / "other", StaticLogs({ORIGIN: (TH, [log.key.verify_key()])}))
    theirs = log.head(5) + other.service.add_checkpoint(TH, log.request(0, 5))
    other.database.close()
    house.service.add_checkpoint(TH, log.request(0, 3), theirs)
    known = house.store.witnessed(ORIGIN)
    assert known is not None
    assert known.size == 3
    assert house.found == []


def test_6_another_head_of_the_same_size_is_a_fork_and_evidence(log: LogOf, house: WitnessHouse) -> None:
    house.service.add_checkpoint(TH, log.request(0))
    fork = log.branch(5).grow(2, "other ")
    for old in (7, 0):
        with pytest.raises(HeadConflict) as conflict:
            house.service.add_checkpoint(TH, build_request(old, (), fork.head()))
        assert conflict.value.size == 7
    assert [(item.code, item.known, item.offered) for item in house.store.evidence()] == [
        ("fork", log.head(), fork.head())
    ]
    assert len(house.found) == 1


@pytest.mark.parametrize("old", [0, 2, 4])
def test_7_a_wrong_old_size_is_answered_with_the_size_that_is_known(log: LogOf, house: WitnessHouse, old: int) -> None:
    house.service.add_checkpoint(TH, log.request(0, 3))
    with pytest.raises(HeadConflict) as conflict:
        house.service.add_checkpoint(TH, log.request(old))
    assert conflict.value.size == 3
    assert house.found == []


def test_7_a_log_that_went_back_is_evidence_once_it_cannot_have_been_overtaken(log: LogOf, house: WitnessHouse) -> None:
    house.service.add_checkpoint(TH, log.request(0))
    for step_us, kept in ((0, 0), (BEHIND_US + 1, 1)):
        house.clock.advance(timedelta(microseconds=step_us))
        with pytest.raises(HeadConflict):
            house.service.add_checkpoint(TH, log.request(5, 5))
        assert [item.code for item in house.found] == ["behind"] * kept


def test_8_a_proof_that_does_not_hold_is_refused_and_kept(log: LogOf, house: WitnessHouse) -> None:
    house.service.add_checkpoint(TH, log.request(0, 3))
    right = log.tree().consistency(3, 7)
    for proof in ((), right[:-1], (*right, right[0]), tuple(reversed(right))):
        with pytest.raises(BadProof):
            house.service.add_checkpoint(TH, build_request(3, proof, log.head()))
    fork = log.branch(2).grow(6, "other ")
    with pytest.raises(BadProof):
        house.service.add_checkpoint(TH, fork.request(3))
    assert {item.offered for item in house.store.evidence()} == {log.head(), fork.head()}
    house.service.add_checkpoint(TH, log.request(3))


@pytest.mark.parametrize(
    "changed",
    [
        lambda leaves: [*leaves[:3], bytes(32), *leaves[4:]],
        lambda leaves: leaves[:-1],
        lambda leaves: [*leaves[:3], *leaves[4:]],
        lambda leaves: [*leaves[:3], bytes(32), *leaves[3:]],
        lambda leaves: [leaves[0], leaves[4], *leaves[2:4], leaves[1], *leaves[5:]],
    ],
    ids=["CASE-G1, CASE-G6 an entry is changed", "CASE-G2 the last one is gone", "CASE-G3 a middle one is gone",
         "CASE-G4 one is inserted", "CASE-G5 two are swapped"],
)  # fmt: skip
@pytest.mark.parametrize("more", [0, 1, 5])
def test_g1_to_g6_a_changed_log_is_not_cosigned_although_its_own_key_signs_it(
    log: LogOf, house: WitnessHouse, changed: Callable[[list[bytes]], list[bytes]], more: int
) -> None:
    """Whoever has the database and the log's key, and makes all hashes fit, is refused in the next round."""
    house.service.add_checkpoint(TH, log.request(0))
    forged = LogOf(log.key, log.origin, changed(log.leaves)).grow(more, "later ")
    with pytest.raises((BadProof, HeadConflict)):
        house.service.add_checkpoint(TH, forged.request(min(7, len(forged.leaves))))
    assert house.service.largest_head(TH, ORIGIN) == log.head()
    house.clock.advance(timedelta(microseconds=BEHIND_US + 1))
    with pytest.raises((BadProof, HeadConflict)):
        house.service.add_checkpoint(TH, forged.request(min(7, len(forged.leaves))))
    assert forged.head() in {item.offered for item in house.store.evidence()}


def test_8_the_proof_from_nothing_is_empty(log: LogOf, house: WitnessHouse) -> None:
    with pytest.raises(BadProof):
        house.service.add_checkpoint(TH, build_request(0, (bytes(32),), log.head()))
    empty = LogOf(log.key)
    assert empty.tree().root() == EMPTY_ROOT
    house.service.add_checkpoint(TH, empty.request(0))
    house.service.add_checkpoint(TH, empty.request(0))
    house.service.add_checkpoint(TH, log.request(0))


@pytest.mark.long
def test_9_of_requests_at_the_same_time_each_extends_what_was_cosigned_before(log: LogOf, house: WitnessHouse) -> None:
    """Whatever the order: what was cosigned is one chain, and the newest head is the largest that was cosigned."""
    house.service.add_checkpoint(TH, log.request(0, 1))
    together, done = Barrier(6), []

    def ask(size: int) -> None:
        together.wait()
        with suppress(HeadConflict):
            house.service.add_checkpoint(TH, log.request(1, size))
            done.append(size)

    threads = [Thread(target=ask, args=(size,)) for size in range(2, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    known = house.store.witnessed(ORIGIN)
    assert known is not None
    assert done == [known.size]


# ------------------------------------------------------------------ hostile counterparts


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["log", "fork"]), st.integers(0, 12), st.integers(0, 12)), max_size=12))
@pytest.mark.long
def test_no_two_cosigned_heads_ever_contradict_each_other(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    """Whatever a hostile log asks for, from two branches of itself: everything cosigned is on one branch."""
    honest = LogOf().grow(12)
    branches = {"log": honest, "fork": honest.branch(4).grow(8, "other ")}
    house = make_witness(
        tmp_path_factory.mktemp("witness"), StaticLogs({ORIGIN: (TH, [honest.key.verify_key()])}), KEYS
    )
    newest, roots = 0, {}
    for name, old, size in steps:
        try:
            house.service.add_checkpoint(TH, branches[name].request(old, size))
        except (HeadConflict, BadProof, Malformed):
            continue
        assert size >= newest
        newest = size
        roots[size] = branches[name].tree().root(size)
    assert any(all(branch.tree().root(size) == root for size, root in roots.items()) for branch in branches.values())
    house.database.close()


@pytest.mark.long
def test_a_log_that_forks_again_and_again_fills_no_disk(log: LogOf, house: WitnessHouse) -> None:
    house.service.add_checkpoint(TH, log.request(0))
    for number in range(MAX_EVIDENCE + 5):
        with pytest.raises(HeadConflict):
            house.service.add_checkpoint(TH, build_request(7, (), log.branch(6).grow(1, f"{number} ").head()))
    assert len(house.store.evidence()) == len(house.found) == MAX_EVIDENCE


def test_a_member_has_a_bounded_number_of_logs(log: LogOf, tmp_path: Path) -> None:
    names = [origin("th", "exchange", number) for number in range(1, MAX_LOGS + 2)]
    house = make_witness(tmp_path, StaticLogs({name: (TH, [log.key.verify_key()]) for name in names}))
    for name in names[:-1]:
        house.service.add_checkpoint(TH, LogOf(log.key, name).grow(1).request(0))
    with pytest.raises(Overloaded):
        house.service.add_checkpoint(TH, LogOf(log.key, names[-1]).grow(1).request(0))
    house.service.add_checkpoint(TH, LogOf(log.key, names[0]).grow(2).request(1))
    house.database.close()


def test_what_is_kept_of_a_head_is_not_padded_by_the_log(log: LogOf, house: WitnessHouse) -> None:
    junk = b"".join(
        f"— {ORIGIN} {base64.b64encode(bytes([number]) * 300).decode()}\n".encode() for number in range(1, 30)
    )
    house.service.add_checkpoint(TH, build_request(0, (), log.head() + junk))
    assert house.service.largest_head(TH, ORIGIN) == log.head()
    with pytest.raises(HeadConflict):
        house.service.add_checkpoint(TH, build_request(7, (), log.branch(6).grow(1, "other ").head() + junk))
    assert house.found[0].offered == log.branch(6).grow(1, "other ").head()


def test_a_witness_whose_clock_has_jumped_cosigns_nothing(log: LogOf, house: WitnessHouse) -> None:
    house.clock.jump(timedelta(hours=1))
    with pytest.raises(Unavailable, match="jumped"):
        house.service.add_checkpoint(TH, log.request(0))
    house.clock.jump(timedelta(hours=-1))
    house.service.add_checkpoint(TH, log.request(0))


def test_a_log_is_not_cosigned_without_pause(log: LogOf, house: WitnessHouse) -> None:
    service = WitnessService(
        house.service._cosigner, house.store, house.service._logs, house.clock, house.found.append, pause_s=5
    )
    service.add_checkpoint(TH, log.request(0, 3))
    with pytest.raises(Overloaded):
        service.add_checkpoint(TH, log.request(3))
    house.clock.advance(timedelta(seconds=5))
    service.add_checkpoint(TH, log.request(3))
