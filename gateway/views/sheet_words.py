"""The words of opened exchanges: kinds of entries, labels, outcomes, proofs, and the parts of an evaluation."""

from __future__ import annotations

from gateway.audit.verify.content import Part
from gateway.audit.verify.findings import State
from gateway.language.catalogue import Sentences

KINDS: Sentences = {
    "asked": "we asked",
    "received": "their answer came in time",
    "late": "their answer came late",
    "silent": "no answer came in time",
    "too-many": "turned away unread, beyond a limit",
    "abandoned": "our node stopped before an answer came",
    "answered": "we answered",
    "refused": "we refused",
    "duplicate": "the same question came again",
    "own": "our own agencies were asked",
    "denied": "not allowed at home; nothing left our node",
    "desk-act": "somebody acted at the desk",
    "desk-clock": "a clock of the desk ran out",
    "signed-in": "somebody signed in",
    "signed-out": "somebody signed out",
    "auth-failed": "somebody could not prove who it was",
    "opened": "an auditor opened entries",
    "searched": "an auditor asked a question",
    "exported": "an auditor had the logs exported",
    "looked-up": "somebody searched without a mandate",
    "inspection-refused": "an opening was refused",
    "explained": "somebody had a decision explained",
    "onward-allowed": "an onward use was allowed",
    "onward-refused": "an onward use was refused",
    "consent-asked": "the owner was asked for consent",
    "consent-received": "the owner decided on consent",
    "consent-requested": "we were asked for consent",
    "consent-decided": "we decided on consent",
    "copy-deleted": "a copy was deleted",
    "suspend": "something was switched off",
    "resume": "something was switched on again",
    "key-destroyed": "content was erased",
    "alarm": "an alarm",
}
"""Kinds of entries in words; others keep their code."""

LABELS: Sentences = {
    "officer": "officer",
    "on_behalf_of": "on behalf of",
    "role": "role",
    "office": "office",
    "agency": "agency",
    "client": "system",
    "pseudonym": "officer's pseudonym",
    "case": "case",
    "ticket": "ticket",
    "purpose": "purpose",
    "offence": "offence",
    "agreement": "agreement",
    "query": "kind of question",
    "names": "name",
    "birth": "born",
    "sex": "sex",
    "nationality": "nationality",
    "father": "father's name",
    "number": "number",
    "issuer": "issued by",
    "scheme": "scheme",
    "plate": "plate",
    "province": "province",
    "country": "country",
    "outcome": "outcome",
    "refusal": "reason",
    "missing": "did not answer",
    "policies": "decided by",
    "sources": "sources",
    "withheld": "withheld fields, by rule",
    "reference": "reference",
    "jti": "number of the record",
    "issued": "signed",
    "expires": "valid until",
    "undisclosed": "not disclosed: withheld, or not held",
}
"""The names of what a page says; members of an entry without one keep their own."""

OUTCOMES: Sentences = {
    "hit": "hit",
    "no_hit": "no hit",
    "partial": "partial: this does not mean no hit",
    "not_searched": "not searched: this does not mean no hit",
    "not_accepted": "not accepted: this does not mean no hit",
    "refused": "refused",
    "suspended": "suspended",
    "silent": "silent: this does not mean no hit",
    "too_many": "turned away: this does not mean no hit",
}

PARTS: Sentences = {
    Part.PRIVATE: "what the entry says is what it committed to",
    Part.REQUEST_HASH: "the question is the one whose hash is in the entry",
    Part.REQUEST_SIGNED: "the question is signed by the member that asked",
    Part.ANSWER_HASH: "the answer is the one whose hash is in the entry",
    Part.ANSWER_SIGNED: "the answer is signed by the member that gave it",
    Part.ANSWERS_REQUEST: "the answer is to this question",
    Part.THEIR_ENTRY: "the other side's own log holds this answer, under its signed head",
    Part.WITHHELD: "the list of withheld fields is the one that the answer commits to",
    Part.RECORD: "the record is signed by its agency, for this question",
}

STATES: Sentences = {
    State.PROVED: "proved",
    State.CONTRADICTED: "contradicted",
    State.NOT_PROVABLE: "not provable",
}

HEADINGS: Sentences = {
    "who": "Who asked, and why",
    "asked": "What was asked",
    "given": "What was given",
    "marking": "How it must be handled",
    "rest": "What else the entries say",
    "entries": "The entries",
    "proofs": "What is proved",
}

RELIABILITY: Sentences = {
    "A": "source always reliable",
    "B": "source mostly reliable",
    "C": "source mostly not reliable",
    "X": "source of unknown reliability",
}

CERTAINTY: Sentences = {
    "1": "no doubt",
    "2": "known to the source personally",
    "3": "hearsay, corroborated",
    "4": "hearsay, not corroborated",
}
"""The two parts of an evaluation."""
