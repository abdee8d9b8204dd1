"""The domestic witness as a process of its own: its home, its memory that does not go back, its commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.config.witness_home import WitnessHome, load_witness
from gateway.errors import BadSignature, Contradicted, Malformed, Misconfigured
from gateway.model.evidence.witness import WitnessedHead
from gateway.model.names import MemberId
from gateway.ops.acts.prove import HomeTrust, Used
from gateway.ops.acts.unwitnessed_start import take_unwitnessed_start, waive
from gateway.ops.homes.found_witness import found_witness
from gateway.signing.keys import load_signing_key
from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.documents.witness_seal import SealedWitnessStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.ceremony.witness_card import read_witness_card
from tests.support.audit_logs import LogHome
from tests.support.cli import Liaison
from tests.support.federation import make_federation
from tests.support.persons import person_key
from tests.support.witnesses import ORIGIN, LogOf

LOG = LogOf().grow(9)
CLOCK = SystemClock()
TH = MemberId("th")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    """The commands."""
    return Liaison(capsys)


def head(size: int) -> WitnessedHead:
    """A head of the log, as it is remembered."""
    data = LOG.head(size)
    return WitnessedHead(ORIGIN, size, parse_checkpoint(data).root, data, size)


def grow(folder: Path, *sizes: int) -> None:
    """Open the memory in `folder` and take heads up."""
    database = open_database(folder / "witness.sqlite")
    try:
        migrate(database)
        store = SealedWitnessStore(database, folder / "newest.json")
        for size in sizes:
            assert store.advance(store.witnessed(ORIGIN), head(size))
    finally:
        database.close()


def test_a_memory_goes_on_where_it_was(tmp_path: Path) -> None:
    grow(tmp_path, 3, 5)
    grow(tmp_path, 5, 9)
    assert json.loads((tmp_path / "newest.json").read_text())[ORIGIN][0] == 9


@pytest.mark.parametrize("lost", ["put back", "gone", "another head"])
def test_a_memory_that_was_put_back_does_not_start(tmp_path: Path, lost: str) -> None:
    grow(tmp_path, 3)
    shutil.copy(tmp_path / "witness.sqlite", tmp_path / "old.sqlite")
    grow(tmp_path, 5)
    for file in tmp_path.glob("witness.sqlite*"):
        file.unlink()
    if lost == "put back":
        shutil.copy(tmp_path / "old.sqlite", tmp_path / "witness.sqlite")
    elif lost == "another head":
        seal = json.loads((tmp_path / "newest.json").read_text())
        (tmp_path / "newest.json").unlink()
        grow(tmp_path, 5)
        (tmp_path / "newest.json").write_text(json.dumps({ORIGIN: [5, "00" * 32]} if seal else {}))
    with pytest.raises(Contradicted, match="an old copy was put back") as refused:
        grow(tmp_path)
    assert refused.value.code == "witness-went-back"
    assert "must not cosign any more" in refused.value.remedy


def test_a_seal_that_is_gone_or_damaged_does_not_start(tmp_path: Path) -> None:
    grow(tmp_path, 3)
    seal = (tmp_path / "newest.json").read_bytes()
    (tmp_path / "newest.json").write_bytes(seal[:-5])
    with pytest.raises(Misconfigured, match="cannot be read"):
        grow(tmp_path)
    (tmp_path / "newest.json").unlink()
    with pytest.raises(Contradicted, match="up to where is gone"):
        grow(tmp_path)


def test_a_crash_between_memory_and_seal_is_no_loss(tmp_path: Path) -> None:
    grow(tmp_path, 3)
    seal = (tmp_path / "newest.json").read_bytes()
    grow(tmp_path, 5)
    (tmp_path / "newest.json").write_bytes(seal)
    grow(tmp_path, 9)


def test_init_makes_a_home_once_and_never_new_keys_for_an_old_memory(liaison: Liaison, tmp_path: Path) -> None:
    out = tmp_path / "witness"
    made = liaison("witness", "init", "--member", "th", "--out", str(out), "--listen", "127.0.0.1:7777", "--json")
    assert made.value["made"][-2:] == ["witness.pub", "witness.toml"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.glob("keys/*.key"))
    assert load_witness(out).listen.address == "127.0.0.1:7777"
    card = read_witness_card(out / "witness.pub")
    assert (card.member, len(card.keys)) == ("th", 2)
    assert found_witness(out, "th", "", SystemClock()) == []
    (out / "keys" / "witness-mldsa.key").unlink()
    WitnessHome(out).database.touch()
    with pytest.raises(Misconfigured, match="a memory and no keys"):
        found_witness(out, "th", "", SystemClock())


def test_a_witness_without_a_charter_says_what_comes_first(liaison: Liaison, tmp_path: Path) -> None:
    found_witness(tmp_path / "w", "th", "", SystemClock())
    served = liaison("witness", "serve", "--home", str(tmp_path / "w"))
    assert served.code == 1
    assert "liaison witness accept" in served.err
    status = liaison("witness", "status", "--home", str(tmp_path / "w"))
    assert "has not started yet" in status.err


def test_a_waiver_is_used_once_and_is_an_administrators(tmp_path: Path) -> None:
    member = make_federation(tmp_path / "fed", ("th", "vn"))["th"]
    home, other = Home(member.home), load_signing_key(person_key(member.home, "data1"))
    key, trust = load_signing_key(person_key(member.home, "adm")), HomeTrust(home, TH, CLOCK)
    home.highwater.mkdir()
    log = LogHome(tmp_path / "log", clock=CLOCK)
    log.folder.mkdir()
    with log.database() as database:
        used = Used(SqlDocumentStore(database, log.keystore, CLOCK), SqlLogStore(database), log.keystore)
        assert take_unwitnessed_start(trust, used) == {}
        with pytest.raises(Malformed):
            waive(trust, " ", [key])
        with pytest.raises(BadSignature, match="0 of the 1 needed signatures of administrator"):
            waive(trust, "links are cut", [other])
        path = waive(trust, "links are cut", [key])
        assert path.stat().st_mode & 0o077 == 0
        data = path.read_bytes()
        told = take_unwitnessed_start(trust, used)
        assert told["waived"] == f"administrator th-adm ({key.key_id[:16]}): links are cut"
        assert told["persons"] == [{"role": "administrator", "key_id": key.key_id}]
        assert take_unwitnessed_start(trust, used) == {}
        for again in (data, b"{}", b'{"by":"th.adm.7","reason":"a text","time":"2026-11-24T09:00:00Z"}'):
            path.write_bytes(again)
            with pytest.raises(Misconfigured, match="liaison witness waive"):
                take_unwitnessed_start(trust, used)
