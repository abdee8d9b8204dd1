"""Make what stands for hits and officers towards counterparts, and tells them nothing (design, section 4).

A reference to a hit is the AES-SIV (RFC 5297) of source, key and record type. The same hit has the same reference for
the same peer and case within a quarter, and another one for every other peer or case. A reference is no capability:
policy runs again when it is resolved.

The pseudonym of an officer is stable for one pair of countries, and meaningless elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from gateway.clock import DAY_US, Clock, from_us
from gateway.errors import Malformed, Unknown
from gateway.storage.keys.key_files import KeyFolder, create_key_file, read_key_file

_KEY_BYTES = 64
_BLOCK = 32
_SEPARATOR = "\x1f"


class HitReferences:
    """Makes and resolves references with the keys in `root/references`. Thread-safe."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root = KeyFolder(root)
        self._folder = root / "references"
        self._clock = clock
        self._keys: dict[str, AESSIV] = {}
        self._cached = lru_cache(maxsize=4096)(self._make)

    def reference_key(self, quarter: str) -> AESSIV:
        """Return the key of a quarter such as `2026-Q4`, made when there is none."""
        if quarter not in self._keys:
            path = self._folder / f"{quarter}.key"
            if not path.exists():
                self._root.create(path, os.urandom(_KEY_BYTES))
            self._keys[quarter] = AESSIV(read_key_file(path))
        return self._keys[quarter]

    def make_reference(self, source: str, key: str, record_type: str, peer: str, case: str) -> str:
        """Return the reference that `peer` sees for this record in this case (base64url, no padding)."""
        return self._cached(self._quarter(), source, key, record_type, peer, case)

    def _make(self, quarter: str, source: str, key: str, record_type: str, peer: str, case: str) -> str:
        plain = _SEPARATOR.join((source, record_type, key)).encode()
        plain += bytes(-len(plain) % _BLOCK)
        sealed = self.reference_key(quarter).encrypt(plain, [peer.encode(), case.encode()])
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def resolve(self, reference: str, peer: str, case: str) -> tuple[str, str, str]:
        """Return source, key and record type behind a reference of any quarter whose key is kept.

        Raises `Malformed` when it is no reference, `Unknown` when it was not made for this peer and case.
        """
        try:
            sealed = base64.b64decode(reference + "=" * (-len(reference) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise Malformed("not a hit reference", code="bad-reference", where="reference") from error
        for path in sorted(self._folder.glob("*.key"), reverse=True):
            try:
                plain = self.reference_key(path.stem).decrypt(sealed, [peer.encode(), case.encode()])
            except (InvalidTag, ValueError):
                continue
            source, record_type, key = plain.rstrip(b"\0").decode().split(_SEPARATOR, 2)
            return source, key, record_type
        raise Unknown("no such hit for this peer and case", code="no-such-reference", where="reference")

    def _quarter(self) -> str:
        return _quarter_of(self._clock.now_us() // DAY_US)


@lru_cache(maxsize=4)
def _quarter_of(day: int) -> str:
    """Return the quarter of a day, counted from 1970. Cached, since a reference is made for each hit."""
    moment = from_us(day * DAY_US)
    return f"{moment.year}-Q{(moment.month + 2) // 3}"


# ------------------------------------------------------------ pseudonyms of officers


_PSEUDONYM_KEY_BYTES = 32
_CHARACTERS = 24


class Pseudonyms:
    """HMAC-SHA-256 of counterpart and officer under a key of this node, in `root/pseudonyms.key`."""

    def __init__(self, root: Path) -> None:
        path = root / "pseudonyms.key"
        if not path.exists():
            create_key_file(path, os.urandom(_PSEUDONYM_KEY_BYTES))
        self._key = read_key_file(path)

    def key_for(self, use: str) -> bytes:
        """Return a key of this node for another use, which says nothing of this one."""
        return hmac.digest(self._key, f"another use\n{use}".encode(), hashlib.sha256)

    def make(self, person: str, peer: str) -> str:
        """Return the pseudonym of an officer towards `peer`: 96 bits as hexadecimal digits."""
        return hmac.new(self._key, f"{peer}\n{person}".encode(), hashlib.sha256).hexdigest()[:_CHARACTERS]
