"""Signed tree heads: C2SP tlog-checkpoint in a C2SP signed-note, with Ed25519 signatures (type 0x01).

A log's origin, which is the name of its key too, is `<member>.liaison.internal/<log>/<number>`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from gateway.errors import BadSignature, LiaisonError, Malformed
from gateway.signing.keys import VerifyKey

MAX_SIGNATURES = 32
"""Signatures of one checkpoint; the specification asks for 16 at least."""

MAX_CHECKPOINT = 256 * 1024
MAX_TEXT = 1_024
"""Bytes of the text of another member's head: three lines, of which only the origin varies, have about 100."""

_ED25519 = b"\x01"
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
_DASH = "— "
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_KEY_NAME = re.compile(r"[^\s+]+")


class HeadSigner(Protocol):
    """An Ed25519 key that signs tree heads; `gateway.signing.keys.SigningKey` is one."""

    @property
    def spki(self) -> bytes:
        """The public key as SubjectPublicKeyInfo (DER)."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`, 64 bytes."""


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of a member's logs: `key` signs heads, and so do those `beside` it while the key is rotated.

    `earlier` are public keys that signed heads before. It is a `HeadSigner`, that of `key`.
    """

    key: HeadSigner
    beside: tuple[HeadSigner, ...] = ()
    earlier: tuple[VerifyKey, ...] = ()

    @property
    def spki(self) -> bytes:
        """The public half of `key` as SubjectPublicKeyInfo (DER)."""
        return self.key.spki

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data` by `key`."""
        return self.key.sign(data)

    @property
    def verifiers(self) -> tuple[VerifyKey, ...]:
        """All keys that have signed heads of these logs, the newest first."""
        return (*(VerifyKey.admit(each.spki) for each in (self.key, *self.beside)), *self.earlier)

    @staticmethod
    def of(key: HeadSigner) -> LogKeys:
        """Return the keys of a log that has had one key only, or `key` itself if it is more."""
        return key if isinstance(key, LogKeys) else LogKeys(key)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name, its id (4 bytes), and the signature."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A parsed checkpoint, its signatures not yet verified. `text` is the text that they sign."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...]
    signatures: tuple[NoteSignature, ...]
    text: bytes
    data: bytes


def origin(member: str, log: str, number: int) -> str:
    """Return the origin of a member's log."""
    return f"{member}.liaison.internal/{log}/{number}"


def following(log_origin: str) -> str:
    """Return the origin of the log's next number."""
    before, _, number = log_origin.rpartition("/")
    return f"{before}/{int(number) + 1}"


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes by which a note's signature names an Ed25519 key of 32 bytes."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def vkey(name: str, public: bytes) -> str:
    """Return the verifier key of a log as text: `<name>+<key id>+<base64 of type and key>`."""
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"


def raw_key(spki: bytes) -> bytes:
    """Return the 32 bytes of an Ed25519 SubjectPublicKeyInfo. Raises `Malformed`."""
    if not spki.startswith(_SPKI_PREFIX) or len(spki) != len(_SPKI_PREFIX) + 32:
        raise Malformed("a log key is Ed25519", code="bad-log-key", where="log key")
    return spki[len(_SPKI_PREFIX) :]


class Signer:
    """Signs the heads of one log. Signatures are deterministic: the same head has the same bytes.

    While the key is rotated a head has the signatures of both, so that each reader finds the one that it knows.
    """

    def __init__(self, log_origin: str, key: HeadSigner) -> None:
        keys = LogKeys.of(key)
        self.origin = log_origin
        self.vkey = vkey(log_origin, raw_key(key.spki))
        self._keys = [(each, key_id(log_origin, raw_key(each.spki))) for each in (keys.key, *keys.beside)]

    def sign(self, size: int, root: bytes) -> bytes:
        """Return the signed checkpoint."""
        text = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
        lines = (base64.b64encode(known_as + key.sign(text)).decode() for key, known_as in self._keys)
        return text + b"\n" + "".join(f"{_DASH}{self.origin} {line}\n" for line in lines).encode()


def parse_checkpoint(data: bytes) -> Checkpoint:
    """Return the checkpoint in `data`. Raises `Malformed`. Signatures of unknown keys are kept and mean nothing."""
    if len(data) > MAX_CHECKPOINT:
        raise _bad("it is too long")
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad("it is not UTF-8") from error
    if _CONTROL.search(note):
        raise _bad("it has control characters")
    text, separator, lines = note.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise _bad("it has no signatures")
    head = text.split("\n")
    if len(head) < 3 or not all(head):
        raise _bad("it has not three lines, or an empty one")
    if not _SIZE.fullmatch(head[1]):
        raise _bad("its size is not a decimal number")
    signatures = tuple(_signature_line(line) for line in _lines(lines))
    return Checkpoint(head[0], int(head[1]), _root(head[2]), tuple(head[3:]), signatures, (text + "\n").encode(), data)


