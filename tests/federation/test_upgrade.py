"""A home of an earlier version is refused by a start, and brought up to date by one command, or left as it was.

The homes are those that version 0.1.0 wrote, and one on PostgreSQL with the schema of before. What interrupts the
command has `test_torture_upgrade`.
"""

from __future__ import annotations

import hashlib
import io
import signal
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.config import load_settings
from gateway.model.exchange import Outcome
from gateway.ops.backup.sealed_file import SealedReader
from gateway.storage.database.migrate import HEAD, version
from gateway.storage.database.open import open_storage
from tests.federation.test_earlier_version import FIGURES, sizes, unpacked
from tests.federation.test_several_processes import on_postgres, serve
from tests.support.cli import Liaison
from tests.support.databases import server
from tests.support.exchange import VN, command, lines, sample_world, stopping
from tests.support.nodes import World, officer
from tests.support.zygote import Zygote

OLD = "0004"
_SEEN = [f"DROP INDEX {index}" for index in ("desk_work_level", "desk_work_people")]
_NEWEST = [*_SEEN, "DROP TABLE home", "UPDATE alembic_version SET version_num = '0014'"]
"""What takes away the newest migrations; the program that runs does not need them."""

_LATER = [
    *(f"DROP INDEX {index}" for index in ("desk_thread_place", "desk_work_assignee", "desk_work_role")),
    "ALTER TABLE desk_work DROP COLUMN assignee",
    *(f"DROP TABLE {table}" for table in ("desk_attachment", "desk_report", "desk_report_key")),
    "DROP INDEX desk_notice_issued",
    *_SEEN,
    *(f"DROP TABLE {table}" for table in ("log_node", "log_lease", "console_session", "home")),
]
"""What takes away the migrations after 0007."""

_KINDS = ["DROP INDEX desk_thread_kind", "DROP INDEX desk_work_kind", "UPDATE alembic_version SET version_num = '0006'"]


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return unpacked("homes", tmp_path / "fed") / "th"


def schema_of(home: Path) -> str | None:
    with closing(open_storage(load_settings(home), read_only=True)) as database:
        return version(database)


