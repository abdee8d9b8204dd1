"""A backup of a home: consistent, encrypted, signed, and without the keys of its content.

What is in it (names are those of the archive inside the sealed file):

::

    database.sqlite     all tables of one moment (`storage.dump`); content is ciphertext, and what was erased is empty
    home/…              settings, keys and certificates, trust, policies, switches, and as high-water files the signed
                        heads of exactly the logs in the database
    backup.json         the SHA-256 of each file, the member, the time
    backup.sig          a signed note over that, by the log key

The keystore is never in it: a backup that holds the keys would bring back what was erased. It has a copy of its own
that forgets when it does (`storage.key_copy`). Key indexes and search indexes are made anew; acts that wait are not
kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from gateway.audit.log.highwater import high_water_path, read_heads, signed_on
from gateway.audit.tree.checkpoint import Signer, parse_checkpoint
from gateway.clock import Clock, rfc3339
from gateway.config import Home, Settings
from gateway.errors import Misconfigured, NotProved, StorageBroken
from gateway.host.durable import give_name, sync_file
from gateway.model.names import MemberId, member_id
from gateway.ops.backup.sealed_file import SealedWriter, load_public
from gateway.ops.keys.head_keys import load_log_keys
from gateway.storage.database.dump import dump
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.open import open_storage
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.documents.charter import charter_fingerprint
from gateway.trust.documents.descriptor import PERSONS
from gateway.trust.documents.folder import TrustDocuments

DATABASE = "database.sqlite"
MANIFEST = "backup.json"
SIGNATURE = "backup.sig"
HOME = "home"

_HEADS = "heads"
_SETTLES, _SETTLE_S, _NEWEST = 50, 0.1, 1_000


def backup_origin(member: str) -> str:
    """Return the name of the note that signs a member's backups."""
    return f"{member}.liaison.internal/backup"


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made.

    `files` are the hashes of its files, `logs` the sizes of its logs, `left_out` the names in the home that it does not
    hold, `size` its bytes, `fingerprint` that of the first charter, for which a restore asks.
    """

    member: MemberId
    created: str
    files: dict[str, str]
    logs: dict[str, int]
    left_out: tuple[str, ...]
    size: int
    fingerprint: str


Look = Callable[[Path, Path], None]
"""Looks at the copy of the database that was backed up, and at the folder with the heads of its logs.

