"""Name the group of threads that tell what came of a hit, and check who tells it.

The name is made of the hit, at both sides alike. So a hit counts once, however often its outcome is told.
"""

from __future__ import annotations

import hashlib

from gateway.errors import Forbidden
from gateway.model.desk.notices import RecordPlace
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Requester
from gateway.ports.desk import DeskStore, Work, WorkFilter

_MADE_OF = b"liaison outcome\0"


def outcome_group(hit: RecordPlace) -> str:
    """Return the group of the threads that tell what came of a hit."""
    named = f"{hit.exchange_id}\0{hit.reference}".encode()
    return hashlib.sha256(_MADE_OF + named).hexdigest()[:32]


def questions_key(peer: MemberId, hit: RecordPlace) -> ThreadKey:
    """Return the key under which questions for the outcome of a hit are stored; it does not name a thread."""
    return ThreadKey(peer, ExchangeId(outcome_group(hit)))


def questions(store: DeskStore, peer: MemberId, hit: RecordPlace, *, open_only: bool = True) -> list[Work]:
    """Return the questions for the outcome of a hit."""
    wanted = WorkFilter(key=questions_key(peer, hit), kinds=(WorkKind.OUTCOME,), open_only=open_only)
    return store.works(wanted)


def check_teller(asker: Requester, teller: Requester) -> None:
    """Raise `Forbidden` unless an outcome is told by the person who asked, or from the same office and agency."""
    same_person = teller.pseudonym == asker.pseudonym
    if teller.agency != asker.agency or not (same_person or teller.office == asker.office):
        raise Forbidden(
            "the outcome is told from another office or agency than the question",
            code="not-the-asker",
            where="head.requester",
        )
