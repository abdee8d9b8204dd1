"""What `liaison backup` and `restore` do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from certs.durable import PUBLIC, make_folder, write_new
from certs.keyfiles import create_key, key_id, spki
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.ops.backup.backup import make_backup
from gateway.ops.backup.restore import Restored, restore
from gateway.signing.dsse import encode64


def make_key(folder: Path) -> dict[str, str]:
    """A key pair for backups: `backup.key` for whoever restores, `backup.pub` for the node."""
    make_folder(folder)
    public = spki(create_key(folder / "backup.key").public_key())
    write_new(folder / "backup.pub", encode64(public).encode() + b"\n", PUBLIC)
    return {"key": str(folder / "backup.key"), "public": str(folder / "backup.pub"), "key_id": key_id(public)}


def make(home: Path, to: Path, out: Path) -> dict[str, Any]:
    """Make a backup; what is in it, as JSON."""
    settings = load_settings(home)
    made = make_backup(settings, to, out, SystemClock())
    return {
        "backup": str(out),
        "member": made.member,
        "created": made.created,
        "bytes": made.size,
        "files": len(made.files),
        "logs": made.logs,
        "left_out": list(made.left_out),
        "key_copy": settings.storage.key_copy,
    }


def bring_back(
    backup: Path, key: Path, home: Path, old_home: Path | None, keys: Path | None, fingerprint: str | None
) -> Restored:
    """Restore a home."""
    return restore(backup, key, home, SystemClock(), old_home=old_home, keys=keys, pin=fingerprint)
