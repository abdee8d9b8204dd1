"""Keys of persons: made by themselves, handed in as public keys, and listed by the next descriptor."""

from __future__ import annotations

import shutil
from pathlib import Path

from certs.durable import PUBLIC, make_folder, write_new
from certs.keyfiles import create_key
from gateway.config import Home
from gateway.errors import BadSignature, Malformed, Misconfigured
from gateway.model.names import identifier
from gateway.signing.dsse import decode64, encode64
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.trust.documents.descriptor import KeyUse


def make_person_key(folder: Path, name: str) -> dict[str, str]:
    """Make a person's key: `NAME.key` for them alone, `NAME.pub` for the authority that lists it."""
    identifier(name, "--name")
    make_folder(folder)
    key = SigningKey(create_key(folder / f"{name}.key"))
    write_new(folder / f"{name}.pub", encode64(key.spki).encode() + b"\n", PUBLIC)
    return {"key": str(folder / f"{name}.key"), "public": str(folder / f"{name}.pub"), "key_id": key.key_id}


def admit_person(home: Path, public: Path, use: KeyUse) -> Path:
    """Put a person's public key into a home, so that the next descriptor lists it. Raises `Misconfigured`."""
    folder = Home(home).persons(use)
    make_folder(folder)
    target = folder / public.name
    made_by = "`liaison policy approver`" if use is KeyUse.APPROVER else "`liaison trust person`"
    if target.suffix != ".pub":
        raise Misconfigured("a public key ends in `.pub`", where=str(public), remedy=f"take what {made_by} made")
    try:
        VerifyKey.admit(decode64(public.read_text(encoding="ascii").strip()))
    except (UnicodeError, Malformed, BadSignature) as error:
        remedy = f"take the `.pub` file that {made_by} made"
        raise Misconfigured("this is no public key", code="bad-key-file", where=str(public), remedy=remedy) from error
    shutil.copyfile(public, target)
    return target
