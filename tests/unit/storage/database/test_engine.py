"""The database, the keystore and the small stores."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import inspect

from gateway.clock import ManualClock, to_us
from gateway.errors import Contradicted, Malformed, Misconfigured, StorageBroken, Unknown
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.storage.database.desk_tables import SCHEMA
from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import HEAD, migrate, version
from gateway.storage.keys.content_form import spread, squeeze
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.keys.references import HitReferences
from tests.support.audit_logs import NOON, VN, LogHome, answered, logged, new_id
from tests.support.tables import table

NOW = to_us(NOON)

pytestmark = pytest.mark.usefixtures("engine")


# ---------------------------------------------------------------- schema


def test_migrations_give_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    database = LogHome(tmp_path).open()
    assert version(database) is None
    migrate(database)
    migrate(database)
    assert version(database) == HEAD
    with database.read("test") as connection:
        found = inspect(connection)
        for table in SCHEMA.sorted_tables:
            columns = {column["name"]: bool(column["nullable"]) for column in found.get_columns(table.name)}
            assert columns == {column.name: bool(column.nullable) for column in table.columns}
            indexes = {str(index["name"]) for index in found.get_indexes(table.name)}
            assert indexes >= {str(index.name) for index in table.indexes}
    database.close()


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    database = LogHome(tmp_path).open()
    migrate(database)
    with database.write("test") as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Misconfigured, match="9999"):
        migrate(database)
    database.close()


def test_the_file_is_private(tmp_path: Path) -> None:
    open_database(tmp_path / "node.sqlite").close()
    assert (tmp_path / "node.sqlite").stat().st_mode & 0o077 == 0


def test_reading_only_changes_nothing_and_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        open_database(tmp_path / "none.sqlite", read_only=True)
    home = LogHome(tmp_path)
    home.fill(1)
    database = home.open(read_only=True)
    with pytest.raises(StorageBroken), database.write("test") as connection:
        connection.exec_driver_sql("DELETE FROM document")
    database.close()


# ---------------------------------------------------------------- log store


@pytest.mark.long
def test_entries_are_found_by_each_filter(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    drafts = [
        answered(),
        answered(peer="kh", channel="in:kh", claim=None),
        answered(event=events.REFUSED, claim=None, private={"code": "replayed"}),
    ]
    with home.log() as log:
        log.append(drafts)
    with home.store() as store:
        assert store.find("exchange/1") == [2, 1, 0]
        assert store.find("exchange/1", peer="kh") == [1]
        assert store.find("exchange/1", kind="refused") == [2]
        assert store.find("exchange/1", exchange_id=drafts[0].exchange_id) == [0]
        assert store.find("exchange/1", peer="kh", kind="refused") == []
        assert store.find("exchange/1", since_us=NOW + 2) == [2]
        assert store.find("exchange/1", until_us=NOW + 1) == [0]
        assert store.find("exchange/1", limit=1) == [2]
        assert store.find("operations/1") == []
        assert [b'"n":2' in body for body in store.channel("exchange/1", "in:vn", 2, 5)] == [True]


def test_claims_are_found_in_any_number(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    drafts = [answered() for _ in range(150)]
    with home.log() as log:
        log.append(drafts)
    with home.store() as store:
        wanted = [(VN, ExchangeId(draft.exchange_id)) for draft in drafts]
        found = store.claimed([*wanted, (VN, new_id()), (MemberId("kh"), wanted[0][1])])
        assert found == {
            claim: (draft.request_hash, n) for n, (claim, draft) in enumerate(zip(wanted, drafts, strict=True))
        }
        assert store.claimed([]) == {}


def test_a_state_that_has_moved_on_is_never_overwritten(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    home.fill(2)
    with home.store() as store:
        before = store.state("exchange/1")
        assert before
        with pytest.raises(StorageBroken, match="another process"):
            store.commit(replace(before, size=1), replace(before, size=3), [])
        with pytest.raises(StorageBroken, match="failed before"):
            store.commit(before, before, [])


# ---------------------------------------------------------------- keystore


def test_content_comes_back_and_belongs_to_its_place(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keystore")
    parts = (b"private", b"request", b"answer" + bytes(100) + b"end")
    content = keys.seal_content(Retention.HIT, NOW, "exchange/1", 5, *parts)
    assert content.key_id == "hit/2026-11"
    assert KeyStore(tmp_path / "keystore").open_content("exchange/1", 5, content) == parts
    for log, index in (("exchange/1", 6), ("operations/1", 5)):
        with pytest.raises(Contradicted):
            keys.open_content(log, index, content)


def test_empty_statements_stay_empty(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keystore")
    content = keys.seal_content(Retention.OPERATIONS, NOW, "operations/1", 0, b"private", b"", b"")
    assert (content.request, content.answer) == (b"", b"")
    assert keys.open_content("operations/1", 0, content) == (b"private", b"", b"")


def test_each_month_and_class_has_its_key(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keystore")
    december, next_year = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 31, tzinfo=UTC)
    ids = [
        keys.seal_content(kind, to_us(at), "exchange/1", 0, b"x", b"", b"").key_id
        for kind, at in (
            (Retention.HIT, NOON),
            (Retention.NO_HIT, NOON),
            (Retention.HIT, december - timedelta(microseconds=1)),
            (Retention.HIT, december),
            (Retention.HIT, next_year),
        )
    ]
    assert ids == ["hit/2026-11", "nohit/2026-11", "hit/2026-11", "hit/2026-12", "hit/2027-01"]
    assert keys.key_ids() == ["hit/2026-11", "hit/2026-12", "hit/2027-01", "nohit/2026-11"]


def test_a_destroyed_key_takes_its_content_along_and_its_name_is_never_used_again(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keystore")
    content = keys.seal_content(Retention.HIT, NOW, "exchange/1", 0, b"x", b"", b"")
    keys.destroy("hit/2026-11")
    for store in (keys, KeyStore(tmp_path / "keystore")):
        with pytest.raises(Unknown, match="erased"):
            store.open_content("exchange/1", 0, content)
        assert store.seal_content(Retention.HIT, NOW, "exchange/1", 1, b"x", b"", b"").key_id == "hit/2026-11.2"


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    KeyStore(tmp_path / "keystore").current("hit", NOW)
    path = tmp_path / "keystore" / "hit" / "2026-11.key"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        KeyStore(tmp_path / "keystore").current("hit", NOW)


@table("key_id", ["../keys/log", "hit/../x", "hit/", "/etc/passwd", "hit/2026-11/x"])
def test_a_key_id_cannot_leave_the_keystore(tmp_path: Path, key_id: str) -> None:
    with pytest.raises(Unknown):
        KeyStore(tmp_path / "keystore").destroy(key_id)


@given(st.binary(max_size=200), st.integers(0, 300), st.binary(max_size=200))
def test_squeezed_zeros_come_back(before: bytes, zeros: int, after: bytes) -> None:
    data = before + bytes(zeros) + after
    assert spread(squeeze(data)) == data


def test_padding_is_not_stored() -> None:
    assert len(squeeze(b"answer" + bytes(8000) + b"signature")) < 40


# ---------------------------------------------------------------- references


def test_a_reference_is_stable_for_a_case_and_differs_elsewhere(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    references = HitReferences(tmp_path, clock)
    hit = ("kh.customs.declarations", "17", "Person")
    first = references.make_reference(*hit, "th", "case-1")
    assert HitReferences(tmp_path, clock).make_reference(*hit, "th", "case-1") == first
    others = {references.make_reference(*hit, "vn", "case-1"), references.make_reference(*hit, "th", "case-2")}
    assert len(others | {first}) == 3
    assert references.resolve(first, "th", "case-1") == hit
    for peer, case in (("vn", "case-1"), ("th", "case-2")):
        with pytest.raises(Unknown):
            references.resolve(first, peer, case)
    clock.advance(timedelta(days=60))
    assert references.make_reference(*hit, "th", "case-1") != first
    assert references.resolve(first, "th", "case-1") == hit


@table("text", ["", "!!", "AAAA", "A" * 4001, "é"])
def test_what_is_no_reference_is_refused(tmp_path: Path, text: str) -> None:
    references = HitReferences(tmp_path, ManualClock(NOON))
    references.make_reference("s", "k", "Person", "th", "c")
    with pytest.raises((Malformed, Unknown)):
        references.resolve(text, "th", "c")


def test_references_do_not_tell_the_length_of_short_keys(tmp_path: Path) -> None:
    references = HitReferences(tmp_path, ManualClock(NOON))
    lengths = {len(references.make_reference("s", key, "Person", "th", "c")) for key in ("1", "123456")}
    assert len(lengths) == 1


# ---------------------------------------------------------------- documents


def test_documents_are_kept_replaced_and_expire(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    with home.documents() as documents:
        assert documents.get("search", "a") is None
        documents.put("search", "a", b"1")
        documents.put("search", "a", b"2")
        documents.put("search", "b", b"x", expires_us=NOW + 10)
        assert documents.get("search", "a") == b"2"
        assert documents.keys("search") == ["a", "b"]
        assert documents.keys("other") == []
        assert isinstance(home.clock, ManualClock)
        home.clock.advance(timedelta(microseconds=10))
        assert documents.get("search", "b") is None
        assert documents.expire(home.clock.now_us()) == 1
        assert documents.keys("search") == ["a"]


def test_only_the_first_of_many_writers_creates_a_document(tmp_path: Path) -> None:
    with LogHome(tmp_path).documents() as documents:
        results: list[bytes | None] = []
        threads = [
            threading.Thread(target=lambda n=n: results.append(documents.put_new("key", "k", b"%d" % n)))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winner = documents.get("key", "k")
        assert results.count(None) == 1
        assert set(results) == {None, winner}


def test_documents_are_encrypted(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    with home.documents() as documents:
        documents.put("search", "a", b"a name that must not be read")
    assert b"a name that" not in home.raw()


def test_a_value_that_cannot_be_stored_refuses_the_one_item(tmp_path: Path) -> None:
    with LogHome(tmp_path).documents() as documents:
        with pytest.raises(Malformed):
            documents.put("search", "a", b"x", expires_us=2**70)
        documents.put("search", "a", b"x")
        assert documents.get("search", "a") == b"x"


def test_entries_logged_by_many_threads_are_all_there(tmp_path: Path) -> None:
    with LogHome(tmp_path).log() as log:
        threads = [
            threading.Thread(target=lambda: logged(log.append([answered() for _ in range(5)]))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.size == 40
