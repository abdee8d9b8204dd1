"""Sign what is released with a key of OpenSSH, and tell who may: signatures that `ssh-keygen -Y verify` reads.

One key signs the tag, the bundle and the checksums of a release. Any system with OpenSSH can check them.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Final

NAMESPACE: Final = "liaison-release"
"""What these signatures are for: one made for something else does not count."""

SIGNER: Final = "liaison-release"
"""The name under which the maker's key is listed."""

_SUMS = "SHA256SUMS"


def sign(data: bytes, key: Path) -> bytes:
    """Return the signature over data. Raises `CalledProcessError` where the key cannot be used."""
    asked = ["ssh-keygen", "-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key)]
    return subprocess.run(asked, input=data, stdout=subprocess.PIPE, check=True).stdout


def signers(key: Path, name: str) -> str:
    """Return the file of allowed signers that has the public half of a key, for `ssh-keygen -Y verify -f`."""
    asked = ["ssh-keygen", "-y", "-f", str(key)]
    kind, public, *_ = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    return f'{name} namespaces="{NAMESPACE},git" {kind} {public}\n'


def checksums(dist: Path, key: Path | None) -> None:
    """Write the checksums of all files of a release, signed, beside them."""
    for old in (_SUMS, f"{_SUMS}.sig"):
        (dist / old).unlink(missing_ok=True)
    files = sorted(file for file in dist.iterdir() if file.is_file())
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files).encode()
    (dist / _SUMS).write_bytes(sums)
    if key:
        (dist / f"{_SUMS}.sig").write_bytes(sign(sums, key))
        (dist / "liaison-signers").write_text(signers(key, SIGNER))
