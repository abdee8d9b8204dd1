"""Take in public keys of persons, who made the pairs themselves, for the next descriptor."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from certs.durable import make_folder
from gateway.config import Home
from gateway.errors import BadSignature, Malformed, Misconfigured
from gateway.signing.dsse import decode64
from gateway.signing.keys import VerifyKey
from gateway.trust.documents.descriptor import PERSONS, KeyUse

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def admit_person(home: Path, public: Path, use: KeyUse) -> Path:
    """Put a person's public key into a home, so that the next descriptor lists it. Raises `Misconfigured`."""
    folder = Home(home).persons(use)
    make_folder(folder)
    target = folder / public.name
    made_by = "`liaison policy approver`" if use is KeyUse.APPROVER else "`liaison trust person`"
    if target.suffix != ".pub":
        raise Misconfigured(
            "a public key ends in `.pub`", where=str(public), remedy="take what {made_by} made", made_by=made_by
        )
    try:
        VerifyKey.admit(decode64(public.read_text(encoding="ascii").strip()))
    except (UnicodeError, Malformed, BadSignature) as error:
        remedy = f"take the `.pub` file that {made_by} made"
        raise Misconfigured("this is no public key", code="bad-key-file", where=str(public), remedy=remedy) from error
    shutil.copyfile(public, target)
    return target


def person_names(home: Home) -> dict[str, str]:
    """Return the names of the persons whose public keys were brought into a home, by the ids of their keys.

    Keys from before a rotation (`before/NAME.<id>.pub`) keep the name.
    """
    folders = [home.persons(use) for use in PERSONS]
    former = [(path, path.stem.rpartition(".")[0]) for folder in folders for path in folder.glob("before/*.pub")]
    present = [(path, path.stem) for folder in folders for path in folder.glob("*.pub")]
    return dict(pair for path, name in (*former, *present) for pair in _named(path, name))


def _named(path: Path, name: str) -> Iterator[tuple[str, str]]:
    try:
        key = VerifyKey.admit(decode64(path.read_text(encoding="ascii").strip()))
    except (OSError, UnicodeError, Malformed, BadSignature):  # no key: the descriptor does not list it either
        return
    if _NAME.fullmatch(name):
        yield key.key_id, name
