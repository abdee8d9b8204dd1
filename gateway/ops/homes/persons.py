"""Take in public keys of persons, who made the pairs themselves, for the next descriptor."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gateway.config import Home
from gateway.errors import BadSignature, Malformed, Misconfigured
from gateway.host.durable import PUBLIC, make_folder, replace
from gateway.model.names import identifier
from gateway.signing.dsse import decode64
from gateway.signing.keys import VerifyKey
from gateway.trust.documents.descriptor import PERSONS, KeyUse

_HOLDER = ".person"
"""The ending of the file beside a public key that says, by the key's id, whose it is."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def admit_person(home: Path, public: Path, use: KeyUse, person: str = "") -> Path:
    """Put a person's public key into a home, so that the next descriptor lists it, and keep whose key it is.

    `person` is who holds the key, as officer tokens and lists name them; without it, the name of the file. It is kept
    by the key: what its file is called later does not count. Raises `Misconfigured` for a key that the home has in
    another file, a name that another key or no key has, and a person who has a key for this use.
    """
    folder = Home(home).persons(use)
    target = folder / public.name
    made_by = "`liaison policy approver`" if use is KeyUse.APPROVER else "`liaison trust person`"
    if not _NAME.fullmatch(target.stem):
        raise Misconfigured(
            "the name of this file is no name of a key",
            where=str(public),
            remedy="give it one of 1 to 64 of A-Z a-z 0-9 . _ - and the ending `.pub`",
        )
    if target.suffix != ".pub":
        raise Misconfigured(
            "a public key ends in `.pub`", where=str(public), remedy="take what {made_by} made", made_by=made_by
        )
    try:
        key_id = _key_id(public)
    except (UnicodeError, Malformed, BadSignature) as error:
        remedy = f"take the `.pub` file that {made_by} made"
        raise Misconfigured("this is no public key", code="bad-key-file", where=str(public), remedy=remedy) from error
    who = identifier(person, "--person") if person else target.stem
    _check_new(Home(home), target, key_id, who)
    make_folder(folder)
    replace(target.with_suffix(_HOLDER), f"{key_id} {who}\n".encode(), PUBLIC)
    shutil.copyfile(public, target)
    return target


def _check_new(home: Home, target: Path, key_id: str, who: str) -> None:
    """Raise `Misconfigured` where one would be two: a key in two files, a person with two keys for one use."""
    known = signers_of(home)
    for path in (path for each in PERSONS for path in sorted(home.persons(each).glob("*.pub"))):
        there = set(_key_ids(path))
        if path == target and key_id not in there:
            raise Misconfigured(
                "another key has this name",
                where=str(target),
                remedy="a key that follows another one of the same person: liaison cert rotate",
            )
        if path == target:
            continue
        if key_id in there:
            raise Misconfigured(
                "this key is there already, and one key is one person's for one use",
                where=str(path),
                remedy="have the person make another one: liaison trust person",
            )
        if path.parent == target.parent and any(who in known.get(key, ()) for key in there):
            raise Misconfigured(
                "`{person}` has a key for this use already",
                where=str(path),
                remedy="a key that follows it: liaison cert rotate",
                person=who,
            )


def signers_of(home: Home) -> dict[str, frozenset[str]]:
    """Return who holds the keys that were brought into a home, by the ids of the keys.

    A key has the person that was named when it came. One that came before that was asked, and one that follows another
    one, has the names of all its files, and those of the keys that it followed; a file may have any name there.
    """
    found: dict[str, frozenset[str]] = {}
    for folder in (home.persons(use) for use in PERSONS):
        told = dict(_holder(path) for path in sorted(folder.glob(f"*{_HOLDER}")))
        names: dict[str, set[str]] = {}
        for path in sorted(folder.glob("*.pub")):
            names.setdefault(path.stem, set()).update(_key_ids(path))
        for path in sorted(folder.glob("before/*.pub")):
            name = path.stem.rpartition(".")[0]
            names.setdefault(name, set()).update(_key_ids(path))
        for name, keys in names.items():
            persons = frozenset(told[key] for key in keys if key in told) or frozenset({name})
            for key in keys:
                found[key] = found.get(key, frozenset()) | persons
    return found


def _holder(path: Path) -> tuple[str, str]:
    try:
        key_id, _, person = path.read_text(encoding="ascii").strip().partition(" ")
    except (OSError, UnicodeError):
        return "", ""
    return key_id, person


def _key_id(public: Path) -> str:
    return VerifyKey.admit(decode64(public.read_text(encoding="ascii").strip())).key_id


def person_names(home: Home) -> dict[str, str]:
    """Return the names of the persons whose public keys were brought into a home, by the ids of their keys.

    Keys from before a rotation (`before/NAME.<id>.pub`) keep the name. One with a name that no key has today has none.
    """
    folders = [home.persons(use) for use in PERSONS]
    former = [(path, path.stem.rpartition(".")[0]) for each in folders for path in sorted(each.glob("before/*.pub"))]
    present = [(path, path.stem) for folder in folders for path in sorted(folder.glob("*.pub"))]
    named = ((path, name) for path, name in (*former, *present) if _NAME.fullmatch(name))
    return {key: name for path, name in named for key in _key_ids(path)}


def _key_ids(path: Path) -> Iterator[str]:
    """Yield the id of the key in a file; none where it holds no key, which the descriptor does not list either."""
    with suppress(OSError, UnicodeError, Malformed, BadSignature):
        yield _key_id(path)
