"""Make the key pair of one person: an auditor, an approver, or a person who restores backups."""

from __future__ import annotations

from pathlib import Path

from certs.hsm.uri import KeyUri
from certs.keyfiles import KeyPlace, create_key, key_id, load_key, spki
from gateway.host.durable import PUBLIC, all_or_nothing, make_folder, write_new
from gateway.model.names import identifier
from gateway.signing.dsse import encode64


@all_or_nothing()
def make_key_pair(folder: Path, name: str, held: KeyUri | None = None) -> dict[str, str]:
    """Make `NAME.key`, for its owner alone, and `NAME.pub`, to be handed on; return their places as JSON.

    With a key that is `held` in a security module already, only its public half is written.
    """
    identifier(name, "--name")
    make_folder(folder)
    key: KeyPlace = held or folder / f"{name}.key"
    public = folder / f"{name}.pub"
    data = spki((load_key(held) if held else create_key(folder / f"{name}.key")).public_key())
    write_new(public, encode64(data).encode() + b"\n", PUBLIC)
    return {"key": str(key), "public": str(public), "key_id": key_id(data)}
