"""Name what there is to do, how a thread stands and what a notice says, in the reader's language."""

from __future__ import annotations

from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.language.terms import NOT_EXECUTED

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
    "paused": "paused",
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
    "ONWARD": "told for a country to which it was passed on",
    "OVERDUE": "overdue",
    "PAUSED": "paused",
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

ROOMS: Sentences = {
    "INVITE": "invites into an operation",
    "JOIN": "joins the operation",
    "LEAVE": "leaves the operation",
    "SEAL": "seals the operation",
    "CLOSE": "calls the operation off",
}

_OTHERS: Sentences = {"alert": "an alert", "note": "a note", "watch": "a watch", "report": "a report on methods"}

_OF_TYPE = {
    "ask": ABOUT,
    "reply": REPLIES,
    "status": STATUSES,
    "change": CHANGES,
    "outcome": OUTCOMES,
    "service": SERVICES,
    "room": ROOMS,
}


KINDS: Sentences = {
    "ask": "a question or follow-up",
    "alert": "an alert",
    "change": "a change of what was given",
    "service": "word of a service",
    "outcome": "what came of a hit",
    "room": "an operation",
    "watch": "a watch",
    "report": "a report on methods",
}

URGENCIES: Sentences = {
    "FLASH": "flash: a person is waiting",
    "URGENT": "urgent",
    "PRIORITY": "priority",
    "ROUTINE": "routine",
}


WHY_NOT: Sentences = {
    "assigned-to-another": "a colleague has taken it",
    "own-approval": "you wrote it yourself, so another person approves it",
    "another-agency": "the record is another agency's, which alone releases it",
    "role-not-permitted": "your role may not do it",
    "outside-reach": "it is another office's or another person's",
    "supervisor-on-duty": "a supervisor of that office is on duty, and does it",
    "administrator": "administrators see no content",
    "training-over": "your training has run out",
    "not-the-asker": "the other side asked, and not we",
}

REFUSED_FOR: Sentences = {
    "facts-missing": "the facts do not say enough",
    "purpose-not-covered": "the agreement does not cover this purpose",
    "not-proportionate": "more is asked for than the matter needs",
    "ongoing-case": "it would harm a case of ours",
    "source-protection": "a source of ours must be protected",
    "national-security": "it would endanger national security",
    "other-channel": "ask by the formal way, from capital to capital",
}
"""Why a human refuses what a counterpart asks: codes that its desk reads in its own language."""

CATEGORIES: Sentences = {
    "UNKNOWN": "not known",
    "SUSPECT": "suspect",
    "CONVICTED": "convicted",
    "WANTED": "wanted",
    "VICTIM": "a victim",
    "POTENTIAL_VICTIM": "possibly a victim",
    "WITNESS": "a witness",
    "MISSING": "missing",
    "ASSOCIATE": "a contact of such a person",
    "TRAVELLER": "a traveller",
    "OWNER": "an owner",
}
"""Who the subject of an ask is for those who ask."""

DELIVERIES: Sentences = {
    "waiting": "on its way",
    "taken": "received there",
    "refused": "not accepted there",
    "expired": "not delivered in time",
}
"""What became of a notice of ours on its way."""


def why_not_words(code: str, language: Language = Language.EN) -> str:
    """Return why a person may not do something; an unknown code as it is."""
    return tell(language, WHY_NOT[code]) if code in WHY_NOT else code


def reason_words(code: str, language: Language = Language.EN) -> str:
    """Return the reason that a reply, a word or a change gives as a code; an unknown one as it is."""
    known = {**NOT_EXECUTED, **REFUSED_FOR}
    return tell(language, known[code]) if code in known else code


def kind_words(kind: str, language: Language = Language.EN) -> str:
    """Return the kind of a matter in words; an unknown kind as it is."""
    return tell(language, KINDS[kind]) if kind in KINDS else kind


def urgency_words(urgency: str, language: Language = Language.EN) -> str:
    """Return an urgency in words."""
    return tell(language, URGENCIES[urgency]) if urgency in URGENCIES else urgency


def work_words(kind: str, language: Language = Language.EN, matter: str = "") -> str:
    """Return what is to be done, in words; an unknown kind as it is. `matter` is the kind of the thread."""
    if (matter, kind) == ("room", "acknowledge"):
        return tell(language, "say whether we take part in the operation")
    if (matter, kind) == ("service", "approve"):
        return tell(language, "approve or decline that an account is frozen, or free again")
    return tell(language, WORK[kind]) if kind in WORK else kind


def state_words(state: str, language: Language = Language.EN) -> str:
    """Return how a thread stands, in words."""
    return tell(language, STATES[state]) if state in STATES else state


def notice_words(type_: str, code: str, language: Language = Language.EN) -> str:
    """Return what a notice of this type says, in words; an unknown code as it is."""
    words = _OF_TYPE.get(type_, {}).get(code) or _OTHERS.get(type_)
    return tell(language, words) if words else code or type_
