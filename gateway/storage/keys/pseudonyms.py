"""Pseudonyms of officers for counterparts: stable for one pair of countries, meaningless elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from gateway.storage.keys.key_files import create_key_file, read_key_file

_KEY_BYTES = 32
_CHARACTERS = 24


class Pseudonyms:
    """HMAC-SHA-256 of counterpart and officer under a key of this node, in `root/pseudonyms.key`."""

    def __init__(self, root: Path) -> None:
        path = root / "pseudonyms.key"
        if not path.exists():
            create_key_file(path, os.urandom(_KEY_BYTES))
        self._key = read_key_file(path)

    def key_for(self, use: str) -> bytes:
        """Return a key of this node for another use, which says nothing of this one."""
        return hmac.digest(self._key, f"another use\n{use}".encode(), hashlib.sha256)

    def make(self, person: str, peer: str) -> str:
        """Return the pseudonym of an officer towards `peer`: 96 bits as hexadecimal digits."""
        return hmac.new(self._key, f"{peer}\n{person}".encode(), hashlib.sha256).hexdigest()[:_CHARACTERS]
