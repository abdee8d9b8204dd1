"""Read the limits that a policy sets in numbers and degrees: `quotas.toml` and `thresholds.toml`.

`quotas.toml` has the questions a day, by direction, counterpart and purpose. `in` are questions of a counterpart to us,
`out` are ours to a counterpart. Its tables `budget`, `budget_of` and `brought` say what one counterpart may make us
keep, and our own people bring. A day is one of UTC.

`thresholds.toml` has the required likeness of names, by purpose. It is data of the base policy, and a national folder
can only make it stricter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gateway.config.toml import TomlTable
from gateway.errors import Malformed
from gateway.model.desk.notices import NoticeType
from gateway.model.names import member_id
from gateway.model.purpose import Purpose
from gateway.model.strictness import Strictness

# ------------------------------------------------------------ what is kept
# Each kind of notice has a share of its own, so that a member that floods us with one kind still reaches us with the
# others. What a national folder does not name is as it stands here.


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


def _read_budget(document: TomlTable) -> Budget:
    """Return the budget in a document. Raises `Misconfigured` with file, line and term."""
    shares = _shares(document.table("budget"), USUAL)
    each, brought = document.table("budget_of"), document.table("brought")
    for name in each.data:
        _check_member(each, name)
    brought.only("person_mib", "agency_mib")
    usual = Budget()
    return Budget(
        shares,
        {name: _shares(each.table(name), shares) for name in each.data},
        _number_in(brought, "person_mib", usual.person_mib),
        _number_in(brought, "agency_mib", usual.agency_mib),
    )


def _shares(table: TomlTable, usual: Mapping[str, Share]) -> Mapping[str, Share]:
    table.only(*usual)
    found = dict(usual)
    for kind in table.data:
        share = table.table(kind)
        share.only(*_NUMBERS)
        found[kind] = replace(usual[kind], **{name: _number_in(share, name) for name in share.data})
    return found


def _check_member(table: TomlTable, name: str) -> None:
    """Raise `Misconfigured` unless a table is named by the id of a member."""
    try:
        member_id(name)
    except Malformed as error:
        table.fail(error.message, name, remedy=error.remedy)


def _number_in(table: TomlTable, name: str, usual: int | None = None, of: str = "") -> int:
    """Return a number of a table, which may be of something (`of`). Raises `Misconfigured` beyond ten million."""
    number: int = table.get(name, int, usual)
    if not 0 <= number <= _MOST:
        table.fail(f"`{name}` must be 0 to {_MOST}{of}", name)
    return number


# ------------------------------------------------------------ questions a day


QUOTAS = "quotas.toml"
DIRECTIONS = ("in", "out")
_UNIT = " questions a day"


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of questions by (direction, counterpart, purpose), and the budget of what is kept.

    `default` holds for all other questions, None for no limit.
    """

    limits: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    default: int | None = None
    budget: Budget = field(default_factory=Budget)

    def limit(self, direction: str, counterpart: str, purpose: str) -> int | None:
        """Return the questions a day, or what else is counted under a direction; None for no limit."""
        if direction not in DIRECTIONS:
            return self.budget.limit(direction, counterpart, purpose)
        return self.limits.get((direction, counterpart, purpose), self.default)

    @property
    def named(self) -> bool:
        """True if any question is limited."""
        return bool(self.limits) or self.default is not None


def read_quotas(document: TomlTable) -> Quotas:
    """Return the quotas in a document. Raises `Misconfigured` with file, line and term."""
    document.only("default", *DIRECTIONS, "budget", "budget_of", "brought")
    limits: dict[tuple[str, str, str], int] = {}
    for direction in DIRECTIONS:
        counterparts = document.table(direction)
        for counterpart in counterparts.data:
            _check_member(counterparts, counterpart)
            table = counterparts.table(counterpart)
            table.only(*Purpose)
            limits |= {
                (direction, counterpart, purpose): _number_in(table, purpose, of=_UNIT) for purpose in table.data
            }
    default = _number_in(document, "default", of=_UNIT) if "default" in document.data else None
    return Quotas(limits, default, _read_budget(document))


# ------------------------------------------------------------ the likeness of names
# Only searches by name know a likeness; documents, plates and other numbers are equal or not.


THRESHOLDS = "thresholds.toml"
_NAMES = ", ".join(each.value for each in Strictness)


@dataclass(frozen=True, slots=True)
class ThresholdSets:
    """The set of thresholds for each purpose; for a purpose that no policy names it is `USUAL`."""

    purpose: Mapping[str, Strictness] = field(default_factory=dict)

    def of(self, purpose: str) -> Strictness:
        """Return the set for a search with this purpose."""
        return self.purpose.get(purpose, Strictness.USUAL)


def read_thresholds(base: TomlTable | None, national: TomlTable | None) -> ThresholdSets:
    """Return the base policy's sets, made stricter by the national folder; each may be absent.

    Raises `Misconfigured` with file, line and term for an unknown purpose or set, and for a national set that is wider.
    """
    common = ThresholdSets(_read(base)) if base else ThresholdSets()
    own = _read(national) if national else {}
    for purpose, wanted in own.items():
        if national and wanted.stricter(common.of(purpose)) is not wanted:
            message = f"`{wanted}` for `{purpose}` is wider than `{common.of(purpose)}` of the base policy"
            remedy = "a national folder can only be stricter: leave it out"
            national.table("purpose").fail(message, purpose, remedy=remedy)
    return ThresholdSets({**common.purpose, **own})


def _read(document: TomlTable) -> dict[str, Strictness]:
    document.only("purpose")
    table = document.table("purpose")
    table.only(*Purpose)
    return {purpose: _set(table, purpose, name) for purpose, name in table.data.items()}


def _set(table: TomlTable, purpose: str, name: object) -> Strictness:
    try:
        return Strictness(str(name))
    except ValueError:
        message = f"`{str(name)[:40]}` for `{purpose}` is no set of thresholds"
        table.fail(message, purpose, remedy=f"one of {_NAMES}")
