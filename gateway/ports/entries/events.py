"""The closed list of the kinds of entries: an entry is drafted through its event, `ALARM.draft(code=…)`.

`gateway.audit.entries.event_fields` explains the members of private parts, and `docs/audit-events.md` is generated from
both (`make generated`).
"""

from __future__ import annotations

from typing import Final

from gateway.ports.content_keys import Retention
from gateway.ports.entries import console as _console
from gateway.ports.entries import desk as _desk
from gateway.ports.entries.forms import exchange as _exchange
from gateway.ports.entries.forms import operations as _operations
from gateway.ports.entries.forms import source as _source
from gateway.ports.journal import Event, Party

# fmt: off
_NOTICE = ("notice", "thread", "says")
"""The members for an exchange that delivers a notice: its type, its thread, and the code of what it says."""

_ACT = ("proof", "persons", "account", "act")
"""The actor, and the evidence of it, where a human acted."""

_PASSKEY, _SAID = ("person", "credential"), ("by", "reason", "order")
_INSPECTED = ("auditor", "appointed_by", "appointment", "reason", "detail", "inspection", "statement")
_CONTINUED = (
    "by", "reason", "log", "lost_head", "lost_size", "kept_head", "kept_size", "known_from", "unwitnessed", *_ACT,
)
_USED = ("by", "account", "reason", "detail")

