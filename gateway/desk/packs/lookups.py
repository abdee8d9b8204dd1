"""Keep the look-ups in a copy: each is signed by the device, chained to the one before, sealed, and kept.

The file only grows. A look-up is written before its result is shown.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from gateway.conversion import converter
from gateway.desk.packs.devices import LOOKUPS, Device, OpenDevice
from gateway.errors import BadSignature, Malformed
from gateway.host.durable import PRIVATE, cut_torn_line
from gateway.signing.dsse import decode64, encode64

_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"liaison office look-up 1"
FIRST = "0" * 64


class Lookup(msgspec.Struct, frozen=True):
    """One look-up. `number` counts those of the device from 1; `previous` is the hash of the one before."""

    device: str
    number: int
    previous: str
    time_us: int
    copy_made_us: int
    person: str
    purpose: str
    offence: str
    case: str
    ticket: str
    query: dict[str, Any]
    hits: tuple[tuple[str, str, str], ...] = ()
    """Counterpart, thread and quality of each alert that was found."""


class SignedLookup(msgspec.Struct, frozen=True):
    """A look-up with the signature of its device, both in base64."""

    lookup: str
    signature: str

    @property
    def hash(self) -> str:
        """The hash by which the next one names it."""
        return hashlib.sha256(decode64(self.lookup)).hexdigest()


_lookup, _signed_lookup = converter(Lookup), converter(SignedLookup)


def append(folder: Path, opened: OpenDevice, lookup: Lookup) -> None:
    """Write a look-up at the end of the device's file, durable; its number and predecessor are set here."""
    before = list(_lines(folder, opened))
    last = before[-1] if before else None
    lookup = msgspec.structs.replace(
        lookup, number=len(before) + 1, previous=last.hash if last is not None else FIRST, device=opened.device.id
    )
    data = msgspec.json.encode(lookup)
    signed = SignedLookup(encode64(data), encode64(opened.sign.sign(_INFO + data)))
    sealed = _SUITE.encrypt(msgspec.json.encode(signed), opened.device.seal_key, _INFO)
    handle = os.open(folder / LOOKUPS, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE)
    try:
        cut_torn_line(handle)
        os.write(handle, encode64(sealed).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def kept(folder: Path, opened: OpenDevice) -> list[SignedLookup]:
    """Return all look-ups of a device, in their order. Raises `BadSignature`, `Malformed` where one is missing."""
    found = list(_lines(folder, opened))
    chained(found, opened.device, 0, FIRST)
    return found


def chained(found: list[SignedLookup], device: Device, after: int, previous: str) -> list[Lookup]:
    """Return the look-ups in a chain that goes on after number `after`. Raises `BadSignature`, `Malformed`."""
    key, read = device.verify_key, []
    for signed in found:
        data = decode64(signed.lookup)
        key.verify(decode64(signed.signature), _INFO + data)
        lookup = _lookup(msgspec.json.decode(data))
        if (lookup.device, lookup.number, lookup.previous) != (device.id, after + 1, previous):
            raise Malformed(
                "look-up {number} does not follow the one before",
                code="lookup-missing",
                where="lookups",
                remedy="bring the device to your supervisor: look-ups are missing",
                number=lookup.number,
            )
        after, previous = lookup.number, signed.hash
        read.append(lookup)
    return read


def read_signed(value: object) -> SignedLookup:
    """Return a signed look-up of plain values. Raises `ValidationError`."""
    return _signed_lookup(value)


def _lines(folder: Path, opened: OpenDevice) -> Iterator[SignedLookup]:
    path = folder / LOOKUPS
    if not path.exists():
        return
    data = path.read_bytes()
    for line in data[: data.rfind(b"\n") + 1].splitlines():  # what follows was torn by a power cut, and never counted
        try:
            yield _signed_lookup(msgspec.json.decode(_SUITE.decrypt(decode64(line.decode()), opened.seal, _INFO)))
        except (InvalidTag, ValueError) as error:
            raise BadSignature("a look-up was changed", code="lookup-changed", where=str(path)) from error
