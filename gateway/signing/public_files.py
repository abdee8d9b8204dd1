"""Files with a public key (`*.pub`), which persons, auditors and rotations leave: one line of base64 over its DER."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import BadSignature, Malformed, Misconfigured
from gateway.signing.dsse import decode64
from gateway.signing.keys import VerifyKey


def load_public_key(path: Path, remedy: str) -> VerifyKey:
    """Return the admitted key in a file. Raises `Misconfigured`, with the remedy of the command that needs the file."""
    try:
        return VerifyKey.admit(decode64(path.read_text(encoding="ascii").strip()))
    except (OSError, UnicodeError, Malformed, BadSignature) as error:
        raise Misconfigured(
            "cannot be used: {error}",
            code="bad-key-file",
            where=str(path),
            remedy="{advice}",
            error=error,
            advice=remedy,
        ) from error
