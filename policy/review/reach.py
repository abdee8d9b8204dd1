"""Find out who can get what a source holds: under which agreement, by which rule, for which purposes.

The policy itself is asked, for every recipient and purpose of each agreement. Roles, offences and hours are tried until
something leaves, one of those that no rule can tell apart. So of a record type without any way, no question gets a
field.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TypeAlias

from msgspec import structs

from gateway.model.marking import Marking, SubjectCategory
from gateway.model.names import MemberId, member_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import OF_AGENCIES
from policy.attributes import QuestionAttributes, RecordAttributes, qualified
from policy.bundle.agreements import Agreement
from policy.cache import FOREVER_US
from policy.engine.engine import PolicyEngine
from policy.engine.memory import RESOURCE
from policy.review.kinds import Kinds

TICKET, CASE, BOTH = "a ticket", "a case", "a case and a ticket"
"""Words for the ground that a question needs: the ticket of a control, or the number of a case."""

_Released: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""The fields that leave, and the rules that let them out."""

_Asker: TypeAlias = tuple[str, str, str, int]
"""An office, a role, an offence, and a time of asking."""

_NOTHING: _Released = ((), ())
_RULES_TOLD = 3


@dataclass(frozen=True, slots=True)
class Held:
    """The records of one type in a source: their owner, the fields that are filled, and the queries that find them.

    `profiles` are the markings and categories that its records can have.
    """

    record_type: str
    owner: str
    fields: frozenset[str]
    queries: frozenset[str]
    profiles: Sequence[tuple[Marking, SubjectCategory]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way out: under `agreement` to `recipients`, for `purposes`, with `needs`, these fields by these rules.

    A recipient is a country with all its agencies that the agreement names (`kh`), or one agency (`kh.police`).
    """

    agreement: str
    recipients: tuple[str, ...]
    purposes: tuple[str, ...]
    needs: str
    fields: tuple[str, ...]
    rules: tuple[str, ...]


def _phrase(agreement: str, ways: Sequence[Way]) -> str:
    whom, purposes, rules = (
        ", ".join(dict.fromkeys(word for way in ways for word in getattr(way, part)))
        for part in ("recipients", "purposes", "rules")
    )
    return f"under {agreement} to {whom} for {purposes}, by {rules}"


@dataclass(frozen=True, slots=True)
class Reach:
    """The ways out of one record type of an owner. Without any, `problem` says why and `remedy` what would open one."""

    record_type: str
    owner: str
    ways: tuple[Way, ...] = ()
    problem: str = ""
    remedy: str = ""

    @property
    def briefly(self) -> list[str]:
        """One phrase for each agreement: to whom, for which purposes, by which rules."""
        return [_phrase(name, [way for way in self.ways if way.agreement == name]) for name in self._agreements]

    @property
    def _agreements(self) -> Iterable[str]:
        return dict.fromkeys(way.agreement for way in self.ways)


class _Askers:
    """Picks, of those who may ask, one of each kind that a rule can tell apart."""

    def __init__(self, engine: PolicyEngine) -> None:
        self.kinds = Kinds(engine)
        self._law = engine.bundle.law
        roles = sorted(engine.bundle.roles, key=lambda role: role != "officer")
        self.roles = [alike[0] for alike in self.kinds.alike(["requester.role"], roles)]

    def offences(self, agreement: Agreement, held: Held, counterpart: MemberId) -> list[str]:
        """Return an offence of each kind: by the law on it, the rules that name it, and the markings that do."""

        def kind(offence: str) -> Hashable:
            marked = tuple(marking.offences is None or offence in marking.offences for marking, _ in held.profiles)
            return self._law.covers(counterpart, offence), marked

        covered = [offence.value for offence in Offence if offence.value in agreement.offences]
        return [alike[0] for alike in self.kinds.alike(["offence"], covered, kind)]

    def offices(self, held: Held, counterpart: MemberId) -> list[str]:
        """Return an office that nothing names, and the recipient's offices that a rule or a marking names."""
        named = {str(name) for name in self.kinds.named("requester.office")}
        for marking, _ in held.profiles:
            named |= {name for name in marking.releasable_to if name.count(".") > 1}
        return [f"{counterpart}.office", *sorted(name for name in named if name.startswith(f"{counterpart}."))]


@dataclass(slots=True)
class _Search:
    """One search for ways out of what is held.

    It notes the rules that denied, the fields that policy lets out and the source does not fill, and those that a human
    may let out.
    """

    engine: PolicyEngine
    askers: _Askers
    held: Held
    now_us: int
    denied: Counter[str] = field(default_factory=Counter)
    unfilled: set[str] = field(default_factory=set)
    by_human: set[str] = field(default_factory=set)

    def ways(self, agreement: Agreement) -> Iterator[Way]:
        """Yield the ways out under an agreement; recipients and purposes that get the same stand together."""
        found: dict[tuple[_Released, str], dict[str, list[str]]] = {}
        others = [name for name in sorted(agreement.agencies) if not name.startswith(f"{self.engine.member}.")]
        tried = {member: self._tried(agreement, member_id(member)) for member in {_member(name) for name in others}}
        queries = self.askers.kinds.alike(["query", RESOURCE], sorted(agreement.queries & self.held.queries))
        for recipient, purpose in product(others, Purpose):
            if purpose.value not in agreement.purposes:
                continue
            seen = {_NOTHING}
            for needs in (TICKET, CASE, BOTH):
                if needs is BOTH and len(seen) > 1:
                    break
                released = self._first(agreement, tried[_member(recipient)], queries, recipient, purpose.value, needs)
                if released not in seen:
                    found.setdefault((released, needs), {}).setdefault(recipient, []).append(purpose.value)
                seen.add(released)
        for ((fields, rules), needs), by_recipient in found.items():
            recipients: dict[tuple[str, ...], list[str]] = defaultdict(list)
            for recipient, purposes in by_recipient.items():
                recipients[tuple(purposes)].append(recipient)
            for together, names in recipients.items():
                yield Way(agreement.id, tuple(_shortened(agreement, names)), together, needs, fields, rules)

    def _tried(self, agreement: Agreement, counterpart: MemberId) -> list[_Asker]:
        """Return an asker of each kind."""
        askers, held = self.askers, self.held
        offences = askers.offences(agreement, held, counterpart)
        return list(product(askers.offices(held, counterpart), askers.roles, offences, self._times(counterpart)))

    def _first(
        self,
        agreement: Agreement,
        tried: Iterable[_Asker],
        queries: Iterable[Sequence[str]],
        recipient: str,
        purpose: str,
        needs: str,
    ) -> _Released:
        """Return what leaves for the first kind of asker that gets any field."""
        member, _, agency = recipient.partition(".")
        for office, role, offence, at_us in tried:
            question = QuestionAttributes(
                counterpart=member_id(member),
                role=role,
                agency=agency,
                office=office,
                query="",
                purpose=purpose,
                offence=offence,
                agreement=agreement.id,
                has_case=needs != TICKET,
                has_ticket=needs != CASE,
            )
            released = self._released(question, queries, at_us)
            if released[0]:
                return released
        return _NOTHING

    def _times(self, counterpart: MemberId) -> list[int]:
        """Return now, and the next moment at which day and night change."""
        change_us = self.engine.setting(counterpart, "", self.now_us).window.until_us
        return [self.now_us] if change_us >= FOREVER_US else [self.now_us, change_us]

    def _released(self, asked: QuestionAttributes, queries: Iterable[Sequence[str]], at_us: int) -> _Released:
        """Return what leaves for one query of each group that no rule tells apart, as it does for the others."""
        fields: set[str] = set()
        rules: dict[str, None] = {}
        for alike in queries:
            question = structs.replace(asked, query=alike[0])
            answered = self.engine.may_answer(question, at_us)
            if not answered.allow:
                self.denied.update(answered.policies * len(alike))
                continue
            for marking, category in self.held.profiles:
                record = RecordAttributes(question, self.held.record_type, self.held.owner, marking, category)
                release = self.engine.release(record, at_us)
                self.by_human |= release.with_human & self.held.fields
                if not release.decision.allow:
                    self.denied.update(release.decision.policies * len(alike))
                elif filled := release.fields & self.held.fields:
                    fields |= filled
                    rules |= dict.fromkeys(filter(self._lets_out, release.decision.policies))
                else:
                    self.unfilled |= release.fields
        return tuple(sorted(fields)), tuple(rules)

    def _lets_out(self, name: str) -> bool:
        """Tell whether this is a permit of national policy; one of the base policy lets out whatever that permits."""
        rule = self.engine.bundle.national.by_name.get(name)
        return rule is not None and rule.permit


def reach(engine: PolicyEngine, records: Iterable[Held], now_us: int) -> list[Reach]:
    """Return who can get the records of each type that is held, at a time."""
    askers = _Askers(engine)
    return [_reach(_Search(engine, askers, held, now_us)) for held in records]


def _reach(search: _Search) -> Reach:
    engine, held = search.engine, search.held
    agreements = [one for one in engine.agreements if _covers(engine, one, held)]
    open_now = [one for one in agreements if search.now_us in one.validity and one.queries & held.queries]
    if ways := tuple(way for one in open_now for way in search.ways(one)):
        return Reach(held.record_type, held.owner, ways)
    return Reach(held.record_type, held.owner, (), *_problem(search, agreements, open_now))


def _member(agency: str) -> str:
    return agency.partition(".")[0]


def _covers(engine: PolicyEngine, agreement: Agreement, held: Held) -> bool:
    names_owner = qualified(engine.member, held.owner) in agreement.agencies
    return engine.member in agreement.parties and names_owner and held.record_type in agreement.record_types


def _shortened(agreement: Agreement, names: Sequence[str]) -> Iterator[str]:
    """Yield the recipients; a country stands for all its agencies that the agreement names."""
    for member in dict.fromkeys(name.partition(".")[0] for name in names):
        every = [name for name in sorted(agreement.agencies) if name.startswith(f"{member}.")]
        mine = [name for name in names if name.startswith(f"{member}.")]
        yield from [member] if mine == every else mine


# ------------------------------------------------------------ why nothing leaves


def _problem(search: _Search, agreements: Sequence[Agreement], open_now: Sequence[Agreement]) -> tuple[str, str]:
    """Return why no question gets a field, and what would open a way."""
    engine, held = search.engine, search.held
    owner = qualified(engine.member, held.owner)
    parties = frozenset[str]().union(*(one.parties for one in agreements)) - {engine.member}
    named = {name.partition(".")[0] for marking, _ in held.profiles for name in marking.releasable_to}
    if not named:
        return "its marking names no recipient", "name members in the mapping: `releasable_to`"
    if not agreements:
        if not any(owner in one.agencies for one in engine.agreements):
            return f"no agreement names `{owner}`", f"name `{owner}` under `agencies` of an agreement"
        remedy = f"name `{held.record_type}` under `record_types` of an agreement that names `{owner}`"
        return f"no agreement that names `{owner}` covers records of {held.record_type}", remedy
    names = ", ".join(one.id for one in agreements)
    if not any(search.now_us in one.validity for one in agreements):
        return f"{names}: not in force now", "bring an agreement that is in force"
    by_mapping = _by_mapping(search, [one for one in agreements if search.now_us in one.validity])
    if not open_now:
        queries = ", ".join(sorted(held.queries)) or "nothing"
        remedy = by_mapping or "look at `queries` of the agreement"
        return f"it is found by {queries}, and {names} covers no such question", remedy
    if not named & parties:
        remedy = f"name a party of {names} in the mapping: `releasable_to`"
        return f"its marking names none of {', '.join(sorted(parties))}", remedy
    if search.by_human:
        told = ", ".join(sorted(search.by_human))
        return f"only a human lets anything out, in answer to a follow-up: {told}", "let out what needs no human"
    if search.unfilled:
        remedy = "let out a field that the mapping fills, or fill one of these in the mapping"
        return f"policy lets out only {', '.join(sorted(search.unfilled))}, and the mapping fills none of them", remedy
    told = ", ".join(_rule(name) for name, _ in search.denied.most_common(_RULES_TOLD))
    return f"denied: {told}", by_mapping or _by_policy(search)


def _by_mapping(search: _Search, agreements: Sequence[Agreement]) -> str:
    """Return which questions would open a way, if the mapping let the records be found by them; else an empty text."""
    held, found = search.held, []
    asked = frozenset[str]().union(*(one.queries for one in agreements)) & OF_AGENCIES
    for query in sorted(asked - held.queries):
        tried = _Search(search.engine, search.askers, replace(held, queries=frozenset({query})), search.now_us)
        if any(True for one in agreements for _ in tried.ways(one)):
            found.append(query)
    if not found:
        return ""
    return f"let the mapping find it by one of {', '.join(found)}: `[record.search]` of {held.record_type}"


def _by_policy(search: _Search) -> str:
    """Return what of the policy would open a way: a rule that forbids cannot be outdone by one that permits."""
    resource = f'`RecordType::"{search.held.record_type}"`'
    forbidding = [name for name in search.denied if name.startswith("national/") and name != "national/default"]
    if forbidding:
        return f"take {resource} out of {', '.join(forbidding[:_RULES_TOLD])}: no permit outdoes what forbids"
    if "national/default" in search.denied:
        return f"a permit of `release` with `@fields` on {resource} would open a way"
    return f"no national policy lets {resource} out so: map what it is about as another record type"


def _rule(name: str) -> str:
    layer, _, rule = name.partition("/")
    return f"no rule of the {layer} policy permits it" if rule == "default" else f"by {name}"
