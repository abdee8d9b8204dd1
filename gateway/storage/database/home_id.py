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
import shutil
from pathlib import Path

from sqlalchemy import inspect, select

from gateway.config.home import HOME_ID
from gateway.errors import Misconfigured
from gateway.host.durable import make_folder, note_made, sync_folder, sync_tree, write_new
from gateway.host.failures import failure
from gateway.storage.database.engine import Database
from gateway.storage.database.tables import home
from gateway.storage.database.upsert import insert_for

ID_DIGITS = 32
"""Length of an id."""

_ID = re.compile(rb"[0-9a-f]{32}\n", re.ASCII)


def make_id() -> str:
    """Return a new id."""
    return secrets.token_hex(ID_DIGITS // 2)


def read_id(folder: Path) -> str:
    """Return the id that a folder carries, or an empty text. Raises `Misconfigured` for an invalid mark."""
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


def carry_id(folder: Path, found: str) -> None:
    """Give a folder without id this one, durably. A folder that is not there is made.

    What is made gets its name with the id in it, and so do the folders above it that are not there: a process that is
    killed leaves no empty folder, which the next one would take for the place of a disk that is not mounted.
    """
    if folder.exists():
        if not read_id(folder):
            write_id(folder, found)
        return
    folder = folder.resolve()
    top = [folder, *(above for above in folder.parents if not above.exists())][-1]
    aside = top.with_name(f".{top.name}.{secrets.token_hex(4)}.making")
    store = aside / folder.relative_to(top)
    try:
        make_folder(store)
        write_id(store, found)
        sync_tree(aside)
        aside.rename(top)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if read_id(folder) != found:  # as where another process made it meanwhile
            raise failure(str(folder), error) from error
    else:
        note_made(top)
        sync_folder(top.parent)


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
