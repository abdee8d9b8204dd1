"""The copy of alerts that an office takes with it: signed by the node, sealed for one device, for 48 hours.

The seal is HPKE (RFC 9180: P-256, HKDF-SHA-256, AES-256-GCM). Inside stands JSON with the signature of the node's
statement key, so that a device believes its own node only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from gateway.conversion import converter
from gateway.desk.alerts.book import HeldAlert
from gateway.desk.packs.devices import Device, OpenDevice
from gateway.errors import BadSignature, Forbidden, Stale
from gateway.model.names import MemberId
from gateway.signing.dsse import decode64, encode64
from gateway.signing.keys import SigningKey, VerifyKey

LIFE_US = 48 * 3_600_000_000
_SKEW_US = 300_000_000
_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"liaison office copy 1"


class PackedAlert(msgspec.Struct, frozen=True):
    """An alert with the time until which it may be believed: its owner's word, and 48 hours."""

    alert: HeldAlert
    warns_until_us: int


class Copy(msgspec.Struct, frozen=True):
    """The content of a copy. `missing` are those whose alerts the node could not tell when it made the copy."""

    member: MemberId
    office: str
    device: str
    made_us: int
    until_us: int
    alerts: tuple[PackedAlert, ...]
    missing: tuple[str, ...] = ()


class _Signed(msgspec.Struct, frozen=True):
    copy: str
    key: str
    signature: str


_copy, _signed = converter(Copy), converter(_Signed)


def copy_for(device: Device, alerts: Iterable[tuple[HeldAlert, int]], missing: Sequence[str], now_us: int) -> Copy:
    """Return the copy for a device: the alerts that are for its office, each with the time until which it counts."""
    until_us = now_us + LIFE_US
    packed = tuple(
        PackedAlert(alert, min(until_us, alert.until_us, trusted_us))
        for alert, trusted_us in sorted(alerts, key=lambda each: each[0].key)
        if alert.is_for(device.office)
    )
    return Copy(device.member, device.office, device.id, now_us, until_us, packed, tuple(missing))


def content_hash(copy: Copy) -> str:
    """Return the hash of what a copy holds, apart from its times."""
    held = [(packed.alert.key.peer, packed.alert.key.thread_id, packed.alert.version) for packed in copy.alerts]
    return hashlib.sha256(msgspec.json.encode([held, copy.missing])).hexdigest()


def sealed_copy(copy: Copy, device: Device, key: SigningKey) -> bytes:
    """Return a copy, signed by the node and sealed for its device."""
    data = msgspec.json.encode(copy)
    signed = _Signed(encode64(data), encode64(key.spki), encode64(key.sign(_INFO + data)))
    return _SUITE.encrypt(msgspec.json.encode(signed), device.seal_key, _INFO)


def open_copy(data: bytes, opened: OpenDevice, now_us: int) -> Copy:
    """Return the copy in a file, for the device that it is for and while it is in its time.

    Raises `Forbidden` for a copy that this device cannot open, `BadSignature` for one that its own node did not sign,
    and `Stale` for one that is over.
    """
    device = opened.device
    try:
        signed = _signed(msgspec.json.decode(_SUITE.decrypt(data, opened.seal, _INFO)))
        content = decode64(signed.copy)
    except (InvalidTag, ValueError, TypeError) as error:
        raise Forbidden("this copy is not for this device, or was changed", code="bad-copy", where="copy") from error
    if signed.key not in device.node:
        raise BadSignature(
            "the copy is not signed by a key of our node that this device knows",
            code="unknown-node-key",
            where="copy",
            remedy="liaison office enrol --renew, beside the home",
        )
    VerifyKey.admit(decode64(signed.key)).verify(decode64(signed.signature), _INFO + content)
    copy = _copy(msgspec.json.decode(content))
    if (copy.device, copy.office) != (device.id, device.office):
        raise Forbidden("this copy is for another device", code="bad-copy", where="copy")
    if not copy.made_us - _SKEW_US <= now_us < copy.until_us:
        raise Stale(
            "this copy is over: it is from {hours} hours ago",
            code="copy-over",
            where="copy",
            remedy="take a new one: `liaison office pack`",
            hours=max(0, now_us - copy.made_us) // 3_600_000_000,
        )
    return copy


def read_copy(path: Path, opened: OpenDevice, now_us: int) -> Copy:
    """Return the copy in a file; raises like `open_copy`."""
    return open_copy(path.read_bytes(), opened, now_us)


def plain(value: Any) -> Any:
    """Return a value of this module as JSON."""
    return msgspec.to_builtins(value)
