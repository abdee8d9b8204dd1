"""Bring a database to the newest schema, in one transaction. The migrations are part of the package.

`liaison upgrade` runs those of a node that has served (`ops.upgrade`). That of a source or of a witness gets them at a
start. An empty database gets the tables of `SCHEMA`, which is what they make of it: a first start then neither loads
Alembic nor runs them one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    func,
    insert,
    inspect,
    select,
    table,
)
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from gateway.errors import Misconfigured, StorageBroken
from gateway.storage.database.desk_tables import SCHEMA
from gateway.storage.database.engine import Database
from gateway.storage.database.leader import COUNT_PROCESSES

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0016"
"""The newest migration; a test compares it with the scripts."""

UPGRADE = "`liaison upgrade --run --home HOME` makes a backup and brings it up to date; `--check` says what it would do"
"""What to do about an older schema."""

READABLE = "0004"
"""The oldest schema that can be read as it is: later ones add tables that an audit does without."""

Guard = Callable[[Connection], AbstractContextManager[object]]
"""Looks at a database before and after its migrations, inside their transaction: what it raises undoes them."""

_VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32)),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where Alembic notes the newest migration of a database, in the form that it gives to this table."""

_LOCK_S = 10
"""Seconds that a migration waits for a table of PostgreSQL, since what comes after it waits for the migration."""

_MIGRATING = 0x6C6961_6D6967
"""The lock of PostgreSQL under which processes migrate one after the other."""


def config() -> Config:
    """Return Alembic's settings for our migrations. Loads Alembic here: it is slow, and most starts migrate nothing."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", "gateway.storage:migrations")
    settings.set_main_option("recursive_version_locations", "true")
    return settings


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration. `needs_stop` says why the program before cannot serve beside it; empty: it can."""

    revision: str
    text: str
    needs_stop: str


def migrate(database: Database, to: str = HEAD, guard: Guard = nullcontext) -> None:
    """Run the migrations that `database` lacks up to the schema `to`; none when it has it. All of them, or none.

    Raises `Misconfigured` when the database is newer than this program, `StorageBroken` when it fails.
    """
    found = version(database)
    if found == to:
        return
    if found is None and to == HEAD:
        _changed(database, guard, _make)
        return
    check_known(found)
    from alembic import command

    _changed(database, guard, lambda connection: command.upgrade(_config_on(connection), to))


def take_back(database: Database, to: str, guard: Guard = nullcontext) -> None:
    """Undo the migrations after the schema `to`, the newest first. All of them, or none. Raises like `migrate`."""
    from alembic import command

    _changed(database, guard, lambda connection: command.downgrade(_config_on(connection), to))


def _make(connection: Connection) -> None:
    """Make the tables in a database that is empty, unless another process has made them meanwhile."""
    if _version(connection) is not None:
        return
    made: list[ExecutableDDLElement] = []
    for each in (*SCHEMA.sorted_tables, _VERSION):
        # In an order that stays: of indexes that fit equally, SQLite takes the one that was made last.
        made += [CreateTable(each), *map(CreateIndex, sorted(each.indexes, key=lambda one: str(one.name)))]
    statements = [str(each.compile(dialect=connection.dialect)) for each in made]
    if connection.dialect.name != "sqlite":
        statements = [";".join(statements)]  # in one round trip
    for statement in statements:
        connection.exec_driver_sql(statement)
    connection.execute(insert(_VERSION).values(version_num=HEAD))


def _config_on(connection: Connection) -> Config:
    settings = config()
    settings.attributes["connection"] = connection
    return settings


def _changed(database: Database, guard: Guard, change: Callable[[Connection], None]) -> None:
    with database.write("migrate") as connection:
        if database.shared:
            # One process at a time; the others find it done.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_S}s'")
        with guard(connection):
            change(connection)


