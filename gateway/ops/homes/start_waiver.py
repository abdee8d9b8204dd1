"""A human's word that a node may start once although its log was moved and no witness can be asked.

It is one file beside the high-water marks, used up by the next start that needs it, and told in that start's entry.
"""

from __future__ import annotations

from pathlib import Path

from certs.durable import PRIVATE, replace
from gateway.clock import Clock, rfc3339
from gateway.config import Home
from gateway.errors import LiaisonError, Malformed, Misconfigured
from gateway.signing import strict_json
from gateway.trust.documents.fields import Fields

_FILE = "start-without-witness.json"
_MAX = 4_096
_MAX_TEXT = 500


def waive(home: Home, by: str, reason: str, clock: Clock) -> Path:
    """Let the next start that needs a witness go on without; the file. Raises `Malformed` when a text is missing."""
    for name, text in (("--by", by), ("--reason", reason)):
        if not text.strip() or len(text) > _MAX_TEXT:
            raise Malformed(f"a text of 1 to {_MAX_TEXT} characters is expected", where=name)
    path = home.highwater / _FILE
    value = {"by": by.strip(), "reason": reason.strip(), "time": rfc3339(clock.now_us())}
    replace(path, strict_json.dumps(value) + b"\n", PRIVATE)
    return path


def take_waiver(home: Home) -> str:
    """Return the word that was given and use it up; empty when there is none. Raise `Misconfigured`."""
    path = home.highwater / _FILE
    if not path.exists():
        return ""
    try:
        fields = Fields(strict_json.loads(path.read_bytes(), _MAX), "waiver", ("by", "reason", "time"))
        text = f"{fields.text('time')} {fields.text('by')}: {fields.text('reason')}"
        path.unlink()
    except (OSError, LiaisonError) as error:
        raise Misconfigured(
            f"cannot be used: {error}", code="bad-waiver", where=str(path), remedy="run `liaison witness waive` again"
        ) from error
    return text
