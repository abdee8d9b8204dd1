"""Find the keys of a home's own member by use or by id, and name the commands that replace them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from certs.hsm.places import uri_text
from gateway.clock import Clock, rfc3339_s
from gateway.config import Home, argument
from gateway.errors import Forbidden, LiaisonError, Misused, Unknown
from gateway.trust.ceremony.ceremony import home_keys
from gateway.trust.documents.descriptor import PERSONS, Descriptor, KeyUse, ListedKey

_KEY_ID = re.compile(r"[0-9a-f]{8,64}", re.ASCII)
_CERTIFIED = frozenset((KeyUse.STATEMENT, KeyUse.TLS, KeyUse.STATUS, KeyUse.LOG, KeyUse.WITNESS, KeyUse.ONLINE_CA))
_USES = "statement, tls, agency/AGENCY, log, witness, online-ca"


def replace_command(use: str, home: Path) -> str:
    """Return the command that puts a new key in the place of one of this use; `URI` is one that the person makes."""
    place = argument(home)
    if use in PERSONS:
        parts = ["liaison", "trust", "person", f"--use {use}", "--out keys --name NAME"]
    elif use in _CERTIFIED or use.startswith("agency/"):
        parts = ["liaison", "cert", "rotate", use, f"--home {place}", "--authority ADIR"]
        parts += ["--key-uri URI"] if uri_text(Home(home).key(use.replace("/", "-"))) else []
    elif use == KeyUse.AUDITOR:
        parts = ["liaison", "audit", "appoint", f"--home {place}", "--authority ADIR"]
    else:
        parts = ["liaison", "witness", "init"]
    return " ".join(parts)


def wanted_keys(
    name: str, home: Path, descriptor: Descriptor, removed: frozenset[str], clock: Clock
) -> list[ListedKey]:
    """Return the listed keys that `name` means: those of a use that the home holds, or the one of an id.

    Of a use that the home holds no key of, it is the one key that is valid now. Raises `Misused` where several fit,
    `Unknown` where none does, and `Forbidden` for the status key.
    """
    found = listed_keys(name, home, descriptor, clock, removed)
    if any(key.use == KeyUse.STATUS for key in found):
        raise Forbidden(
            "the status key cannot remove itself: only the authority ends it",
            code="status-key",
            where=name,
            remedy="{advice}",
            advice=replace_command("status", home),
        )
    left = [key for key in found if key.key_id not in removed and key.compromised_us is None]
    if not left:
        raise Misused(f"`{name}` is removed already: {describe_keys(found)}")
    return left


def listed_keys(
    name: str, home: Path, descriptor: Descriptor, clock: Clock, removed: frozenset[str] = frozenset()
) -> list[ListedKey]:
    """Return the listed keys that `name` means, removed or not. Raises `Misused` and `Unknown` as `wanted_keys`."""
    return _by_id(name, descriptor) or _by_use(name, home, descriptor, removed, clock)


def describe_keys(keys: Sequence[ListedKey]) -> str:
    """Return keys in words: the use, the beginning of the id, and the end."""
    return ", ".join(f"{key.use} {key.key_id[:16]} (until {rfc3339_s(key.stop_us)})" for key in keys)


def _by_id(name: str, descriptor: Descriptor) -> list[ListedKey]:
    if not _KEY_ID.fullmatch(name):
        return []
    found = [key for key in descriptor.keys if key.key_id.startswith(name)]
    if len({key.key_id for key in found}) > 1:
        raise Misused(f"`{name}` begins several ids: {describe_keys(found)}")
    return found


def _by_use(name: str, home: Path, descriptor: Descriptor, removed: frozenset[str], clock: Clock) -> list[ListedKey]:
    listed = [key for key in descriptor.keys if key.use == name]
    if not listed:
        raise Unknown(
            "the descriptor of `{member}` lists no key for `{name}`",
            code="unknown-key",
            where="--key",
            remedy="give one of {uses}, or the beginning of a key's id: {known}",
            member=descriptor.member,
            name=name,
            uses=_USES,
            known=", ".join(sorted({key.use for key in descriptor.keys})),
        )
    held = _held(home, descriptor, clock)
    mine = [key for key in listed if key.key_id in held]
    now_us = clock.now_us()
    fit = mine or [key for key in listed if key.start_us <= now_us < key.stop_us and key.key_id not in removed]
    if len(fit) > 1 and name != KeyUse.WITNESS:  # a witness has a key of each of two kinds, and loses both
        raise Misused(f"several keys are listed for `{name}`: name one by its id: {describe_keys(fit)}")
    return fit or listed


def _held(home: Path, descriptor: Descriptor, clock: Clock) -> frozenset[str]:
    """Return the ids of the keys in the home; none where its files are lost, too."""
    try:
        return frozenset(key.key_id for key in home_keys(home, descriptor.agencies, clock.now_us()))
    except LiaisonError:
        return frozenset()
