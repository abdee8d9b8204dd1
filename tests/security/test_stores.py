"""A home writes to its own stores only: a disk that is not mounted, or another home's, is refused before a byte is
written (CASE-N216, CASE-N218, CASE-N219)."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.app.run.source import hold_stores
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.config.source_home import load_source
from gateway.errors import Misconfigured
from gateway.ops.stores import Stores, give_id, node_stores, require_stores
from gateway.signing.keys import load_signing_key
from gateway.storage.database.engine import open_database
from gateway.storage.database.home_id import id_of_database, read_id
from gateway.storage.database.migrate import HEAD, migrate, version
from gateway.storage.database.open import open_node_database, open_storage
from gateway.storage.keys.key_copy import keep_in_step
from gateway.storage.keys.keystore import KeyStore
from tests.federation.test_start_refusals import refusals, start
from tests.support import schemas
from tests.support.audit_logs import LogHome, answered
from tests.support.cli import Liaison, copy_federation
from tests.support.databases import server

pytestmark = pytest.mark.process

FOLDERS = ("keystore", "index", "attachments")
ALL = ["home", "keystore", "folder of key indexes", "folder of attachments", "database"]


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    """The home of a node with an entry, beside that of another one."""
    copy_federation(liaison, tmp_path)
    for member in ("th", "vn"):
        file = tmp_path / member / "node.toml"
        file.write_text(file.read_text().replace('"127.0.0.1:61', '"127.0.0.1:0" # "'))
        write_entry(tmp_path / member, member)
    return tmp_path / "th"


def write_entry(home: Path, member: str) -> None:
    with LogHome(home, load_signing_key(Home(home).key("log")), SystemClock()).log(member=member) as log:
        log.append([answered()])


def bytes_of(*folders: Path) -> dict[str, bytes]:
    """Everything in some folders, but for what checks leave: files beside a database that was read."""
    files = [path for folder in folders for path in sorted(folder.rglob("*"))]
    left = ("-wal", "-shm", ".lock")
    return {str(path): path.read_bytes() if path.is_file() else b"/" for path in files if not path.name.endswith(left)}


def emptied(home: Path, name: str) -> None:
    """What a disk leaves that is not mounted."""
    shutil.rmtree(home / name, ignore_errors=True)
    (home / name).mkdir(mode=0o700)


def of_another(home: Path, name: str) -> None:
    other = home.parent / "vn" / name
    if not other.exists():  # a start of the other home makes it, with that home's id
        with closing(open_node_database(load_settings(other.parent))) as database:
            give_id(node_stores(load_settings(other.parent)), database)
    shutil.rmtree(home / name, ignore_errors=True)
    shutil.copytree(other, home / name)


def without_ids(home: Path) -> None:
    """Make the home one of before there were ids."""
    for mark in home.rglob("home.id"):
        mark.unlink()
    with closing(sqlite3.connect(home / "node.sqlite")) as database, database:
        database.execute("DROP TABLE home")
        database.execute("UPDATE alembic_version SET version_num = '0015'")


def ids(home: Path) -> set[str]:
    with closing(open_storage(load_settings(home), read_only=True)) as database:
        return {id_of_database(database) or "", *(read_id(home / name) for name in ("", "keystore", "index"))}


def told_of(liaison: Liaison, home: Path) -> set[str]:
    return {each["check"] for each in liaison("doctor", "--home", home, "--json").value["findings"]}


def error_of(liaison: Liaison, *arguments: str | Path) -> dict[str, Any]:
    ran = liaison(*arguments, "--json")
    assert ran.code == 1, ran
    error: dict[str, Any] = ran.value["error"]
    return error


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize(("harm", "code"), [(emptied, "store-without-id"), (of_another, "other-home-store")])
def test_n216_a_store_that_is_empty_or_of_another_home_is_refused_and_nothing_is_written(
    liaison: Liaison, home: Path, harm: Callable[[Path, str], None], code: str, name: str
) -> None:
    kept = home.parent / "kept"
    if (home / name).exists():
        shutil.copytree(home / name, kept)
    harm(home, name)
    before = bytes_of(home)
    told = refusals(liaison, home)
    assert str(home / name) in told["stores"]
    if name == "keystore":
        assert "keystore" not in told_of(liaison, home), "it is not called good"
    refused = start(home)
    assert refused is not None
    assert (refused.code, refused.where) == (code, str(home / name))
    assert error_of(liaison, "index", "build", "--home", home)["code"] == code
    assert bytes_of(home) == before
    shutil.rmtree(home / name)  # its disk is mounted again; a folder in the home that is not there is no disk
    if kept.exists():
        shutil.copytree(kept, home / name)
    assert "stores" not in refusals(liaison, home)


def test_n216_a_database_of_another_home_is_refused_and_nothing_is_written(liaison: Liaison, home: Path) -> None:
    shutil.copy(home.parent / "vn" / "node.sqlite", home / "node.sqlite")
    before = bytes_of(home)
    assert str(home / "node.sqlite") in refusals(liaison, home)["stores"]
    assert getattr(start(home), "code", "") == "other-home-store"
    assert (
        error_of(liaison, "init", "--member", "th", "--home", home, "--authority", home.parent / "th-authority")["code"]
        == "other-home-store"
    )
    assert bytes_of(home) == before


def test_n216_the_same_database_on_a_server_serves_one_home(liaison: Liaison, home: Path) -> None:
    server("postgresql")
    address = schemas.address(home, make=True)
    for each in (home, home.parent / "vn"):
        file = each / "node.toml"
        file.write_text(file.read_text().replace("[storage]", f'[storage]\nurl = "{address}"', 1))
        shutil.rmtree(each / "highwater")
    with closing(open_node_database(load_settings(home))) as database:
        give_id(node_stores(load_settings(home)), database)
    require_stores(node_stores(load_settings(home)))
    assert (
        error_of(liaison, "init", "--member", "vn", "--home", each, "--authority", home.parent / "vn-authority")["code"]
        == "other-home-store"
    )
    assert getattr(start(each), "code", "") == "other-home-store"


def test_n218_a_home_of_before_gets_its_id_once_and_only_with_stores_that_fit(liaison: Liaison, home: Path) -> None:
    without_ids(home)
    upgrade = ("upgrade", "--run", "--home", home)
    keystore, kept = home / "keystore", home.parent / "kept"
    keystore.rename(kept)
    for wrong in (None, home.parent / "vn" / "keystore"):
        shutil.rmtree(keystore, ignore_errors=True)
        keystore.mkdir(mode=0o700)
        for file in wrong.glob("*/*.key") if wrong else ():
            (keystore / file.parent.name).mkdir(mode=0o700, exist_ok=True)
            shutil.copy(file, keystore / file.parent.name)
        before = bytes_of(home)
        assert error_of(liaison, "serve", "--home", home)["code"] == "old-schema"
        assert error_of(liaison, *upgrade)["code"] == "store-misfit"
        assert bytes_of(home) == before
    shutil.rmtree(keystore)
    kept.rename(keystore)
    ran = liaison(*upgrade, "--json")
    assert (ran.code, ran.value["got_id"]) == (0, ALL), ran
    (own,) = ids(home)
    assert len(own) == 32
    assert liaison(*upgrade, "--json").value["got_id"] == []
    assert ids(home) == {own}
    back = liaison("upgrade", "--back", "0015", "--home", home, "--json")
    assert back.code == 0, back
    assert liaison(*upgrade, "--json").value["got_id"] == ["database"]
    assert ids(home) == {own}


def test_n218_of_two_first_starts_at_once_on_one_database_both_take_the_id_that_stands(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "node.sqlite")) as database:
        migrate(database)

        def place(name: str, kind: type[dict[str, Path]] = dict) -> Stores:
            (tmp_path / name).mkdir()
            return Stores(tmp_path / name, kind(keystore=tmp_path / name / "keystore"), "", lambda: None)

        first = place("first")

        class Late(dict[str, Path]):
            """The folders of a machine that looks at them while the other one goes through its start."""

            def items(self) -> Any:
                if not read_id(first.home):
                    give_id(first, database)
                return super().items()

        second = place("second", Late)
        assert {give_id(second, database), id_of_database(database)} == {read_id(first.home)}
        assert read_id(second.home) == read_id(second.home / "keystore") == read_id(first.home)


def test_n218_what_the_refusal_says_brings_a_new_folder_in_and_no_empty_keystore(liaison: Liaison, home: Path) -> None:
    files = home.parent / "disk" / "files"
    file = home / "node.toml"
    file.write_text(file.read_text().replace("[attachments]", f'[attachments]\nfolder = "{files}"'))
    assert getattr(start(home), "code", "") == "no-store"
    files.mkdir(parents=True, mode=0o700)
    refused = start(home)
    assert refused is not None
    assert refused.code == "store-without-id"
    command = refused.remedy.split("`")[1].split()[1:]
    assert liaison(*command).code == 0
    assert "stores" not in refusals(liaison, home)
    emptied(home, "keystore")
    assert error_of(liaison, *command)["code"] == "store-misfit"


def test_n219_the_copy_of_a_home_on_another_machine_has_its_id(liaison: Liaison, home: Path) -> None:
    (own,) = ids(home)
    (home / "home.id").unlink()
    refused = start(home)
    assert refused is not None
    assert refused.code == "home-without-id"
    assert liaison("upgrade", "--run", "--home", home).code == 0
    assert ids(home) == {own}


def test_n219_a_restored_home_has_its_id_and_takes_no_keys_of_another_one(liaison: Liaison, home: Path) -> None:
    key, sealed, restored = home.parent / "offline", home.parent / "th.backup", home.parent / "restored"
    assert liaison("backup", "--new-key", key).code == 0
    copy = home.parent / "copy"
    copy.mkdir(mode=0o700)
    keep_in_step(home / "keystore", copy, home / "highwater" / "key-copy")
    assert liaison("backup", "--home", home, "--to", key / "backup.pub", "--out", sealed).code == 0
    foreign = home.parent / "vn" / "keystore"
    before = bytes_of(foreign, copy)
    with pytest.raises(Misconfigured) as wrong:
        keep_in_step(foreign, copy, foreign.parent / "highwater" / "key-copy")
    assert wrong.value.code == "other-home-store"
    give = ("restore", "--backup", sealed, "--key", key / "backup.key", "--home", restored, "--old-home", home)
    assert error_of(liaison, *give, "--keys", foreign)["code"] == "other-home-store"
    assert not restored.exists()
    assert bytes_of(foreign, copy) == before
    assert liaison(*give, "--keys", copy).code == 0
    assert ids(restored) == ids(home)
    assert "stores" not in refusals(liaison, restored)


def test_n219_a_backup_of_before_takes_its_id_from_a_keystore_that_opens_what_is_in_it_alone(
    liaison: Liaison, home: Path
) -> None:
    key, sealed, restored = home.parent / "offline", home.parent / "th.backup", home.parent / "restored"
    assert liaison("backup", "--new-key", key).code == 0
    foreign = home.parent / "vn" / "keystore"
    keystores = {path: bytes_of(path) for path in (home / "keystore", foreign)}
    own = ids(home)
    without_ids(home)
    assert liaison("backup", "--home", home, "--to", key / "backup.pub", "--out", sealed).code == 0
    (home / "keystore" / "home.id").write_text(f"{own.pop()}\n")  # it was brought up to date after the backup
    give = ("restore", "--backup", sealed, "--key", key / "backup.key", "--home", restored, "--old-home", home)
    assert error_of(liaison, *give, "--keys", foreign)["code"] == "store-misfit"
    assert not restored.exists()
    assert {path: bytes_of(path) for path in keystores} == keystores
    assert liaison(*give).code == 0
    assert ids(restored) == {read_id(home / "keystore")}
    assert "stores" not in refusals(liaison, restored)


@pytest.fixture
def source(liaison: Liaison, tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    ran = liaison("source", "init", "--member", "th", "--agency", "police", "--out", folder)
    assert ran.code == 0, ran
    return folder


def test_n216_a_source_process_refuses_an_empty_keystore_and_another_index(source: Path) -> None:
    settings = load_source(source)
    hold_stores(settings)  # its first start
    assert len(read_id(source)) == 32
    hold_stores(settings)
    for name in ("keystore", "index"):
        kept = source.parent / f"kept-{name}"
        (source / name).rename(kept)
        (source / name).mkdir(mode=0o700)
        before = bytes_of(source)
        with pytest.raises(Misconfigured) as refused:
            hold_stores(settings)
        assert (refused.value.code, refused.value.where) == ("store-without-id", str(source / name))
        assert bytes_of(source) == before
        (source / name).rmdir()
        kept.rename(source / name)
    hold_stores(settings)


def test_n218_a_source_of_before_gets_its_id_at_a_start_with_the_keystore_that_fits(source: Path) -> None:
    settings = load_source(source)
    hold_stores(settings)
    (source / "source.sqlite").rename(source / "node.sqlite")
    with LogHome(source, load_signing_key(source / "keys" / "log.key"), SystemClock()).log() as log:
        log.append([answered()])
    without_ids(source)
    (source / "node.sqlite").rename(source / "source.sqlite")
    (source / "keystore").rename(source.parent / "kept")
    KeyStore(source / "keystore").current("hit", SystemClock().now_us())
    before = bytes_of(source)
    with pytest.raises(Misconfigured) as refused:
        hold_stores(settings)
    assert refused.value.code == "store-misfit"
    assert bytes_of(source) == before
    shutil.rmtree(source / "keystore")
    (source.parent / "kept").rename(source / "keystore")
    hold_stores(settings)
    with closing(open_database(source / "source.sqlite", read_only=True)) as database:
        assert version(database) == HEAD
        assert {id_of_database(database), read_id(source / "keystore")} == {read_id(source)}
