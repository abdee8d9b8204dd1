"""Say what this node holds at each stream's beginning and beat, and hear who holds other documents and other heads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gateway.audit.tree.checkpoint import Checkpoint, foreign_head, parse_checkpoint
from gateway.clock import Clock
from gateway.errors import BadSignature, LiaisonError, Malformed
from gateway.gossip.holdings import NOTHING, Holdings
from gateway.model.documents import Held, Kind
from gateway.model.names import MemberId
from gateway.ports.gossip import MAX_FAREWELL, MAX_HEAD, MAX_HEADS, Farewell, Greeting, Told
from gateway.recent import Recent
from gateway.signing.strict_json import loads
from gateway.trust.standing import removal_of
from gateway.trust.view import TrustView
from gateway.witness.listed_logs import ListedLogs
from gateway.witness.seen_heads import SeenHeads

# ------------------------------------------------------------ heads of logs on their way through third members
# What a log shows to others is compared with what it shows us. A log that shows two members two histories is found by
# the first member that hears of both (design, section 7).


_MOST_WAITING = 256


class ThirdHeads:
    """Heads that are told, and those that were heard and wait for their signatures to be verified."""

    def __init__(self, seen: SeenHeads, trust: Callable[[], TrustView], clock: Clock, member: MemberId) -> None:
        self._seen = seen
        self._member = member
        self._logs = ListedLogs(trust, clock, member, domestic=False)
        self._waiting: Recent[bytes, MemberId] = Recent(_MOST_WAITING)

    def tell(self, listener: MemberId, told: Told) -> tuple[bytes, ...]:
        """Return the largest heads of logs of third members that are new to this listener; note them in `told`."""
        found: list[bytes] = []
        for head in self._seen.newest():
            if len(found) == MAX_HEADS:
                break
            if _owner(head.origin) != listener and told.get(head.origin, -1) < head.size and len(head.data) <= MAX_HEAD:
                told[head.origin] = head.size
                found.append(head.data)
        return tuple(found)

    def hear(self, speaker: MemberId, heads: Iterable[bytes]) -> None:
        """Keep heads until `verify`. Of too many, the speaker that brought the most loses its oldest ones."""
        for head in heads:
            self._waiting.put(speaker, head, speaker)

    def verify(self) -> None:
        """Verify the heads that wait, and note them as seen: a head that contradicts another is kept as evidence."""
        for data in self._waiting.latest(_MOST_WAITING):
            speaker = self._waiting.held.get(data)
            if speaker is None:  # it was pushed out since: heads come in while others are verified
                continue
            self._waiting.drop(speaker, data)
            if (head := self.signed(data)) is not None:
                self._seen.note_head(head)

    def verify_fork(self, lines: Sequence[bytes]) -> None:
        """Note both heads of a fork that another member found.

        Raises `Malformed`, and `BadSignature` where keys that the log lists did not sign both: then none is noted.
        """
        texts = [loads(line, 2 * MAX_HEAD) for line in lines[:3]]
        if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
            raise Malformed("the heads of a fork are two texts", code="malformed-fork")
        heads = [head for head in (self.signed(text.encode()) for text in texts) if head is not None]
        if len(heads) != 2 or heads[0].origin != heads[1].origin or heads[0].size != heads[1].size:
            raise BadSignature("these are not two signed heads of one log and size", code="malformed-fork")
        for head in heads:
            self._seen.note_head(head)

    def signed(self, data: bytes) -> Checkpoint | None:
        """Return a head of a third member that a key signed which its log lists; None for any other."""
        try:
            log = parse_checkpoint(data[:MAX_HEAD]).origin
            owner = MemberId(_owner(log))
            return foreign_head(data, log, self._logs.keys(owner, log)) if owner != self._member else None
        except LiaisonError:
            return None


def _owner(origin: str) -> str:
    return origin.partition(".")[0]


_OURS = (Kind.CHARTER, Kind.DESCRIPTOR, Kind.STATUS)
_NO_LIST: tuple[bytes, frozenset[Held]] = (b"", frozenset())


class Greetings:
    """`gateway.ports.gossip.Greeter`. All is in memory: `show` sets what is held, from outside the event loop.

    `greeted` is called with each member that greets us, and `differs` with one whose greeting tells of other documents
    than ours; `leave` with documents that a member gave as the reason for which it ended our stream.
    """

    def __init__(self, member: MemberId, heads: ThirdHeads, trust: Callable[[], TrustView]) -> None:
        self._member = member
        self._heads = heads
        self._trust = trust
        self._held = NOTHING
        self._hashes: dict[MemberId, bytes] = {}
        self._dismissed: dict[MemberId, str] = {}
        self._lists: dict[MemberId, tuple[bytes, frozenset[Held]]] = {}
        self.greeted: Callable[[MemberId], None] = lambda _member: None
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
        self._dismissed.pop(speaker, None)
        self._heads.hear(speaker, greeting.heads)
        self.greeted(speaker)
        if greeting.documents != self._held.hash:
            self.differs(speaker)

    def farewell(self, listener: MemberId, code: str) -> Farewell:
        """Return the documents that removed a member or its key: the charter, or its statuses."""
        document = removal_of(self._trust(), listener)
        return Farewell(code, document if len(document) <= MAX_FAREWELL else b"")

    def dismissed(self, speaker: MemberId, farewell: Farewell) -> None:
        """Note that a member ended our stream, and hand on why."""
        self._dismissed[speaker] = farewell.code
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

    def dismissed_by(self, member: MemberId) -> str:
        """Return the code with which a member ended our stream last; empty where it has greeted us since."""
        return self._dismissed.get(member, "")

    def holds(self, member: MemberId, line: Held) -> bool:
        """Tell whether a member has said that it holds this version of a document."""
        return line in self._lines_of(member)

    def holds_ours(self, member: MemberId) -> dict[str, bool] | None:
        """Tell which of our newest charter, descriptor and status a member has said that it holds; None: not known."""
        said = self.hash_of(member)
        if not said or said not in (self._held.hash, self._lists.get(member, _NO_LIST)[0]):
            return None
        ours = [line for line in self._held.lines if line.member in ("", self._member) and line.kind in _OURS]
        return {line.kind.value: self.holds(member, line) for line in ours}

    def _lines_of(self, member: MemberId) -> Iterable[Held]:
        """Return the lines of what a member said last that it holds; none where only a hash is known."""
        said = self.hash_of(member)
        if said and said == self._held.hash:
            return self._held.lines
        at, lines = self._lists.get(member, _NO_LIST)
        return lines if said and at == said else ()
