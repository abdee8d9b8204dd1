"""Name what there is to do, how a thread stands and what a notice says, in the reader's language."""

from __future__ import annotations

from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language

WORK: Sentences = {
    "confirm": "say whether it is the same person or thing",
    "approve": "approve or decline what a colleague wants to send",
    "decide": "decide what is released",
    "clarify": "answer the question of the other side",
    "acknowledge": "acknowledge the alert",
    "comply": "see that the copies are changed or erased, or object",
    "revalidate": "say whether it is still needed",
    "outcome": "say what came of it",
    "correct": "correct the record",
    "distinguish": "add what tells the two persons apart",
    "review": "review what was done",
    "incident": "look after an incident",
    "read": "look at what has come",
}

STATES: Sentences = {
    "new": "not sent yet",
    "open": "open: an answer is due",
    "back": "the other side asks back",
    "answered": "answered",
    "refused": "refused",
    "ended": "ended",
    "overdue": "overdue: no answer in time",
    "expired": "expired",
}

REPLIES: Sentences = {
    "RELEASED": "released",
    "PARTLY": "released in part",
    "HIT": "a hit",
    "NOTHING_HELD": "nothing is held",
    "PASSED_ON": "passed on to another agency there",
    "CLARIFY": "asks back",
    "NEEDS_COURT": "a court must order it",
    "REFUSED": "refused",
}

STATUSES: Sentences = {
    "READ": "opened",
    "ACKNOWLEDGED": "acknowledged",
    "ACTING": "acting on it",
    "CANNOT": "cannot act on it",
    "NOT_EXECUTED": "not executed here, for a legal reason",
    "NOT_SAME": "another person or thing",
    "ERASED": "erased",
    "OBJECTED": "objects to the erasure",
    "NOT_HELD": "not held there",
    "OVERDUE": "overdue",
}

CHANGES: Sentences = {
    "CORRECTED": "corrected",
    "WITHDRAWN": "withdrawn",
    "CONTESTED": "contested",
    "RECLASSIFIED": "handled more strictly from now on",
    "CUT": "an office is cut off",
}

OUTCOMES: Sentences = {
    "SEIZED": "seized",
    "ARRESTED": "arrested",
    "LOCATED": "located",
    "VICTIM_IDENTIFIED": "a victim was identified",
    "NO_ACTION": "no action",
    "WRONG_PERSON": "the wrong person",
}

ABOUT: Sentences = {
    "hit": "asks for more about a hit",
    "question": "asks a question",
    "consent": "asks for consent to a use",
    "error": "reports an error",
    "extension": "asks for more time to keep a record",
    "form": "sends a form",
}

SERVICES: Sentences = {
    "SUSPENDED": "their service is suspended",
    "RESUMED": "their service goes on",
    "OUTAGE": "their service is out",
    "INCIDENT": "an incident there",
    "DRILL": "a drill",
}

_OTHERS: Sentences = {"alert": "an alert", "note": "a note"}

_OF_TYPE = {
    "ask": ABOUT,
    "reply": REPLIES,
    "status": STATUSES,
    "change": CHANGES,
    "outcome": OUTCOMES,
    "service": SERVICES,
}


def work_words(kind: str, language: Language = Language.EN) -> str:
    """Return what is to be done, in words; an unknown kind as it is."""
    return tell(language, WORK[kind]) if kind in WORK else kind


def state_words(state: str, language: Language = Language.EN) -> str:
    """Return how a thread stands, in words."""
    return tell(language, STATES[state]) if state in STATES else state


def notice_words(type_: str, code: str, language: Language = Language.EN) -> str:
    """Return what a notice of this type says, in words; an unknown code as it is."""
    words = _OF_TYPE.get(type_, {}).get(code) or _OTHERS.get(type_)
    return tell(language, words) if words else code or type_
