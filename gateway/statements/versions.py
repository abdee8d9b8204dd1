"""All versions of one kind of statement: any of them is read, and the newest that the other side reads is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from google.protobuf.message import Message

from gateway.errors import Unsupported
from gateway.model.exchange import Verified
from gateway.model.names import MemberId
from gateway.model.query import Query
from gateway.statements.envelope import PayloadType, StatementKeys, Unsealed, unseal
from gateway.statements.kind import Kind, Opened
from gateway.trust.documents.statement_versions import Descriptors, versions_read

M = TypeVar("M", bound=Message)
T = TypeVar("T")


def check_query(members: Descriptors, member: str, query: Query) -> None:
    """Raise `Unsupported` for a kind of question that `member` does not know: it would refuse the whole statement."""
    if query.part:
        check_part(members, member, query.part)


def check_part(members: Descriptors, member: str, part: str) -> None:
    """Raise `Unsupported` for a part of a statement that the descriptor of `member` does not list."""
    if not versions_read(members, member, part):
        raise Unsupported(
            "`{member}` does not read `{part}` yet",
            code="part-not-read",
            where=member,
            remedy="send it without, or once `{member}` has upgraded and published its descriptor",
            member=member,
            part=part,
        )


class Versions(Generic[M, T]):
    """The versions of one kind of statement that this program reads and writes, the oldest first."""

    def __init__(self, *kinds: Kind[M, T]) -> None:
        self.types: tuple[PayloadType, ...] = tuple(kind.payload_type for kind in kinds)
        self._newest_first = kinds[::-1]
        self._by_number = {kind.payload_type.version: kind for kind in kinds}
        self._by_type = {str(kind.payload_type): kind for kind in kinds}

    def newest(self, members: Descriptors, member: str) -> Kind[M, T]:
        """Return the newest version that `member` reads. Raises `Unsupported` where it reads none of ours."""
        read = versions_read(members, member, self.types[0].kind)
        for kind in self._newest_first:
            if kind.payload_type.version in read:
                return kind
        raise Unsupported(
            "`{member}` reads no version of the statement `{kind}` that this program writes",
            code="no-common-version",
            where=member,
            remedy="install a version of the program that is at most one before that of `{member}`",
            member=member,
            kind=self.types[0].kind,
        )

    def at(self, payload_type: str) -> Kind[M, T]:
        """Return the version that this payload type names, which is one of ours."""
        return self._by_type[payload_type]

    def numbered(self, version: int) -> Kind[M, T]:
        """Return a version by its number, which is one of ours."""
        return self._by_number[version]

    def open(self, envelope: bytes) -> Opened[M, T]:
        """Make checks 1 and 2 of `Kind.verify`, in whichever version it comes."""
        unsealed = unseal(envelope, *self.types)
        return self._by_type[unsealed.payload_type].opened(unsealed)

    def read(self, unsealed: Unsealed) -> T:
        """Return the statement in parts of an envelope, checked for content and version, not for signature or time."""
        kind = self._by_type[unsealed.payload_type]
        return kind.content(unsealed.payload, kind.opened(unsealed).message)

    def parse(self, envelope: bytes) -> T:
        """Return the statement in an envelope of our own log or store, checked like `read`."""
        return self.read(unseal(envelope, *self.types))

    def verify(
        self,
        envelope: bytes,
        *,
        keys: StatementKeys,
        peer: MemberId,
        me: MemberId,
        now_us: int,
        answers: Callable[[M], None] | None = None,
    ) -> Verified[T]:
        """Return the statement in `envelope`, in whichever version it comes. Raises like `Kind.verify`."""
        kind = self._by_type[unseal(envelope, *self.types).payload_type]
        return kind.verify(envelope, keys=keys, peer=peer, me=me, now_us=now_us, answers=answers)
