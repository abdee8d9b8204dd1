"""Greetings between two nodes on a stream: which documents the other end holds, and which heads it has seen."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Protocol

import msgspec

from gateway.model.names import MemberId

MAX_HEADS = 16
"""Heads in one greeting; the others come with the next."""

MAX_HEAD = 2_048
"""Bytes of one head: three short lines, and the one signature of its log."""

MAX_FAREWELL = 64 * 1024
"""Bytes of the documents in a farewell. The listener asks for a larger one, and for versions before it, in parts."""


class Greeting(msgspec.Struct, frozen=True):
    """A hash over all documents that the speaker holds, and signed heads of logs that it has seen."""

    documents: bytes
    heads: tuple[bytes, ...] = ()


class Farewell(msgspec.Struct, frozen=True):
    """Why a stream ends: the documents, one a line, that removed the listener or its key."""

    code: str
    documents: bytes


Told = MutableMapping[str, int]
"""The size of the head of each log that was told on a stream."""


class Greeter(Protocol):
    """What streams say to the other end, and whom they tell what they hear. Called in the event loop; none blocks."""

    @property
    def member(self) -> MemberId:
        """The member that speaks: ours."""

    def greeting(self, listener: MemberId, told: Told) -> Greeting:
        """Return the greeting for a member, with the heads that are new on its stream; note them in `told`."""

    def heard(self, speaker: MemberId, greeting: Greeting) -> None:
        """Note the greeting of a member."""

    def farewell(self, listener: MemberId, code: str) -> Farewell:
        """Return why the stream of a member that was removed ends."""

    def dismissed(self, speaker: MemberId, farewell: Farewell) -> None:
        """Note that a member ended our stream, and why."""
