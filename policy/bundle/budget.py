"""What one counterpart may make us keep, and our own people bring: the tables `budget`, `budget_of` and `brought` of
`quotas.toml`.

A day is one of UTC. Each kind of notice has a share of its own, so that a member that floods us with one kind still
reaches us with the others. What a national folder does not name is as it stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gateway.config.toml import TomlTable
from gateway.errors import Malformed
from gateway.model.desk.notices import NoticeType
from gateway.model.names import member_id

FILES, REFUSED = "file", "refused"
"""The kinds beside those of notices: files that notices name, and what is written of notices that are not taken."""

KEPT, TOLD, WORD, BROUGHT = "kept", "told", "word", "brought"
"""The directions under which is counted: KiB that we keep of a counterpart, work that it puts before our people, the
one word in an hour of a suspended one, and KiB that our own people bring."""

KIB = 1024
_MOST = 10_000_000
_NUMBERS = ("mib", "told", "open")


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one counterpart in what we keep of one kind.

    `mib` is the room on the disk that notices of a day take, `told` the work that they put before our people. `open` is
    how many of this kind stand open at once: asks of each urgency, else threads; None for no limit.
    """

    mib: int
    told: int = 4_000
    open: int | None = None


USUAL: Mapping[str, Share] = {
    NoticeType.ASK: Share(64, open=500),
    NoticeType.REPLY: Share(64),
    NoticeType.ALERT: Share(128, open=1_000),
    NoticeType.STATUS: Share(64),
    NoticeType.CHANGE: Share(64),
    NoticeType.OUTCOME: Share(32),
    NoticeType.NOTE: Share(64),
    NoticeType.SERVICE: Share(8, told=100, open=100),
    NoticeType.REPORT: Share(64, open=10_000),
    NoticeType.ROOM: Share(32, told=1_000, open=500),
    NoticeType.WATCH: Share(64, open=5_000),
    FILES: Share(4_096),
    REFUSED: Share(16),
}


@dataclass(frozen=True, slots=True)
class Budget:
    """The shares of each counterpart by kind, those of one alone, and the MiB of files that our people bring a day."""

    shares: Mapping[str, Share] = field(default_factory=lambda: USUAL)
    of: Mapping[str, Mapping[str, Share]] = field(default_factory=dict)
    person_mib: int = 4_096
    agency_mib: int = 10_240

    def share(self, member: str, kind: str) -> Share:
        """Return the share of a counterpart in what is kept of a kind."""
        return self.of.get(member, self.shares).get(kind) or self.shares[kind]

    def limit(self, direction: str, whose: str, what: str) -> int | None:
        """Return what may be counted in a day under a direction: of a counterpart's kind, or of an agency's person."""
        if direction == WORD:
            return 1
        if direction == BROUGHT:
            return (self.person_mib if what else self.agency_mib) * KIB
        if what not in self.shares:
            return None
        share = self.share(whose, what)
        return share.mib * KIB if direction == KEPT else share.told

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield each number of the tables with its place, and those of one counterpart where they are others."""
        for kind, share in self.shares.items():
            for name in _NUMBERS:
                yield f"budget.{kind}.{name}", _told(common := getattr(share, name))
                for member, own in self.of.items():
                    if (number := getattr(own[kind], name)) != common:
                        yield f"budget_of.{member}.{kind}.{name}", _told(number)
        yield "brought.person_mib", str(self.person_mib)
        yield "brought.agency_mib", str(self.agency_mib)


def _told(number: int | None) -> str:
    return "no limit" if number is None else str(number)


def read_budget(document: TomlTable) -> Budget:
    """Return the budget in a document. Raises `Misconfigured` with file, line and term."""
    shares = _shares(document.table("budget"), USUAL)
    each, brought = document.table("budget_of"), document.table("brought")
    for name in each.data:
        check_member(each, name)
    brought.only("person_mib", "agency_mib")
    usual = Budget()
    return Budget(
        shares,
        {name: _shares(each.table(name), shares) for name in each.data},
        number_in(brought, "person_mib", usual.person_mib),
        number_in(brought, "agency_mib", usual.agency_mib),
    )


def _shares(table: TomlTable, usual: Mapping[str, Share]) -> Mapping[str, Share]:
    table.only(*usual)
    found = dict(usual)
    for kind in table.data:
        share = table.table(kind)
        share.only(*_NUMBERS)
        found[kind] = replace(usual[kind], **{name: number_in(share, name) for name in share.data})
    return found


def check_member(table: TomlTable, name: str) -> None:
    """Raise `Misconfigured` unless a table is named by the id of a member."""
    try:
        member_id(name)
    except Malformed as error:
        table.fail(error.message, name, remedy=error.remedy)


def number_in(table: TomlTable, name: str, usual: int | None = None, of: str = "") -> int:
    """Return a number of a table, which may be of something (`of`). Raises `Misconfigured` beyond ten million."""
    number: int = table.get(name, int, usual)
    if not 0 <= number <= _MOST:
        table.fail(f"`{name}` must be 0 to {_MOST}{of}", name)
    return number