ASKED = _exchange(
    "asked",
    "An officer of ours asks a counterpart, or a notice of ours is to be delivered to it. Durable before the request "
    "leaves. A notice is sent until its receipt has come, or its time is over.",
    "officer", "on_behalf_of", "token", "token_salt", "role", "office", "agency", "client", "case", "ticket",
    "purpose", "offence", "agreement", "query", "search", "humans", *_NOTICE, "urgency", "approver", "approver_token",
    "expires_us", "withheld", "withheld_salt", "decision", request=Party.US,
)
RECEIVED = _exchange(
    "received", "The counterpart's answer came in time and was verified, or its receipt of a notice. Durable before "
    "the officer sees it. Its number is the one that the counterpart gave.",
    "officer", "case", "outcome", "refusal", "hits", "missing", "their_index", "their_entry", "their_hashes",
    "their_checkpoint", "search", *_NOTICE, "answer_by_us", request=Party.US, answer=Party.PEER,
)
SILENT = _exchange(
    "silent", "No answer came inside the budget, or none that verifies, or our node refused the connection: `outcome` "
    "then is `not_accepted`. Never shown as no hit. Of a notice: its time is over, and it was not taken.",
    "officer", "case", "search", "outcome", "last_seen", "code", "detail", *_NOTICE, request=Party.US,
)
TOO_MANY = _exchange(
    "too-many",
    "The counterpart turned the question away unread, beyond a limit of its own: `refused: too many`. It said so "
    "without a signature, has no entry of this exchange and gave it no number. Never shown as no hit.",
    "officer", "case", "search", "last_seen", "code", request=Party.US,
)
LATE = _exchange(
    "late", "The answer came after the officer's view had closed; it is kept, and found with the search.",
    "officer", "case", "outcome", "refusal", "hits", "missing", "their_index", "their_entry", "their_hashes",
    "their_checkpoint", "search", request=Party.US, answer=Party.PEER,
)
ABANDONED = _exchange(
    "abandoned", "The node stopped while it waited for this answer and does not know whether one was given.",
    "officer", "case", "search", request=Party.US,
)
ANSWERED = _exchange(
    "answered",
    "We answered a counterpart, or took its notice. Durable and under a signed checkpoint before the answer leaves. "
    "Exactly one for each exchange.",
    "outcome", "missing", "purpose", "offence", "case", "ticket", "agreement", "query", "requester", "decision",
    "sources", "hits", "withheld", "withheld_salt", *_NOTICE, "urgency", "agency", "office", "answer_by_us",
    request=Party.PEER, answer=Party.US, counted=True,
)
REFUSED = _exchange(
    "refused",
    "We refused a counterpart's request, with a signed answer that gives the coarse reason. The request is kept as it"
    " came. Where its sender is not proved, its hash and `size` are kept, and five requests a minute whole.",
    "reason", "code", "detail", "size", "purpose", "offence", "case", "ticket", "agreement", "query", "requester",
    "decision", "policy_hash", *_NOTICE,
    request=Party.PEER, answer=Party.US, counted=True, strict=False,
)
DUPLICATE = _exchange(
    "duplicate", "The same request came again and got the stored answer; no source was asked.",
    "first_index",
)
EXCHANGE_CONTINUED = _exchange(
    "exchange-continued",
    "The first entry of this number of the log: of the number before entries are lost, and a human has this one "
    "opened. `req` is the SHA-256 of what the signatures of the largest known head of that number are over, `ans` the"
    " same of the head over the entries that are kept, empty where none are. Channels go on with numbers that no lost"
    " answer can have had.",
    *_CONTINUED, retention=Retention.PROOF,
)
OWN = _exchange(
    "own", "An officer of ours asked our own agencies. No counterpart took part.",
    "officer", "on_behalf_of", "token", "role", "office", "agency", "client", "case", "ticket", "purpose", "offence",
    "query", "question", "search", "outcome", "sources",
)
START = _operations(
    "start", "The node started and found its logs whole.",
    "version", "policy_hash", "trust_hash", "pruned_below",
)
STOP = _operations("stop", "The node stopped in good order; the last entry of a run.", "reason")
AUTH_FAILED = _operations(
    "auth-failed", "Somebody did not prove who they are. At most 21 entries a minute for each cause.",
    "code", "detail", "count",
)
DENIED = _operations(
    "denied", "An officer's question was not allowed at home; nothing left the node.",
    "officer", "on_behalf_of", "token", "role", "office", "agency", "client", "purpose", "offence", "case", "ticket",
    "query", "question", "search", "to", "code",
)
SUSPEND = _operations(
    "suspend", "A source, agency, counterpart, agency system, certificate or everything was switched off.",
    "scope", "target", "reason", "humanitarian", "by", "time", "order", *_ACT,
)
RESUME = _operations(
    "resume", "What was switched off is on again: an administrator signed it. Durable before it is on.",
    "scope", "target", "reason", "humanitarian", "by", "time", "order", *_ACT,
)
KEY_REMOVED = _operations(
    "key-removed", "Our status, which came first, removed keys of ours. From `since_us` on they prove nothing.",
    "keys", "since_us", "reason", "by", "order", *_ACT, retention=Retention.PROOF,
)
REVOCATIONS = _operations(
    "revocations", "A list of revoked officers and tokens is in force.", "persons", "tokens", "until_s",
)
TRUST_ACCEPTED = _operations(
    "trust-accepted", "A charter, descriptor or status was accepted.",
    "document", "version", "hash",
)
TRUST_REFUSED = _operations(
    "trust-refused", "A charter, descriptor or status was refused; what was in force stays.",
    "document", "version", "hash", "detail",
)
POLICY_ACCEPTED = _operations(
    "policy-accepted", "A policy that two approvers signed is in force from here on.",
    "version", "policy_hash", "approvers",
)
POLICY_REFUSED = _operations(
    "policy-refused", "An alarm: a policy that was brought was not taken; the one in force stays.",
    "version", "policy_hash", "code", "detail",
)
SETTINGS = _operations(
    "settings",
    "The settings were read again while the node ran: what counts from then on, and what counts after a restart only. "
    "With a code, they could not be used, and nothing changed.",
    "changed", "restart", "code", "detail",
)
KEY = _operations(
    "key",
    "A key or certificate of ours: its successor is listed, in its place, or in use; or the old one is retired. A "
    "certificate was renewed by the online CA, or dropped since counterparts refuse it.",
    "use", "key", "step", "detail",
)
SOURCE_FAILED = _operations("source-failed", "A source hung, failed or returned rubbish.", "source", "code", "detail")
KEPT_BACK = _operations(
    "kept-back",
    "An answer was committed, or the entry of what a counterpart fetches, and the member at the other end was removed "
    "or switched off before it left or was shown: nothing of it left, and no officer saw it.",
    "code", "detail", "kept_index",
)
RECEIPT = _operations(
    "receipt",
    "A counterpart acknowledged answers of ours, and showed its own entry of the last one that arrived, under its "
    "signed head; `their_` members are absent where none of them arrived.",
    "first", "through", "gaps", "statement", "their_index", "their_entry", "their_hashes", "their_checkpoint",
)
RECEIPT_REFUSED = _operations(
    "receipt-refused", "A counterpart's acknowledgement does not agree with our log, or does not verify.",
    "code", "detail", "statement_hash",
)
RECEIPTS_OVERDUE = _operations(
    "receipts-overdue",
    "An alarm: a counterpart has not acknowledged answers of ours for too long. Once, when it begins.",
    "open", "first", "since_us", "limited",
)
RECEIPTS_SETTLED = _operations(
    "receipts-settled", "The end of that alarm: all answers from before it are acknowledged.",
    "open", "through", "begun_us",
)
DAY_COMPARED = _operations(
    "day-compared", "A day's account was compared with a counterpart, and both logs hold the same of it.",
    "day", "side", "first", "through", "statement",
)
DAY_DIFFERS = _operations(
    "day-differs",
    "An alarm: the logs do not hold the same of a range of a day's exchanges. Where the exchanges can be found, "
    "`exchanges` has their ids.",
    "day", "side", "first", "through", "missing", "differing", "exchanges", "statement",
)
ACKNOWLEDGED = _operations(
    "acknowledged", "We acknowledged a counterpart's answers.",
    "first", "through", "gaps", "statement",
)
TURNED_AWAY = _operations(
    "turned-away",
    "A counterpart's requests beyond a limit of its own were turned away before they were read: no signed answer, no "
    "number, no other entry. One for each counterpart, limit (`code`) and minute, also at a stop.",
    "code", "count", "first_us", "last_us",
)
ALARM = _operations("alarm", "Something that a human has to look at.", "code", "detail", "count")
WITNESS_COMPARED = _operations(
    "witness-compared",
    "Before this run signed anything it asked its witnesses for the largest heads that they had seen; ours extend "
    "them. An empty `seen` is an alarm: none of them answered. `waived` says who let the node start on a moved log "
    "without a witness.",
    "seen", "missing", "waived", "order", *_ACT,
)
QUORUM_LOST = _operations(
    "quorum-lost",
    "An alarm: entries are older than 15 minutes, and under no head with a quorum of cosignatures. Service goes on.",
    "log", "covered", "size", "age_s", "witnesses", "failing",
)
QUORUM_BACK = _operations(
    "quorum-back", "The end of that alarm.",
    "log", "covered", "size", "age_s", "witnesses", "failing",
)
FORK_FOUND = _operations(
    "fork-found",
    "An alarm: two heads signed by one log do not go together. `peer` is whose log it is, empty for ours. `fork`: two"
    " roots over one size; `apart`: an entry or a part of the tree differs under both; `no-proof`: the log did not "
    "show that the second extends the first; `behind`: it showed a smaller head than it had; `ahead`: a witness has "
    "seen more of our log than we hold; `went-back`: our own memory as a witness was put back. Both heads are kept. "
    "After `fork` and `apart` the log is not cosigned any more, but for its next number.",
    "origin", "code", "known", "offered",
)
CLOCK = _operations("clock", "The system's clock moved against the steady one.", "jump_us", "trusted")
COPY_DELETED = _operations(
    "copy-deleted", "A copy of a counterpart's record was deleted, since its owner's time for it is over.",
    "search", "exchange", "ground",
)
ONWARD_ALLOWED = _desk.ONWARD_ALLOWED
ONWARD_REFUSED = _desk.ONWARD_REFUSED
CONSENT_ASKED = _desk.CONSENT_ASKED
CONSENT_RECEIVED = _desk.CONSENT_RECEIVED
CONSENT_REQUESTED = _desk.CONSENT_REQUESTED
CONSENT_NOT_TAKEN = _desk.CONSENT_NOT_TAKEN
CONSENT_DECIDED = _desk.CONSENT_DECIDED
DESK_ACT = _desk.DESK_ACT
DESK_CLOCK = _desk.DESK_CLOCK
DESK_RECOVERED = _desk.DESK_RECOVERED
NOTICES_ASKED = _desk.NOTICES_ASKED
NOTICES_GIVEN = _desk.NOTICES_GIVEN
ATTACHMENT_GIVEN = _desk.ATTACHMENT_GIVEN
ATTACHMENT_ASKED = _desk.ATTACHMENT_ASKED
ATTACHMENT_CAME = _desk.ATTACHMENT_CAME
ATTACHMENT_SCANNED = _desk.ATTACHMENT_SCANNED
SIGNED_IN = _console.SIGNED_IN
SIGNED_OUT = _console.SIGNED_OUT
OPERATIONS_CONTINUED = _operations(
    "operations-continued", "The same as `exchange-continued`, of the operations log.",
    *_CONTINUED, retention=Retention.PROOF,
)
OPENED = _operations(
    "opened",
    "An auditor opens entries. Durable before anything is shown. `statement` is the auditor's own signed inspection, "
    "`detail` names log and entries.",
    *_INSPECTED,
)
SEARCHED = _operations(
    "searched", "An auditor searches entries by what their private parts say; `detail` is the filter.",
    *_INSPECTED,
)
LOOKED_UP = _operations(
    "looked-up",
    "Somebody who may read the home searches entries without an auditor's mandate, and is shown public parts only. "
    "Durable before anything is shown.",
    "account", "reason", "looked_for",
)
EXPORTED = _operations(
    "exported",
    "An auditor has the logs exported with their private parts, as far as the scope goes; `detail` holds the bounds.",
    *_INSPECTED,
)
INSPECTION_REFUSED = _operations(
    "inspection-refused",
    "Somebody wanted entries opened, searched or exported, and may not: nothing was shown. What is said of it is that"
    " person's word, proved or not.",
    "action", "reason", "detail", "key_id", "code", "problem",
)
EXPLAINED = _operations(
    "explained",
    "Somebody has it explained how policy decided on an exchange that we answered. Durable before the entry is read; "
    "of it, only the attributes of the decisions are, which speak of no person, officer or case.",
    *_USED,
)
REHEARSED = _operations(
    "rehearsed",
    "Somebody tries a draft of policy on what was really asked. Durable before any entry is read; of them, only the "
    "attributes of decisions are, and sums are shown.",
    *_USED,
)
KEY_DESTROYED = _operations(
    "key-destroyed",
    "A month's content key is destroyed: what it protected is erased. Durable before the key is. `entries` counts the"
    " erased entries of each log, `indexes` lists them where they are few, `kept` were wrapped under the key that "
    "follows. Names no subject, and is itself never erased.",
    "key_id", "ground", "by", "reason", "reference", "order", "entries", "indexes", "kept", "holds",
    retention=Retention.PROOF,
)
PRUNED = _operations(
    "pruned",
    "Entries of an exchange log before an index are about to be pruned: they leave their hashes. `n` is that index, "
    "`req` the SHA-256 of the log's origin, `ans` the root over what goes. Durable before anything goes.",
    "log", "first", "stop", "before_us", "by", "reason", *_ACT, retention=Retention.PROOF,
)
SCRUBBED = _operations(
    "scrubbed", "A pass over a log came to its end: every entry was read and hashed again, and is what was signed.",
    "log", "size",
)
ERASURE_SOUGHT = _operations(
    "erasure-sought",
    "The content of entries is about to be opened by the program, to find those that concern a subject; nothing of it"
    " is shown. The subject is not named.",
    "by", "reason", "reference", "order", *_ACT, retention=Retention.PROOF,
)
ERASURE_ORDERED = _operations(
    "erasure-ordered",
    "Two persons signed that content is erased. Durable before any of it is; the entries `key-destroyed` that follow "
    "have the same `order`. Names entries, never a subject.",
    "by", "reason", "reference", "order", *_ACT, retention=Retention.PROOF,
)
HOLD_PLACED = _operations(
    "hold-placed",
    "Two persons placed a legal hold: the content of these entries is not erased until it ends. Never erased itself.",
    "hold", "entries", "exchanges", "until_us", "reason", "approvers", "statement", *_ACT[:-1],
    retention=Retention.PROOF,
)
HOLD_LIFTED = _operations(
    "hold-lifted", "Two persons lifted a legal hold.",
    "hold", "reason", "approvers", "statement", *_ACT[:-1], retention=Retention.PROOF,
)
PASSKEY_ENROLLED = _operations(
    "passkey-enrolled", "Two persons enrolled a human's passkey, which counts from now on. Never erased.",
    *_PASSKEY, "key", "rp_id", "counter", "aaguid", "backed_up", *_SAID, *_ACT, retention=Retention.PROOF,
)
PASSKEY_WITHDRAWN = _operations(
    "passkey-withdrawn", "A human's passkey counts no more.", *_PASSKEY, *_SAID, *_ACT, retention=Retention.PROOF,
)
HOLD_LAPSED = _operations(
    "hold-lapsed", "The time of a legal hold is over; it holds nothing any more.",
    "hold", "until_us", retention=Retention.PROOF,
)
SOURCE_STARTED = _source("source-started", "The source process started and found its log whole.", "source", "version")
SOURCE_SEARCHED = _source(
    "source-searched",
    "The node searched. Durable before the candidates leave. `req` is the hash of the node's signed reference, which "
    "is kept, `xid` the exchange or the officer's search that it names, `peer` who gets the answer.",
    "node", "purpose", "query", "asked", "strictness", "hits", "capped", "reference", "request_hash",
    retention=Retention.NO_HIT,
)
SOURCE_ISSUED = _source(
    "source-issued",
    "A record was signed for one exchange, or was not since its marking does not allow it. Durable before it leaves.",
    "node", "purpose", "type", "key", "signed", "marking", "reference", "request_hash", retention=Retention.HIT,
)
SOURCE_REFUSED = _source(
    "source-refused", "A call was refused; `count` says for how many calls of the same cause the entry stands.",
    "node", "method", "code", "detail", "count",
)
SOURCE_STOPPED = _source("source-stopped", "The source process stopped in good order.", "source")
# fmt: on

EVENTS: Final[dict[str, Event]] = {each.kind: each for each in list(globals().values()) if isinstance(each, Event)}
"""All events of this module, by kind, in the order of their definitions."""


def kinds(*events: Event) -> frozenset[str]:
    """Return the kinds of these events, to compare with those of written entries."""
    return frozenset(event.kind for event in events)


ANSWERS: Final = kinds(ANSWERED, REFUSED)
"""Kinds of the entries of our answers, each with the next number of its channel."""

ARRIVALS: Final = kinds(RECEIVED, LATE)
"""Kinds of the entries of answers that arrived."""

CONTINUED: Final = kinds(EXCHANGE_CONTINUED, OPERATIONS_CONTINUED)
"""Kinds of the first entry of a log's number after the first one."""
