"""Find the single changes of a case that turn its decision around.

Every attribute is tried with each other value of its list, one at a time, against the policy itself. So an
explanation never guesses at the meaning of a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from gateway.model.desk.notices import Urgency
from gateway.model.marking import Caveat, Level, SubjectCategory
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QueryKind
from policy.attributes import AskAttributes, DeskAttributes, QuestionAttributes, RecordAttributes
from policy.bundle.bundle import Bundle

Attributes = AskAttributes | QuestionAttributes | RecordAttributes | DeskAttributes
Decide = Callable[[Attributes], bool]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One attribute (`purpose`, `marking.caveats`), its value, and the other value that turns the decision around."""

    attribute: str
    value: str
    instead: str


def alternatives(bundle: Bundle, attributes: Attributes, allowed: Decide) -> list[Alternative]:
    """Return the single changes after which `allowed` gives the opposite of its result for `attributes`."""
    now = allowed(attributes)
    return [change for change, other in _changes(bundle, attributes) if allowed(other) != now]


def _changes(bundle: Bundle, a: Attributes) -> Iterator[tuple[Alternative, Attributes]]:
    if isinstance(a, RecordAttributes):
        for change, question in _question_changes(bundle, a.question):
            yield change, replace(a, question=question)
        yield from _record_changes(a)
    elif isinstance(a, DeskAttributes):
        yield from _notice_changes(bundle, a)
    elif isinstance(a, QuestionAttributes):
        yield from _question_changes(bundle, a)
    else:
        yield from _listed(a, _asked(bundle))
        yield from _switched(a, ("has_case", "has_ticket", "purpose_in_token"))


def _question_changes(bundle: Bundle, a: QuestionAttributes) -> Iterator[tuple[Alternative, Any]]:
    agreements = list(bundle.agreements)
    lists = _asked(bundle) | {
        "agency": sorted({name.partition(".")[2] for one in agreements for name in one.agencies}),
        "agreement": sorted(one.id for one in agreements),
    }
    yield from _listed(a, lists)
    yield from _switched(a, ("has_case", "has_ticket"))


def _notice_changes(bundle: Bundle, a: DeskAttributes) -> Iterator[tuple[Alternative, Any]]:
    lists = {name: words for name, words in _asked(bundle).items() if name != "query"}
    agreements = sorted(one.id for one in bundle.agreements)
    yield from _listed(a, lists | {"agreement": agreements, "urgency": [item.value for item in Urgency]})
    yield from _switched(a, ("has_case", "has_ticket", "has_hit", "to_life"))


def _asked(bundle: Bundle) -> dict[str, list[str]]:
    return {
        "purpose": [item.value for item in Purpose],
        "offence": [item.value for item in Offence],
        "query": [item.value for item in QueryKind],
        "role": list(bundle.roles),
    }


def _listed(a: Any, lists: dict[str, list[str]]) -> Iterator[tuple[Alternative, Any]]:
    for name, values in lists.items():
        now = getattr(a, name)
        for value in values:
            if value != now:
                yield Alternative(name, now, value), replace(a, **{name: value})


def _switched(a: Any, names: tuple[str, ...]) -> Iterator[tuple[Alternative, Any]]:
    for name in names:
        now = getattr(a, name)
        yield Alternative(name, _yes(now), _yes(not now)), replace(a, **{name: not now})


def _record_changes(a: RecordAttributes) -> Iterator[tuple[Alternative, Any]]:
    marking = a.marking
    for category in SubjectCategory:
        if category != a.category:
            yield Alternative("category", a.category, category), replace(a, category=category)
    for level in Level:
        if level != marking.level:
            other = replace(marking, level=level)
            yield Alternative("marking.level", marking.level, level), replace(a, marking=other)
    for caveat in Caveat:
        other = replace(marking, caveats=marking.caveats ^ {caveat})
        value, instead = ("with", "without") if caveat in marking.caveats else ("without", "with")
        yield Alternative(f"marking.caveats {caveat}", value, instead), replace(a, marking=other)
    recipient = a.question.counterpart
    for name in (recipient, f"{recipient}.{a.question.agency}", a.question.office):
        other = replace(marking, releasable_to=marking.releasable_to ^ {name})
        value, instead = ("named", "not named") if name in marking.releasable_to else ("not named", "named")
        yield Alternative(f"marking.releasable_to {name}", value, instead), replace(a, marking=other)
    for name in sorted(marking.withhold_from):
        other = replace(marking, withhold_from=marking.withhold_from - {name})
        yield Alternative(f"marking.withhold_from {name}", "named", "not named"), replace(a, marking=other)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
