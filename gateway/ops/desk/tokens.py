"""Check a token "not this person" from the trust folder of a home, without a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.clock import SystemClock, rfc3339
from gateway.config.home import Home
from gateway.desk.misuse.checking import verdict_of
from gateway.trust.keeper import TrustKeeper


def check_offline(home: Path, token: str, number: str, issuer: str) -> dict[str, Any]:
    """Return what a token is worth for the holder of a document, as JSON. Its withdrawal is not known here."""
    clock = SystemClock()
    keys = TrustKeeper(Home(home).trust, clock).view
    found = verdict_of(token, number, issuer, keys, clock.now_us(), lambda _said: False)
    said = found.said
    return {
        "verdict": found.verdict.value,
        "member": said.member if said is not None else "",
        "agency": said.agency if said is not None else "",
        "record_type": said.record_type if said is not None else "",
        "until": rfc3339(said.expires * 1_000_000) if said is not None else "",
    }