def files_of(home: Path) -> dict[str, str]:
    """The files of a home with their hashes, but for SQLite's own of a database that is open."""
    paths = [path for path in home.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock"))]
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def change(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "node.sqlite", isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def refused(liaison: Liaison, home: Path, *arguments: str) -> Any:
    """The error of a command that changes nothing."""
    before = files_of(home)
    ran = liaison(*arguments, "--home", home, "--json")
    assert ran.code == 1, ran
    assert files_of(home) == before
    return ran.value["error"]


def test_an_older_schema_is_refused_with_the_command_and_the_home_is_unchanged(liaison: Liaison, home: Path) -> None:
    error = refused(liaison, home, "serve")
    assert error["code"] == "old-schema"
    assert f"liaison upgrade --run --home {home}" in error["remedy"]
    assert schema_of(home) == OLD
    before = files_of(home)
    ran = liaison("upgrade", "--check", "--home", home, "--json")
    assert (ran.code, ran.value["from"], ran.value["to"]) == (0, OLD, HEAD), ran
    assert (ran.value["needed"], ran.value["ready"]) == (True, True)
    assert [each["revision"] for each in ran.value["migrations"]] == [
        f"{number:04}" for number in range(int(OLD) + 1, int(HEAD) + 1)
    ]
    assert files_of(home) == before


@pytest.mark.parametrize("arguments", [("serve",), ("upgrade", "--check"), ("upgrade", "--run")])
def test_a_newer_schema_is_refused_and_the_home_is_unchanged(
    liaison: Liaison, home: Path, arguments: tuple[str, ...]
) -> None:
    change(home, "UPDATE alembic_version SET version_num = '9999'")
    error = refused(liaison, home, *arguments)
    assert error["code"] == "newer-schema"
    assert "install the version of the gateway that wrote it" in error["remedy"]


def test_an_upgrade_keeps_all_and_makes_a_backup_that_the_program_before_restores(liaison: Liaison, home: Path) -> None:
    ran = liaison("upgrade", "--run", "--home", home, "--json")
    assert ran.code == 0, ran
    assert (schema_of(home), ran.value["from"], ran.value["to"]) == (HEAD, OLD, HEAD)
    backup = ran.value["backup"]
    assert (backup["logs"]["verdict"], backup["logs"]["entries"]) == ("proved", sizes(FIGURES["th"]))
    assert schema_in(Path(backup["file"]), Path(backup["key"])) == OLD
    report = liaison("audit", "verify", "--home", home, "--json").value
    assert (report["verdict"], report["entries"]) == ("proved", sizes(FIGURES["th"]))
    assert (home / "people").is_dir()
    again = liaison("upgrade", "--run", "--home", home, "--json")
    assert (again.code, again.value["migrations"], again.value["backup"]) == (0, [], None)
    assert liaison("upgrade", "--check", "--home", home, "--json").value["needed"] is False
    assert {path.name for path in (home / "upgrades").iterdir()} == {
        Path(backup["file"]).name,
        "backup.key",
        "backup.pub",
    }


def schema_in(backup: Path, key: Path) -> str:
    """The schema of the database in a backup."""
    with backup.open("rb") as file:
        sealed = io.BufferedReader(cast(Any, SealedReader(file, key)))
        with tarfile.open(fileobj=sealed, mode="r|") as archive, tempfile.TemporaryDirectory() as folder:
            archive.extractall(folder, filter="data")
            with closing(sqlite3.connect(f"{folder}/database.sqlite")) as database:
                return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_a_backup_for_an_offline_key_stands_where_it_is_asked_for(liaison: Liaison, home: Path, tmp_path: Path) -> None:
    assert liaison("backup", "--new-key", tmp_path / "offline").code == 0
    out = tmp_path / "before.backup"
    given = ("--to", tmp_path / "offline" / "backup.pub", "--out", out)
    ran = liaison("upgrade", "--run", "--home", home, *given, "--json")
    assert (ran.code, ran.value["backup"]["key"]) == (0, ""), ran
    assert schema_in(out, tmp_path / "offline" / "backup.key") == OLD
    assert not (home / "upgrades").exists()


@pytest.mark.parametrize(
    ("breaks", "code"),
    [
        ("CREATE TABLE console_session (id TEXT)", "migration-failed"),
        ("UPDATE log_entry SET body = zeroblob(length(body)) WHERE seq = 3", "log-changed"),
    ],
    ids=["table in the way", "changed entry"],
)
def test_what_fails_changes_nothing_but_folders_that_the_program_before_does_not_see(
    liaison: Liaison, home: Path, breaks: str, code: str
) -> None:
    change(home, breaks)
    before = files_of(home)
    ran = liaison("upgrade", "--run", "--home", home, "--json")
    assert ran.code == 1, ran
    told = [ran.value["error"]] if "error" in ran.value else ran.value["findings"]
    assert told[0]["code"] == code
    assert all(each["remedy"] for each in told)
    after = files_of(home)
    assert before.items() <= after.items()
    assert {name.partition("/")[0] for name in after.keys() - before.keys()} <= {"people", "upgrades"}
    assert not [name for name in after if name.endswith(".backup")]
    assert schema_of(home) == OLD


def test_a_policy_that_this_version_cannot_read_is_told_before_anything_is_changed(
    liaison: Liaison, home: Path
) -> None:
    for path in (home / "policies").glob("0*.json"):
        path.write_bytes(path.read_bytes()[:-20])
    refused(liaison, home, "upgrade", "--run")
    findings = liaison("upgrade", "--check", "--home", home, "--json").value["findings"]
    assert [each["check"] for each in findings if each["severity"] == "stop"] == ["policy"]


def test_only_one_of_both_is_asked_for_and_other_homes_say_what_to_do(liaison: Liaison, home: Path) -> None:
    assert liaison("upgrade", "--home", home).code == 2
    assert liaison("upgrade", "--check", "--run", "--home", home).code == 2
    assert liaison("upgrade", "--run", "--to", home / "node.toml", "--home", home).code == 2
    for name in ("witness", "vn-source"):
        assert refused(liaison, home.parent / name, "upgrade", "--run")["code"] == "other-home"


def test_the_way_back_keeps_all_entries_and_leads_up_again(liaison: Liaison, home: Path) -> None:
    assert liaison("upgrade", "--run", "--home", home).code == 0
    ran = liaison("upgrade", "--back", "0007", "--home", home, "--json")
    assert (ran.code, schema_of(home)) == (0, "0007"), ran
    assert [each["revision"] for each in ran.value["migrations"]][-1] == "0008"
    assert ran.value["backup"]["logs"]["entries"] == sizes(FIGURES["th"])
    assert schema_in(Path(ran.value["backup"]["file"]), Path(ran.value["backup"]["key"])) == HEAD
    assert liaison("audit", "verify", "--home", home).code == 0
    for schema in ("0007", "9999"):
        refused(liaison, home, "upgrade", "--back", schema)
    assert liaison("upgrade", "--run", "--home", home, "--json").value["from"] == "0007"
    assert refused(liaison, home, "upgrade", "--back", "0006")["code"] == "no-way-back"
    assert schema_of(home) == HEAD


# ---------------------------------------------------------------- PostgreSQL


def set_back(home: Path, *statements: str) -> None:
    """Give a database of PostgreSQL the schema of an earlier version."""
    with closing(open_storage(load_settings(home))) as database, database.write("test") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


async def test_on_postgresql_processes_go_on_serving_unless_a_migration_says_otherwise(
    tmp_path: Path, liaison: Liaison
) -> None:
    server("postgresql")
    world: World = sample_world(tmp_path, ("th", "vn"))
    home = on_postgres(world, "vn")
    async with stopping(world), Zygote() as zygote:
        child = await serve(zygote, home)
        node = await world.start("th")
        set_back(home, *_NEWEST)
        ran = liaison("upgrade", "--check", "--home", home, "--json")
        assert (ran.code, ran.value["needs_stop"], ran.value["from"]) == (0, False, "0014"), ran
        ran = liaison("upgrade", "--run", "--home", home, "--json")
        assert (ran.code, schema_of(home)) == (0, HEAD), ran
        assert schema_in(Path(ran.value["backup"]["file"]), Path(ran.value["backup"]["key"])) == "0014"
        found = await node.asking.searches.start(officer("th"), command())
        assert lines(found)[VN].outcome is Outcome.HIT
        set_back(home, *_KINDS)
        error = refused(liaison, home, "upgrade", "--run")
        assert (error["code"], schema_of(home)) == ("already-running", "0006")
        child.signal(signal.SIGTERM)
        assert await child.ended() == 0
        set_back(home, *_LATER)
        assert liaison("upgrade", "--run", "--home", home, "--json").code == 0
        assert schema_of(home) == HEAD
    assert liaison("audit", "verify", "--home", home).code == 0
