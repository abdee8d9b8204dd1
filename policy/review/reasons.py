"""Why a decision is what it is, in sentences: which rule, where it stands, and what would have to differ."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.decision import Decision
from policy.attributes import AskAttributes, QuestionAttributes, RecordAttributes
from policy.bundle.bundle import Bundle
from policy.bundle.rules import Policy
from policy.engine.engine import PolicyEngine
from policy.explain import sentence
from policy.review.alternatives import Alternative, Attributes, alternatives

_SHOWN_VALUES = 6


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy that decided: its name, file and line, what it does, and its text as it is written."""

    name: str
    where: str
    effect: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why: the outcome in one sentence, the rules that made it, fields in and out, and single changes that turn it."""

    outcome: str
    allow: bool
    rules: tuple[Rule, ...]
    fields: tuple[str, ...] = ()
    withheld: tuple[tuple[str, str], ...] = ()
    instead: tuple[Alternative, ...] = ()


def explain_decision(engine: PolicyEngine, action: str, a: Attributes, now_us: int) -> Explanation:
    """What `engine` decides on `a` at a time, and why. Nothing is kept of it."""
    decision, fields, withheld, hidden = _decide(engine, action, a, now_us)
    others = alternatives(engine.bundle, a, lambda other: _decide(engine, action, other, now_us)[0].allow)
    return Explanation(
        outcome=_outcome(action, a, decision, hidden, len(fields)),
        allow=decision.allow,
        rules=tuple(_rule(engine.bundle, name) for name in decision.policies),
        fields=fields,
        withheld=withheld,
        instead=tuple(others),
    )


def change_sentences(changes: tuple[Alternative, ...]) -> list[str]:
    """The changes as sentences, one for each attribute."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        grouped.setdefault((change.attribute, change.value), []).append(change.instead)
    return [_sentence(attribute, value, instead) for (attribute, value), instead in grouped.items()]


def _sentence(attribute: str, value: str, instead: list[str]) -> str:
    shown = instead[:_SHOWN_VALUES]
    more = f" (and {len(instead) - len(shown)} more)" if len(instead) > len(shown) else ""
    words = attribute.replace("has_", "").replace("_", " ")
    return f"if `{words}` were {' or '.join(f'`{item}`' for item in shown)}{more} instead of `{value}`"


def _decide(
    engine: PolicyEngine, action: str, a: Attributes, now_us: int
) -> tuple[Decision, tuple[str, ...], tuple[tuple[str, str], ...], bool]:
    if isinstance(a, RecordAttributes):
        if action == "learn":
            return engine.may_learn(a, now_us), (), (), False
        release = engine.release(a, now_us)
        fields = tuple(sorted(release.fields))
        return release.decision, fields, tuple(sorted(release.withheld.items())), release.hide
    if isinstance(a, AskAttributes):
        return engine.may_ask(a, now_us), (), (), False
    decide = engine.may_send if action == "send" else engine.may_answer
    return decide(a, now_us), (), (), False


def _outcome(action: str, a: Attributes, decision: Decision, hidden: bool, fields: int) -> str:
    if hidden or (action == "learn" and not decision.allow):
        return "The recipient does not learn that there is a record: for them it looks like no record."
    if not decision.allow:
        return sentence(decision.code, a)
    if isinstance(a, RecordAttributes) and action == "release":
        return f"The record is released to `{a.question.counterpart}` with {fields} field{'s' * (fields != 1)}."
    if isinstance(a, RecordAttributes):
        return "The recipient may learn that there is a record."
    if isinstance(a, QuestionAttributes):
        verb = "may be sent to" if action == "send" else "from"
        return f"The question {verb} `{a.counterpart}`{'' if action == 'send' else ' is served'}."
    return "The officer may ask."


def _rule(bundle: Bundle, name: str) -> Rule:
    policy = bundle.base.by_name.get(name) or bundle.national.by_name.get(name)
    if policy is None:
        layer = name.partition("/")[0]
        nothing = "nothing permits it" if name.endswith("/default") else "the policy cannot be evaluated"
        return Rule(name, "", f"{nothing} in the {layer} policy", "")
    return Rule(name, policy.where, _effect(policy), policy.text)


def _effect(policy: Policy) -> str:
    if policy.withhold:
        return f"keeps back {', '.join(sorted(policy.withhold))}"
    return "permits" if policy.permit else "forbids"
