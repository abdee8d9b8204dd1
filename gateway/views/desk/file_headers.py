"""The headers under which a file leaves the node: to be saved, never shown as a page."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from gateway.model.desk.attachments import ENDINGS, Attachment

SAFE: Mapping[str, str] = {
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""The headers under which a file leaves: nothing in it runs, and no browser takes it for another type."""


def file_headers(about: Attachment) -> dict[str, str]:
    """Return the headers under which a file leaves: always to be saved, never shown."""
    plain, name = f"attachment{ENDINGS[about.type][0]}", quote(about.name, safe="")
    return {
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{name}",
        "content-length": str(about.size),
        **SAFE,
    }
