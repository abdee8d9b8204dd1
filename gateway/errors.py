"""One tree of errors for the whole gateway; no foreign exception crosses a boundary of this project.

::

    LiaisonError
    ├── Refused                     a request for something that is not allowed or not possible
    │   ├── Malformed               INVALID_ARGUMENT     bytes or fields that do not parse
    │   ├── TooLarge                RESOURCE_EXHAUSTED   over a size or count limit
    │   ├── Unauthenticated         UNAUTHENTICATED      we do not know who this is
    │   ├── Forbidden               PERMISSION_DENIED    we know who this is, and the answer is no
    │   │   └── BadSignature        PERMISSION_DENIED    a signature, signer or key that does not fit
    │   ├── Stale                   FAILED_PRECONDITION  outside its time, or time itself is uncertain
    │   ├── BadProof                FAILED_PRECONDITION  a proof that does not lead where it should
    │   ├── Replayed                ALREADY_EXISTS       the same id with other bytes
    │   ├── HeadConflict            ABORTED              a witness has cosigned another head of this log
    │   ├── Outdated                ABORTED              it builds on a state that has changed meanwhile
    │   ├── Overloaded              RESOURCE_EXHAUSTED   a queue, quota or limit is full
    │   ├── Suspended               SUSPENDED            switched off by policy
    │   ├── Unacknowledged          RECEIPTS_DUE         the asker owes receipts for earlier answers
    │   ├── TimedOut                DEADLINE_EXCEEDED    no answer inside the budget
    │   ├── Unavailable             UNAVAILABLE          the node cannot serve this now
    │   │   ├── NotWritten          UNAVAILABLE          the database ended a transaction that stood still: do it again
    │   │   ├── ConnectionLost      UNAVAILABLE          no connection, or one that broke under the message
    │   │   └── Untrusted           UNAVAILABLE          a connection that our side refused
    │   ├── Unknown                 NOT_FOUND            no such thing here
    │   └── Unsupported             FAILED_PRECONDITION  a kind of statement that is not taken here
    ├── Misused                     arguments that cannot be used or contradict each other (exit code 2)
    ├── Misconfigured               a setting, mapping, policy or key file that cannot be used
    │   └── SeveralMistakes         all mistakes of one file
    ├── NotProved                   a verifier cannot say yes or no (exit code 3)
    ├── Contradicted                a verifier has found evidence against the claim (exit code 1)
    └── StorageBroken               the database or disk failed: the process must end (design, section 7)
        └── StorageAway             the database's server is away: the work fails, the process waits

Every error says what was wrong (`message`), where (`where`: file and line, field, or id) and what to do
(`remedy`). `reason` is all that a peer may see of it, with the short machine `code`.

Message and remedy are English templates, which are the keys of the catalogues in `gateway.language`; their values
stand beside them as facts: `Unknown("there is no file `{file}`", file=path.name)`. A text from outside is a fact,
never a template. Without facts a template is a plain text, in which braces mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from string import Formatter
from typing import Any


class Reason(StrEnum):
    """The coarse reason that a peer sees; the names are those of gRPC statuses, plus `SUSPENDED` and `RECEIPTS_DUE`."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    ABORTED = "ABORTED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    SUSPENDED = "SUSPENDED"
    RECEIPTS_DUE = "RECEIPTS_DUE"
    UNAVAILABLE = "UNAVAILABLE"
    NOT_FOUND = "NOT_FOUND"
    INTERNAL = "INTERNAL"


class _Missing:
    """A fact that was not given; it is shown as its placeholder."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __format__(self, spec: str) -> str:
        return f"{{{self._name}}}"

    __repr__ = __str__ = lambda self: format(self)


class _Facts(Formatter):
    """Placeholders are names of facts; parts and items of a fact (`{a.b}`, `{a[0]}`) are not looked up."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        """Return the fact of that name, or a stand-in for a missing one."""
        del args
        return kwargs.get(field_name, _Missing(field_name)), field_name


_FACTS = _Facts()

_PLAIN_WORD = re.compile(r"[A-Z][a-z]*(?![A-Za-z0-9_-])")


def fill(template: str, facts: Mapping[str, object]) -> str:
    """Return `template` with its facts in place.

    Never raises: a template that cannot be filled is returned unfilled.
    """
    if not facts:
        return template
    try:
        return _FACTS.vformat(template, (), facts)
    except Exception:  # noqa: BLE001 - an error is being reported, and no other error may replace it
        return template


def clause(sentence: str) -> str:
    """Return another library's sentence as a clause of ours; codes and names keep their letters, also the first."""
    return sentence[:1].lower() + sentence[1:] if _PLAIN_WORD.match(sentence) else sentence


class LiaisonError(Exception):
    """The root. `code` is a short machine word such as `purpose-not-covered`; it may be shown to a peer.

    `template` and `advice` are the sentence and the remedy before their facts are in place.
    """

    reason: Reason = Reason.INTERNAL
    exit_code: int = 1
    default_code: str = "internal"

    def __init__(self, message: str, *, code: str = "", where: str = "", remedy: str = "", **facts: object) -> None:
        super().__init__(message)
        self.template = message
        self.code = code or self.default_code
        self.where = where
        self.advice = remedy
        self.facts = facts

    @property
    def message(self) -> str:
        """The English sentence."""
        return fill(self.template, self.facts)

    @property
    def remedy(self) -> str:
        """The remedy, in English."""
        return fill(self.advice, self.facts)

    @remedy.setter
    def remedy(self, text: str) -> None:
        """Set a remedy that is shown as it is: braces in it are no placeholders."""
        self.advice = text.replace("{", "{{").replace("}", "}}") if self.facts else text

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" ({self.remedy})" if self.advice else ""
        return f"{place}{self.message}{advice}"


