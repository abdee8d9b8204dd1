"""Keys of encrypted content, in a directory apart from the database, its write-ahead log and its backups.

There is one key for each retention class and month (`nohit/2026-11`). It wraps the content keys of single
entries (AES-256-GCM-SIV, RFC 8452, so that a repeated nonce is no disaster over billions of entries). Each
content key is fresh and encrypts the content of one entry (AES-256-GCM) with log and index as associated data, so that
it cannot be moved to another entry. Destroying a month's key erases its content in
the database and in every backup of it; the key's name is never used again. Where only some of its content is erased
the key is *retired* first: a new one follows it (`nohit/2026-11.2`), and the rest is wrapped again under that. A new
one follows a key that is lost, too: under the same name it would not open what lies under the lost one, as if that had
been changed.

::

    nohit/2026-11.key        32 bytes, or the word `destroyed`
    nohit/2026-11.retired    nothing new is written under it
    nohit/2026-11.dying      its bytes while they are overwritten
    nohit/2026-11.2.kept     content keys that were wrapped under it anew, for a database from a backup
    changes                  grows with each key that is retired or destroyed
    names                    the id of each key that was ever used, one a line: one without a file is lost
    lost                     the ids of those that are lost and of which an entry has told

Files are 0600, synced before use, and refused when others can read them.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.clock import from_us
from gateway.errors import Contradicted, Misconfigured, Unknown
from gateway.host.durable import PRIVATE, replace, sync_folder
from gateway.model.evidence.retention import month_of
from gateway.ports.content_keys import EncryptedContent, Retention
from gateway.storage.database.engine import storage_errors
from gateway.storage.keys.content_form import FORM, pack, split_key, spread, unpack
from gateway.storage.keys.key_files import KeyFolder, read_key_file

KEY_BYTES = 32
_NONCE_BYTES = 12
_PARTS = (b"\x01" + bytes(11), b"\x02" + bytes(11), b"\x03" + bytes(11))
"""Nonces of private part, request and answer in form 1: fixed, since a content key encrypts each part once."""

_WHOLE = b"\x04" + bytes(11)
"""The nonce of form 2."""

DESTROYED = b"destroyed"
_RETIRED = ".retired"
_DYING = ".dying"
_KEPT = ".kept"
CHANGES = "changes"
_NAMES = "names"
_LOST = "lost"
_SEARCH = b"liaison search index"
_MONTH_KEY = re.compile(r"[A-Za-z0-9]+/[0-9][0-9.-]*", re.ASCII)
"""The id of a month's key: its class of retention, the month, and the number of the key that follows a retired one."""

_NAMED = re.compile(rb"^(" + _MONTH_KEY.pattern.encode() + rb")\n", re.ASCII | re.MULTILINE)
_REMEMBERED = re.compile(rb"^([a-z]+/[0-9]+) ([0-9]+) ([A-Za-z0-9+/]+=*)\n", re.MULTILINE)


