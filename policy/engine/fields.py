"""Choose the fields that leave: in each layer the permits' fields less the withheld ones; over both, those of both."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model.decision import Decision, Release
from gateway.records.types import RECORD_TYPES
from policy.engine.evaluate import Verdict


def released(decision: Decision, record_type: str, verdicts: Iterable[Verdict]) -> Release:
    """Return a release of all fields that no layer withholds."""
    every = frozenset(RECORD_TYPES[record_type].fields)
    withheld: dict[str, str] = {}
    show_count = True
    for verdict in verdicts:
        withheld = {**_kept_back(verdict, every), **withheld}
        show_count = show_count and any(permit.show_count for permit in verdict.permits)
    return Release(decision, False, every - withheld.keys(), withheld, show_count)


def refused(decision: Decision, record_type: str, *, hide: bool) -> Release:
    """Return a release of nothing; every field is withheld by the policy that denied."""
    known = RECORD_TYPES.get(record_type)
    rule = decision.policies[0]
    return Release(decision, hide, frozenset(), dict.fromkeys(known.fields, rule) if known else {})


def _kept_back(verdict: Verdict, every: frozenset[str]) -> dict[str, str]:
    """Return each field that a layer does not release, with the policy that withholds it, or the layer's default."""
    permits = verdict.permits
    everything = any(permit.all_fields for permit in permits)
    named = every if everything else {name for permit in permits for name in permit.fields}
    unnamed = dict.fromkeys(every - named, verdict.layer.named("default"))
    ruled = {name: verdict.layer.named(rule.id) for rule in reversed(verdict.withholding) for name in rule.withhold}
    return {**unnamed, **ruled}