def parse_signature_lines(data: bytes) -> tuple[NoteSignature, ...]:
    """Return signature lines without their note, each ended by a newline. Raises `Malformed`."""
    try:
        lines = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad("it is not UTF-8") from error
    if not lines.endswith("\n") or _CONTROL.search(lines):
        raise _bad("a signature line is not one")
    return tuple(_signature_line(line) for line in _lines(lines))


def verify_checkpoint(data: bytes, log_origin: str, key: VerifyKey) -> Checkpoint:
    """Return the checkpoint in `data`, if it is of `log_origin` and `key` signed it.

    Raises `Malformed`, or `BadSignature`: another origin, no signature by this key, or one that does not fit.
    """
    checkpoint = parse_checkpoint(data)
    if checkpoint.origin != log_origin:
        raise BadSignature("the checkpoint is of another log", code="wrong-origin", where=log_origin)
    public = raw_key(key.spki)
    wanted = key_id(log_origin, public)
    ours = [line for line in checkpoint.signatures if line.name == log_origin and line.key_id == wanted]
    if not ours:
        raise BadSignature("the checkpoint is not signed by the log's key", where=log_origin)
    for line in ours:
        key.verify(line.signature, checkpoint.text)
    return checkpoint


def verify_head(data: bytes, log_origin: str, keys: Sequence[VerifyKey]) -> Checkpoint:
    """Return the checkpoint in `data` when it is of `log_origin` and one of `keys` signed it.

    Raises as `verify_checkpoint` for the first key.
    """
    return signed_head(data, log_origin, keys) or verify_checkpoint(data, log_origin, keys[0])


def signed_head(data: bytes, log_origin: str, keys: Iterable[VerifyKey]) -> Checkpoint | None:
    """Return the checkpoint in `data` when it is of `log_origin` and one of `keys` signed it, else None."""
    for key in keys:
        try:
            return verify_checkpoint(data, log_origin, key)
        except LiaisonError:
            continue
    return None


def foreign_head(data: bytes, log_origin: str, keys: Iterable[VerifyKey]) -> Checkpoint:
    """Return the head in `data`, of a log of another member, with the signature line of one of `keys` and no other.

    What is kept of it is thus small, whatever lines its sender added. Raises `BadSignature` where none of `keys` signed
    it, and `Malformed`, also for a text that is too long.
    """
    for key in keys:
        try:
            checkpoint = verify_checkpoint(data, log_origin, key)
        except BadSignature:
            continue
        if len(checkpoint.text) > MAX_TEXT:
            raise _bad(f"its text is longer than {MAX_TEXT} bytes")
        return _with_one_line(checkpoint, key_id(log_origin, raw_key(key.spki)))
    raise BadSignature("no listed log key signed the checkpoint", code="bad-checkpoint", where="checkpoint")


def _with_one_line(checkpoint: Checkpoint, known_as: bytes) -> Checkpoint:
    if len(checkpoint.signatures) == 1:
        return checkpoint
    name = checkpoint.origin
    line = next(line for line in checkpoint.signatures if (line.name, line.key_id) == (name, known_as))
    raw = base64.b64encode(line.key_id + line.signature).decode()
    return parse_checkpoint(checkpoint.text + f"\n{_DASH}{name} {raw}\n".encode())


def _lines(text: str) -> list[str]:
    lines = text[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _bad(f"it has more than {MAX_SIGNATURES} signatures")
    return lines


def _signature_line(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not _KEY_NAME.fullmatch(name):
        raise _bad("a signature line is not one")
    raw = _base64(encoded)
    if len(raw) < 5:
        raise _bad("a signature is too short")
    return NoteSignature(name, raw[:4], raw[4:])


def _root(text: str) -> bytes:
    root = _base64(text)
    if len(root) != 32:
        raise _bad("its root has not 32 bytes")
    return root


def _base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("base64 does not decode") from error
    if base64.b64encode(raw).decode() != text:
        raise _bad("base64 is not in its only form")
    return raw


def _bad(why: str) -> Malformed:
    return Malformed("this is not a checkpoint: {why}", code="bad-checkpoint", where="checkpoint", why=why)


# ------------------------------------------------------------ a head that was shown with an entry


class Shown(msgspec.Struct, frozen=True):
    """A head whose signature was verified, with the inclusion proof that leads to it from one entry's `leaf`."""

    head: Checkpoint
    index: int
    leaf: bytes
    hashes: tuple[bytes, ...]


def whole_parts(shown: Shown) -> list[tuple[int, int, bytes]]:
    """Return the entry's leaf and the whole parts of the tree to its left: level, place on the level, hash.

    A part over 2^level entries never changes, whatever the log grows to (RFC 6962, 2.1). The proof has the parts to the
    left of the entry where the bits of its index are set.
    """
    index, size, hashes = shown.index, shown.head.size, shown.hashes
    found = [(0, index, shown.leaf)]
    inner = (index ^ (size - 1)).bit_length()
    at = inner
    for level in range(index.bit_length()):
        if not index >> level & 1:
            continue
        if level < inner:
            digest = hashes[level]
        else:
            digest, at = hashes[at], at + 1
        found.append((level, (index >> level) - 1, digest))
    return found
