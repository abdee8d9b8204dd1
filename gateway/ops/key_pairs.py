"""Make the key pair of one person: an auditor, an approver, or a person who restores backups."""

from __future__ import annotations

from pathlib import Path

from certs.durable import PUBLIC, make_folder, write_new
from certs.keyfiles import create_key, key_id, spki
from gateway.model.names import identifier
from gateway.signing.dsse import encode64


def make_key_pair(folder: Path, name: str) -> dict[str, str]:
    """Make `NAME.key`, for its owner alone, and `NAME.pub`, to be handed on; return their places as JSON."""
    identifier(name, "--name")
    make_folder(folder)
    key, public = folder / f"{name}.key", folder / f"{name}.pub"
    data = spki(create_key(key).public_key())
    write_new(public, encode64(data).encode() + b"\n", PUBLIC)
    return {"key": str(key), "public": str(public), "key_id": key_id(data)}
