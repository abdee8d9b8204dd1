"""Find files of a keystore that hold no key, or that others can read. Nothing is made or changed."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import Misconfigured, Unknown
from gateway.storage.keys.key_files import read_key_file
from gateway.storage.keys.keystore import DESTROYED, KEY_BYTES


def key_faults(root: Path) -> list[Misconfigured]:
    """Return an error for each key file below `root` that others can read, or that holds no key."""
    faults = []
    for path in sorted(root.rglob("*.key")):
        try:
            data = read_key_file(path)
        except Misconfigured as error:
            faults.append(error)
            continue
        except Unknown:  # it was destroyed meanwhile
            continue
        if data != DESTROYED and len(data) < KEY_BYTES:
            faults.append(
                Misconfigured(
                    "{count} bytes are no key",
                    code="bad-key-file",
                    where=str(path),
                    remedy="restore the file from the copy of the keystore (storage.key_copy)",
                    count=len(data),
                )
            )
    return faults
