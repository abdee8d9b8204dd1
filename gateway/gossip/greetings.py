"""What this node says at each stream's beginning and beat, and who of those that it hears holds other documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.gossip.heads import ThirdHeads
from gateway.gossip.holdings import Holdings
from gateway.model.documents import Held, Kind
from gateway.model.names import MemberId
from gateway.ports.gossip import Farewell, Greeting, Told
from gateway.trust.view import TrustView

_MAX_FAREWELL = 64 * 1024


class Greetings:
    """`gateway.ports.gossip.Greeter`. All is in memory: `show` sets what is held, from outside the event loop.

    `differs` is called with each member whose greeting tells of other documents than ours; `leave` with documents that
    a member gave as the reason for which it ended our stream.
    """

    def __init__(self, member: MemberId, heads: ThirdHeads, trust: Callable[[], TrustView]) -> None:
        self._member = member
        self._heads = heads
        self._trust = trust
        self._held = Holdings((), b"")
        self._hashes: dict[MemberId, bytes] = {}
        self._lists: dict[MemberId, tuple[bytes, frozenset[Held]]] = {}
        self.differs: Callable[[MemberId], None] = lambda _member: None
        self.leave: Callable[[MemberId, Farewell], None] = lambda _member, _farewell: None

    @property
    def held(self) -> Holdings:
        """Return what this node tells that it holds."""
        return self._held

    def show(self, held: Holdings) -> bool:
        """Set what this node holds; tell whether that has changed."""
        changed, self._held = held.hash != self._held.hash, held
        return changed

    # -------------------------------------------------------------- Greeter

    @property
    def member(self) -> MemberId:
        """The member that speaks: ours."""
        return self._member

    def greeting(self, listener: MemberId, told: Told) -> Greeting:
        """Return the greeting for a member, with the heads that are new on its stream; note them in `told`."""
        return Greeting(self._held.hash, self._heads.tell(listener, told))

    def heard(self, speaker: MemberId, greeting: Greeting) -> None:
        """Note what a member holds, and the heads that it has seen."""
        self._hashes[speaker] = greeting.documents
        self._heads.hear(greeting.heads)
        if greeting.documents != self._held.hash:
            self.differs(speaker)

    def farewell(self, listener: MemberId, code: str) -> Farewell:
        """Return the documents that removed a member or its key: the charter, or its statuses."""
        view = self._trust()
        document = view.status(listener) if view.active(listener) else view.charter
        return Farewell(code, document.data if document and len(document.data) <= _MAX_FAREWELL else b"")

    def dismissed(self, speaker: MemberId, farewell: Farewell) -> None:
        """Hand on why a member ended our stream."""
        self.leave(speaker, farewell)

    # -------------------------------------------------------------- who holds what

    def hold(self, member: MemberId, version: int, document: bytes) -> bool:
        """Tell whether a member has said that it holds this version of our descriptor, or a later one."""
        return any(
            line.version > version or (line.version == version and line.hash == document)
            for line in self._lines_of(member)
            if (line.kind, line.member) == (Kind.DESCRIPTOR, self._member)
        )

    def hash_of(self, member: MemberId) -> bytes:
        """Return the hash of what a member last said it holds; empty before it said anything."""
        return self._hashes.get(member, b"")

    def listed(self, member: MemberId, lines: frozenset[Held]) -> None:
        """Note the list that a member gave."""
        self._lists[member] = (self.hash_of(member), lines)

    def holds(self, member: MemberId, line: Held) -> bool:
        """Tell whether a member has said that it holds this version of a document."""
        return line in self._lines_of(member)

    def _lines_of(self, member: MemberId) -> Iterable[Held]:
        """Return the lines of what a member said last that it holds; none where only a hash is known."""
        said = self.hash_of(member)
        if said and said == self._held.hash:
            return self._held.lines
        at, lines = self._lists.get(member, (b"", frozenset()))
        return lines if said and at == said else ()
