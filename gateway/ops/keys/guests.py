"""Keys that a home lists and does not hold: those of persons.

::

    administrators/NAME.pub                  the public key of a person (approvers, data-officers alike)
    administrators/before/NAME.<id>.pub      that before a rotation, for the name in entries
    keys/next/administrator-NAME.succession  the key that follows, while it is being listed
"""

from __future__ import annotations

from pathlib import Path

from certs.hsm.uri import KeyUri
from certs.keyfiles import KeyPlace, key_id
from gateway.config import Home
from gateway.errors import Misconfigured
from gateway.host.durable import PUBLIC, all_or_nothing, make_folder, replace
from gateway.ops.key_pairs import make_key_pair
from gateway.signing.dsse import encode64
from gateway.signing.keys import load_signing_key
from gateway.signing.public_files import load_public_key
from gateway.trust.ceremony.succession import (
    Succession,
    guest_use,
    read_succession,
    succeed,
    write_succession,
)
from gateway.trust.documents.descriptor import PERSONS

BEFORE = "before"
"""The folder, beside public keys of persons, of those that a rotation replaced."""

_MADE = "`liaison trust person` makes key and public key"


def guest_places(home: Home) -> dict[str, Path]:
    """Return the files of persons' public keys, by the names by which rotations know them."""
    return {f"{use}-{path.stem}": path for use in PERSONS for path in sorted(home.persons(use).glob("*.pub"))}


def is_guest(file: str) -> bool:
    """Tell whether the private half of the key of this name is never in the node's home."""
    return guest_use(file) is not None


def guest_spki(home: Home, file: str) -> bytes:
    """Return the public half of such a key. Raises `Misconfigured` for a file that cannot be used."""
    return load_public_key(guest_places(home)[file], _MADE).spki


@all_or_nothing()
def name_successor(use: str, old: KeyPlace, folder: Path, name: str, held: KeyUri | None = None) -> Succession:
    """Make the key that follows a person's key, or take the one that is `held` in a security module.

    Beside `NAME.key` and `NAME.pub`, the file `NAME.succession` holds what the node's home is to be given.
    """
    before = load_signing_key(old)
    made = make_key_pair(folder, name, held)
    new = load_signing_key(held or Path(made["key"]))
    found = succeed(use, before.key_id, before, new.spki, new)
    replace(folder / f"{name}.succession", write_succession(found), PUBLIC)
    return found


def following_name(name: str) -> str:
    """Return the name of the key that follows one: `th.adm.1-2` follows `th.adm.1`, and `th.adm.1-3` that."""
    stem, dash, number = name.rpartition("-")
    return f"{stem}-{int(number) + 1}" if dash and number.isascii() and number.isdigit() else f"{name}-2"


def next_file(home: Home, file: str) -> Path:
    """Return the file in which the successor of a key waits to be listed."""
    return home.next_key(file).with_suffix(".succession")


def keep_next(home: Home, file: str, found: Succession) -> None:
    """Keep the successor of a key until it takes its place. Raises `Misconfigured` for that of another key."""
    if (found.use, found.follows) != (guest_use(file), key_id(guest_spki(home, file))):
        raise Misconfigured(
            "this names the successor of another key for `{use}`",
            code="other-key",
            where=str(guest_places(home)[file]),
            remedy="make it with the present key of this person: `liaison trust person --follows KEY`",
            use=found.use,
        )
    make_folder(next_file(home, file).parent)
    replace(next_file(home, file), write_succession(found), PUBLIC)


def next_guest(home: Home, file: str) -> Succession:
    """Return the successor of a key that waits to be listed."""
    return read_succession(next_file(home, file).read_bytes())


def install_next(home: Home, file: str) -> None:
    """Put the public half of the new key in the place of the old one, which is kept for the names in entries."""
    place, old = guest_places(home)[file], key_id(guest_spki(home, file))
    kept = place.parent / BEFORE / f"{place.stem}.{old[:16]}.pub"
    make_folder(kept.parent)
    replace(kept, place.read_bytes(), PUBLIC)
    replace(place, encode64(next_guest(home, file).spki).encode("ascii") + b"\n", PUBLIC)
