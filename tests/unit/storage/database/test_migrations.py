"""Migrations from 0008 on only add, and can be taken back, or say why the processes of a node have to stop for them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect

from gateway.errors import StorageBroken
from gateway.storage.database import migrate as migrations
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.migrate import HEAD, missing, nothing_lost, prepare, take_back
from gateway.storage.database.migrate import migrate as migrate_to
from tests.support import tables
from tests.support.audit_logs import LogHome
from tests.support.shared import PROJECT

VERSIONS = PROJECT / "gateway" / "storage" / "migrations" / "versions"
FIRST = "0008"
ADDING = {"create_table", "create_index", "add_column"}
TAKING = {"drop_table", "drop_index", "drop_column"}
"""What the way back does; that the way up does none of it shows in the tables."""


def _since_first() -> Iterator[Any]:
    before = "0007"
    for migration in missing(before):
        yield pytest.param(before, migration, id=migration.revision)
        before = migration.revision


@pytest.mark.long
@tables.table(("before", "migration"), [*_since_first()])
def test_a_migration_that_lets_the_program_before_serve_only_adds(tmp_path: Path, before: str, migration: Any) -> None:
    (file,) = VERSIONS.rglob(f"v{migration.revision}_*.py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "needs_stop"]  # type: ignore[attr-defined]
    assert len(assigned) == 1, "it says `needs_stop`: empty, or why the processes of the node must stop"
    if migration.needs_stop:
        return
    calls = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_op(node.value)}
    assert calls <= ADDING | TAKING, "these change what is there: give `needs_stop`, or do it a version later"
    with closing(open_database(tmp_path / "node.sqlite")) as database:
        migrate_to(database, before)
        with database.read("test") as connection:
            old = _shape(connection)
        migrate_to(database, migration.revision)
        with database.read("test") as connection:
            new = _shape(connection)
        take_back(database, before)
        with database.read("test") as connection:
            back = _shape(connection)
    for table, columns in old.items():
        assert columns.items() <= new[table].items()
        added = {name: column for name, column in new[table].items() if name not in columns}
        assert all(nullable or has_default for _, nullable, has_default in added.values()), table
    assert back == old, "`downgrade` takes away what it added"


def _is_op(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "op"


def _shape(connection: Connection) -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """Columns with type, and whether a row may be written without them; unique indexes, which refuse rows."""
    found = inspect(connection)
    shape = {
        table: {
            column["name"]: (str(column["type"]), bool(column["nullable"]), column["default"] is not None)
            for column in found.get_columns(table)
        }
        for table in found.get_table_names()
    }
    for table, columns in shape.items():
        columns |= {
            str(index["name"]): (str(index["column_names"]), not index["unique"], False)
            for index in found.get_indexes(table)
        }
    return shape


def _made(database: Database) -> tuple[Any, ...]:
    """What has been made: the tables, and the statements of indexes without blanks and brackets that differ."""
    with database.read("test") as connection:
        indexes = "SELECT sql FROM sqlite_master WHERE type = 'index'"
        if database.shared:
            indexes = (
                "SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = current_schema()"
            )
        statements = [re.sub(r"[\s()]+", " ", str(one)) for one in connection.exec_driver_sql(indexes).scalars()]
        newest, found = "SELECT version_num FROM alembic_version", inspect(connection)
        keys = {name: (found.get_pk_constraint(name), found.get_foreign_keys(name)) for name in found.get_table_names()}
        return _shape(connection), keys, sorted(statements), connection.exec_driver_sql(newest).scalars().all()


@pytest.mark.long
def test_an_empty_database_gets_what_the_migrations_make(tmp_path: Path, engine: str) -> None:
    with closing(LogHome(tmp_path / "migrated").open()) as database:
        migrate_to(database, "0001")
        migrate_to(database)
        migrated = _made(database)
    with closing(LogHome(tmp_path / "made").open()) as database:
        prepare(database)
        prepare(database)
        assert _made(database) == migrated


def test_two_processes_that_find_one_empty_database_make_its_tables_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    home = LogHome(tmp_path / "home")
    with closing(home.open()) as first, closing(home.open()) as second:
        migrate_to(first)
        made = _made(first)
        with monkeypatch.context() as patch:
            patch.setattr(migrations, "version", lambda _database: None)  # as it was when the second one looked
            migrate_to(second)
        assert _made(second) == made


@pytest.mark.process
def test_an_empty_file_loads_no_migration(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gateway.storage.database.engine import open_database\n"
        "from gateway.storage.database.migrate import prepare; prepare(open_database(Path(sys.argv[1])))\n"
        "print(*sorted({'alembic', 'gateway.storage.migrations'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "n.sqlite"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "\n"


def test_what_is_missing_is_told_in_order() -> None:
    assert [each.revision for each in missing("0005")][:3] == ["0006", "0007", "0008"]
    assert [each.needs_stop for each in missing("0006")][:2] == ["it is of before version 0.2.0", ""]
    assert missing(HEAD) == ()
    assert missing(None)[0].revision == "0001"


def test_migrations_that_lose_a_row_are_undone(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "node.sqlite")) as database:
        migrate_to(database)
        with database.write("test") as connection:
            connection.exec_driver_sql("INSERT INTO document VALUES ('a', 'b', x'00', 0)")
        with (
            pytest.raises(StorageBroken, match="changed the rows of `document`"),
            database.write("test") as connection,
            nothing_lost(connection, shared=False),
        ):
            connection.exec_driver_sql("DELETE FROM document")
        with database.read("test") as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM document").scalar() == 1
