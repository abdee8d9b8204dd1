"""Policies with one mistake each: a set of cases is good enough when every mistake makes one of them fail.

A mutant turns a permit into a forbid or the other way round, drops one condition, one operand of a condition, or
the member that a policy is for. A mutant that survives shows a rule that no case tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    made = 0
    alive: list[Mutant] = []
    base = [(mutant, countries) for mutant in mutants(countries[0].bundle.base)] if countries else []
    national = [(mutant, [country]) for country in countries for mutant in mutants(country.bundle.national)]
    for mutant, affected in [*base, *national]:
        made += 1
        if all(_survives(mutant, country) for country in affected):
            alive.append(mutant)
    return alive, made


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


def _survives(mutant: Mutant, country: Country) -> bool:
    bundle = _with(country.bundle, mutant)
    engine = PolicyEngine(bundle, country.member)
    return not any(run_case(engine, case).problems for case in country.cases)


def _with(bundle: Bundle, mutant: Mutant) -> Bundle:
    """Return `bundle` with the mutant in the place of its policy; only the sets that it can match are parsed anew."""
    changed: dict[str, Layer] = {}
    for layer in (bundle.base, bundle.national):
        named = layer.by_name
        changed[layer.name] = Layer(
            layer.name, {**named, mutant.name: mutant.policy} if mutant.name in named else named
        )
    named = {**changed["base"].by_name, **changed["national"].by_name}
    matchers = {
        place: _matcher(named, *place) if mutant.policy.concerns(*place) else parsed
        for place, parsed in bundle.matchers.items()
    }
    return replace(bundle, base=changed["base"], national=changed["national"], matchers=matchers)


def _matcher(named: Mapping[str, Policy], action: str, resource: str) -> Matcher:
    return matcher({name: policy for name, policy in named.items() if policy.concerns(action, resource)})