class Refused(LiaisonError):
    """A request that is not served. The node goes on serving others."""


class Malformed(Refused):
    """Bytes or fields that do not parse."""

    reason = Reason.INVALID_ARGUMENT
    default_code = "malformed"


class TooLarge(Refused):
    """Over a size or count limit."""

    reason = Reason.RESOURCE_EXHAUSTED
    default_code = "too-large"


class Unauthenticated(Refused):
    """We do not know who this is."""

    reason = Reason.UNAUTHENTICATED
    default_code = "unknown-peer"


class Forbidden(Refused):
    """We know who this is, and the answer is no."""

    reason = Reason.PERMISSION_DENIED
    default_code = "not-permitted"


class BadSignature(Forbidden):
    """A signature, signer or key that does not fit."""

    default_code = "bad-signature"


class Stale(Refused):
    """Outside its time, or time itself is uncertain."""

    reason = Reason.FAILED_PRECONDITION
    default_code = "not-fresh"


class BadProof(Refused):
    """A proof that does not lead from the known head to the one that is shown (C2SP tlog-witness, 422)."""

    reason = Reason.FAILED_PRECONDITION
    default_code = "bad-proof"


class Replayed(Refused):
    """The same id with other bytes."""

    reason = Reason.ALREADY_EXISTS
    default_code = "replayed"


class HeadConflict(Refused):
    """A witness has cosigned another head of this log: `size` is that of the newest one (C2SP tlog-witness, 409)."""

    reason = Reason.ABORTED
    default_code = "head-conflict"

    def __init__(
        self, message: str, size: int, *, code: str = "", where: str = "", remedy: str = "", **facts: object
    ) -> None:
        super().__init__(message, code=code, where=where, remedy=remedy, **facts)
        self.size = size


class Outdated(Refused):
    """It builds on a state that has changed meanwhile: read anew, decide anew."""

    reason = Reason.ABORTED
    default_code = "outdated"


class Overloaded(Refused):
    """A queue, quota or limit is full."""

    reason = Reason.RESOURCE_EXHAUSTED
    default_code = "overloaded"


class Suspended(Refused):
    """Switched off by policy."""

    reason = Reason.SUSPENDED
    default_code = "suspended"


class Unacknowledged(Refused):
    """The asker owes receipts for earlier answers, and goes on asking without giving them."""

    reason = Reason.RECEIPTS_DUE
    default_code = "receipts-due"


class TimedOut(Refused):
    """No answer inside the budget."""

    reason = Reason.DEADLINE_EXCEEDED
    default_code = "timed-out"


class Unavailable(Refused):
    """The node cannot serve this now."""

    reason = Reason.UNAVAILABLE
    default_code = "unavailable"


class ConnectionLost(Unavailable):
    """There was no connection, or it broke before the answer came: the same bytes may be sent again."""


class NotWritten(Unavailable):
    """The database ended a transaction that stood still, before its commit: nothing of it is written, for certain."""

    default_code = "not-written"


class Untrusted(Unavailable):
    """Our side refused the connection to a counterpart: its certificate or its protocol is not what it must be."""


class Unknown(Refused):
    """No such thing here."""

    reason = Reason.NOT_FOUND
    default_code = "not-found"


class Unsupported(Refused):
    """A kind of statement that this version does not know, or that this member does not take."""

    reason = Reason.FAILED_PRECONDITION
    default_code = "unsupported"


class Misused(LiaisonError):
    """Arguments of an act that cannot be used, or that contradict each other."""

    reason = Reason.INVALID_ARGUMENT
    exit_code = 2
    default_code = "usage"


class Misconfigured(LiaisonError):
    """A setting, mapping, policy or key file that cannot be used."""

    default_code = "misconfigured"


class SeveralMistakes(Misconfigured):
    """More than one mistake of a file. It tells the first one as a single error does."""

    def __init__(self, mistakes: Sequence[Misconfigured]) -> None:
        first = mistakes[0]
        super().__init__(first.template, code=first.code, where=first.where, remedy=first.advice, **first.facts)
        self.mistakes = tuple(mistakes)


class NotProved(LiaisonError):
    """A verifier cannot say yes or no."""

    exit_code = 3
    default_code = "not-proved"


class Contradicted(LiaisonError):
    """A verifier has found evidence against the claim."""

    default_code = "contradicted"


class StorageBroken(LiaisonError):
    """The database or disk failed; nothing may be signed from memory any more, so the process ends."""

    reason = Reason.UNAVAILABLE
    default_code = "storage"


class StorageAway(StorageBroken):
    """The connection to the database's server was lost, and the process waits for it. Whether what was under way is
    written is not known."""

    default_code = "storage-away"


def each_of(error: LiaisonError) -> tuple[LiaisonError, ...]:
    """Return the mistakes that an error tells at once; of any other error itself."""
    return error.mistakes if isinstance(error, SeveralMistakes) else (error,)


def code_and_detail(error: Exception) -> tuple[str, str]:
    """Return an error's code and text; of a foreign one only the type, since its text may hold data of persons."""
    if isinstance(error, LiaisonError):
        return error.code, str(error)
    return "round-failed", type(error).__name__
