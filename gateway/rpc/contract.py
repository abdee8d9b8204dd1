"""A row of the table of methods, and the door at which its calls are served."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from gateway.errors import Reason, TooLarge
from gateway.model.names import MemberId
from gateway.ports.journal import Event

Q = TypeVar("Q")
A = TypeVar("A")
T = TypeVar("T")
Who = TypeVar("Who", bound=str)


class Shape(StrEnum):
    """The flow of messages: one request and one answer, a stream of both, or one request and a stream of answers."""

    UNARY = "unary"
    STREAM = "stream"
    DOWNLOAD = "download"


class CallerCheck(StrEnum):
    """The check that identifies a caller by its certificate; a server makes only the checks that its rows name."""

    ACTIVE_MEMBER = "a listed node of an active member"
    KNOWN_MEMBER = "such a node, or one that was listed once: of a member that is not active, or with a removed key"
    OWN_NODE = "a listed node of the witness's own country"
    ACCEPTED_NODE = "a node that the source's settings name"


class Limit(StrEnum):
    """The limit under which calls are counted. Limits of one caller lie well below those of the server."""

    CALLS = "calls of one caller at once"
    STREAMS = "streams of one caller at once"
    DOWNLOADS = "files that one caller fetches at once"
    SERVER = "calls of all callers at once"


class Signer(StrEnum):
    """The signer of what a call asks for, beside the handshake of its connection."""

    SENDER = "the calling member, by a statement key that it lists, over each request"
    NODE = "the country's own node, over a reference to one exchange, which a search uses up"
    TLS = "nobody: the TLS key of the connection is all that is shown"


class WhenSuspended(StrEnum):
    """The answer to a member with which exchange is suspended."""

    REFUSED = "a refusal with its code, but for purposes that the switch lets through"
    CHANGES = "a refusal with its code, but for changes, their confirmations and a node's own words"
    NOT_ASKED = "nothing: the node asks no source for it"
    ANSWERED = "an answer all the same: what is known to both, and what ends an exchange, is no service"


class Quota(StrEnum):
    """The limit of how much a caller gets, beside the calls that it may have open and its rate of calls."""

    QUESTIONS = "a rate of questions, a number inside, and policy's quota of the day"
    NOTICES = "a rate of notices, and a number of asks that wait"
    RECOVERIES = "recoveries in a day, pages of each, and a rate of pages"
    FILES = "fetches of a notice's files in a day, and a rate of fetches"
    RECEIPTS = "a rate of receipts"
    ACCOUNTS = "a rate of accounts"
    REFERENCES = "one search for a reference, and only the records that it found"
    CALLS = "none beside these"


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which calls of a method are served.

    `gives_content` tells whether an answer can bring correspondence, a stored answer, a record, a part of a file, or
    what a search found.
    """

    signer: Signer
    suspended: WhenSuspended
    quota: Quota
    gives_content: bool = False


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """The form of a value as a message: `write` returns the bytes, `read` returns the value or raises `Malformed`."""

    write: Callable[[T], bytes]
    read: Callable[[bytes], T]


