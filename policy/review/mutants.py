"""Policies with one mistake each: a set of cases is good enough when every mistake makes one of them fail.

A mutant turns a permit into a forbid or the other way round, drops one condition, one operand of a condition, or
the member that a policy is for. A mutant that survives shows a rule that no case tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.model.decision import Human
from gateway.model.names import MemberId
from policy.bundle.bundle import Bundle, Layer, Matcher, load_bundle, matcher, read_files
from policy.bundle.rules import RELEASE, Policy
from policy.engine.engine import BASE, PolicyEngine
from policy.review.cases import Case, read_case, run_case

Body = dict[str, Any]

_OPERATORS = ("&&", "||")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: the policy's name (`national/kh-person`), the change, and the changed policy."""

    name: str
    change: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Country:
    """One member's bundle with its cases."""

    member: MemberId
    bundle: Bundle
    cases: Sequence[Case]


def read_country(national: Path, member: MemberId, base: Path = BASE) -> Country:
    """Return the bundle and the cases of one national folder. Raises `Misconfigured`."""
    bundle = load_bundle(read_files(base), read_files(national), member)
    return Country(member, bundle, [read_case(path) for path in sorted(national.glob("cases/*.toml"))])


def survivors(countries: Sequence[Country]) -> tuple[list[Mutant], int]:
    """Return the mutants that no case notices, and the number of all; cases of all countries test the base policy."""
    told = [_told(country) for country in countries]
    base = [(mutant, told) for mutant in mutants(countries[0].bundle.base)] if countries else []
    national = [(mutant, [own]) for own in told for mutant in mutants(own.country.bundle.national)]
    made = [*base, *national]
    return [mutant for mutant, affected in made if _survives(mutant, affected)], len(made)


def mutants(layer: Layer) -> Iterator[Mutant]:
    """Yield every policy of a layer with each mistake that can be made in it."""
    for name, policy in layer.by_name.items():
        yield Mutant(name, "permit and forbid exchanged" if not policy.withhold else "dropped", _flipped(policy))
        if policy.human:
            yield Mutant(name, "the human dropped", replace(policy, human=Human.NONE))
        for change, body in _weaker(policy.body):
            yield Mutant(name, change, replace(policy, body=body))


def _flipped(policy: Policy) -> Policy:
    """Return the opposite rule; one that only withholds fields is dropped, since its opposite would have no effect."""
    everything = not policy.permit and RELEASE in policy.actions
    return replace(
        policy,
        permit=not policy.permit,
        all_fields=everything,
        withhold=frozenset(),
        show_count=False,
        human=Human.NONE,
    )


def _weaker(body: Body) -> Iterator[tuple[str, Body]]:
    if body["principal"]["op"] != "All":
        yield "the member dropped", {**body, "principal": {"op": "All"}}
    conditions = body["conditions"]
    for at, condition in enumerate(conditions):
        kind = condition["kind"]
        yield f"`{kind}` {at + 1} dropped", {**body, "conditions": conditions[:at] + conditions[at + 1 :]}
        for change, expression in _without_operand(condition["body"]):
            changed = [*conditions[:at], {**condition, "body": expression}, *conditions[at + 1 :]]
            yield f"`{kind}` {at + 1}: {change}", {**body, "conditions": changed}


def _without_operand(expression: Body) -> Iterator[tuple[str, Body]]:
    for operator in _OPERATORS:
        if operator not in expression:
            continue
        sides = expression[operator]
        for dropped, kept in (("left", "right"), ("right", "left")):
            yield f"{dropped} side of `{operator}` dropped", sides[kept]
            for change, inner in _without_operand(sides[kept]):
                yield change, {operator: {**sides, kept: inner}}


@dataclass(frozen=True, slots=True)
class _Told:
    """A country, and which policies decide each of its cases."""

    country: Country
    policies: Sequence[frozenset[str]]


def _told(country: Country) -> _Told:
    engine = PolicyEngine(country.bundle, country.member)
    return _Told(country, [frozenset(run_case(engine, case).policies) for case in country.cases])


def _survives(mutant: Mutant, affected: Sequence[_Told]) -> bool:
    """Tell whether no case notices a mutant. Those that its policy decides come first: one of them nearly always does.

    After them come the others of an action that the policy is for.
    """
    tried = [
        (mutant.name not in policies, case.action not in mutant.policy.actions, number, case)
        for number, told in enumerate(affected)
        for case, policies in zip(told.country.cases, told.policies, strict=True)
    ]
    engines: dict[int, PolicyEngine] = {}
    for *_, number, case in sorted(tried, key=lambda one: one[:3]):
        if number not in engines:
            country = affected[number].country
            engines[number] = PolicyEngine(_with(country.bundle, mutant), country.member)
        if run_case(engines[number], case).problems:
            return False
    return True


@dataclass(frozen=True, slots=True)
class _Matchers(Mapping[tuple[str, str], Matcher]):
    """The matchers of a bundle, of which those that a changed policy can match are parsed anew once they are used."""

    before: Mapping[tuple[str, str], Matcher]
    named: Mapping[str, Policy]
    changed: Policy
    parsed: dict[tuple[str, str], Matcher] = field(default_factory=dict)

    def __getitem__(self, place: tuple[str, str]) -> Matcher:
        if place not in self.before or not self.changed.concerns(*place):
            return self.before[place]
        if place not in self.parsed:
            concerned = {name: policy for name, policy in self.named.items() if policy.concerns(*place)}
            self.parsed[place] = matcher(concerned)
        return self.parsed[place]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.before)

    def __len__(self) -> int:
        return len(self.before)


def _with(bundle: Bundle, mutant: Mutant) -> Bundle:
    """Return `bundle` with the mutant in the place of its policy."""
    changed: dict[str, Layer] = {}
    for layer in (bundle.base, bundle.national):
        named = layer.by_name
        changed[layer.name] = Layer(
            layer.name, {**named, mutant.name: mutant.policy} if mutant.name in named else named
        )
    named = {**changed["base"].by_name, **changed["national"].by_name}
    matchers = _Matchers(bundle.matchers, named, mutant.policy)
    return replace(bundle, base=changed["base"], national=changed["national"], matchers=matchers)
