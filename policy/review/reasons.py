"""Explain a decision in sentences: the rule that made it, its place, and the changes that would turn it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.model.decision import Decision, Human, Release
from policy.attributes import AskAttributes, DeskAttributes, QuestionAttributes, RecordAttributes
from policy.bundle.bundle import Bundle
from policy.bundle.rules import Policy
from policy.engine.engine import PolicyEngine
from policy.explain import sentence
from policy.review.alternatives import Alternative, Attributes, alternatives

_SHOWN_VALUES = 6

_WITH_HUMAN: Sentences = {
    Human.DUTY: "permits with a human",
    Human.TWO: "permits with two persons",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy that decided: its name, file and line, its effect, and its source text."""

    name: str
    where: str
    effect: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reasons: the outcome in one sentence, the rules that made it, fields in and out, and changes that turn it.

    `with_human` are the fields that leave only where a human lets them out; of these, `two` take two persons.
    """

    outcome: str
    allow: bool
    rules: tuple[Rule, ...]
    fields: tuple[str, ...] = ()
    withheld: tuple[tuple[str, str], ...] = ()
    instead: tuple[Alternative, ...] = ()
    human: Human = Human.NONE
    with_human: tuple[str, ...] = ()
    two: tuple[str, ...] = ()


def explain_decision(
    engine: PolicyEngine, action: str, a: Attributes, now_us: int, language: Language = Language.EN
) -> Explanation:
    """Return the decision of `engine` on `a` at a time, with its reasons, in `language`. Nothing of it is stored."""
    decision, release = _decide(engine, action, a, now_us)
    others = alternatives(engine.bundle, a, lambda other: _decide(engine, action, other, now_us)[0].allow)
    hidden = release is not None and release.hide
    fields = tuple(sorted(release.fields)) if release else ()
    by_human = release.with_human - release.fields if release else frozenset[str]()
    return Explanation(
        outcome=_outcome(action, a, decision, hidden, len(fields), language),
        allow=decision.allow,
        rules=tuple(_rule(engine.bundle, name, language) for name in decision.policies),
        fields=fields,
        withheld=tuple(sorted(release.withheld.items())) if release else (),
        instead=tuple(others),
        human=release.human if release else Human.NONE,
        with_human=tuple(sorted(by_human)),
        two=tuple(sorted(release.two & by_human)) if release else (),
    )


def change_sentences(changes: tuple[Alternative, ...], language: Language = Language.EN) -> list[str]:
    """Return the changes as sentences, one for each attribute."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        grouped.setdefault((change.attribute, change.value), []).append(change.instead)
    return [_sentence(attribute, value, instead, language) for (attribute, value), instead in grouped.items()]


def _sentence(attribute: str, value: str, instead: list[str], language: Language) -> str:
    facts = {
        "attribute": attribute.replace("has_", "").replace("_", " "),
        "others": tell(language, " or ").join(f"`{item}`" for item in instead[:_SHOWN_VALUES]),
        "value": value,
    }
    if more := len(instead[_SHOWN_VALUES:]):
        return tell(
            language, "if `{attribute}` were {others} (and {more} more) instead of `{value}`", more=more, **facts
        )
    return tell(language, "if `{attribute}` were {others} instead of `{value}`", **facts)


def _decide(engine: PolicyEngine, action: str, a: Attributes, now_us: int) -> tuple[Decision, Release | None]:
    if isinstance(a, RecordAttributes):
        if action == "learn":
            return engine.may_learn(a, now_us), None
        release = engine.release(a, now_us)
        return release.decision, release
    if isinstance(a, AskAttributes):
        return engine.may_ask(a, now_us), None
    if isinstance(a, DeskAttributes):
        return engine.may_desk(a, now_us), None
    decide = engine.may_send if action == "send" else engine.may_answer
    return decide(a, now_us), None


def _outcome(action: str, a: Attributes, decision: Decision, hidden: bool, fields: int, language: Language) -> str:
    if hidden or (action == "learn" and not decision.allow):
        return tell(language, "The recipient does not learn that there is a record: for them it looks like no record.")
    if not decision.allow:
        return sentence(decision.code, a, language)
    if isinstance(a, RecordAttributes):
        return _record_outcome(action, a.question.counterpart, fields, language)
    if isinstance(a, QuestionAttributes):
        if action == "send":
            return tell(language, "The question may be sent to `{member}`.", member=a.counterpart)
        return tell(language, "The question from `{member}` is served.", member=a.counterpart)
    if isinstance(a, DeskAttributes):
        if a.ours:
            return tell(language, "The notice may be sent to `{member}`.", member=a.counterpart)
        return tell(language, "The notice from `{member}` is taken.", member=a.counterpart)
    return tell(language, "The officer may ask.")


def _record_outcome(action: str, member: str, fields: int, language: Language) -> str:
    if action != "release":
        return tell(language, "The recipient may learn that there is a record.")
    if fields == 1:
        return tell(language, "The record is released to `{member}` with 1 field.", member=member)
    return tell(language, "The record is released to `{member}` with {count} fields.", member=member, count=fields)


def _rule(bundle: Bundle, name: str, language: Language) -> Rule:
    policy = bundle.base.by_name.get(name) or bundle.national.by_name.get(name)
    if policy is not None:
        return Rule(name, policy.where, _effect(policy, language), policy.text)
    layer = name.partition("/")[0]
    if name.endswith("/default"):
        return Rule(name, "", tell(language, "nothing permits it in the {layer} policy", layer=layer), "")
    return Rule(name, "", tell(language, "the policy cannot be evaluated in the {layer} policy", layer=layer), "")


def _effect(policy: Policy, language: Language) -> str:
    if policy.withhold:
        return tell(language, "keeps back {fields}", fields=", ".join(sorted(policy.withhold)))
    if policy.human:
        return tell(language, _WITH_HUMAN[policy.human])
    return tell(language, "permits") if policy.permit else tell(language, "forbids")