@dataclass(frozen=True, slots=True)
class Call(Generic[Who]):
    """An admitted call: the caller, its certificate (PEM), and the seconds for which it waits."""

    who: Who
    certificate: bytes
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class Door(Generic[Who]):
    """A row of the table with the function that serves its calls. A row's own methods make it."""

    method: Method[Any, Any]
    serve: Callable[[Call[Who], Any], Any]
    write: Callable[[Any], bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Method(Generic[Q, A]):
    """One RPC. A request of more than `max_request_bytes` bytes is refused before it is read, and so is an answer of
    more than `max_answer_bytes`.

    `events` are the kinds of entries that an admitted call can leave; without any, `no_entry` says why. Refused calls
    are counted, and leave `alarm` or `auth-failed` in the log of a node, `source-refused` in that of a source.
    `timeout_s` is the time for which a caller waits when it sets none. Calls of a `paced` row count for the caller's
    rate of calls; what a row that is not brings in has a rate of its own.

    A method that gives content has a signer, an entry, a refusal while its caller is suspended, and a quota: a row
    without one of them cannot be made (`ValueError`).
    """

    service: str
    name: str
    shape: Shape
    max_request_bytes: int
    caller: CallerCheck
    limit: Limit
    request: Form[Q]
    answer: Form[A]
    terms: Terms
    events: tuple[Event, ...] = ()
    no_entry: str = ""
    timeout_s: float = 5.0
    max_answer_bytes: int = 64 * 1024
    paced: bool = True

    def __post_init__(self) -> None:
        """Refuse a row that would give content for the TLS key of a member alone."""
        terms = self.terms
        lacking = [
            what
            for what, is_lacking in {
                "an entry": bool(self.no_entry) or not self.events,
                "a signer": terms.signer is Signer.TLS,
                "a refusal of suspended members": terms.suspended is WhenSuspended.ANSWERED,
                "a quota": terms.quota is Quota.CALLS,
            }.items()
            if is_lacking
        ]
        if terms.gives_content and lacking:
            raise ValueError(f"`{self.name}` gives content without {', '.join(lacking)}")

    @property
    def path(self) -> str:
        """The path in HTTP/2."""
        return f"/{self.service}/{self.name}"

    def check_size(self, data: bytes) -> None:
        """Raise `TooLarge` for a request of more bytes than the method takes."""
        _check_size(data, self.max_request_bytes)

    def read_answer(self, data: bytes) -> A:
        """Return the value of an answer; raise `TooLarge` for one of more bytes than the method gives."""
        self.check_answer_size(data)
        return self.answer.read(data)

    def check_answer_size(self, data: bytes) -> None:
        """Raise `TooLarge` for an answer of more bytes than the method gives."""
        _check_size(data, self.max_answer_bytes)

    def door(self, serve: Callable[[Call[Who], Q], Awaitable[A]]) -> Door[Who]:
        """Return a door of `server.RpcServer`; `serve` raises `LiaisonError` for a call that it refuses."""
        return Door(self, serve, self.answer.write)

    def download_door(self, serve: Callable[[Call[Who], Q], AsyncGenerator[A]]) -> Door[Who]:
        """Return a door of `server.RpcServer` that answers with a stream; `serve` raises for a call that it refuses."""
        return Door(self, serve, self.answer.write)

    def written_door(self, serve: Callable[[Call[Who], Q], Awaitable[bytes]]) -> Door[Who]:
        """Return a door of `server.RpcServer` whose answers come as the bytes to be sent."""
        return Door(self, serve, bytes)

    def thread_door(self, serve: Callable[[Call[Who], Q], A]) -> Door[Who]:
        """Return a door of `threads.ThreadServer`."""
        return Door(self, serve, self.answer.write)


class Ended(Exception):
    """Ends a call with the status of `reason`; the error behind it was noted before, and is not noted again."""

    def __init__(self, reason: Reason, code: str) -> None:
        super().__init__(code)
        self.reason = reason
        self.code = code


class Calls(Protocol):
    """Unary calls to counterparts (`node.client.PeerPool` is one)."""

    async def call(self, member: MemberId, method: Method[Q, A], request: Q) -> A:
        """Send a request and return its answer. Raises `TimedOut`, `Unavailable`, `Suspended`, `Malformed`."""


class Pace(Protocol):
    """The pace of a server's callers (`exchange.answering.admission.Patience` is one)."""

    def admits(self, caller: str) -> bool:
        """Use up one call of the caller; False when it has none."""

    def frames_wait_s(self, caller: str, frames: int) -> float:
        """Return the seconds for which a stream is not read that had so many frames turned away."""

    def call_waits_s(self, caller: str) -> float:
        """Return the seconds for which a refused call waits for its refusal."""


def by_path(table: Sequence[Method[Any, Any]], doors: Sequence[Door[Who]]) -> dict[str, Door[Who]]:
    """Return the doors by path when there is exactly one for each row, else raise `ValueError`.

    A server with a door that is not in its table, or a row without a door, must not start.
    """
    found = {door.method.path: door for door in doors}
    if len(found) != len(doors) or {door.method for door in doors} != set(table):
        wrong = sorted({row.path for row in table} ^ found.keys())
        raise ValueError(f"doors and table of methods differ: {wrong or sorted(found)}")
    return found


def largest_request(table: Sequence[Method[Any, Any]]) -> int:
    """Return the limit of a server's transport: larger messages never reach a handler (RESOURCE_EXHAUSTED)."""
    return max(row.max_request_bytes for row in table)


def largest_answer(table: Sequence[Method[Any, Any]], *, downloads: bool = False) -> int:
    """Return the limit of a client's transport: larger answers never reach a caller (RESOURCE_EXHAUSTED).

    Downloads have connections of their own, so that a file never is in the way of an exchange.
    """
    return max(row.max_answer_bytes for row in table if (row.shape is Shape.DOWNLOAD) == downloads)


def _check_size(data: bytes, most: int) -> None:
    if len(data) > most:
        raise TooLarge("{count} bytes are more than {most}", count=len(data), most=most)
