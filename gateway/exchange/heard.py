"""Know which members have told us what our database lost, since it was restored from a backup."""

from __future__ import annotations

from gateway.errors import Suspended
from gateway.exchange.parts import Parts
from gateway.model.names import MemberId
from gateway.ports.documents import DocumentStore

_KIND = "heard-since-restore"


class Heard:
    """The members that were heard since our exchange log began its present number (`begun_us`), because entries were
    lost. Without a loss all of them count as heard.
    """

    def __init__(self, documents: DocumentStore, begun_us: int) -> None:
        self._documents = documents
        self._mark = str(begun_us).encode()
        self._members: set[MemberId] = set()
        self.is_restored = begun_us > 0

    def __call__(self, member: MemberId) -> bool:
        """Tell whether a member was heard."""
        if not self.is_restored or member in self._members:
            return True
        if self._documents.get(_KIND, member) != self._mark:
            return False
        self._members.add(member)
        return True

    def note(self, member: MemberId) -> None:
        """Note that a member has told us all."""
        self._documents.put(_KIND, member, self._mark)
        self._members.add(member)


def check_heard(parts: Parts, member: MemberId) -> None:
    """Raise `Suspended` while our restored database may lack notices that we exchanged with a member."""
    if not parts.heard(member):
        raise Suspended(
            "our database was restored, and `{member}` has not told us yet what it lost",
            code="restoring",
            where="desk",
            remedy="wait until its node is in reach",
            member=member,
        )
