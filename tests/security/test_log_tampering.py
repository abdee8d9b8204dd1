"""Changes behind the node's back (CASE-G1 to CASE-G6): the start refuses, and names the first bad entry."""

from __future__ import annotations

import base64
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.log.highwater import read_heads
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.errors import BadSignature, Contradicted, LiaisonError, Misconfigured
from gateway.signing.keys import SigningKey
from tests.support.audit_logs import LogHome, answered

ENTRIES = 9


@pytest.fixture
def home(tmp_path: Path) -> LogHome:
    home = LogHome(tmp_path / "home")
    home.folder.mkdir()
    home.fill(ENTRIES)
    return home


def refused(home: LogHome) -> LiaisonError:
    """The error with which a start refuses."""
    with pytest.raises(LiaisonError) as caught, home.log():
        pass
    return caught.value


def change_one_byte(home: LogHome, index: int) -> None:
    with closing(sqlite3.connect(home.database_path)) as connection:
        (body,) = connection.execute("SELECT body FROM log_entry WHERE seq = ?", (index,)).fetchone()
        changed = body.replace(b'"t":1', b'"t":2', 1)
        assert changed != body
        connection.execute("UPDATE log_entry SET body = ? WHERE seq = ?", (changed, index))
        connection.commit()


def test_an_untouched_copy_starts(home: LogHome, tmp_path: Path) -> None:
    with home.copy(tmp_path / "copy").log() as log:
        assert log.size == ENTRIES


def test_g1_one_byte_of_an_entry_is_changed(home: LogHome) -> None:
    change_one_byte(home, 4)
    error = refused(home)
    assert isinstance(error, Contradicted)
    assert "entry 4 is bad" in str(error)


@pytest.mark.parametrize(
    ("case", "statements", "expected"),
    [
        ("CASE-G2", ["DELETE FROM log_entry WHERE seq = 8"], "entry 8 is bad: its row is missing"),
        ("CASE-G3", ["DELETE FROM log_entry WHERE seq = 3"], "entry 3 is bad: its row is missing"),
        (
            "CASE-G3, closing the gap",
            [
                "DELETE FROM log_entry WHERE seq = 3",
                "UPDATE log_entry SET seq = seq - 1 WHERE seq > 3",
                "UPDATE log_state SET size = 8",
            ],
            "bad",
        ),
        (
            "CASE-G5",
            [
                "UPDATE log_entry SET seq = 100 WHERE seq = 2",
                "UPDATE log_entry SET seq = 2 WHERE seq = 5",
                "UPDATE log_entry SET seq = 5 WHERE seq = 100",
            ],
            "entry 2 is bad",
        ),
    ],
)
def test_g2_g3_g5_rows_are_deleted_or_swapped(home: LogHome, case: str, statements: list[str], expected: str) -> None:
    home.sql("PRAGMA foreign_keys=OFF", *statements)
    assert expected in str(refused(home))


@pytest.mark.parametrize("more", [[], ["UPDATE log_state SET size = 10"]])
def test_g4_a_row_is_inserted(home: LogHome, more: list[str]) -> None:
    columns = "body, leaf_hash, kind, peer, time_us, channel, number, request_hash, expires_us"
    home.sql(
        "INSERT INTO log_entry (log_id, seq, body, leaf_hash, kind, peer, time_us, channel, number, request_hash,"
        f" expires_us) SELECT log_id, 9, {columns} FROM log_entry WHERE seq = 8",
        *more,
    )
    assert "bad" in str(refused(home))


def rewrite_consistently(home: LogHome, index: int) -> None:
    """What somebody with the database, and without the key, can do: every stored hash fits again."""
    change_one_byte(home, index)
    with closing(sqlite3.connect(home.database_path)) as connection:
        tree = Tree()
        for seq, body in connection.execute("SELECT seq, body FROM log_entry ORDER BY seq").fetchall():
            tree.append(leaf_hash(body))
            connection.execute("UPDATE log_entry SET leaf_hash = ? WHERE seq = ?", (leaf_hash(body), seq))
        connection.execute("UPDATE log_state SET root = ?", (tree.root(),))
        connection.commit()


def test_g6_an_entry_and_all_hashes_are_rewritten(home: LogHome) -> None:
    rewrite_consistently(home, 4)
    error = refused(home)
    assert isinstance(error, Contradicted)
    assert "entry 4 is bad" in str(error), "every entry was a batch of its own, so the heads name it exactly"


def test_g6_in_a_batch_the_range_is_named(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    home.fill(12, batch=4)
    rewrite_consistently(home, 5)
    assert "one of the entries 4 to 7 is bad" in str(refused(home))


def test_g6_without_any_head_in_the_database_the_high_water_file_still_tells(home: LogHome) -> None:
    rewrite_consistently(home, 4)
    home.sql("DELETE FROM log_checkpoint", "UPDATE log_state SET checkpoint = x''")
    assert isinstance(refused(home), Contradicted)


def test_an_older_database_is_put_back(tmp_path: Path) -> None:
    home = LogHome(tmp_path / "home")
    home.folder.mkdir()
    home.fill(3)
    shutil.copy(home.database_path, tmp_path / "backup")
    home.fill(3)
    for path in home.folder.glob("node.sqlite*"):
        path.unlink()
    shutil.copy(tmp_path / "backup", home.database_path)
    assert "entry 3 is bad: its row is missing: a head over 6 entries was signed" in str(refused(home))


def test_the_database_is_deleted(home: LogHome) -> None:
    for path in home.folder.glob("node.sqlite*"):
        path.unlink()
    error = refused(home)
    assert isinstance(error, Misconfigured)
    assert "a head over 9 entries was signed" in str(error)


def test_a_foreign_head_in_the_database_or_file_is_refused(home: LogHome, tmp_path: Path) -> None:
    other = LogHome(tmp_path / "other", SigningKey(Ed25519PrivateKey.generate()))
    other.folder.mkdir()
    other.fill(2)
    (head,) = read_heads(other.highwater / "exchange-1")[-1:]
    copy = home.copy(tmp_path / "copy")
    copy.sql(f"UPDATE log_state SET checkpoint = x'{head.hex()}'")
    assert isinstance(refused(copy), BadSignature)
    shutil.copy(other.highwater / "exchange-1", home.highwater / "exchange-1")
    assert isinstance(refused(home), Misconfigured)


def test_a_refused_log_is_left_as_it_is_and_starts_again_when_it_is_whole(home: LogHome, tmp_path: Path) -> None:
    whole = home.copy(tmp_path / "whole")
    change_one_byte(home, 1)
    refused(home)
    with whole.log() as log:
        assert log.append([answered()])
        assert log.size == ENTRIES + 1


@pytest.mark.parametrize(
    "torn",
    [
        lambda data: data[:700],
        lambda data: b"\0" * 1024 + data[1024:],
        lambda data: data[:100] + base64.b64encode(data[100:200])[:100] + data[200:],
    ],
)
def test_a_torn_high_water_file_still_has_its_other_slot(home: LogHome, torn: Callable[[bytes], bytes]) -> None:
    path = home.highwater / "exchange-1"
    home.fill(2)
    path.write_bytes(torn(path.read_bytes()))
    with home.log() as log:
        assert log.size == ENTRIES + 2
