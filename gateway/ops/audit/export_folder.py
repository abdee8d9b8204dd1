"""Check that a folder on the command line is an export."""

from __future__ import annotations

from pathlib import Path

from gateway.audit.export.layout import MANIFEST, PART
from gateway.config import Home, argument
from gateway.errors import Misused


def require_export(folder: Path) -> None:
    """Raise `Misused` for a folder that was never an export. The verifier judges what is wrong with one."""
    if (folder / MANIFEST).is_file():
        return
    if Home(folder).settings.is_file():
        what = f"it is a node's home, of which `liaison audit export --home {argument(folder)} --out DIR` makes one"
    elif (folder / PART).is_file():
        what = "it is one that was interrupted: give the command that began it again"
    else:
        what = f"it has no {MANIFEST}. `liaison audit export --home HOME --out DIR` makes one"
    raise Misused(f"`{folder}` is no export: {what}")
