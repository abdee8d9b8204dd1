"""Hide the content of a key index: keys as keyed hashes always, rows encrypted where a secret is given.

Every key is stored as a hash of 64 bits under a random key of the index, so that neither a backup nor a look at the
file shows a name's normal form, and two names that collide cannot be prepared. Without a secret that random key stands
in the index itself; with one (decision 0012) it is derived from the secret, and rows are sealed with AES-256-GCM, bound
to their place.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import Unavailable
from gateway.storage.keys.key_files import create_key_file, read_key_file

PLACE_BYTES = 16
_SECRET_BYTES = 32
_NONCE_BYTES = 12
_KEY_BYTES = 8
_BIRTH_BYTES = 4
_KNOWN_BIRTHS = 65_536
_CLASS_BYTES, _CLASS_BITS = 4, 23
_YEAR_BITS, _DAY_BITS = 12, 11
"""A birth date is a number of three bytes in SQLite: a hash of its year, then one of the whole."""


class IndexSeal:
    """Hashes and, with a secret, encryption of one index. `salt` is random and is in the index."""

    def __init__(self, salt: bytes, secret: bytes | None = None) -> None:
        mac_key = _derive(secret, salt, b"liaison index keys") if secret else salt
        self._cipher = AESGCM(_derive(secret, salt, b"liaison index rows")) if secret else None
        # A prepared state is copied for each key: half the time of setting the key up again.
        self._key = blake2b(digest_size=_KEY_BYTES, key=mac_key, person=b"key")
        self._place = blake2b(digest_size=PLACE_BYTES, key=mac_key, person=b"place")
        self._digest = blake2b(digest_size=_KEY_BYTES, key=mac_key, person=b"row")
        self._class = blake2b(digest_size=_CLASS_BYTES, key=mac_key, person=b"class")
        self._birth = blake2b(digest_size=_BIRTH_BYTES, key=mac_key, person=b"birth")
        self.birth = lru_cache(_KNOWN_BIRTHS)(self._birth_of)
        self.check = blake2b(b"check", digest_size=PLACE_BYTES, key=mac_key, person=b"check").hexdigest()

    def key(self, kind: int, text: str) -> int:
        """Return the hash of a key as SQLite's signed integer."""
        state = self._key.copy()
        state.update(b"%d:%b" % (kind, text.encode("utf-8", "surrogatepass")))
        return int.from_bytes(state.digest(), "big", signed=True)

    def class_number(self, text: str, taken: Collection[int]) -> int:
        """Return a number for a class of records that none of `taken` is: greater than 0, and of three bytes."""
        state = self._class.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        number = int.from_bytes(state.digest(), "big") % ((1 << _CLASS_BITS) - 1) + 1
        while number in taken:  # it may not stand for two: one may be hidden
            number = number % ((1 << _CLASS_BITS) - 1) + 1
        return number

    def births_of_year(self, year: str) -> tuple[int, int]:
        """Return the least and the greatest number that a birth date of this year can have."""
        first = (self._short(year) % ((1 << _YEAR_BITS) - 1) + 1) << _DAY_BITS
        return first, first + (1 << _DAY_BITS) - 1

    def _birth_of(self, birth: str) -> int:
        """Return a number that stands for a birth date (`YYYY`, `YYYY-MM` or `YYYY-MM-DD`); 0 when it is not known.

        Different dates can have one number: an equal number only does not rule a row out.
        """
        if not birth:
            return 0
        return self.births_of_year(birth[:4])[0] + self._short(birth) % (1 << _DAY_BITS)

    def _short(self, text: str) -> int:
        state = self._birth.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        return int.from_bytes(state.digest(), "big")

    def place(self, record_type: str, source_key: str) -> bytes:
        """Return 16 bytes that name a row's record."""
        state = self._place.copy()
        state.update(f"{record_type}\0{source_key}".encode("utf-8", "surrogatepass"))
        return state.digest()

    def digest(self, rows: object) -> int:
        """Return a digest of the source's rows of a record, which shows a change of them."""
        state = self._digest.copy()
        state.update(repr(rows).encode("utf-8", "surrogatepass"))
        return int.from_bytes(state.digest(), "big", signed=True)

    def close(self, body: bytes, place: bytes) -> bytes:
        """Return the stored form of `body`."""
        if self._cipher is None:
            return body
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, body, place)

    def open(self, stored: bytes, place: bytes) -> bytes:
        """Return the body that `close` was given. Raises `Unavailable` when it was changed or moved."""
        if self._cipher is None:
            return stored
        try:
            return self._cipher.decrypt(stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], place)
        except (InvalidTag, ValueError) as error:
            raise Unavailable("a row of the key index is not what was written", code="index-unreadable") from error


def new_salt() -> bytes:
    """Return the salt of a new index."""
    return os.urandom(_SECRET_BYTES)


def load_index_secret(keystore: Path) -> bytes:
    """Return the secret of all key indexes of a node, `index.key` in its keystore; made when there is none.

    Losing it costs nothing but building the indexes anew.
    """
    path = keystore / "index.key"
    if not path.exists():
        create_key_file(path, os.urandom(_SECRET_BYTES))
    return read_key_file(path)


def _derive(secret: bytes, salt: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), _SECRET_BYTES, salt, use).derive(secret)
