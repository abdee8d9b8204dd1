"""Make a home from a backup, in which nothing lives that was erased since.

1. the backup is opened with its key, and unpacked beside the new home: names are checked, nothing is overwritten;
2. its first charter has the fingerprint that the operator gives, or that of the old home's; its files are those of
   its manifest, which a log key signed that the member lists under that charter;
3. newer parts come from the old home or the copy of the keystore: content keys, the list of destroyed
   keys, and the high-water files; from the old home also entries that its node wrote of itself since, such as that of
   its stop (`own_entries`);
4. keys on the list are destroyed; what was kept of their months is wrapped under the keys that followed them, and the
   rest of their content is overwritten in the restored database;
5. the logs are verified as an auditor would, against every head that the high-water files know;
6. all of it is durable, and the home gets its name in one step.

So an interruption leaves a whole home or none, and the same command given again begins anew. Parts that the settings
put outside the home (a server's database, a keystore on a disk of its own) go on from where they were
(`restore_target`).

Step 5 finds a database that lacks signed entries. The node says the same when it starts, and signs nothing.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from gateway.audit.tree.checkpoint import signed_head
from gateway.audit.verify.findings import Report
from gateway.audit.verify.verify import verify_home
from gateway.clock import Clock
from gateway.config import Home, Settings
from gateway.errors import Contradicted, Malformed, Misconfigured, StorageBroken
from gateway.host.durable import make_folder
from gateway.model.names import MemberId, member_id
from gateway.ops.backup.backup import DATABASE, HOME, MANIFEST, SIGNATURE, backup_origin
from gateway.ops.backup.own_entries import take_own_entries
from gateway.ops.backup.restore_target import RestoreTarget, put_back, take_newer
from gateway.ops.backup.sealed_file import SealedReader
from gateway.signing import strict_json
from gateway.signing.keys import VerifyKey
from gateway.storage.database.engine import Database
from gateway.storage.database.open import open_storage
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.documents.charter import charter_fingerprint, normal_fingerprint
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.evidence import evidence_view

_NAME = re.compile(r"[A-Za-z0-9_.@+-]+(/[A-Za-z0-9_.@+-]+){0,12}", re.ASCII)
_MAX_MANIFEST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored home. `emptied` entries were erased after the backup was made; `keys` content keys are there.

    `taken` entries that the node wrote of itself since, such as that of its stop, come from the old home.
    """

    member: MemberId
    created: str
    fingerprint: str
    emptied: int
    keys: int
    report: Report
    taken: int


def restore(
    backup: Path, key_file: Path, home: Path, clock: Clock, *, old_home: Path | None, keys: Path | None, pin: str | None
) -> Restored:
    """Make the new home. `old_home` is the rest of the lost one; `keys` is the copy of its keystore.

    `pin` is the fingerprint of the first charter; without it, that of the charter in the old home counts. Raises
    `Misconfigured` where there is neither, or a home already, `Contradicted` when the backup was changed, or is under
    another charter.
    """
    known = pin or _held_fingerprint(old_home)
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
        digest = _check(aside, about, clock, known)  # 2
        place = RestoreTarget(home, aside / HOME, digest)
        take_newer(place, aside / DATABASE, old_home, keys)  # 3
        taken = take_own_entries(old_home, aside / DATABASE) if old_home is not None else 0
        emptied, left = put_back(place, aside / DATABASE)  # 4
        report = _verify(place.settings, clock, known)  # 5
        place.finish()  # 6
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    member = member_id(place.settings.node.member)
    return Restored(member, str(about["created"]), normal_fingerprint(known), emptied, left, report, taken)


def check_backup(backup: Path, key_file: Path, clock: Clock, home: Path) -> None:
    """Make steps 1 and 2 for a backup of this home, beside its file, and throw away what was unpacked.

    Raises like `restore`.
    """
    aside = backup.with_name(f".{backup.name}.checking")
    shutil.rmtree(aside, ignore_errors=True)
    make_folder(aside)
    try:
        _check(aside, _unpack(backup, key_file, aside), clock, _held_fingerprint(home))
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    try:
        shutil.rmtree(aside)
    except OSError as error:  # the keys of the home would stay there
        raise StorageBroken("cannot be removed: {strerror}", where=str(aside), strerror=error.strerror) from error


def _held_fingerprint(home: Path | None) -> str:
    """Return the fingerprint of the first charter that a home holds. Raises `Misconfigured` where it holds none."""
    versions = TrustDocuments(Home(home).trust).charter_versions() if home is not None else []
    if not versions:
        raise Misconfigured(
            "a backup is restored under the first charter of its federation, and nothing here says which that is",
            code="fingerprint-needed",
            where="--fingerprint",
            remedy="read it from the paper that lies with the backup's key (64 digits; spaces do not count), or have "
            "another member read it out: `liaison trust verify HOME/trust/charter.jsonl` shows it there; then give "
            "--fingerprint. Where the old home is left with its charter, name it as --old-home instead",
        )
    return charter_fingerprint(versions[0])


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
        raise Malformed(
            "`{member!a}` does not belong into a backup", code="bad-backup", where="backup", member=member.name[:80]
        )
    target = aside / member.name
    make_folder(target.parent)
    source = archive.extractfile(member)
    assert source is not None
    target.touch(mode=0o600)
    with source, target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def _check(aside: Path, about: dict[str, Any], clock: Clock, pin: str) -> str:
    """Do step 2 under the first charter of this fingerprint; return the SHA-256 of the manifest."""
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
        raise Contradicted(
            "`{wrong}` is not the file that was backed up", code="backup-changed", where=wrong[0], wrong=wrong[0]
        )
    documents = TrustDocuments(Home(aside / HOME).trust)
    charter, lines = documents.charter_versions(), _lines(Home(aside / HOME).trust)
    view = evidence_view(tuple(charter), tuple(lines), clock, pin)
    _check_note(note, manifest, member, view.vkeys(member, KeyUse.LOG))
    return hashlib.sha256(manifest).hexdigest()


def _check_note(note: bytes, manifest: bytes, member: MemberId, keys: Sequence[VerifyKey]) -> None:
    head = signed_head(note, backup_origin(member), keys)
    if head is None or head.root != hashlib.sha256(manifest).digest():
        raise Contradicted(
            "its manifest is not signed by a log key that the member lists", code="backup-changed", where=SIGNATURE
        )


def _small(aside: Path, name: str, limit: int) -> bytes:
    path = aside / name
    if not path.is_file() or path.stat().st_size > limit:
        raise Malformed("`{name}` is missing", code="bad-backup", where="backup", name=name)
    return path.read_bytes()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lines(trust: Path) -> list[bytes]:
    return [
        line for file in sorted(trust.glob("descriptors/*.jsonl")) for line in file.read_bytes().split(b"\n") if line
    ]


# ---------------------------------------------------------------- 5


def _verify(settings: Settings, clock: Clock, pin: str) -> Report:
    with closing(open_storage(settings, read_only=True)) as database:
        return verify_database(database, settings, Home(settings.home).highwater, clock, pin)


def verify_database(database: Database, settings: Settings, highwater: Path, clock: Clock, pin: str | None) -> Report:
    """Verify the logs in a database of a home as an auditor would, against the heads in the folder `highwater`."""
    trust = Home(settings.home).trust
    return verify_home(
        SqlLogStore(database),
        KeyStore(settings.keystore),
        member=member_id(settings.node.member),
        highwater=highwater,
        charter=TrustDocuments(trust).charter_versions(),
        descriptors=_lines(trust),
        clock=clock,
        fingerprint=pin,
        statements=False,
    )
