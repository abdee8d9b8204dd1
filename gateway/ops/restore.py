"""Makes a home from a backup, and lets nothing live in it that was erased since.

1. the backup is opened with its key, and unpacked beside the new home: names are checked, nothing is overwritten;
2. its files are those of its manifest, which a log key signed that the member lists under its charter;
3. what the old home or the copy of the keystore knows better is taken from there: content keys, the list of destroyed
   keys, and the high-water files;
4. keys on the list are destroyed; what was kept of their months is wrapped under the keys that followed them, and the
   rest of their content is overwritten in the restored database;
5. the logs are verified as an auditor would, against every head that the high-water files know.

A database that lacks what was signed is found in step 5. The node says the same when it starts, and signs nothing.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from certs.durable import PRIVATE, make_folder, replace
from gateway.audit.checkpoint import verify_checkpoint
from gateway.audit.findings import Report
from gateway.audit.tombstones import Tombstones, bury
from gateway.audit.verify import verify_home
from gateway.clock import Clock
from gateway.config import Home, Settings, load_settings
from gateway.errors import Contradicted, LiaisonError, Malformed, Misconfigured
from gateway.model.names import MemberId, member_id
from gateway.model.retention import ContentKeyId, ContentPlace, content_key_id
from gateway.ops.backup import DATABASE, HOME, MANIFEST, SIGNATURE, backup_origin
from gateway.ops.sealed_file import SealedReader
from gateway.signing import strict_json
from gateway.signing.keys import VerifyKey
from gateway.storage.dump import load
from gateway.storage.engine import Database
from gateway.storage.erase_store import SqlErasableContent
from gateway.storage.key_copy import take_over
from gateway.storage.keystore import KeyStore
from gateway.storage.log_store import SqlLogStore
from gateway.storage.open import open_storage
from gateway.trust.charter import charter_fingerprint
from gateway.trust.descriptor import KeyUse
from gateway.trust.documents import TrustDocuments
from gateway.trust.evidence import evidence_view

_NAME = re.compile(r"[A-Za-z0-9_.@+-]+(/[A-Za-z0-9_.@+-]+){0,12}", re.ASCII)
_MAX_MANIFEST = 16 * 1024 * 1024
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored. `emptied` entries were erased after the backup was made; `keys` content keys are there."""

    member: MemberId
    created: str
    fingerprint: str
    emptied: int
    keys: int
    report: Report


def restore(
    backup: Path, key_file: Path, home: Path, clock: Clock, *, old_home: Path | None, keys: Path | None, pin: str | None
) -> Restored:
    """Make the new home. `old_home` is what is left of the one that was lost; `keys` the copy of its keystore.

    `pin` is the fingerprint of the first charter, where it is known. Raises `Misconfigured` when there is a home
    already, `Contradicted` when the backup was changed.
    """
    if home.exists() and any(home.iterdir()):
        raise Misconfigured(
            "there is something already, and it is not overwritten",
            code="not-empty",
            where=str(home),
            remedy="move it away and name it as --old-home: it knows what was signed and erased since",
        )
    aside = home.with_name(f".{home.name}.restoring")
    shutil.rmtree(aside, ignore_errors=True)
    make_folder(aside)
    try:
        about = _unpack(backup, key_file, aside)  # 1
        fingerprint = _check(aside, about, clock, pin)  # 2
        if home.exists():
            home.rmdir()
        (aside / HOME).replace(home)
        try:
            settings = load_settings(home)
            _newer(Home(home), settings, old_home, keys)  # 3
            emptied, left = _put_back(settings, aside / DATABASE)  # 4
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)  # half a home is none; whoever mends the cause begins anew
            raise
        report = _verify(settings, clock, pin)  # 5
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Restored(member_id(settings.node.member), str(about["created"]), fingerprint, emptied, left, report)


# ---------------------------------------------------------------- 1, 2


def _unpack(backup: Path, key_file: Path, aside: Path) -> dict[str, Any]:
    with backup.open("rb") as file:
        sealed = SealedReader(file, key_file)
        try:
            with tarfile.open(fileobj=cast(Any, io.BufferedReader(sealed, 1 << 20)), mode="r|") as archive:
                for member in archive:
                    _unpack_one(archive, member, aside)
        except tarfile.TarError as error:
            raise Malformed("what is sealed is no backup", code="bad-backup", where=str(backup)) from error
        sealed.finish()
        return sealed.about


