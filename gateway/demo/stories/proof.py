"""Check a signed record as any holder can: it verifies as it came, and does not when it is altered."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from gateway.clock import Clock
from gateway.errors import Refused
from gateway.model.names import MemberId
from gateway.records.verify import VerifiedRecord, verify_record
from gateway.trust.keeper import TrustKeeper


def verify_shown(sd_jwt: str, home: Path, member: str, audience: str, clock: Clock) -> VerifiedRecord:
    """Verify a record against the trust documents of a home, without a node. Raises `Refused`."""
    payload = json.loads(_decode(sd_jwt.split(".")[1]))
    return verify_record(
        sd_jwt,
        TrustKeeper(home / "trust", clock).view,
        member=MemberId(member),
        audience=MemberId(audience),
        request_hash=_decode(payload["request"]),
        now_us=clock.now_us(),
    )


def refuses_altered(sd_jwt: str, home: Path, member: str, audience: str, clock: Clock) -> bool:
    """Tell whether the record is refused after one disclosed value was changed."""
    parts = sd_jwt.split("~")
    salt, name, _value = json.loads(_decode(parts[1]))
    parts[1] = urlsafe_b64encode(json.dumps([salt, name, "somebody else"]).encode()).decode().rstrip("=")
    try:
        verify_shown("~".join(parts), home, member, audience, clock)
    except Refused:
        return True
    return False


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
