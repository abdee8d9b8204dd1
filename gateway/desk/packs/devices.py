"""Devices of offices: each has a key that opens its copies, and one that signs its look-ups, behind a passphrase.

A device is a folder, which is made beside the home and then carried to the office. It knows the keys of its own node;
the home keeps the public half of the device's, for as long as its file is there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_der_public_key,
    load_pem_private_key,
)

from certs.keyfiles import key_id, spki
from gateway.conversion import converter
from gateway.errors import Misconfigured
from gateway.host.durable import PRIVATE, make_folder, replace, write_new
from gateway.host.private_file import read_private
from gateway.model.names import MemberId
from gateway.signing import strict_json
from gateway.signing.dsse import decode64, encode64
from gateway.signing.keys import SigningKey, VerifyKey

LOOKUPS = "lookups"
FILE = "device.json"
_KEYS = ("seal", "sign")
_LEAST = 8
_MAX_FILE = 65_536


class Device(msgspec.Struct, frozen=True):
    """The public half of a device. `seal` and `sign` are its keys (base64 of DER), `node` the keys of its own node."""

    id: str
    name: str
    member: MemberId
    agency: str
    office: str
    seal: str
    sign: str
    node: tuple[str, ...] = ()

    @property
    def seal_key(self) -> ec.EllipticCurvePublicKey:
        """The key that its copies are sealed for."""
        key = load_der_public_key(decode64(self.seal))
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise _bad("the key of a device is no P-256 key")
        return key

    @property
    def verify_key(self) -> VerifyKey:
        """The key that verifies its look-ups."""
        return VerifyKey.admit(decode64(self.sign))


class OpenDevice(msgspec.Struct, frozen=True):
    """A device with its private keys, opened by its passphrase."""

    device: Device
    seal: Any
    sign: SigningKey


_device = converter(Device)


def enrol(
    folder: Path, *, name: str, member: MemberId, agency: str, office: str, node: tuple[str, ...], passphrase: str
) -> Device:
    """Make a device's folder with new keys; return its public half. Raises `Misconfigured`."""
    if len(passphrase) < _LEAST:
        raise Misconfigured(
            "the passphrase has fewer than {least} characters",
            code="weak-passphrase",
            where="passphrase",
            remedy="choose a longer one",
            least=_LEAST,
        )
    make_folder(folder)
    public: dict[str, str] = {}
    for use in _KEYS:
        key = ec.generate_private_key(ec.SECP256R1())
        sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
        write_new(folder / f"{use}.key", sealed, PRIVATE)
        public[use] = encode64(spki(key.public_key()))
    device = Device(key_id(decode64(public["sign"]))[:32], name, member, agency, office, node=node, **public)
    write_device(folder / FILE, device)
    return device


def write_device(path: Path, device: Device) -> None:
    """Write the public half of a device."""
    replace(path, strict_json.dumps(msgspec.to_builtins(device)) + b"\n", PRIVATE)


def read_device(path: Path) -> Device:
    """Read the public half of a device. Raises `Misconfigured`."""
    try:
        return _device(strict_json.loads(path.read_bytes(), _MAX_FILE))
    except (OSError, ValueError) as error:
        raise _bad("the file of a device cannot be read", path) from error


def open_device(folder: Path, passphrase: str) -> OpenDevice:
    """Open a device by its passphrase. Raises `Misconfigured`."""
    device = read_device(folder / FILE)
    keys = {}
    for use in _KEYS:
        path = folder / f"{use}.key"
        data = read_private(path, remedy="`liaison office enrol` makes it")
        try:
            keys[use] = load_pem_private_key(data, passphrase.encode())
        except (ValueError, TypeError) as error:
            raise Misconfigured(
                "the passphrase does not open this device", code="wrong-passphrase", where=str(path)
            ) from error
    sign = keys["sign"]
    assert isinstance(sign, ec.EllipticCurvePrivateKey)
    return OpenDevice(device, keys["seal"], SigningKey(sign))


def _bad(text: str, path: Path | None = None) -> Misconfigured:
    return Misconfigured(text, code="bad-device", where=str(path or ""), remedy="`liaison office enrol` makes one")