class KeyStore:
    """The keys of one node. Thread-safe. `root` is made with mode 0700 where it does not exist; later no key is made in
    what is at its place and not the same store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._keys: dict[str, AESGCMSIV] = {}
        self._current: dict[str, tuple[int, int, str]] = {}
        self._changes = 0
        with storage_errors("keystore"):
            root.mkdir(mode=0o700, exist_ok=True)
        self._folder = KeyFolder(root)

    # ------------------------------------------------------------ months

    def current(self, name: str, at_us: int) -> str:
        """Return the id of the key of class `name` for the month of `at_us`, made when there is none yet."""
        known = self._current.get(name)
        if known and known[0] <= at_us < known[1]:
            return known[2]
        start, end = month_of(at_us)
        label = from_us(at_us).strftime("%Y-%m")
        with self._lock, self._alone():
            key_id = self._usable(f"{name}/{label}")
            self._current[name] = (start, end, key_id)
        return key_id

    def hold_open(self, names: Iterable[str], at_us: int) -> None:
        """Read the keys of these classes for the month of `at_us`: later there may be no descriptor for it."""
        for name in names:
            self._month_key(self.current(name, at_us))

    def _usable(self, base: str) -> str:
        names = self._names()
        for generation in count(1):
            key_id = base if generation == 1 else f"{base}.{generation}"
            path = self._path(key_id)
            if not path.exists():
                if key_id in names:
                    continue
                self._folder.create(path, os.urandom(KEY_BYTES))
            if read_key_file(path) != DESTROYED and not path.with_suffix(_RETIRED).exists():
                break
        self._note_names(self._files())
        return key_id

    def note_used(self, key_ids: Iterable[str]) -> None:
        """Note keys under which something lies, wherever their files are: no new key gets their names."""
        with self._lock, self._alone():
            self._note_names(key_ids)

    def lost_keys(self) -> list[str]:
        """Return the ids of the keys that were used and whose files are not there."""
        return sorted(self._names() - self._files().keys())

    def untold_lost(self) -> list[str]:
        """Return the ids of lost keys of which no entry has told since their files were there last."""
        lost, told = set(self.lost_keys()), self._names(_LOST)
        if told - lost:  # they are back, or declared lost
            self._folder.require()
            replace(self._root / _LOST, "".join(f"{key_id}\n" for key_id in sorted(told & lost)).encode(), PRIVATE)
        return sorted(lost - told)

    def note_told(self, key_ids: Iterable[str]) -> None:
        """Note lost keys of which an entry has told."""
        self._folder.append(self._root / _LOST, [f"{key_id}\n" for key_id in key_ids])

    def _names(self, file: str = _NAMES) -> set[str]:
        path = self._root / file
        found = _NAMED.findall(read_key_file(path)) if path.exists() else ()
        return {name.decode() for name in found}

    def _note_names(self, key_ids: Iterable[str]) -> None:
        if new := sorted(set(filter(_MONTH_KEY.fullmatch, key_ids)) - self._names()):
            self._folder.append(self._root / _NAMES, [f"{key_id}\n" for key_id in new])

    def _path(self, key_id: str) -> Path:
        name, _, label = key_id.partition("/")
        if not _MONTH_KEY.fullmatch(key_id):
            raise Unknown("`{key_id!a}` is not a key id", where="keystore", key_id=key_id[:40])
        return self._root / name / f"{label}.key"

    def _month_key(self, key_id: str) -> AESGCMSIV:
        key = self._keys.get(key_id)
        if key is None:
            with self._lock:  # so that a key that is being destroyed is not kept in memory
                key = self._keys[key_id] = self._read(key_id)
        return key

    def _read(self, key_id: str) -> AESGCMSIV:
        path = self._path(key_id)
        raw = read_key_file(path)
        if raw == DESTROYED:
            raise Unknown(
                "key `{key_id}` was destroyed: its content is erased", code="erased", where="keystore", key_id=key_id
            )
        if len(raw) != KEY_BYTES:
            raise Misconfigured("not a key", where=str(path), remedy="restore the keystore from its backup")
        return AESGCMSIV(raw)

    def key_ids(self) -> list[str]:
        """Return the ids of all month keys that exist and were not destroyed.

        Keys of references lie beside them, under a quarter's name: they wrap no content and are left out.
        """
        with storage_errors("keystore"):
            return [key_id for key_id, path in self._files().items() if read_key_file(path) != DESTROYED]

    def _files(self) -> dict[str, Path]:
        paths = {f"{path.parent.name}/{path.stem}": path for path in sorted(self._root.glob("*/*.key"))}
        return {key_id: path for key_id, path in paths.items() if _MONTH_KEY.fullmatch(key_id)}

    def is_destroyed(self, key_id: str) -> bool:
        """Tell whether `key_id` was destroyed; false when there never was such a key."""
        path = self._path(key_id)
        return path.exists() and read_key_file(path) == DESTROYED

    def look_again(self) -> None:
        """Forget cached keys where keys were retired or destroyed since: another process may have done so."""
        with storage_errors("keystore"):
            try:
                changes = (self._root / CHANGES).stat().st_size
            except FileNotFoundError:
                return
        if changes != self._changes:
            with self._lock:
                self._changes = changes
                self._keys.clear()
                self._current.clear()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock under which one process at a time makes, retires and destroys keys."""
        self._folder.require()
        with storage_errors("keystore"):
            handle = os.open(self._root / CHANGES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)

    def _note_change(self) -> None:
        with (self._root / CHANGES).open("ab") as file:
            file.write(b".")

    def retire(self, key_id: str) -> str:
        """Let nothing new be written under `key_id`, durably. Return the id of the key that follows it."""
        with self._lock, self._alone():
            path = self._path(key_id)
            mark = path.with_suffix(_RETIRED)
            if not path.exists():
                raise Unknown("no key `{key_id}`", where="keystore", key_id=key_id)
            if not mark.exists():
                self._folder.create(mark, b"")
            self._note_change()
            self._current.clear()
            name, _, label = key_id.partition("/")
            return self._usable(f"{name}/{label.partition('.')[0]}")

    def destroy(self, key_id: str) -> None:
        """Destroy a key, and so what it protects, for ever; also where that was begun. A missing one is never made.

        The key is gone for every reader in one step. Then its old bytes are overwritten, also where a crash left them
        under another name. A file system or a disk that writes elsewhere than it read keeps copies that no program
        reaches: see docs/guides/forgetting.md.
        """
        with self._lock, self._alone():
            path = self._path(key_id)
            dying, replacement = path.with_suffix(_DYING), path.with_suffix(".new")
            if not path.exists():
                self._folder.create(path, DESTROYED)
            elif read_key_file(path) != DESTROYED:
                dying.unlink(missing_ok=True)
                replacement.unlink(missing_ok=True)
                dying.hardlink_to(path)
                self._folder.create(replacement, DESTROYED)
                replacement.replace(path)
                sync_folder(path.parent)
            for remains in self._remains(path):
                _overwrite(remains)
            for suffix in (_RETIRED, _KEPT):
                path.with_suffix(suffix).unlink(missing_ok=True)
            self._note_change()
            self._keys.pop(key_id, None)
            self._current.clear()

    def has_remains(self, key_id: str) -> bool:
        """Tell whether a crash left a file that may hold the key's bytes; `destroy` takes it away."""
        return bool(self._remains(self._path(key_id)))

    @staticmethod
    def _remains(path: Path) -> list[Path]:
        """Return files that `destroy` was overwriting, and drafts (`create_key_file`, `durable.replace`)."""
        dying = path.with_suffix(_DYING)
        return [*([dying] if dying.exists() else ()), *path.parent.glob(f".{path.name}.*")]

    # ------------------------------------------------------------ content

    def seal_content(
        self, retention: Retention, at_us: int, log: str, index: int, private: bytes, request: bytes, answer: bytes
    ) -> EncryptedContent:
        """Encrypt the three parts of entry `index` of `log`, as one, under a fresh content key."""
        key_id = self.current(retention, at_us)
        fresh = os.urandom(KEY_BYTES + _NONCE_BYTES)
        key, nonce = fresh[:KEY_BYTES], fresh[KEY_BYTES:]
        place = f"{log}:{index}".encode()
        return EncryptedContent(
            key_id,
            FORM + nonce + self._month_key(key_id).encrypt(nonce, key, place),
            AESGCM(key).encrypt(_WHOLE, pack(private, request, answer), place),
            b"",
            b"",
        )

    def open_content(self, log: str, index: int, content: EncryptedContent) -> tuple[bytes, bytes, bytes]:
        """Return private part, request and answer. Raises `Unknown` where the content was erased (`erased`) or its key
        is lost (`no-key`), `Contradicted` when it is not what was written for this entry."""
        place = f"{log}:{index}".encode()
        if not content.private:
            raise Unknown("the content of entry {index} was erased", code="erased", where=log, index=index)
        month_key = self._month_key(content.key_id)
        try:
            form, nonce, wrapped = split_key(content.wrapped_key)
            decrypt = AESGCM(month_key.decrypt(nonce, wrapped, place)).decrypt
            if form:
                return unpack(decrypt(_WHOLE, content.private, place))
            return (
                decrypt(_PARTS[0], content.private, place),
                decrypt(_PARTS[1], content.request, place) if content.request else b"",
                spread(decrypt(_PARTS[2], content.answer, place)) if content.answer else b"",
            )
        except (InvalidTag, ValueError) as error:
            raise Contradicted(
                "the content of entry {index} was changed", code="content-changed", where=log, index=index
            ) from error

    def rewrap(self, key_id: str, wrapped_key: bytes, log: str, index: int, to: str) -> bytes:
        """Return the content key of an entry, wrapped under the month's key `to`. Raises like `open_content`."""
        place = f"{log}:{index}".encode()
        nonce = os.urandom(_NONCE_BYTES)
        try:
            form, old, wrapped = split_key(wrapped_key)
            key = self._month_key(key_id).decrypt(old, wrapped, place)
        except (InvalidTag, ValueError) as error:
            raise Contradicted(
                "the content key of entry {index} was changed",
                code="content-changed",
                where=log,
                remedy="restore the database from a backup, or erase this entry as well",
                index=index,
            ) from error
        return form + nonce + self._month_key(to).encrypt(nonce, key, place)

    def search_key(self, key_id: str) -> bytes:
        """Return the key of a search index for content under `key_id`. Raises `Unknown` when that was destroyed."""
        raw = read_key_file(self._path(key_id))
        if len(raw) != KEY_BYTES:
            raise Unknown(
                "key `{key_id}` was destroyed: its content is erased", code="erased", where="keystore", key_id=key_id
            )
        return HKDF(SHA256(), KEY_BYTES, None, _SEARCH).derive(raw)

    def remember(self, to: str, wrapped: Sequence[tuple[str, int, bytes]]) -> None:
        """Keep content keys that `rewrap` made under `to`, by log and index, durably: the only way to the kept content
        in a database from before the erasure."""
        lines = [f"{log} {index} {b64encode(key).decode()}\n" for log, index, key in wrapped]
        self._folder.append(self._path(to).with_suffix(_KEPT), lines)

    def remembered(self, key_id: str) -> dict[tuple[str, int], tuple[str, bytes]]:
        """Return the kept content keys of the month of `key_id`: by log and index the key that each lies under now, and
        its wrapped form. Skips lines that a loss of power cut off: the erasure that wrote them goes on and writes them
        again."""
        name, _, label = key_id.partition("/")
        base = f"{name}/{label.partition('.')[0]}"
        found: dict[tuple[str, int], tuple[str, bytes]] = {}
        for living in self.key_ids():
            path = self._path(living).with_suffix(_KEPT)
            if living.partition(".")[0] == base and path.exists():
                for line in _REMEMBERED.finditer(read_key_file(path)):
                    found[line[1].decode(), int(line[2])] = (living, b64decode(line[3], validate=True))
        return found

    def lasting_key(self, name: str) -> bytes:
        """Return the key `name`, which is never destroyed, made when there is none: for keyed hashes, not content."""
        path = self._root / f"{name}.key"
        if not path.exists():
            self._folder.create(path, os.urandom(KEY_BYTES))
        return read_key_file(path)

    # ------------------------------------------------------------ small values

    def seal(self, name: str, at_us: int, value: bytes, place: bytes) -> bytes:
        """Encrypt `value` under the month's key of class `name`, bound to `place`."""
        key_id = self.current(name, at_us)
        nonce = os.urandom(_NONCE_BYTES)
        return key_id.encode() + b"\n" + nonce + self._month_key(key_id).encrypt(nonce, value, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return the value that `seal` was given. Raises like `open_content`."""
        key_id, _, rest = sealed.partition(b"\n")
        try:
            return self._month_key(key_id.decode()).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place)
        except (InvalidTag, ValueError) as error:
            raise Contradicted("a stored value was changed", code="content-changed", where="keystore") from error

    def reseal(self, sealed: bytes, to: str, place: bytes) -> bytes:
        """Return a sealed value, sealed anew under the key `to`. Raises like `open_content`."""
        nonce = os.urandom(_NONCE_BYTES)
        return to.encode() + b"\n" + nonce + self._month_key(to).encrypt(nonce, self.open(sealed, place), place)


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)