def _unpack_one(archive: tarfile.TarFile, member: tarfile.TarInfo, aside: Path) -> None:
    parts = PurePosixPath(member.name).parts
    if not member.isreg() or not _NAME.fullmatch(member.name) or ".." in parts:
        raise Malformed(f"`{member.name[:80]!a}` does not belong into a backup", code="bad-backup", where="backup")
    target = aside / member.name
    make_folder(target.parent)
    source = archive.extractfile(member)
    assert source is not None
    target.touch(mode=0o600)
    with source, target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def _check(aside: Path, about: dict[str, Any], clock: Clock, pin: str | None) -> str:
    """Step 2; the fingerprint of the charter that it verifies under."""
    manifest, note = (_small(aside, name, _MAX_MANIFEST) for name in (MANIFEST, SIGNATURE))
    value = strict_json.loads(manifest, _MAX_MANIFEST)
    if not isinstance(value, dict) or value.get("v") != 1 or not isinstance(value.get("files"), dict):
        raise Malformed("its manifest is none of version 1", code="bad-backup", where=MANIFEST)
    member = member_id(str(value.get("member")))
    if (member, value.get("created")) != (about.get("member"), about.get("created")):
        raise Contradicted("its head and its manifest are not of one backup", code="backup-changed", where=MANIFEST)
    files = value["files"]
    there = {path.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file()}
    wrong = sorted(name for name in files if name not in there or _hash(aside / name) != files[name])
    wrong += sorted(there - files.keys() - {MANIFEST, SIGNATURE})
    if wrong:
        raise Contradicted(f"`{wrong[0]}` is not the file that was backed up", code="backup-changed", where=wrong[0])
    documents = TrustDocuments(Home(aside / HOME).trust)
    charter, lines = documents.charter_versions(), _lines(Home(aside / HOME).trust)
    view = evidence_view(tuple(charter), tuple(lines), clock, pin)
    _check_note(note, manifest, member, view.vkeys(member, KeyUse.LOG))
    return charter_fingerprint(charter[0])


def _check_note(note: bytes, manifest: bytes, member: MemberId, keys: Sequence[VerifyKey]) -> None:
    for key in keys:
        try:
            head = verify_checkpoint(note, backup_origin(member), key)
        except LiaisonError:
            continue
        if head.root == hashlib.sha256(manifest).digest():
            return
    raise Contradicted(
        "its manifest is not signed by a log key that the member lists", code="backup-changed", where=SIGNATURE
    )


def _small(aside: Path, name: str, limit: int) -> bytes:
    path = aside / name
    if not path.is_file() or path.stat().st_size > limit:
        raise Malformed(f"`{name}` is missing", code="bad-backup", where="backup")
    return path.read_bytes()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lines(trust: Path) -> list[bytes]:
    return [
        line for file in sorted(trust.glob("descriptors/*.jsonl")) for line in file.read_bytes().split(b"\n") if line
    ]


# ---------------------------------------------------------------- 3 to 5


def _newer(home: Home, settings: Settings, old_home: Path | None, keys: Path | None) -> None:
    """Step 3."""
    tombstones = Tombstones(home.tombstones)
    if old_home is not None:
        old = Home(old_home)
        for key_id in Tombstones(old.tombstones).destroyed():
            tombstones.note_destroyed(key_id)
        for path in sorted(old.highwater.glob("*")):
            if path.is_file() and path != old.tombstones:
                replace(home.highwater / path.name, path.read_bytes(), PRIVATE)
        keys = keys or load_settings(old_home).keystore
    if keys is not None and keys.resolve() != settings.keystore.resolve():
        if settings.keystore.is_dir() and any(settings.keystore.iterdir()):
            raise Misconfigured(
                "there is a keystore already",
                code="not-empty",
                where=str(settings.keystore),
                remedy="leave --keys out to go on with it, or move it away",
            )
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


def _put_back(settings: Settings, dumped: Path) -> tuple[int, int]:
    """Step 4: entries that were emptied, and content keys that are there."""
    keystore, tombstones = KeyStore(settings.keystore), Tombstones(Home(settings.home).tombstones)
    bury(tombstones, keystore)
    if not settings.is_shared:
        make_folder(settings.database_file.parent)
        shutil.move(dumped, settings.database_file)
    database = open_storage(settings)
    try:
        if settings.is_shared:
            load(dumped, database)
        return _empty(database, tombstones, keystore), len(keystore.key_ids())
    finally:
        database.close()


def _empty(database: Database, tombstones: Tombstones, keystore: KeyStore) -> int:
    content = SqlErasableContent(database, SqlLogStore(database))
    count = 0
    for text in tombstones.destroyed():
        key = content_key_id(text)
        _wrap_again(content, keystore, key)
        count += sum(map(len, content.empty(key.id, key.start_us, key.end_us).values()))
        content.drop_documents(key.id)
    content.wipe()
    return count


def _wrap_again(content: SqlErasableContent, keystore: KeyStore, key: ContentKeyId) -> None:
    """What was kept when a key was destroyed lies under the key that followed it."""
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


def _verify(settings: Settings, clock: Clock, pin: str | None) -> Report:
    home = Home(settings.home)
    database = open_storage(settings, read_only=True)
    try:
        return verify_home(
            SqlLogStore(database),
            KeyStore(settings.keystore),
            member=member_id(settings.node.member),
            highwater=home.highwater,
            charter=TrustDocuments(home.trust).charter_versions(),
            descriptors=_lines(home.trust),
            clock=clock,
            fingerprint=pin,
            statements=False,
        )
    finally:
        database.close()
