"""Humans who decide, with tokens and passkeys, over a statement in an entry."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.audit.acts.humans import HumanEvidence
from gateway.audit.log.log import AuditLog
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.model.requester import Officer
from gateway.ports.entries import events
from gateway.signing.keys import load_signing_key
from gateway.signing.passkeys.assertion import browser_assertion, challenge_of
from gateway.statements.envelope import REQUEST, sealed
from gateway.storage.database.open import open_storage
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.authenticator import Authenticator


def duty(person: str, agency: str = "police") -> Officer:
    """An officer on duty, with a token of their own."""
    token = hashlib.sha256(person.encode()).digest()
    return Officer(person, "duty", "th.blo.aranyaprathet", agency, frozenset({"BORDER_CHECK"}), token)


def evidence(person: str, payload: bytes, device: Authenticator | None = None) -> HumanEvidence:
    """The evidence of a human over a statement of the type that an `asked` entry keeps."""
    who = duty(person)
    assertion = browser_assertion(device.get(challenge_of(REQUEST, payload))) if device else None
    return HumanEvidence(who.person, who.role, who.office, who.agency, "same case", who.token_hash.hex(), assertion)


def decided(home: Path, payload: bytes, *humans: HumanEvidence, **changes: Any) -> None:
    """Write an entry whose statement is `payload`, decided by `humans`, as a node does or as one that lies."""
    private: Mapping[str, Any] = {"search": "s", "humans": [item.as_json() for item in humans]} | changes
    settings, place = load_settings(home), Home(home)
    made = sealed(REQUEST, payload, load_signing_key(place.key("statement")))
    with contextlib.closing(open_storage(settings)) as database:
        store, keys, key = SqlLogStore(database), KeyStore(settings.keystore), load_signing_key(place.key("log"))
        log = AuditLog(store, keys, key, SystemClock(), "th", "exchange", highwater=place.highwater)
        draft = events.ASKED.draft_of(private, peer="vn", request_hash=made.payload_hash, request=made.envelope)
        log.append([draft])
        log.close()
