"""Say which statements this program reads, in which versions, and what another member's descriptor says of it.

A field more in a statement is a new version of its payload type (decision 0104). A member's descriptor lists what the
member reads, and each node writes the newest version that the other side reads. So a version is first read, and written
only to those who said that they read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from gateway.errors import Unknown
from gateway.model.desk.notices import NoticeType
from gateway.model.query import QUERIES

NOTICE = "notice."
"""The beginning of the names of notices; a descriptor lists these under `takes`, without it."""

_NOTICES_BY_DEFAULT = ("ask", "reply", "alert", "status", "change", "outcome", "note", "service")

READ_BY_DEFAULT: Mapping[str, tuple[int, ...]] = {
    "request": (1,),
    "answer": (1, 2, 3),
    "receipt": (1,),
    "day-account": (1,),
    "day-account-answer": (1,),
    "notice-receipt": (1,),
    **{f"{NOTICE}{each}": (1,) for each in _NOTICES_BY_DEFAULT},
}
"""What a descriptor means that names no version of a statement. It never changes."""

READ: Mapping[str, tuple[int, ...]] = {
    **READ_BY_DEFAULT,
    "answer": (1, 2, 3, 4),
    "fetch": (1,),
    **{f"{NOTICE}{each}": (1,) for each in NoticeType},
}
"""What this program reads, oldest first. It writes the newest that the other side reads, too."""

ATTACHMENT, OUTCOME_OF_HIT = "attachment", "outcome-of-hit"
WATCHED_GOODS = "watch-goods"
PARTS: Mapping[str, tuple[int, ...]] = dict.fromkeys(
    (ATTACHMENT, OUTCOME_OF_HIT, *(each.part for each in QUERIES.values() if each.part), WATCHED_GOODS), (1,)
)
"""Parts of statements that a descriptor lists apart: the files in the head of a notice, an outcome that opens a thread,
and what is asked or watched that came later.

They are in few statements, so they are no new version of each; they are written only to those who list them.
"""

READS = tuple(
    f"{kind}.v{each}" for kind, all_ in {**READ, **PARTS}.items() if not kind.startswith(NOTICE) for each in all_
)
"""What this program reads beside notices, as a descriptor lists it."""

TAKES = tuple(
    f"{kind.removeprefix(NOTICE)}.v{each}" for kind, all_ in READ.items() if kind.startswith(NOTICE) for each in all_
)
"""The notices that this program takes, as a descriptor lists them."""


class Lists(Protocol):
    """What a descriptor lists; `gateway.trust.documents.descriptor.Descriptor` is one."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The versions of statements beside notices that its member reads."""

    @property
    def takes(self) -> tuple[str, ...]:
        """The notices that its member takes, with their versions."""


class Descriptors(Protocol):
    """The descriptors of members; `gateway.trust.view.TrustView` is one."""

    def descriptor(self, member: str) -> Lists:
        """Return the descriptor of a member, or raise `Unknown`."""


@lru_cache(maxsize=1024)
def versions_in(listed: Sequence[str], kind: str) -> frozenset[int]:
    """Return the versions of a statement that a member reads which lists these names, or none of this statement."""
    found = frozenset(int(each[len(kind) + 2 :]) for each in listed if each.rpartition(".")[0] == kind)
    return found or frozenset(READ_BY_DEFAULT.get(kind, READ_BY_DEFAULT.get(f"{NOTICE}{kind}", ())))


def versions_read(members: Descriptors, member: str, kind: str) -> frozenset[int]:
    """Return the versions of a statement that a member reads; those by default where it has no descriptor yet."""
    try:
        descriptor = members.descriptor(member)
    except Unknown:
        return versions_in((), kind)
    if kind.startswith(NOTICE):
        return versions_in(descriptor.takes, kind.removeprefix(NOTICE))
    return versions_in(descriptor.reads, kind)
