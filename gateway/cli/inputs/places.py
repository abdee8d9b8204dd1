"""Read of which member a home or an export is, whatever else is wrong with it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from gateway.audit.export.layout import MANIFEST
from gateway.config.home import Home
from gateway.config.source_home import SourceHome
from gateway.config.witness_home import WitnessHome


def member_of(home: Any, export: Any) -> str:
    """Return the member in the settings of a home, else in the manifest of an export; none where neither says it."""
    try:
        if isinstance(home, Path):
            files = ((Home(home).settings, "node"), (SourceHome(home).settings, "source"))
            for file, table in (*files, (WitnessHome(home).settings, "witness")):
                if file.is_file():
                    return str(tomllib.loads(file.read_text(encoding="utf-8"))[table]["member"])
        if isinstance(export, Path):
            return str(json.loads((export / MANIFEST).read_bytes())["member"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return ""
