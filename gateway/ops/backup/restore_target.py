"""Put the parts of a restored home into their places: steps 3, 4 and 6 of `ops.backup.restore`.

The home is made under another name and gets its own at the end. A server's database, and parts that the settings put on
disks of their own, cannot wait for that. Folders are made with the home's id in them, by which an interrupted restore
knows its own. Before the database is written, a note beside the home (`.th.restoring.json`) names the backup.

An empty folder at such a place may be one that a disk left which is not mounted: what is put there the disk would hide.
So it is refused before anything is written, unless a disk is mounted just there.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gateway.audit.retention.destroyed_keys import Tombstones, bury
from gateway.config import Home, Settings, argument, load_settings
from gateway.errors import LiaisonError, Misconfigured
from gateway.host.durable import PRIVATE, make_folder, replace, sync_file, sync_folder, sync_tree
from gateway.model.evidence.retention import ContentKeyId, ContentPlace, content_key_id
from gateway.ops.stores import DATABASE, give_id, misfits, node_stores, require_opens
from gateway.storage.database.dump import is_loaded, load, require_empty
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.home_id import ID_DIGITS, carry_id, id_of_database, read_id
from gateway.storage.database.migrate import migrate
from gateway.storage.database.open import open_storage
from gateway.storage.keys.key_copy import take_over
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.erase_store import SqlErasableContent
from gateway.storage.log.log_store import SqlLogStore

_BATCH = 100


class RestoreTarget:
    """A home that is being made: `aside` becomes `home`. `digest` names the backup. Raises `Misconfigured`."""

    def __init__(self, home: Path, aside: Path, digest: str) -> None:
        self._home = home
        self._aside = aside
        self.digest = digest
        self.note = home.with_name(f".{home.name}.restoring.json")
        self.settings = self._settings()
        self.home = Home(self.settings.home)

    def _settings(self) -> Settings:
        """Read the settings while the home lies aside: a path into the home leads aside, and one out of it out of the
        home to be."""
        found = load_settings(self._aside)
        storage = dataclasses.replace(found.storage, keystore=str(self._moved(found.keystore)))
        folder = self._moved(found.path(found.attachments.folder))
        if not found.is_shared:
            storage = dataclasses.replace(storage, url=f"sqlite:///{self._moved(found.database_file)}")
        attachments = dataclasses.replace(found.attachments, folder=str(folder))
        return dataclasses.replace(found, storage=storage, attachments=attachments)

    def _moved(self, path: Path) -> Path:
        home, aside = self._home.resolve(), self._aside.resolve()
        named = home / (path.relative_to(aside) if path.is_relative_to(aside) else path)
        there = Path(os.path.normpath(named))
        return aside / there.relative_to(home) if there.is_relative_to(home) else there

    def is_outside(self, path: Path) -> bool:
        """Return whether the settings put this path outside the home."""
        return not path.is_relative_to(self.home.path)

    @property
    def was_begun(self) -> bool:
        """Return whether restoring this backup here was begun before and interrupted."""
        return self.note.exists() and json.loads(self.note.read_bytes()) == self.digest

    def begin(self) -> None:
        """Note that from here on parts are put outside the home."""
        replace(self.note, json.dumps(self.digest).encode(), PRIVATE)

    def finish(self) -> None:
        """Do step 6: make all of it durable and give the home its name."""
        sync_tree(self._aside)
        make_folder(self._home.parent)
        self._aside.replace(self._home)
        sync_folder(self._home.parent)
        self.note.unlink(missing_ok=True)


# ---------------------------------------------------------------- 3


def take_newer(place: RestoreTarget, dumped: Path, old_home: Path | None, keys: Path | None) -> None:
    """Do step 3: take content keys, destroyed keys and high-water files from the old home or the copy."""
    settings, tombstones = place.settings, Tombstones(place.home.tombstones)
    if keys is not None and not read_id(keys) and not any(keys.rglob("*.key")):
        raise Misconfigured(
            "there are no keys in it",
            code="no-key-copy",
            where=str(keys),
            remedy="mount its disk; where no copy is left, leave --keys out: content under the keys is lost then",
        )
    if old_home is not None:
        old = Home(old_home)
        for key_id in Tombstones(old.tombstones).destroyed():
            tombstones.note_destroyed(key_id)
        for path in sorted(old.highwater.glob("*")):
            if path.is_file() and path != old.tombstones:
                replace(place.home.highwater / path.name, path.read_bytes(), PRIVATE)
        keys = keys or load_settings(old_home).keystore
    own = _own_id(place, dumped, *(folder for folder in (keys, settings.keystore) if folder is not None))
    carry_id(place.home.path, own)
    _require_places(place, dumped)
    carry_id(settings.keystore, own)
    if keys is not None and keys.resolve() != settings.keystore.resolve():
        take_over(keys, settings.keystore)
    store = KeyStore(settings.keystore)
    for path in sorted(settings.keystore.glob("*/*.key")):
        key_id = f"{path.parent.name}/{path.stem}"
        try:
            content_key_id(key_id)
        except LiaisonError:
            continue
        if store.is_destroyed(key_id):
            tombstones.note_destroyed(key_id)


def _own_id(place: RestoreTarget, dumped: Path, *keystores: Path) -> str:
    """Return the id of the home. Raises `Misconfigured` for a keystore, or a copy of one, with that of another home.

    A backup of before has no id, and its home gets that of the keystore: so one with keys has to open what is in it.
    Where there is none either, it is made of the backup, so that a restore that is given again makes the same.
    """
    own = read_id(place.home.path)
    marked = {found: folder for folder in reversed(keystores) if (found := read_id(folder))}
    with closing(open_database(dumped)) as database:
        migrate(database)
        if not own:
            for folder in marked.values():
                if KeyStore(folder).key_ids():
                    require_opens(folder, database)
        own = own or next(iter(marked), "") or id_of_database(database) or place.digest[:ID_DIGITS]
    for folder in keystores:
        if (found := read_id(folder)) not in ("", own):
            raise Misconfigured(
                "this keystore is of another home: it has the id `{found}`, and the home of the backup `{own}`",
                code="other-home-store",
                where=str(folder),
                remedy="name the keystore of that home, or its copy",
                found=found,
                own=own,
            )
    return own


def _require_places(place: RestoreTarget, dumped: Path) -> None:
    """Raise `Misconfigured` for a place outside the home that is an empty folder, or holds what is another home's."""
    stores = node_stores(place.settings)
    outside = {name: folder.resolve() for name, folder in stores.folders.items() if place.is_outside(folder)}
    filled = {name: folder for name, folder in outside.items() if folder.is_dir() and not _is_empty(folder)}
    for fault in misfits(dataclasses.replace(stores, folders=filled, opened=lambda: open_database(dumped))):
        raise fault
    if not place.settings.is_shared and not place.was_begun:
        outside[DATABASE] = place.settings.database_file.parent.resolve()
    for name, folder in outside.items():
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if there.is_dir() and _is_empty(there) and not there.is_mount():
            raise Misconfigured(
                "this folder is empty, as a disk leaves its place that is not mounted, and the {name} belongs there",
                code="store-without-id",
                where=str(there),
                remedy="mount the disk; where the {name} is to be on this one, say so: "
                "`mkdir -p -m 700 {folder} && echo {id} > {folder}/home.id`",
                name=name,
                folder=argument(folder),
                id=read_id(stores.home),
            )


