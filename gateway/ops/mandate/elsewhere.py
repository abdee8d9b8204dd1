"""Sign what a page prepared on the auditor's own machine, which has neither the home nor the browser's session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from certs.keyfiles import KeyPlace
from gateway.audit.reading.inspection import read_inspection
from gateway.audit.reading.signed_inspection import MAX_INSPECTION, sign_with_key
from gateway.errors import LiaisonError, Misused
from gateway.signing.keys import load_signing_key


def sign_prepared(file: Path, key_file: KeyPlace) -> tuple[dict[str, Any], str]:
    """Return what a prepared inspection says, and the document that this key signed. Raises `Misused`."""
    payload = file.read_bytes()[: MAX_INSPECTION + 1].strip()
    try:
        inspection = read_inspection(payload)
    except LiaisonError as error:
        raise Misused(f"`{file}` is nothing that an audit page prepared: {error.message}") from error
    said = {
        "action": inspection.action.value,
        "member": inspection.member,
        "reason": inspection.reason,
        "detail": dict(inspection.detail),
    }
    return said, sign_with_key(payload, load_signing_key(key_file)).decode()
