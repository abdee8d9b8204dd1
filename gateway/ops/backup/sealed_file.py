"""Files that only the holder of one key can read: backups.

::

    liaison-sealed 1\\n
    one line of JSON: `to` (id of the key), `key` (the file's key, sealed by HPKE, base64), what the caller adds
    pieces of at most 1 MiB, each with its length in 4 bytes, big endian

The file's key is fresh, and sealed by HPKE (RFC 9180, base mode: DHKEM(P-256), HKDF-SHA-256, AES-256-GCM). Each piece
is AES-256-GCM under it, with its number and whether it is the last one as nonce, and the hash of what is before the
pieces as associated data: pieces cannot be changed, left out, put in another order, or cut off at the end.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certs.keyfiles import key_id, load_key, spki
from gateway.errors import Contradicted, Forbidden, LiaisonError, Malformed, Misconfigured
from gateway.signing import strict_json
from gateway.signing.dsse import decode64, encode64

_MAGIC = b"liaison-sealed 1\n"
_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"liaison sealed file 1"
_PIECE = 1 << 20
_TAG = 16
_MAX_HEAD = 64 * 1024


def load_public(path: Path) -> ec.EllipticCurvePublicKey:
    """Load the P-256 key in a `.pub` file. Raises `Misconfigured`."""
    try:
        key = load_der_public_key(decode64(path.read_text(encoding="ascii").strip()))
    except (OSError, ValueError, LiaisonError) as error:
        raise Misconfigured("this is no public key", where=str(path), remedy="liaison backup --new-key DIR") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Misconfigured("a sealed file is for a key on the curve P-256", where=str(path))
    return key


class SealedWriter(io.RawIOBase):
    """Writes a file sealed for the key `to`; without `finish` it cannot be opened."""

    def __init__(self, file: BinaryIO, to: ec.EllipticCurvePublicKey, about: dict[str, Any]) -> None:
        key = os.urandom(32)
        sealed = _SUITE.encrypt(key, to, _INFO)
        head = strict_json.dumps(about | {"to": key_id(spki(to)), "key": encode64(sealed)})
        self._file = file
        self._cipher = AESGCM(key)
        self._head = hashlib.sha256(_MAGIC + head + b"\n").digest()
        self._waiting = bytearray()
        self._number = 0
        file.write(_MAGIC + head + b"\n")

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Take some bytes; write each full piece."""
        self._waiting += data
        while len(self._waiting) > _PIECE:
            self._put(bytes(self._waiting[:_PIECE]), last=False)
            del self._waiting[:_PIECE]
        return len(data)

    def finish(self) -> None:
        """Write the last piece. Closing alone does not: an abandoned file must not look whole."""
        self._put(bytes(self._waiting), last=True)
        self.close()

    def _put(self, piece: bytes, *, last: bool) -> None:
        data = self._cipher.encrypt(_nonce(self._number, last=last), piece, self._head)
        self._file.write(len(data).to_bytes(4, "big") + data)
        self._number += 1


class SealedReader(io.RawIOBase):
    """Reads a sealed file. `about` is what the writer added.

    Raises `Malformed` for another kind of file, `Forbidden` for a key that the file is not sealed for, and
    `Contradicted` where the file was changed or cut off.
    """

    def __init__(self, file: BinaryIO, key_file: Path) -> None:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise Malformed(
                "this is no backup",
                code="bad-backup",
                where=str(getattr(file, "name", "backup")),
                remedy="`liaison backup --home THEIRS --to backup.pub --out FILE` writes one of another home",
            )
        head = file.readline(_MAX_HEAD)
        value = strict_json.loads(head.removesuffix(b"\n"), _MAX_HEAD)
        if not isinstance(value, dict) or not {"to", "key"} <= value.keys():
            raise Malformed("its head is none", code="bad-backup", where="backup")
        key = load_key(key_file)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key_id(spki(key.public_key())) != value["to"]:
            raise Forbidden("it is sealed for another key", code="other-key", where=str(key_file))
        try:
            self._cipher = AESGCM(_SUITE.decrypt(decode64(value["key"]), key, _INFO))
        except Exception as error:  # the library raises several kinds for a changed head
            raise Contradicted("its head was changed", code="backup-changed", where="backup") from error
        self.about = {name: item for name, item in value.items() if name not in ("to", "key")}
        self._file = file
        self._head = hashlib.sha256(_MAGIC + head).digest()
        self._number = 0
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with some of the next bytes; return their number, 0 at the end."""
        while not self._rest and not self._ended:
            self._next()
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def finish(self) -> None:
        """Read to the end. Raises `Contradicted` where something was cut off or put behind it."""
        while not self._ended:
            self._next()
        if self._file.read(1):
            raise self._changed()

    def _next(self) -> None:
        size = int.from_bytes(self._file.read(4), "big")
        data = self._file.read(size) if _TAG <= size <= _PIECE + _TAG else b""
        if len(data) != size or not data:
            raise self._changed()
        for last in (False, True):
            try:
                self._rest = self._cipher.decrypt(_nonce(self._number, last=last), data, self._head)
            except InvalidTag:
                continue
            self._number += 1
            self._ended = last
            return
        raise self._changed()

    def _changed(self) -> Contradicted:
        return Contradicted(
            "piece {number} was changed, or the file is cut off",
            code="backup-changed",
            where="backup",
            remedy="take another backup",
            number=self._number,
        )


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
