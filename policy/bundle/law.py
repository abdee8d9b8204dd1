"""Each member's law on each offence, as data of a national folder (`law.toml`).

Police exchange treaties speak of "serious crime": UNTOC means four years or more, others one year. Where a request's
offence may carry the death penalty and its country has given no assurance, a human decides on every release. Only
the file's content is known; a counterpart that an agreement names and the file does not is a load error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.config.toml import TomlTable
from gateway.errors import Misconfigured
from gateway.model.purpose import Offence

LAW = "law.toml"
MINIMUM_YEARS = 1
"""Prum's police records need an offence of a year or more."""
SERIOUS_YEARS = 4
"""`Serious crime` of the UN Convention against Transnational Organized Crime, article 2 (b)."""
_MAX_YEARS = 100


@dataclass(frozen=True, slots=True)
class Penalty:
    """The heaviest penalty that a country's law knows for an offence: years of prison, and if death is possible."""

    years: int = 0
    death: bool = False


@dataclass(frozen=True, slots=True)
class LawCovers:
    """The asking country's law on the offence in a question."""

    known: bool = False
    minimum: bool = False
    serious: bool = False
    death: bool = False
    assured: bool = False

    def as_context(self) -> dict[str, bool]:
        """Return the record `Law` of the schema, each attribute under its path."""
        return {
            "law.known": self.known,
            "law.minimum": self.minimum,
            "law.serious": self.serious,
            "law.death": self.death,
            "law.assured": self.assured,
        }


@dataclass(frozen=True, slots=True)
class Law:
    """Penalties by member and offence; `assured` are members that gave an assurance against the death penalty."""

    penalties: Mapping[str, Mapping[str, Penalty]]
    assured: frozenset[str]

    def covers(self, member: str, offence: str) -> LawCovers:
        """Return the law of `member` on `offence`; all false if the file says nothing."""
        penalty = self.penalties.get(member, {}).get(offence)
        if penalty is None:
            return LawCovers()
        return LawCovers(
            known=True,
            minimum=penalty.years >= MINIMUM_YEARS,
            serious=penalty.years >= SERIOUS_YEARS,
            death=penalty.death,
            assured=member in self.assured,
        )


def read_law(document: TomlTable) -> Law:
    """Return the law in a document. Raises `Misconfigured` with file, line and term."""
    document.only("assured", "member")
    document.get("member", dict)
    members = document.table("member")
    penalties = {name: _penalties(members.table(name), name) for name in members.data}
    assured = document.texts("assured")
    if not all(name in members.data for name in assured):
        document.fail("`assured` lists members that stand in the file", "assured")
    return Law(penalties, frozenset(assured))


def _penalties(table: TomlTable, member: str) -> dict[str, Penalty]:
    table.only(*Offence)
    missing = [offence.value for offence in Offence if offence.value not in table.data]
    if missing:
        table.fail(f"`{member}` says nothing of {', '.join(missing)}", remedy="give years for each offence")
    return {name: _penalty(table, name, value) for name, value in table.data.items()}


def _penalty(table: TomlTable, name: str, value: object) -> Penalty:
    years, death = (value, False) if not isinstance(value, dict) else (value.get("years"), value.get("death", False))
    if type(years) is not int or not 0 <= years <= _MAX_YEARS or type(death) is not bool:
        table.fail(f"`{name}` must be 0 to {_MAX_YEARS} years", name, remedy="or { years = 20, death = true }")
    return Penalty(years, death)


def check_counterparts(document: TomlTable, law: Law, counterparts: frozenset[str]) -> list[Misconfigured]:
    """Return a problem for each counterpart of an agreement whose law is not given."""
    return [
        document.wrong(
            f"the law of `{member}`, a party to an agreement, is not given", "member", remedy=f"[member.{member}]"
        )
        for member in sorted(counterparts - law.penalties.keys())
    ]
