"""Read the keys that sign and cosign heads of logs, with those that sign beside them during a rotation."""

from __future__ import annotations

from certs.hsm.places import has_key
from gateway.audit.tree.checkpoint import LogKeys
from gateway.config import Home
from gateway.signing.keys import load_signing_key
from gateway.signing.public_files import load_public_key
from gateway.signing.witness_keys import WitnessSigningKey, load_witness_signing_key

WITNESS_KEYS = ("witness", "witness-mldsa")
_BRING_BACK = "bring back the file from a copy of the home: heads that this key signed are verified with it"


def load_log_keys(home: Home) -> LogKeys:
    """Return the keys of a home's logs. Raises `Misconfigured` for a file that cannot be used."""
    before = home.key_before("log")
    beside = (load_signing_key(before),) if has_key(before) else ()
    earlier = tuple(load_public_key(path, _BRING_BACK) for path in sorted(home.retired_keys.glob("log-*.pub")))
    return LogKeys(load_signing_key(home.key("log")), beside, earlier)


def load_witness_keys(home: Home) -> list[WitnessSigningKey]:
    """Return the node's keys as a witness; a home of an earlier version has one kind."""
    files = [file(name) for file in (home.key, home.key_before) for name in WITNESS_KEYS]
    return [load_witness_signing_key(file) for file in files if has_key(file)]
