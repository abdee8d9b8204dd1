"""Search under an auditor's mandate: the entry first, and nothing beyond the scope."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from certs.keyfiles import KeyPlace
from gateway.audit.reading.inspection import Action, mandate_of
from gateway.audit.reading.mandate import Mandate
from gateway.audit.reading.opened import Opened
from gateway.audit.search.question import Question
from gateway.ops.audit.auditors import announce
from gateway.ops.audit.search_question import Search
from gateway.ops.homes.open_home import Written
from gateway.signing.keys import load_signing_key
from gateway.trust.documents.appointment import EVERY


def announced_search(folder: Path, key_file: KeyPlace, reason: str, search: Search) -> tuple[Written, Mandate]:
    """Write the entry of a search by an auditor; return its place, and the mandate."""
    appointment, entry = announce(folder, load_signing_key(key_file), Action.SEARCH, reason, search.as_value())
    return entry, mandate_of(appointment.member, appointment)


def narrow(question: Question, mandate: Mandate) -> Question | None:
    """Return the question within a mandate's time and counterparts; None where nothing is left of it."""
    scope = mandate.scope
    if scope is None:
        return None
    until_us = min(question.until_us or scope.until_us, scope.until_us)
    peers = question.peers
    if EVERY not in scope.counterparts:
        # The own member's id stands for entries without a counterpart.
        allowed = frozenset("" if name == mandate.member else name for name in scope.counterparts)
        peers = allowed & peers if peers else allowed
        if not peers:
            return None
    return replace(question, since_us=max(question.since_us, scope.since_us), until_us=until_us, peers=peers)


def within(mandate: Mandate, opened: Opened) -> bool:
    """Tell whether a mandate opens the private part of an entry."""
    return opened.private is not None and not mandate.withholds_private(opened.entry, opened.private)