def _is_empty(folder: Path) -> bool:
    return all(path.name == "lost+found" for path in folder.iterdir())


# ---------------------------------------------------------------- 4


def put_back(place: RestoreTarget, dumped: Path) -> tuple[int, int]:
    """Do step 4; return the number of emptied entries, and of content keys that are there."""
    settings = place.settings
    keystore, tombstones = KeyStore(settings.keystore), Tombstones(place.home.tombstones)
    bury(tombstones, keystore)
    with _database(place, dumped) as database:
        emptied = empty_destroyed(database, tombstones, keystore)
        keystore.note_used(SqlErasableContent(database, SqlLogStore(database)).under_others(keystore.key_ids()))
        stores = node_stores(settings)
        for folder in stores.folders.values():
            carry_id(folder, read_id(stores.home))
        give_id(stores, database)
    return emptied, len(keystore.key_ids())


@contextmanager
def _database(place: RestoreTarget, dumped: Path) -> Iterator[Database]:
    """Yield the database with the dumped tables. A database file is put into its place when the block ends."""
    if place.settings.is_shared:
        with closing(open_storage(place.settings)) as database:
            if not (place.was_begun and is_loaded(dumped, database)):
                require_empty(database)
                place.begin()
                load(dumped, database)
            yield database
        return
    with closing(open_database(dumped)) as database:
        migrate(database)
        yield database
    _put_file(place, dumped, place.settings.database_file)


def _put_file(place: RestoreTarget, dumped: Path, target: Path) -> None:
    if place.is_outside(target):
        if target.exists() and not place.was_begun:
            raise Misconfigured(
                "there is a database already, and it is not overwritten",
                code="not-empty",
                where=str(target),
                remedy="move it away",
            )
        place.begin()
    make_folder(target.parent)
    draft = target.with_name(f".{target.name}.restoring")
    draft.unlink(missing_ok=True)
    draft.touch(PRIVATE)
    with dumped.open("rb") as source, draft.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
    sync_file(draft)
    draft.replace(target)
    sync_folder(target.parent)


def empty_destroyed(database: Database, tombstones: Tombstones, keystore: KeyStore) -> int:
    """Overwrite content whose key was destroyed, in a database from a backup; return the number of entries."""
    content = SqlErasableContent(database, SqlLogStore(database))
    count = 0
    for text in tombstones.destroyed():
        key = content_key_id(text)
        _wrap_again(content, keystore, key)
        count += sum(map(len, content.empty(key.id, key.start_us, key.end_us).values()))
        content.drop_small(key.id)
    content.wipe()
    return count


def _wrap_again(content: SqlErasableContent, keystore: KeyStore, key: ContentKeyId) -> None:
    """Wrap content that was kept when its key was destroyed under the key that followed."""
    remembered = keystore.remembered(key.id)
    if not remembered:
        return
    found: dict[str, list[tuple[ContentPlace, bytes]]] = defaultdict(list)
    for place in content.under(key.id, key.start_us, key.end_us):
        if (kept := remembered.get((place.log, place.index))) is not None:
            found[kept[0]].append((place, kept[1]))
    for to, places in found.items():
        for start in range(0, len(places), _BATCH):
            content.rewrap(key.id, to, places[start : start + _BATCH])
