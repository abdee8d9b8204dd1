"""The kinds of entries that the desk writes to the operations log; `gateway.ports.entries.events` lists them, too."""

from __future__ import annotations

from gateway.ports.content_keys import Retention
from gateway.ports.entries.forms import operations as _operations
from gateway.ports.journal import Party

# fmt: off
_ASKED = ("consent", "record", "to", "to_agency", "to_office", "purpose", "use")
_USE = (
    "officer", "on_behalf_of", "role", "office", "agency", "client", "search", "hit", "to", "to_agency", "to_office",
    "purpose", "use", "reason",
)

ONWARD_ALLOWED = _operations(
    "onward-allowed",
    "An officer's use of a record from abroad is within its marking, or its owner has consented to it (`consent`).",
    *_USE, "record", "type", "owner", "consent", "until_us", retention=Retention.JUSTIFICATION,
)
ONWARD_REFUSED = _operations(
    "onward-refused",
    "An officer's use of a record from abroad was refused at home: outside its marking, or not consented to.",
    *_USE, "record", "type", "owner", "code", retention=Retention.JUSTIFICATION,
)
CONSENT_ASKED = _operations(
    "consent-asked",
    "The owner's marking leaves this use to the owner, who is asked, in the thread `consent`. Durable before the "
    "officer is told. `req` is the hash of the ask; `again`: it is under way already. Earlier versions kept the "
    "request here.",
    *_USE, "record", "type", "owner", "consent", "needs", "again", "statement", retention=Retention.JUSTIFICATION,
)
CONSENT_RECEIVED = _operations(
    "consent-received",
    "Of earlier versions: the owner's node took our request for consent, would not take it, or said what was decided. "
    "Durable before an officer is told.",
    "consent", "officer", "search", "record", "state", "code", "until_us", "statement",
)
CONSENT_REQUESTED = _operations(
    "consent-requested",
    "Of earlier versions: a counterpart asked for consent to a use of a record of ours. `ans` is the hash of our "
    "answer that it came in. Durable before our word leaves, and one for each request.",
    *_ASKED, "hit", "type", "owner", "case", "requester", "justification", "statement",
    retention=Retention.JUSTIFICATION,
)
CONSENT_NOT_TAKEN = _operations(
    "consent-not-taken",
    "Of earlier versions: a counterpart's request for consent was refused before a human saw it.",
    "code", "reason", "detail", "statement",
)
CONSENT_DECIDED = _operations(
    "consent-decided",
    "Of earlier versions: an officer of the owning agency decided on a counterpart's request for consent. Durable "
    "before the counterpart is told.",
    *_ASKED, "granted", "by", "role", "office", "reason", "decided_us", "until_us", "proof", "token", "order",
    retention=Retention.JUSTIFICATION,
)
DESK_ACT = _operations(
    "desk-act",
    "A human did something at the desk that no notice tells by itself: drafted, approved, declined, took, assigned or "
    "passed on work, marked a hit, opened a package. Durable before it counts.",
    "officer", "on_behalf_of", "token", "role", "office", "agency", "client", "act", "work", "kind", "notice", "reason",
    "content", "proof", retention=Retention.JUSTIFICATION,
)
DESK_CLOCK = _operations(
    "desk-clock",
    "A clock of the desk ran out, by half or whole: work was raised to the national desk or beyond, an alarm given, "
    "a draft lapsed, a thread ended with its work, or a notice of ours was not taken in its time. Or the node put a "
    "question of an officer to the supervisor (`sampled`), or what a rule found in our own log to the security officer "
    "(`rule`). Once for each.",
    "work", "kind", "level", "notice", "code", "due_us",
)
DESK_RECOVERED = _operations(
    "desk-recovered",
    "Our database was restored, and a counterpart gave us back a notice that both had: one of its own that we had "
    "taken, or one of ours that it had taken. It has its effects again. `req` is the hash of the notice. An answer of "
    "ours whose records it holds comes back, too (`notice` is `answer`): the ledger of copies has them again.",
    "notice", "thread", "says",
)
NOTICES_ASKED = _operations(
    "notices-asked",
    "Our database was restored, and our node asks a counterpart for a page of the answers and notices that both have, "
    "since a time. Durable before the request leaves, which is kept where the counterpart reads signed ones.",
    "recovery", "since_us", "after", request=Party.US,
)
NOTICES_GIVEN = _operations(
    "notices-given",
    "A counterpart says, signed, that its database was restored, and gets a page of its own answers whose records we "
    "hold, and of the notices that both have. Durable before the page leaves. The first page of a recovery is also put "
    "to the security officer (`desk-clock`).",
    "recovery", "since_us", "after", "answers", "notices", request=Party.PEER,
)
ATTACHMENT_GIVEN = _operations(
    "attachment-given",
    "A counterpart that has taken a notice of ours fetches a file of it, from a chunk on. Durable before the first byte"
    " leaves. `file` is the root of the tree over its chunks. Since decision 0123 the counterpart's signed fetch is "
    "kept.",
    "file", "first", "size", request=Party.PEER,
)
ATTACHMENT_ASKED = _operations(
    "attachment-asked",
    "Our node fetches a file of a counterpart's notice, from a chunk on. Durable before the request leaves. Since "
    "decision 0123 our signed fetch is kept.",
    "file", "first", "size", request=Party.US,
)
ATTACHMENT_CAME = _operations(
    "attachment-came",
    "All of a file of a counterpart's notice is here, each chunk verified; or, with a code, it is not fetched again.",
    "file", "size", "code",
)
ATTACHMENT_SCANNED = _operations(
    "attachment-scanned",
    "A file was looked at: `clean` opens it to people; `shut`: the scanner found something; `refused`: it is not of the"
    " type that its notice says; `lost` or `waiting`: it is not on this node's disk any more.",
    "file", "outcome", "code",
)
# fmt: on