What it raises undoes the backup. It may write to both, which are thrown away."""


def make_backup(settings: Settings, to: Path, out: Path, clock: Clock, look: Look | None = None) -> Made:
    """Write the new file `out`, sealed for the public key in `to`. The node may be running.

    `look` sees what was backed up before the file gets its name.

    Raises `Misconfigured` when `out` exists, `StorageBroken` when it cannot be written, `NotProved` where a log has no
    signed head.
    """
    if out.exists():
        raise Misconfigured("there is a file already", code="file-exists", where=str(out), remedy="name a new file")
    member, home = member_id(settings.node.member), Home(settings.home)
    created = rfc3339(clock.now_us())
    public = load_public(to)
    try:
        with _room(out) as folder:
            aside = folder / "sealed"
            aside.touch(mode=0o600)
            with aside.open("wb") as file:
                sealed = SealedWriter(file, public, {"member": member, "created": created})
                files, logs = _write(settings, home, member, created, sealed, folder)
                sealed.finish()
            if look is not None:
                look(folder / DATABASE, folder / _HEADS)
            sync_file(aside)
            give_name(aside, out)
    except OSError as error:
        raise StorageBroken(
            "the backup cannot be written: `{strerror}`",
            where=str(out),
            remedy="free space, then try again",
            strerror=error.strerror,
        ) from error
    taken = {name.removeprefix(f"{HOME}/").partition("/")[0] for name in files}
    here = {home.lock.name, home.acts.name}
    if not settings.is_shared:
        here |= {f"{settings.database_file.name}{suffix}" for suffix in ("", "-wal", "-shm")}
    left_out = sorted(path.name for path in home.path.iterdir() if path.name not in taken | here)
    first = "".join(map(charter_fingerprint, TrustDocuments(home.trust).charter_versions()[:1]))
    return Made(member, created, files, logs, tuple(left_out), out.stat().st_size, first)


@contextmanager
def _room(out: Path) -> Iterator[Path]:
    """Yield a folder beside the backup for unfinished files, and empty it first."""
    folder = out.with_name(f".{out.name}.making")
    folder.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
        yield folder
        shutil.rmtree(folder)
    except BlockingIOError:
        raise Misconfigured(
            "this backup is being made", code="file-exists", where=str(out), remedy="name another file, or wait"
        ) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _write(
    settings: Settings, home: Home, member: MemberId, created: str, sealed: SealedWriter, folder: Path
) -> tuple[dict[str, str], dict[str, int]]:
    archive = _Archive(sealed)
    with closing(open_storage(settings, read_only=True)) as database:
        dump(database, folder / DATABASE)
        heads = _heads(database, folder / DATABASE, home)
    (folder / _HEADS).mkdir(mode=0o700)
    for name, head in heads.items():
        # A node restored from it thereby knows that it moved, and asks a witness before it signs.
        moved = signed_on(head, "a database that was backed up")
        (folder / _HEADS / name).write_bytes(moved)
        archive.add(f"{HOME}/{home.highwater.name}/{name}", moved)
    for name in _files(settings, home, heads):
        archive.add(f"{HOME}/{name}", (home.path / name).read_bytes())
    archive.add_file(DATABASE, folder / DATABASE)
    files = dict(sorted(archive.hashes.items()))
    manifest = json.dumps({"v": 1, "member": member, "created": created, "files": files}, indent=1).encode()
    signer = Signer(backup_origin(member), load_log_keys(home))
    archive.add(MANIFEST, manifest)
    archive.add(SIGNATURE, signer.sign(len(files), hashlib.sha256(manifest).digest()))
    archive.close()
    return files, {name.replace("-", "/"): parse_checkpoint(head).size for name, head in heads.items()}


def _heads(database: Database, dumped: Path, home: Home) -> dict[str, bytes]:
    """Return the signed head of each log as it was dumped, by the name of its high-water file.

    A running node signs a moment after it commits, and stores each head with the batch that follows.
    """
    with closing(open_database(dumped, read_only=True)) as copy:
        sizes = {log: state.size for log in SqlLogStore(copy).logs() if (state := SqlLogStore(copy).state(log))}
    found = {}
    for log, size in sizes.items():
        name, _, number = log.partition("/")
        path = high_water_path(home.highwater, name, int(number))
        found[path.name] = _head(SqlLogStore(database), log, path, size)
    return found


def _head(store: SqlLogStore, log: str, path: Path, size: int) -> bytes:
    for _ in range(_SETTLES):
        state = store.state(log)
        for data in (*read_heads(path), state.checkpoint if state else b"", *store.checkpoints(log)[-_NEWEST:]):
            if data and parse_checkpoint(data).size == size:
                return data
        time.sleep(_SETTLE_S)
    raise NotProved(
        "nobody signed a head over the {length} entries of {log}",
        where=log,
        remedy="start the node once, then try again",
        length=size,
        log=log,
    )


def _files(settings: Settings, home: Home, heads: Collection[str]) -> Iterator[str]:
    """Yield the files of the home that a restored one needs, relative to it."""
    places = [
        *(path for path in sorted(home.highwater.glob("*")) if path.name.partition(".")[0] not in heads),
        home.id,
        home.settings,
        home.ca,
        home.keys,
        home.trust,
        home.witnesses,
        home.mappings,
        home.names,
        home.people,
        home.offices / "devices",
        home.policies,
        *(home.persons(use) for use in PERSONS),
        home.certificates,
        home.suspensions,
        *(settings.path(source.mapping) for source in settings.sources if source.mapping),
        *(settings.path(source.access) for source in settings.sources if source.access),
        *(settings.path(key.file) for key in settings.token_keys),
        *(settings.path(text) for text in (settings.policy.national, settings.policy.base) if text),
    ]
    seen, root = set(), home.path.resolve()
    for place in places:
        found = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
        for path in (path.resolve() for path in found if path.is_file()):
            if path.is_relative_to(root) and path not in seen:
                seen.add(path)
                yield path.relative_to(root).as_posix()


@dataclass(slots=True)
class _Archive:
    """A tar stream in a sealed file, with the hash of each member."""

    sealed: SealedWriter
    hashes: dict[str, str] = field(default_factory=dict)
    _tar: tarfile.TarFile = field(init=False)

    def __post_init__(self) -> None:
        self._tar = tarfile.open(fileobj=cast(Any, self.sealed), mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add(self, name: str, data: bytes) -> None:
        """Add a small file."""
        self._add(name, io.BytesIO(data), len(data))

    def add_file(self, name: str, path: Path) -> None:
        """Add a large file without loading it."""
        with path.open("rb") as file:
            self._add(name, file, path.stat().st_size)

    def close(self) -> None:
        """End the stream."""
        self._tar.close()

    def _add(self, name: str, file: BinaryIO, size: int) -> None:
        about = tarfile.TarInfo(name)
        about.size, about.mode = size, 0o600
        hashing = _Hashing(file)
        self._tar.addfile(about, cast(Any, hashing))
        self.hashes[name] = hashing.hash.hexdigest()


class _Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes and hash them."""
        data = self._file.read(size)
        self.hash.update(data)
        return data
