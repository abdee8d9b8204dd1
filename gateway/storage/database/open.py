"""Open the database that a home's settings name: a file of SQLite, or a database of PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.schema import Settings
from gateway.errors import Misconfigured
from gateway.host.disk_reserve import RESERVE_MIB, DiskReserve
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.migrate import prepare
from gateway.storage.database.postgres import open_postgres
from gateway.storage.database.postgres_address import checked_address, connect_arguments


def open_storage(settings: Settings, *, read_only: bool = False) -> Database:
    """Return the database of a home. Raises `Misconfigured` when it is missing or not durable, `StorageBroken`."""
    if not settings.is_shared:
        if settings.storage.synchronous:
            raise Misconfigured(
                "storage.synchronous is for PostgreSQL: a file of SQLite has no standby",
                where=settings.origin["storage.synchronous"],
                remedy="set it to false, or give storage.url a database of PostgreSQL",
            )
        return open_database(settings.database_file, read_only=read_only)
    origin = settings.origin.get("storage.url", "")
    if not origin.startswith("environment"):
        refuse_password(settings.database_url, origin)
    return open_postgres(settings.database_url, read_only=read_only, synchronous=settings.storage.synchronous)


def is_made(settings: Settings) -> bool:
    """Tell whether the database exists. One on a server counts as made: opening it shows a fault."""
    return settings.is_shared or settings.database_file.exists()


def check_address(address: str) -> None:
    """Raise `Misconfigured` for an address of no PostgreSQL database, or one that does not authenticate the server."""
    connect_arguments(checked_address(address), read_only=False)


def refuse_password(address: str, where: str) -> None:
    """Raise `Misconfigured`, without the password, where one is in `node.toml`: it would be in every copy of it.

    The environment and a password file are not copied.
    """
    parts = urlsplit(address)
    if parts.password or "password=" in parts.query:
        raise Misconfigured(
            "the password of the database stands in the settings",
            code="password-in-settings",
            where=where,
            remedy="put it into a password file: `?passfile=FILE` (mode 0600, `host:port:database:user:password`), "
            "or give the whole address as LIAISON_STORAGE_URL",
        )


def open_node_database(settings: Settings) -> Database:
    """Return the node's database, with the tables of this version.

    Raises `Misconfigured` for settings that are not durable, and for a schema of another version.
    """
    database = open_storage(settings)
    try:
        prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def watch_disks(database: Database, folders: Mapping[str, Path], reserve_mib: int = RESERVE_MIB) -> DiskReserve:
    """Return the reserve on the disks of these folders and of the database's file, looked at after each commit.

    The database holds open from here on what its commits need.
    """
    file = database.file
    log = file.with_name(f"{file.name}-wal") if file else None
    reserve = DiskReserve({**folders, **({"database": file.parent} if file else {})}, reserve_mib, log)
    database.hold_open()
    database.after_commit = reserve.look
    return reserve
