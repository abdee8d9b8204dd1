"""Opening a log's next number: when it may be, what is kept and lost, and that no step can be lost on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.audit.export.reader import ExportReader
from gateway.audit.log.log import AuditLog
from gateway.audit.log.numbers import begun_us
from gateway.audit.log.open_next import MARGIN, Loss, LostLog, Word
from gateway.audit.log.succession import continued_in
from gateway.audit.reading.evidence import HomeLog
from gateway.audit.tree.checkpoint import Signer, origin, parse_checkpoint
from gateway.audit.verify.findings import Check, State
from gateway.audit.verify.reconcile_exports import lost_times
from gateway.errors import Contradicted, Forbidden, LiaisonError, Malformed, Misconfigured, StorageBroken
from gateway.model.evidence.witness import HeadEvidence
from gateway.ports.log_store import LogState, NewEntry
from gateway.signing.keys import SigningKey
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered
from tests.support.audited import World, make_world

pytestmark = pytest.mark.usefixtures("engine")

WORD = Word("th.adm.7", "disk lost")


@pytest.fixture
def home(tmp_path: Path) -> LogHome:
    """Ten answers to `vn`."""
    home = LogHome(tmp_path / "home")
    home.fill(10, batch=2)
    return home


@contextmanager
def lost(home: LogHome, *shown: bytes, member: str = "th", name: str = "exchange") -> Iterator[LostLog]:
    """The log; `shown` are heads that a witness has shown."""
    with home.store() as store:
        evidence = [HeadEvidence(origin(member, name, 1), "ahead", head, b"", 0) for head in shown]
        yield LostLog(store, home.keystore, home.key, (), home.clock, member, name, home.highwater, evidence)


def opened(home: LogHome, *shown: bytes, word: Word = WORD) -> tuple[Loss, int, dict[str, int]]:
    settled: dict[str, int] = {}
    with lost(home, *shown) as log:
        loss = log.assess(unwitnessed=word.unwitnessed)
        return loss, log.open_next(loss, word, ("kh", "vn"), settled.__setitem__), settled


def head(home: LogHome, size: int, root: bytes = b"\1" * 32) -> bytes:
    """A head of a history that is lost."""
    return Signer(origin("th", "exchange", 1), home.key).sign(size, root)


def test_a_whole_log_is_refused(home: LogHome) -> None:
    with pytest.raises(Forbidden, match="nothing is lost"):
        opened(home)
    with home.log() as log:
        assert (log.number, log.size) == (1, 10)


def test_what_is_lost_stands_in_the_first_entry_and_the_log_goes_on(home: LogHome) -> None:
    known = head(home, 25)
    loss, number, settled = opened(home, known)
    assert (loss.kept and loss.kept.size, loss.lost.size, loss.entries, number) == (10, 25, 15, 2)
    assert settled == {"vn": 10 + 15 + MARGIN, "kh": 15 + MARGIN}
    with home.log() as log:
        assert (log.number, log.size, log.origin) == (2, 1, "th.liaison.internal/exchange/2")
        log.append([answered()])
    with home.store() as store:
        assert (begun_us(store, "exchange/1"), begun_us(store, "exchange/2") > 0) == (0, True)
        found = continued_in(store, "exchange/1")
        assert found is not None
        heads = [parse_checkpoint(data) for data in store.checkpoints("exchange/1")]
        assert (found.lost(heads), found.kept(heads)) == (parse_checkpoint(known), loss.kept)
        assert (
            len(store.channel("exchange/2", "in:vn", 1, 10_000)) == 11
        )  # a channel is read through all numbers of its log
        assert store.highest("exchange/2", "in:vn") == 10 + 15 + MARGIN + 1


def test_a_fork_keeps_what_comes_before_it(home: LogHome) -> None:
    """The database has ten entries, and a witness has seen another eight: only what is under earlier heads is kept."""
    loss, _, _ = opened(home, head(home, 8))
    assert loss.kept is not None
    assert loss.kept.size == 6
    assert loss.lost.size == 10
    with home.store() as store:
        assert HomeLog(store, home.keystore, "exchange/1", home.highwater).size == 6


def test_damaged_rows_end_what_is_kept(home: LogHome) -> None:
    home.sql("DELETE FROM log_entry WHERE seq = 7")
    with pytest.raises(Contradicted), home.log():
        pass
    loss, _, _ = opened(home)
    assert (loss.kept and loss.kept.size, loss.lost.size) == (6, 10)
    with home.log() as log:
        assert log.number == 2


@pytest.mark.long
def test_a_database_that_is_gone_leaves_the_high_water_file(home: LogHome, tmp_path: Path) -> None:
    for table in ("log_content", "log_entry", "log_checkpoint", "log_state"):
        home.sql(f"DELETE FROM {table}")
    with pytest.raises(Misconfigured, match="the database has no log"), home.log():
        pass
    loss, _, settled = opened(home)
    assert (loss.kept, loss.lost.size, loss.known_from) == (None, 10, "high-water")
    assert settled["vn"] == 10 + MARGIN
    with home.log() as log:
        assert (log.number, log.size) == (2, 1)


def test_a_head_that_our_key_did_not_sign_shows_nothing(home: LogHome) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    stranger = SigningKey(Ed25519PrivateKey.generate())
    with pytest.raises(Forbidden, match="nothing is lost"):
        opened(home, Signer(origin("th", "exchange", 1), stranger).sign(99, b"\1" * 32))


def test_without_a_proof_of_loss_a_human_has_to_say_so(home: LogHome) -> None:
    loss, number, _ = opened(home, word=Word("th.adm.7", "links are cut, the copy is of unknown age", unwitnessed=True))
    assert (loss.entries, number) == (0, 2)
    for bad in (Word("", "why"), Word("who", " ")):
        with lost(home) as log, pytest.raises(Malformed):
            log.open_next(loss, bad, (), lambda _peer, _through: None)


@pytest.mark.parametrize("fails_at", range(4))
@pytest.mark.long
def test_the_act_can_be_given_again_wherever_it_was_interrupted(
    home: LogHome, fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the first entry is durable no node starts on the next number."""
    known, calls, commit = head(home, 25), [], SqlLogStore.commit

    def failing(store: SqlLogStore, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
        calls.append(after.log)
        if len(calls) > fails_at:
            raise StorageBroken("no space is left", where="append")
        return commit(store, before, after, entries)

    with monkeypatch.context() as disk:
        disk.setattr(SqlLogStore, "commit", failing)
        try:
            opened(home, known)
            done = True
        except StorageBroken:
            done = False
    if not done and fails_at == 1:
        with pytest.raises(Misconfigured, match="not opened to the end"), home.log():
            pass
    if not done:
        try:
            assert opened(home, known)[1] == 2
        except Forbidden:
            assert fails_at > 1  # the first entry was durable, and the head of it was not stored
    with home.log() as log:
        assert (log.number, log.size) == (2, 1)


@pytest.mark.long
def test_a_third_number_follows_when_the_second_is_lost(home: LogHome) -> None:
    opened(home, head(home, 25))
    with home.log() as log:
        log.append([answered() for _ in range(3)])
    home.sql("DELETE FROM log_entry WHERE seq = 2 AND log_id = (SELECT id FROM log_state WHERE log = 'exchange/2')")
    loss, number, _ = opened(home)
    assert (loss.number, loss.kept and loss.kept.size, number) == (2, 1, 3)
    with home.log() as log:
        assert log.number == 3


def test_an_old_database_is_not_gone_on_with_under_the_old_number(home: LogHome, tmp_path: Path) -> None:
    """The high-water file of the next number is enough to stop it."""
    old = home.copy(tmp_path / "old")
    opened(home, head(home, 25))
    (old.highwater / "exchange-2").write_bytes((home.highwater / "exchange-2").read_bytes())
    with pytest.raises(LiaisonError), old.log():
        pass


# ------------------------------------------------------------ the verifier


@pytest.fixture(scope="module")
def made(engine: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy, to be changed."""
    federation = made.federation.copy(tmp_path / "world" / "fed", made.federation.clock)
    return replace(made, federation=federation, home=made.home.copy(tmp_path / "home"), folder=tmp_path / "world")


def continued(world: World, known_size: int) -> LogHome:
    """Thailand's home, whose exchange log goes on since entries up to `known_size` are lost."""
    home = world.copy()
    shown = Signer(origin("th", "exchange", 1), home.key).sign(known_size, b"\1" * 32)
    with lost(home, shown) as log:
        log.open_next(log.assess(), WORD, ("vn", "kh"), lambda _peer, _through: None)
    with home.log() as again:
        again.append([world.answered()])
    return home


def findings(world: World, home: LogHome) -> list[list[tuple[Check, State, str]]]:
    reports = [world.verify(home), world.check(world.export(home)), world.check(world.export(home, nobody=True))]
    return [
        [(item.check, item.state, item.text) for item in report.findings if item.state is not State.PROVED]
        for report in reports
    ]


@pytest.mark.long
def test_a_declared_loss_is_not_provable_at_home_and_in_every_export(world: World) -> None:
    for found in findings(world, continued(world, 9)):
        ((check, state, text),) = found
        assert (check, state) == (Check.LOST, State.NOT_PROVABLE)
        assert "entries 6 to 8 are lost: a head over 9 entries was signed, as `exchange/2` says" in text


@pytest.mark.long
def test_a_log_of_which_nothing_is_kept_leaves_the_next_number_alone(world: World) -> None:
    home = world.copy()
    for table in ("log_content", "log_entry", "log_checkpoint"):
        home.sql(f"DELETE FROM {table} WHERE log_id = (SELECT id FROM log_state WHERE log = 'exchange/1')")
    home.sql("DELETE FROM log_state WHERE log = 'exchange/1'")
    with lost(home) as log:
        log.open_next(log.assess(), WORD, ("vn", "kh"), lambda _peer, _through: None)
    for found in findings(world, home):
        ((check, state, text),) = found
        assert (check, state) == (Check.LOST, State.NOT_PROVABLE)
        assert "`exchange/1` is not there" in text
    export = ExportReader(world.export(home, nobody=True))
    ((since_us, until_us),) = lost_times(export, [home.key.verify_key()])
    assert since_us == 0 < until_us


@pytest.mark.long
def test_a_head_beyond_what_was_declared_contradicts(world: World) -> None:
    home = continued(world, 9)
    with home.store() as store:
        store.keep_heads("exchange/1", [(12, Signer(origin("th", "exchange", 1), home.key).sign(12, b"\2" * 32))])
    report = world.verify(home)
    assert report.exit_code == 1
    (bad,) = [item for item in report.findings if item.state is State.CONTRADICTED]
    assert bad.text == "a head over 12 entries was signed, and `exchange/2` speaks of 9 only"


def test_entries_that_are_taken_from_what_was_kept_are_missed(world: World) -> None:
    home = continued(world, 9)
    home.sql("DELETE FROM log_entry WHERE seq = 5 AND log_id = (SELECT id FROM log_state WHERE log = 'exchange/1')")
    assert world.verify(home).exit_code == 1


def test_a_short_log_whose_next_number_says_nothing_is_contradicted(world: World) -> None:
    home = world.copy()
    with home.store() as store:
        store.keep_heads("exchange/1", [(9, Signer(origin("th", "exchange", 1), home.key).sign(9, b"\1" * 32))])
    assert world.verify(home).exit_code == 1


@pytest.mark.long
def test_a_next_number_without_the_one_before_is_noticed(world: World) -> None:
    home = continued(world, 9)
    out = world.export(home)
    report = world.check(out)
    assert report.exit_code == 3
    with home.store() as store:
        assert store.logs() == ["exchange/1", "exchange/2", "operations/1"]
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        with pytest.raises(Malformed):
            log.proof(0, "th.liaison.internal/exchange/7")
        place = log.proof(2, "th.liaison.internal/exchange/1")
        assert parse_checkpoint(place.checkpoint).size == 6
        log.close()
