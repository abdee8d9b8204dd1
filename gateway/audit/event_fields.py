"""What each member of a private part means. `events` says which kind of entry has which of them.

A meaning that holds for one kind only stands under `<kind>.<name>`, and goes before the common one.
"""

from __future__ import annotations

FIELDS: dict[str, str] = {
    # who asks, and why
    "officer": "the officer's unique person id; it never leaves the country",
    "on_behalf_of": "the person id of the officer for whom the officer asked, or empty",
    "token": "SHA-256 of the officer's token, hexadecimal",
    "token_salt": "the salt under which the request commits to the token, hexadecimal",
    "role": "the officer's role, as policy knows it",
    "office": "the officer's office, such as `th.blo.aranyaprathet`",
    "agency": "the officer's agency",
    "client": "the agency system through which the officer asked, by its certificate",
    "requester": "as the counterpart says who asks: role, office, agency, pseudonym",
    "case": "the case number, or empty",
    "ticket": "the ticket of a border check, or empty",
    "purpose": "the purpose, of the closed list",
    "offence": "the class of offence, of the closed list",
    "agreement": "the agreement that the request cites",
    "justification": "why the counterpart's officer asks for consent, in that officer's words",
    # what was asked
    "query": "the kind of question: person, document, national id, vehicle or container",
    "question": "what was asked: the kind of question and its fields, where no request is kept that says it",
    "search": "the id of the officer's search, which one question to several counterparts shares",
    "to": "the member that is asked, or to which a record is to be passed on",
    "denied.to": "the counterparts that were to be asked",
    "to_agency": "the agency to which it is to be passed on, or empty",
    "to_office": "the office to which it is to be passed on, or empty",
    "use": "the use that is asked about: pass-on, evidence or action",
    "asked": "which fields of the question were given; not what they said",
    # what came of it
    "outcome": "hit, no_hit, refused, suspended",
    "refusal": "the counterpart's code of refusal, or empty",
    "code": "the machine code of what went wrong or was refused, or empty",
    "reason": "why, in the words of whoever gave the order",
    "refused.reason": "the coarse reason that the counterpart saw",
    "consent-not-taken.reason": "the coarse reason that the counterpart saw",
    "detail": "what was wrong, in words, at most 500 characters; it stays at home",
    "hits": "how many hits there were",
    "answered.hits": "the references of the hits, as the counterpart has them",
    "missing": "kinds of sources that did not answer",
    "capped": "whether there were more candidates than the cap",
    "last_seen": "when the counterpart was last seen, in microseconds since 1970; 0: not since the start",
    "count": "for how many events of the same cause the entry stands",
    # decisions
    "decision": "what policy decided on the question: `policies` that made it, `hash` of the policy, `attributes`",
    "sources": "for each source: `id`, `state`, number of `hits`, records `suppressed` and `denied` with the rule, "
    "`policies` that decided, `attributes` of each decision",
    "own.sources": "number of `hits`, and kinds of sources that are `missing`",
    "withheld": "the fields that were withheld: digest and rule of each",
    "withheld_salt": "the salt under which the answer commits to `withheld`, hexadecimal",
    # evidence of the other side
    "their_index": "where the counterpart's own entry stands in its log",
    "their_entry": "the public part of that entry, exact bytes",
    "their_hashes": "its inclusion proof, hexadecimal",
    "their_checkpoint": "the signed head that the proof leads to",
    "statement": "the exact signed statement, base64",
    "statement_hash": "SHA-256 of what was sent, hexadecimal; the thing itself is not kept",
    "first_index": "where the entry of the first answer stands",
    # receipts
    "first": "the first number of the channel that it speaks of",
    "through": "the last number of the channel that is acknowledged",
    "gaps": "numbers whose answers did not arrive",
    "open": "how many answers are not acknowledged",
    "since_us": "when the oldest of them was given, in microseconds since 1970",
    "begun_us": "when the entry `receipts-overdue` was written, in microseconds since 1970",
    "limited": "whether the counterpart's questions were refused for it at that moment",
    # the node
    "version": "the version of the program",
    "trust-accepted.version": "the version of the document, or the trust epoch",
    "trust-refused.version": "the version of the document",
    "policy-accepted.version": "the version of the policy",
    "policy-refused.version": "the version of the policy",
    "policy_hash": "SHA-256 of the policy in force, hexadecimal",
    "trust_hash": "SHA-256 over the trust documents in force, hexadecimal",
    "document": "which document: charter, descriptor, status, or `trust` for all of them",
    "hash": "SHA-256 of the document, or over all that are in force, hexadecimal",
    "approvers": "key ids of the two approvers",
    "scope": "what was switched: all, peer, agency or source",
    "target": "which one",
    "humanitarian": "who approved that humanitarian purposes go on, or empty",
    "by": "who decided",
    "time": "when it was ordered (RFC 3339)",
    "jump_us": "how far the system's clock has moved against the steady one, in microseconds",
    "trusted": "whether the time is trusted again",
    "source": "the source's id",
    "channel": "the connection on which it happened",
    # records and consent
    "exchange": "the exchange in which the record came",
    "ground": "why it was erased: retention, or the order",
    "hit": "the reference of the hit",
    "record": "the record's `jti`",
    "type": "the record type",
    "owner": "the agency that owns the record",
    "consent": "the id of the request for consent",
    "needs": "what the marking leaves to the owner",
    "again": "whether the same request is under way already",
    "state": "what the owner's node said: taken, granted, refused or not-taken",
    "until_us": "until when it holds, in microseconds since 1970; 0: it does not",
    "granted": "whether consent was given",
    "decided_us": "when it was decided, in microseconds since 1970",
    "key_id": "the id of the destroyed key: retention class and month",
    # source processes
    "node": "the node that called, by its certificate",
    "method": "what was called",
    "key": "the record's key in the agency's own system",
    "signed": "whether a record was signed",
    "marking": "the record's own marking",
    "reference": "the node's signed reference, base64",
    "request_hash": "SHA-256 of the counterpart's request that the reference names, hexadecimal",
}


def meaning(kind: str, name: str) -> str:
    """What a member of this kind of entry means. `KeyError` where nobody has said it yet."""
    return FIELDS.get(f"{kind}.{name}") or FIELDS[name]
