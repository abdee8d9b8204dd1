"""Find public and agency-like test data: the folder `shared` beside the project, or `LIAISON_SHARED`."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.optional import absent

PROJECT = Path(__file__).resolve().parents[2]
"""The root of the project's tree."""


def shared_path() -> Path:
    """The shared folder. Without it the calling test is skipped, or fails where `CI=true`."""
    path = Path(os.environ.get("LIAISON_SHARED") or PROJECT.parent / "shared")
    if not (path / "data").is_dir():
        absent(f"no shared data at `{path}`; set LIAISON_SHARED to the folder that holds `data`")
    return path
