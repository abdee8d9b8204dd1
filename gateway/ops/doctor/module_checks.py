"""The checks of how keys sign: keys in a security module, and the signatures of a batch."""

from __future__ import annotations

import os
from pathlib import Path

from certs.hsm.places import is_put, key_places, uri_at, uri_text
from certs.keyfiles import Algorithm, load_key
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.errors import LiaisonError
from gateway.ops.finding import CheckContext, Finding, good, stop, warn
from gateway.signing.keys import SigningKey
from gateway.signing.multi_buffer import crypto_mb

_TRIED = 32
"""Signatures by which the rate of a module is measured: a batch of an ordinary busy node."""

_FEW = 200
"""Signatures in a second below which the module is what limits a node: each exchange needs several."""

_ED25519 = frozenset({"log", "witness"})
_ONLY_FILES = frozenset({"witness-mldsa"})


def check_module(context: CheckContext) -> list[Finding]:
    """Check the keys in the security module: kind, that they stay there, and how many signatures it makes.

    What keeps a key from being used at all is a finding of `keys`.
    """
    names = keys_in_module(context.home)
    if not names:
        return []
    findings = [finding for name in names for finding in _key(context.home.key(name))]
    if (mldsa := context.home.key("witness-mldsa")).exists():
        findings.append(good("security module", f"`{mldsa.stem}` stays a file: modules have no ML-DSA-44 yet"))
    return findings


def keys_in_module(home: Home) -> list[str]:
    """Return the names of a home's keys that lie in its security module."""
    return [place.stem for place in key_places(home.keys) if _is_named(place)]


def check_signatures(_context: CheckContext) -> list[Finding]:
    """Report how the signatures of a batch are made and verified: one by one works as well, but costs more."""
    if remedy := crypto_mb.remedy():
        return [warn("signatures", crypto_mb.describe(), remedy)]
    return [good("signatures", crypto_mb.describe())]


def _is_named(place: Path) -> bool:
    try:
        return uri_at(place) is not None
    except LiaisonError:
        return False


def _key(place: Path) -> list[Finding]:
    name = place.stem
    if name in _ONLY_FILES:
        text = "its kind ML-DSA-44 lies in no security module yet"
        return [stop("security module", text, f"remove `{name}` from [keys]; its key stays a file", f"keys.{name}")]
    try:
        key = SigningKey(load_key(place))
    except LiaisonError:
        return []
    wanted = Algorithm.ED25519 if name in _ED25519 else Algorithm.P256
    if key.algorithm is not wanted:
        text = f"the key in the module is of the kind {key.algorithm}, not {wanted}"
        return [stop("security module", text, f"name a key of the kind {wanted}", f"keys.{name}")]
    return [_rate(name, key), *_left(place, key), *_put(place)]


def _left(place: Path, key: SigningKey) -> list[Finding]:
    """Find copies of a key outside the module: one that it would give out, and one in a file."""
    found = []
    if key.is_exportable:
        remedy = "make a key that is sensitive and not extractable, and rotate to it"
        found.append(warn("security module", f"the module would give out the key `{place.stem}`", remedy))
    if place.exists():
        remedy = f"remove {place}: the key in the module is used"
        found.append(warn("security module", f"`{place.stem}` lies in the module, and a key file is left, too", remedy))
    return found


def _put(place: Path) -> list[Finding]:
    """Find a key that a rotation put in the place of the one that the settings name."""
    if not is_put(place):
        return []
    text = f"the settings name another key than the rotation of `{place.stem}` put in its place"
    before, dash, agency = place.stem.partition("-")
    is_agency = before == "agency" and dash
    table, setting = (f'the [[agency_key]] of "{agency}"', "key") if is_agency else ("[keys]", place.stem)
    return [warn("security module", text, f'write into {table}: {setting} = "{uri_text(place)}"')]


def _rate(name: str, key: SigningKey) -> Finding:
    clock = SystemClock()
    begun = clock.monotonic()
    key.sign_each([os.urandom(32) for _ in range(_TRIED)])
    rate = round(_TRIED / max(clock.monotonic() - begun, 1e-6))
    text = f"`{name}` signs in the module: {rate:,} signatures a second"
    if rate < _FEW:
        return warn("security module", text, "a node signs no faster than its module: use one that is near and fast")
    return good("security module", text)
