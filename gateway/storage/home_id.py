"""The id of a home, which each of its stores carries: a store of another home, or of none, is not written to.

::

    HOME/home.id         32 digits of base 16, made once
    KEYSTORE/home.id     the same, and so in each folder that is a store
    the table `home`     the same, in its one row

It is no secret. A disk that is not mounted leaves an empty folder, which has no id; a copy of a store has that of its
home. Whether a copy is the newest one is for high-water files and witnesses to say.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from sqlalchemy import inspect, select

from certs.durable import write_new
from gateway.config.home import HOME_ID
from gateway.errors import Misconfigured
from gateway.host.failures import failure
from gateway.storage.database.engine import Database
from gateway.storage.database.tables import home
from gateway.storage.database.upsert import insert_for

_ID = re.compile(rb"[0-9a-f]{32}\n", re.ASCII)


def make_id() -> str:
    """Return a new id."""
    return secrets.token_hex(16)


def read_id(folder: Path) -> str:
    """Return the id that a folder carries, or an empty text. Raises `Misconfigured` for a mark that is none."""
    file = folder / HOME_ID
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise failure(str(file), error) from error
    if not _ID.fullmatch(data):
        raise Misconfigured(
            "this is no id of a home",
            code="bad-home-id",
            where=str(file),
            remedy="put the file back as it was: the home and each of its stores have the same one",
        )
    return data[:-1].decode()


def write_id(folder: Path, found: str) -> None:
    """Give a folder the id, durably. One that another process wrote meanwhile stays."""
    try:
        write_new(folder / HOME_ID, found.encode() + b"\n")
    except Misconfigured:
        if read_id(folder) != found:
            raise


def id_of_database(database: Database) -> str | None:
    """Return the id that a database carries, or an empty text; None where its schema is one without ids, or none."""
    with database.read("home") as connection:
        if not inspect(connection).has_table(home.name):
            return None
        return connection.scalar(select(home.c.id)) or ""


def give_database(database: Database, found: str) -> str:
    """Give a database without an id this one, durably. Return the one that it has: another start may have won."""
    with database.write("home") as connection:
        row = insert_for(home, shared=database.shared).values(place=0, id=found)
        connection.execute(row.on_conflict_do_nothing())
        return str(connection.execute(select(home.c.id)).scalar_one())
