"""Read of which member a home, an export or an office's device is, whatever else is wrong with it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from gateway.audit.export.layout import MANIFEST
from gateway.config.home import Home
from gateway.config.source_home import SourceHome
from gateway.config.witness_home import WitnessHome
from gateway.desk.packs.devices import FILE as DEVICE


def member_of(home: Any, export: Any) -> str:
    """Return the member in the manifest of an export or an office's device, else in the settings of a home.

    It is none where neither says it.
    """
    try:
        for name in (MANIFEST, DEVICE) if isinstance(export, Path) else ():
            if (export / name).is_file():
                return str(json.loads((export / name).read_bytes())["member"])
        if isinstance(home, Path):
            files = ((Home(home).settings, "node"), (SourceHome(home).settings, "source"))
            for file, table in (*files, (WitnessHome(home).settings, "witness")):
                if file.is_file():
                    return str(tomllib.loads(file.read_text(encoding="utf-8"))[table]["member"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return ""
