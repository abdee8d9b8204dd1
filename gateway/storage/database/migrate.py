"""Bring a database to the newest schema. The migrations are part of the package and run without a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from gateway.errors import Misconfigured
from gateway.storage.database.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0005"
"""The newest migration; a test compares it with the scripts."""

READABLE = "0004"
"""The oldest schema that can be read as it is: later ones only add tables of the desk."""

_MIGRATING = 0x6C6961_6D6967
"""The lock of PostgreSQL under which processes migrate one after the other."""


def config() -> Config:
    """Return Alembic's settings for our migrations. Loads Alembic here: it is slow, and most starts migrate nothing."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", "gateway.storage:migrations")
    return settings


def migrate(database: Database) -> None:
    """Run the migrations that `database` lacks; none when it is up to date.

    Raises `Misconfigured` when the database is newer than this program, `StorageBroken` when it fails.
    """
    found = version(database)
    if found == HEAD:
        return
    check_known(found)
    from alembic import command

    with database.write("migrate") as connection:
        if database.shared:
            # One process at a time; the others find it done.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def check_known(found: str | None) -> None:
    """Raise `Misconfigured` for the schema version of a database that a newer program wrote."""
    if found is None or found == HEAD:
        return
    from alembic.script import ScriptDirectory

    if found not in {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}:
        raise _newer(found)


def require_current(database: Database) -> None:
    """Raise `Misconfigured` when a database that is only read is too old to be read as it is, or newer."""
    found = version(database)
    if found is not None and found > HEAD:
        raise _newer(found)
    if found is None or found < READABLE:
        raise Misconfigured(
            "the database has schema `{found}`, not `{head}`",
            code="old-schema",
            where="database",
            remedy="start the node once with this version: it brings the database up to date",
            found=found,
            head=HEAD,
        )


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
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)