@contextmanager
def nothing_lost(
    connection: Connection, *, shared: bool, alone: bool = True, taken_back: bool = False
) -> Iterator[None]:
    """Raise, so that the migrations are undone, where a table has other rows after them than before, or is gone.

    Tables may go where migrations are `taken_back`. On a `shared` database other processes may serve and write
    meanwhile, unless `alone` says otherwise: then a process that has started undoes them, too, and else tables have to
    be there, and entries not to be fewer.
    """
    before = _rows(connection)
    yield
    after = _rows(connection)
    gone = set() if taken_back else before.keys() - after.keys()
    changed = {name for name in before.keys() & after.keys() if after[name] != before[name]}
    if not alone:
        changed = {name for name in changed & {"log_entry"} if after[name] < before[name]}
    if wrong := sorted(gone | changed):
        raise StorageBroken(
            "the migrations changed the rows of `{tables}`, and were undone",
            code="rows-changed",
            where="migrate",
            remedy="serve the node with the version before, and report this",
            tables=", ".join(wrong),
        )
    if shared and alone and connection.exec_driver_sql(COUNT_PROCESSES).scalar():
        raise Misconfigured(
            "a process of this node started meanwhile, and the migrations were undone",
            code="already-running",
            where="migrate",
            remedy="stop it, then try again",
        )


def _rows(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table but that of the schema's version."""
    names = inspect(connection).get_table_names()
    counted = {name: connection.execute(select(func.count()).select_from(table(name))).scalar() for name in names}
    return {name: int(count or 0) for name, count in counted.items() if name != _VERSION.name}


def missing(found: str | None) -> tuple[Migration, ...]:
    """Return the migrations that a database with the schema `found` lacks, in order. Raises `Misconfigured`."""
    if found == HEAD:
        return ()
    check_known(found)
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(config()).iterate_revisions("head", found or "base")
    # Those up to 0007 are older than the rule that a program says so.
    older = "it is of before version 0.2.0"
    return tuple(
        Migration(script.revision, script.doc.rstrip("."), getattr(script.module, "needs_stop", older))
        for script in scripts
    )[::-1]


def removable(to: str) -> tuple[Migration, ...]:
    """Return the migrations after the schema `to`, the newest first. Raises `Misconfigured` where one has to stay."""
    check_known(to)
    from alembic.script import ScriptDirectory

    scripts = list(ScriptDirectory.from_config(config()).iterate_revisions("head", to))
    if staying := [script.revision for script in scripts if not hasattr(script.module, "downgrade")]:
        raise Misconfigured(
            "migration {migration} cannot be taken back",
            code="no-way-back",
            where="database",
            remedy="restore the backup that `liaison upgrade --run` made; docs/upgrade.md says what is lost then",
            migration=staying[-1],
        )
    return tuple(Migration(script.revision, script.doc.rstrip("."), "") for script in scripts)


def check_known(found: str | None) -> None:
    """Raise `Misconfigured` for the schema version of a database that a newer program wrote."""
    if found is None or found == HEAD:
        return
    from alembic.script import ScriptDirectory

    if found not in {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}:
        raise _newer(found)


def prepare(database: Database) -> None:
    """Make the tables of an empty database. Raises `Misconfigured` for one that is older or newer, unchanged."""
    if version(database) is None:
        migrate(database)
    require_head(database)


def require_head(database: Database) -> None:
    """Raise `Misconfigured` for a database whose schema is older or newer than that of this version."""
    if (found := version(database)) != HEAD:
        check_known(found)
        raise older(found)


def older(found: str | None) -> Misconfigured:
    """Return the refusal of a database that an earlier program wrote."""
    return Misconfigured(
        "the database has schema `{found}`, not `{head}`",
        code="old-schema",
        where="database",
        remedy=UPGRADE,
        found=found,
        head=HEAD,
    )


def is_readable(found: str | None) -> bool:
    """Tell whether a database of this schema can be read as it is."""
    return found is not None and READABLE <= found <= HEAD


def require_current(database: Database) -> None:
    """Raise `Misconfigured` when a database that is only read is too old to be read as it is, or newer."""
    found = version(database)
    if found is not None and found > HEAD:
        raise _newer(found)
    if found is None or found < READABLE:
        raise older(found)


def _newer(found: str) -> Misconfigured:
    return Misconfigured(
        "the database has schema `{found}`, which this version does not know",
        code="newer-schema",
        where="database",
        remedy="install the version of the gateway that wrote it, or a newer one",
        found=found,
    )


def version(database: Database) -> str | None:
    """Return the schema version of `database`, None when it is empty."""
    with database.read("schema version") as connection:
        return _version(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found = connection.execute(select(_VERSION)).scalar()
    return None if found is None else str(found)
