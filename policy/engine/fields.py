"""Choose the fields that leave: in each layer the permits' fields less the withheld ones; over both, those of both.

A field that a permit with `@human` lets out waits for a human, also where another permit lets it out by itself: of
several permits the strictest holds. So such a permit never widens what leaves without a human.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from gateway.model.decision import Decision, Human, Release
from gateway.records.types import RECORD_TYPES
from policy.bundle.rules import Policy
from policy.engine.evaluate import Verdict


@dataclass(frozen=True, slots=True)
class Choice:
    """The fields of a record that leave by themselves (`fields`), and those that a human may let out (`held`).

    `held` maps each to its policy and the policy's name. `withheld` maps all other fields to the name of the policy
    that keeps them back. `by_itself`: the record leaves without a human, if only without any field. `policies` let it
    out; `show_count` is true where all layers show how many fields are kept back.
    """

    fields: frozenset[str]
    held: dict[str, tuple[Policy, str]]
    withheld: dict[str, str]
    by_itself: bool
    policies: tuple[str, ...]
    show_count: bool

    def holding(self) -> dict[str, Policy]:
        """Return the policies that make a human decide, by name."""
        return {name: policy for policy, name in self.held.values()}


def choose(record_type: str, verdicts: Sequence[Verdict]) -> Choice:
    """Return the choice of layers that all permit."""
    every = frozenset(RECORD_TYPES[record_type].fields)
    withheld: dict[str, str] = {}
    held: dict[str, tuple[Policy, str]] = {}
    show_count, named = True, every
    for verdict in verdicts:
        permits = verdict.permits
        mine = frozenset[str]().union(*(_named(permit, every) for permit in permits))
        named &= mine
        withheld = {**_kept_back(verdict, every - mine), **withheld}
        show_count = show_count and any(permit.show_count for permit in permits)
        _hold(held, verdict, permits, every)
    fields = every - withheld.keys() - held.keys()
    return Choice(
        fields=fields,
        held={name: by for name, by in held.items() if name not in withheld},
        withheld=withheld,
        by_itself=not held or bool(named - held.keys()),
        policies=tuple(name for verdict in verdicts for name in _deciding(verdict)),
        show_count=show_count,
    )


def released(decision: Decision, choice: Choice, *, hide: bool, by_two: bool) -> Release:
    """Return the release of a choice. `by_two`: whatever a human lets out of this record takes two persons."""
    withheld = {**choice.withheld, **{name: rule for name, (_, rule) in choice.held.items()}}
    if not choice.held and not by_two:
        return Release(decision, hide, choice.fields, withheld, choice.show_count, Human.NONE, choice.fields)
    with_human = choice.fields | choice.held.keys()
    two = frozenset(name for name, (policy, _) in choice.held.items() if policy.human is Human.TWO)
    two = with_human if by_two else two
    human = Human.NONE if not choice.held else Human.TWO if two else Human.DUTY
    return Release(decision, hide, choice.fields, withheld, choice.show_count, human, with_human, two)


def refused(decision: Decision, record_type: str, *, hide: bool) -> Release:
    """Return a release of nothing; every field is withheld by the policy that denied."""
    known = RECORD_TYPES.get(record_type)
    rule = decision.policies[0]
    return Release(decision, hide, frozenset(), dict.fromkeys(known.fields, rule) if known else {})


def _hold(
    held: dict[str, tuple[Policy, str]], verdict: Verdict, permits: Iterable[Policy], every: frozenset[str]
) -> None:
    """Note the fields for which a layer wants a human; of several policies the strictest, and of those the first."""
    for permit in permits:
        if not permit.human:
            continue
        for name in _named(permit, every):
            before = held.get(name)
            if before is None or before[0].human.stricter(permit.human) is not before[0].human:
                held[name] = permit, verdict.layer.named(permit.id)


def _deciding(verdict: Verdict) -> tuple[str, ...]:
    """Return the policies that let a record out by themselves; those that want a human where there are no others."""
    by_name = verdict.layer.by_name
    if all(permit.human for permit in verdict.permits):
        return verdict.names
    return tuple(name for name in verdict.names if not by_name[name].human)


def _named(permit: Policy, every: frozenset[str]) -> Collection[str]:
    return every if permit.all_fields else permit.fields


def _kept_back(verdict: Verdict, unnamed: Iterable[str]) -> dict[str, str]:
    """Return each field that a layer does not release, with the policy that withholds it, or the layer's default."""
    ruled = {name: verdict.layer.named(rule.id) for rule in reversed(verdict.withholding) for name in rule.withhold}
    return {**dict.fromkeys(unnamed, verdict.layer.named("default")), **ruled}
