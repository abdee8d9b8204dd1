"""Whose the stores of a home are: keystore, key indexes, attachments and database carry the home's id.

A disk that is not mounted leaves an empty folder at its place, and one of another home can be mounted there. What is
written then is lost or mixed. So what writes to the stores of a home calls `require_stores` first. `give_id` makes the
id and gives it to the stores without one: at `init`, at the first start, at an upgrade, and at a restore. What may
already hold something is asked first whether it fits (`misfits`): an empty keystore opens no entry.

A folder in the home itself that is not there is made by a start: nothing can be mounted where no folder is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gateway.config import Home, Settings, argument
from gateway.config.source_home import SourceProcess
from gateway.errors import Contradicted, Misconfigured, Unknown
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.home_id import carry_id, give_database, id_of_database, make_id, read_id, write_id
from gateway.storage.database.migrate import is_readable, version
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.desk.file_rows import files_here
from gateway.storage.files.sealed_files import FileFolder
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore

KEYSTORE, INDEXES, FILES, DATABASE = "keystore", "folder of key indexes", "folder of attachments", "database"

_LOOKED_AT = 64


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the stores of a home are. `opened` opens its database for reading, or returns None where there is none."""

    home: Path
    folders: Mapping[str, Path]
    database: str
    opened: Callable[[], Database | None]


def node_stores(settings: Settings) -> Stores:
    """Return the stores of a node's home."""
    home = Home(settings.home)
    folders = {KEYSTORE: settings.keystore, INDEXES: home.index, FILES: settings.path(settings.attachments.folder)}
    place = "storage.url" if settings.is_shared else str(settings.database_file)
    return Stores(
        home.path, folders, place, lambda: open_storage(settings, read_only=True) if is_made(settings) else None
    )


def source_stores(settings: SourceProcess) -> Stores:
    """Return the stores of a source process's home."""
    file = settings.home.database
    folders = {KEYSTORE: settings.path(settings.storage.keystore), INDEXES: settings.home.index}
    opened = partial(open_database, file, read_only=True)
    return Stores(settings.home.path, folders, str(file), lambda: opened() if file.exists() else None)


def was_never_served(settings: Settings) -> bool:
    """Tell whether a home has neither keystore nor database, and no head was signed, so that a start is safe.

    Where one of them is missing alone, it was lost. The secret of the key indexes, which may have been built before,
    counts for nothing: losing it loses nothing.
    """
    keystore = settings.keystore
    if keystore.is_dir() and {path.name for path in keystore.iterdir()} - {Home(keystore).id.name} != {"index.key"}:
        return False
    if signed_heads(settings):
        return False
    if not settings.is_shared:
        return not is_made(settings)
    with closing(open_storage(settings)) as database:
        return version(database) is None


def signed_heads(settings: Settings) -> list[Path]:
    """Return the high-water files of logs."""
    highwater = Home(settings.home).highwater
    return [*highwater.glob("exchange-*"), *highwater.glob("operations-*")]


# ---------------------------------------------------------------- what a start refuses


def require_stores(stores: Stores) -> None:
    """Raise the first of `faults`."""
    for fault in faults(stores):
        raise fault


def require_database(settings: Settings) -> None:
    """Raise `Misconfigured` where heads of logs were signed and the database is not there or is empty: it was lost.

    An empty file is not opened: it would be a database from then on.
    """
    if not signed_heads(settings):
        return
    file = None if settings.is_shared else settings.database_file
    is_there = file is None or file.exists()
    if file is None or (is_there and file.stat().st_size):
        with closing(open_storage(settings)) as database:
            if version(database) is not None:
                return
    raise Misconfigured(
        "the database is empty, and heads of its logs were signed"
        if is_there
        else "there is no database, and heads of its logs were signed",
        code="no-store",
        where=str(file or "storage.url"),
        remedy="mount its disk or put it back with its -wal file, otherwise restore a backup; `liaison init` would "
        "begin with an empty one",
    )


def own_keystore(settings: Settings) -> KeyStore:
    """Return the keystore of a node's home, for what may write to its stores. Raises like `require_stores`."""
    require_stores(node_stores(settings))
    return KeyStore(settings.keystore)


def faults(stores: Stores) -> Iterator[Misconfigured]:
    """Yield an error for each store that is another home's, and, once the database has ids, for each without one."""
    own, found = read_id(stores.home), _id_of_database(stores)
    has_ids = found is not None
    if has_ids and not own:
        yield Misconfigured(
            "this home has no id, by which it would know its stores",
            code="home-without-id",
            where=str(stores.home),
            remedy="put its file home.id back, which the copies of a home on all machines have alike; without one "
            "`liaison upgrade --run --home {home}` gives the home the id of its stores, where they fit",
            home=argument(stores.home),
        )
        return
    for name, folder in stores.folders.items():
        if folder.is_dir():
            if (mark := read_id(folder)) != own and (mark or has_ids):
                yield _wrong(stores, name, mark, own)
        elif has_ids and not _is_made_by_start(stores, name):
            yield Misconfigured(
                "there is no such folder",
                code="no-store",
                where=str(folder),
                remedy="mount its disk, or put the {name} back as it was",
                name=name,
            )
    if found is not None and found != own:
        yield _wrong(stores, DATABASE, found, own)


