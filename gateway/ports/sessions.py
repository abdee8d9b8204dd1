"""Sessions of people at the console: rows that all processes of a node share. Times are microseconds since 1970."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec


class Carried(msgspec.Struct, frozen=True):
    """A token that a scanner gave to the gate with a question: its text, and the searches of that question.

    `number` and `issuer` are the document of the question; empty where it names none.
    """

    token: str
    searches: tuple[str, ...]
    number: str = ""
    issuer: str = ""


class Remembered(msgspec.Struct, frozen=True):
    """The basis of a person's questions, which the pages remember for the shift; `carried` goes with the last one."""

    purpose: str = ""
    offence: str = ""
    case: str = ""
    ticket: str = ""
    carried: Carried | None = None


class Session(msgspec.Struct, frozen=True):
    """A session. `id` is the SHA-256 (hexadecimal) of the secret that the browser holds, and of nothing else.

    `way` is how the person signed in, `device` the `x5t#S256` of the device's certificate (empty without one). `token`
    is the officer token, which is good until `token_until_us`, and `renewal` is what renews it. `seen_us` is when a
    page was last asked for, `ends_us` when the session ends in any case.
    """

    id: str
    person: str
    way: str
    device: str
    token: str
    token_until_us: int
    renewal: str
    language: str
    started_us: int
    seen_us: int
    ends_us: int
    remembered: Remembered = Remembered()


class SessionStore(Protocol):
    """The sessions of one node, in all of its processes. Each method blocks, and is durable when it returns."""

    def begin(self, session: Session, most: int) -> int:
        """Keep a new session; end the oldest of its person beyond `most`, and return their number."""

    def find(self, session_id: str) -> Session | None:
        """Return a session, or None. Whether its time is over is for the caller."""

    def change(self, session_id: str, make: Callable[[Session], Session]) -> Session | None:
        """Put what `make` returns in the place of a session, and return it; None where the session has ended.

        No change of another process comes between. Person, device and times stay as they are.
        """

    def see(self, session_id: str, now_us: int) -> None:
        """Note that a page was asked for now."""

    def claim_renewal(self, session_id: str, now_us: int, until_us: int) -> bool:
        """Return true for one caller only until `until_us`: it renews the session's token, and no other does."""

    def end(self, session_id: str) -> bool:
        """End a session; tell whether it was there."""

    def end_over(self, now_us: int, idle_us: int) -> int:
        """End the sessions whose time is over, and return their number."""
