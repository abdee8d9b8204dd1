"""A process that appends to a log until it is killed, and says each id only when it is logged."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.clock import SystemClock
from gateway.signing.keys import SigningKey
from tests.support.audit_logs import LogHome, answered, logged


def append(folder: str, key: str) -> int:
    """Batches of one to four entries; `key` in hexadecimal digits."""
    signer = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key)))
    with LogHome(Path(folder), signer, SystemClock()).log() as log:
        for batch in range(10_000):
            drafts = [answered() for _ in range(1 + batch % 4)]
            for draft, place in zip(drafts, logged(log.append(drafts)), strict=True):
                print(draft.exchange_id, place.index, flush=True)
    return 0