def _is_made_by_start(stores: Stores, name: str) -> bool:
    folder = stores.folders[name]
    in_home = folder.resolve().is_relative_to(stores.home.resolve())
    return name != KEYSTORE and in_home and not os.path.lexists(folder)


def _id_of_database(stores: Stores) -> str | None:
    database = stores.opened()
    if database is None:
        return None
    with closing(database):
        return id_of_database(database)


def _wrong(stores: Stores, name: str, found: str, own: str) -> Misconfigured:
    place = str(stores.folders.get(name, stores.database))
    if found:
        return Misconfigured(
            "this {name} is of another home: it has the id `{found}`, and this home `{own}`",
            code="other-home-store",
            where=place,
            remedy="bring back that of this home: mount the right disk, or mend the setting; nothing was written",
            name=name,
            found=found,
            own=own,
        )
    return Misconfigured(
        "this {name} has no id of a home: its disk is not mounted, or it is new",
        code="store-without-id",
        where=place,
        remedy="mount its disk; nothing was written. Where it is the right one, `liaison upgrade --run --home {home}` "
        "gives it the id of this home, after it has looked whether it fits",
        name=name,
        home=argument(stores.home),
    )


# ---------------------------------------------------------------- who gets the id


def without_id(stores: Stores) -> list[str]:
    """Return which of home and stores are there and without an id yet: `home`, stores by name, `database`."""
    names = [name for name, folder in stores.folders.items() if folder.is_dir() and not read_id(folder)]
    home = [] if read_id(stores.home) else ["home"]
    return [*home, *names, *([] if _id_of_database(stores) else [DATABASE])]


def misfits(stores: Stores) -> Iterator[Misconfigured]:
    """Yield an error for each store that cannot get the home's id: it has another one, or does not fit the database."""
    marks = _marks(stores, _id_of_database(stores))
    own = read_id(stores.home) or next(filter(None, marks.values()), "")
    yield from (_wrong(stores, name, mark, own) for name, mark in marks.items() if mark and mark != own)
    database = stores.opened()
    if database is None:
        return
    with closing(database):
        if not is_readable(version(database)):
            return
        for name, folder in stores.folders.items():
            if not marks[name] and (why := _misfit(stores, name, database)):
                yield _not_ours(name, folder, why)


def require_opens(keystore: Path, database: Database) -> None:
    """Raise `Misconfigured` for a keystore that opens the newest entry of no log, where a log has content there."""
    if why := _opens_none(keystore, database):
        raise _not_ours(KEYSTORE, keystore, why)


def _not_ours(name: str, folder: Path, why: str) -> Misconfigured:
    return Misconfigured(
        "this {name} is not that of this home: {why}",
        code="store-misfit",
        where=str(folder),
        remedy="mount its disk, or put it back from its copy; nothing was written",
        name=name,
        why=why,
    )


def _marks(stores: Stores, in_database: str | None) -> dict[str, str]:
    """Return the id of each store by its name, the database last; an empty text where there is none."""
    marks = {name: read_id(folder) for name, folder in stores.folders.items()}
    return marks | {DATABASE: in_database or ""}


def _misfit(stores: Stores, name: str, database: Database) -> str:
    """Return why a folder without id does not go with the database, or an empty text. An index goes with each."""
    folder = stores.folders[name]
    if name == KEYSTORE:
        return _opens_none(folder, database)
    if name == FILES and not _is_made_by_start(stores, name):
        named = files_here(database, _LOOKED_AT)
        return (
            "none of the files is in it that should be"
            if named and not any(map(FileFolder(folder).has_named, named))
            else ""
        )
    return ""


def _opens_none(keystore: Path, database: Database) -> str:
    logs = SqlLogStore(database)
    opened = [each for log in logs.logs() if (each := _opens_newest(keystore, logs, log)) is not None]
    return "it does not open the newest entry of any log" if opened and not any(opened) else ""


def _opens_newest(keystore: Path, logs: SqlLogStore, log: str) -> bool | None:
    """Tell whether a keystore has the key of a log's newest entry, also where it was destroyed; None for no content."""
    state = logs.state(log)
    size = state.size if state else 0
    for entry in logs.entries(log, max(0, size - 1), size):
        if entry.content is not None:
            try:
                if keystore.is_dir():
                    KeyStore(keystore).open_content(log, entry.index, entry.content)
                    return True
            except (Unknown, Contradicted) as error:
                return error.code == "erased"
            return False
    return None


def give_id(stores: Stores, database: Database) -> str:
    """Give the home's id to what has none of it and its stores, and return it. Raises `Misconfigured` for another one.

    Folders that a start makes are made. `database` is that of the home, with tables of this version. It gets the id
    first: of several machines that begin at once on one server, all take the id that is there.
    """
    marks = _marks(stores, id_of_database(database))
    own = read_id(stores.home) or next(filter(None, marks.values()), "")
    if not own:
        own = marks[DATABASE] = give_database(database, make_id())
    for name, mark in marks.items():
        if mark and mark != own:
            raise _wrong(stores, name, mark, own)
    if not marks[DATABASE] and (there := give_database(database, own)) != own:
        raise _wrong(stores, DATABASE, there, own)
    if not read_id(stores.home):
        write_id(stores.home, own)
    for name, folder in stores.folders.items():
        if name == KEYSTORE or folder.is_dir() or _is_made_by_start(stores, name):
            carry_id(folder, own)
    return own
