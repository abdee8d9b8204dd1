"""Keys of encrypted content, in a directory apart from the database, its write-ahead log and its backups.

There is one key for each retention class and month (`nohit/2026-11`). It wraps the content keys of single
entries (AES-256-GCM-SIV, RFC 8452, so that a repeated nonce is no disaster over billions of entries). Each
content key is fresh and encrypts the three parts of one entry (AES-256-GCM) with log, index and part as
associated data, so that no part can be moved to another entry. Destroying a month's key erases its content in
the database and in every backup of it; the key's name is never used again.

Files are 0600, synced before use, and refused when others can read them.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV

from gateway.clock import from_us, to_us
from gateway.errors import Contradicted, Misconfigured, Unknown
from gateway.ports import EncryptedContent, Retention
from gateway.storage.engine import storage_errors
from gateway.storage.zeros import spread, squeeze

KEY_BYTES = 32
_NONCE_BYTES = 12
_PARTS = (b"\x01" + bytes(11), b"\x02" + bytes(11), b"\x03" + bytes(11))
"""Nonces of private part, request and answer: fixed, since a content key encrypts each part once."""

_DESTROYED = b"destroyed"


class KeyStore:
    """The keys of one node. Thread-safe. `root` is made with mode 0700 where it does not exist."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._keys: dict[str, AESGCMSIV] = {}
        self._current: dict[str, tuple[int, int, str]] = {}
        with storage_errors("keystore"):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)

    # ------------------------------------------------------------ months

    def current(self, name: str, at_us: int) -> str:
        """The id of the key of class `name` for the month of `at_us`, made when there is none yet."""
        known = self._current.get(name)
        if known and known[0] <= at_us < known[1]:
            return known[2]
        start, end = _month(at_us)
        label = from_us(at_us).strftime("%Y-%m")
        with self._lock:
            key_id = self._usable(f"{name}/{label}")
            self._current[name] = (start, end, key_id)
        return key_id

    def _usable(self, base: str) -> str:
        generation = 1
        while True:
            key_id = base if generation == 1 else f"{base}.{generation}"
            path = self._path(key_id)
            if not path.exists():
                create_key_file(path, os.urandom(KEY_BYTES))
            if read_key_file(path) != _DESTROYED:
                return key_id
            generation += 1

    def _path(self, key_id: str) -> Path:
        name, _, label = key_id.partition("/")
        if not (name.isascii() and name.isalnum() and label.replace("-", "").replace(".", "").isdigit()):
            raise Unknown(f"`{key_id[:40]!a}` is not a key id", where="keystore")
        return self._root / name / f"{label}.key"

    def _month_key(self, key_id: str) -> AESGCMSIV:
        key = self._keys.get(key_id)
        if key is None:
            path = self._path(key_id)
            raw = read_key_file(path)
            if raw == _DESTROYED:
                raise Unknown(f"key `{key_id}` was destroyed: its content is erased", code="erased", where="keystore")
            if len(raw) != KEY_BYTES:
                raise Misconfigured("not a key", where=str(path), remedy="restore the keystore from its backup")
            key = self._keys[key_id] = AESGCMSIV(raw)
        return key

    def key_ids(self) -> list[str]:
        """Ids of all month keys that exist and were not destroyed."""
        with storage_errors("keystore"):
            paths = sorted(self._root.glob("*/*.key"))
            return [f"{path.parent.name}/{path.stem}" for path in paths if read_key_file(path) != _DESTROYED]

    def destroy(self, key_id: str) -> None:
        """Erase what `key_id` protects, for ever. `Unknown` when there is no such key."""
        with self._lock, storage_errors("keystore"):
            path = self._path(key_id)
            if not path.exists():
                raise Unknown(f"no key `{key_id}`", where="keystore")
            with path.open("r+b") as file:
                file.write(os.urandom(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            replacement = path.with_suffix(".new")
            create_key_file(replacement, _DESTROYED)
            replacement.replace(path)
            _sync_directory(path.parent)
            self._keys.pop(key_id, None)
            self._current.clear()

    # ------------------------------------------------------------ content

    def seal_content(
        self, retention: Retention, at_us: int, log: str, index: int, private: bytes, request: bytes, answer: bytes
    ) -> EncryptedContent:
        """The three parts of entry `index` of `log` under a fresh content key; empty parts stay empty."""
        key_id = self.current(retention, at_us)
        fresh = os.urandom(KEY_BYTES + _NONCE_BYTES)
        key, nonce = fresh[:KEY_BYTES], fresh[KEY_BYTES:]
        place = f"{log}:{index}".encode()
        encrypt = AESGCM(key).encrypt
        return EncryptedContent(
            key_id,
            nonce + self._month_key(key_id).encrypt(nonce, key, place),
            encrypt(_PARTS[0], private, place),
            encrypt(_PARTS[1], request, place) if request else b"",
            encrypt(_PARTS[2], squeeze(answer), place) if answer else b"",
        )

    def open_content(self, log: str, index: int, content: EncryptedContent) -> tuple[bytes, bytes, bytes]:
        """Private part, request and answer. `Unknown` when the key was destroyed, `Contradicted` when the
        content is not what was written for this entry."""
        place = f"{log}:{index}".encode()
        month_key = self._month_key(content.key_id)
        try:
            nonce, wrapped = content.wrapped_key[:_NONCE_BYTES], content.wrapped_key[_NONCE_BYTES:]
            decrypt = AESGCM(month_key.decrypt(nonce, wrapped, place)).decrypt
            return (
                decrypt(_PARTS[0], content.private, place),
                decrypt(_PARTS[1], content.request, place) if content.request else b"",
                spread(decrypt(_PARTS[2], content.answer, place)) if content.answer else b"",
            )
        except (InvalidTag, ValueError) as error:
            raise Contradicted(
                f"the content of entry {index} was changed", code="content-changed", where=log
            ) from error

    # ------------------------------------------------------------ small values

    def seal(self, name: str, at_us: int, value: bytes, place: bytes) -> bytes:
        """`value` under the month's key of class `name`, bound to `place`."""
        key_id = self.current(name, at_us)
        nonce = os.urandom(_NONCE_BYTES)
        return key_id.encode() + b"\n" + nonce + self._month_key(key_id).encrypt(nonce, value, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """What `seal` was given. Raises like `open_content`."""
        key_id, _, rest = sealed.partition(b"\n")
        try:
            return self._month_key(key_id.decode()).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place)
        except (InvalidTag, ValueError) as error:
            raise Contradicted("a stored value was changed", code="content-changed", where="keystore") from error


def create_key_file(path: Path, value: bytes) -> None:
    """Write `value` to a new file of mode 0600, synced with its directory. `StorageBroken` when it fails."""
    with storage_errors("keystore"):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, value)
            os.fsync(handle)
        finally:
            os.close(handle)
        _sync_directory(path.parent)
        _sync_directory(path.parent.parent)


def read_key_file(path: Path) -> bytes:
    """The bytes of a key file. `Misconfigured` when others can read it, `Unknown` when there is none."""
    with storage_errors("keystore"):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            raise Unknown("no such key", code="no-key", where=str(path)) from None
        if mode & 0o077:
            raise Misconfigured("others can read this key", where=str(path), remedy=f"chmod 600 {path}")
        return path.read_bytes()


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _month(at_us: int) -> tuple[int, int]:
    moment = from_us(at_us)
    start = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    end = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return to_us(start), to_us(end)
