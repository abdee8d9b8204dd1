"""Markings in a mapping: the default, and rules that make it stricter."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from adapters.mapping import MarkingRule, When
from adapters.nodes import Node
from gateway.errors import Misconfigured
from gateway.model.marking import Caveat, Level, Marking, Onward, UseCode, code

MARKING_KEYS = ("level", "use", "caveats", "releasable_to", "withhold_from", "onward", "evaluation")

_Code = TypeVar("_Code", bound=StrEnum)
_EVALUATION = re.compile(r"[ABCX][1-4]", re.ASCII)
_AUDIENCE = re.compile(r"[a-z]{2}(?:\.[a-z0-9-]+)?", re.ASCII)


def _closed(node: Node, key: str, kind: type[_Code]) -> frozenset[_Code]:
    return frozenset(one_of(node, key, kind, text) for text in node.texts(key))


def one_of(node: Node, key: str, kind: type[_Code], text: str) -> _Code:
    """`text` as one of a closed list; `Misconfigured` at its line otherwise."""
    try:
        return code(kind, text)
    except Misconfigured as error:
        node.fail(error.message, key, word=text, remedy=error.remedy, code=error.code)


def marking_rule(node: Node, when: tuple[When, ...]) -> MarkingRule:
    """The parts of a marking that a table names."""
    evaluation = node.text("evaluation", "")
    if evaluation and not _EVALUATION.fullmatch(evaluation):
        node.fail(f"`{evaluation}` is not an evaluation", "evaluation", remedy="A, B, C or X, and 1 to 4, such as `B2`")
    return MarkingRule(
        when=when,
        level=one_of(node, "level", Level, node.text("level")) if "level" in node.data else None,
        use=_closed(node, "use", UseCode),
        caveats=_closed(node, "caveats", Caveat),
        releasable_to=_audience(node, "releasable_to") if "releasable_to" in node.data else None,
        withhold_from=_audience(node, "withhold_from"),
        onward=one_of(node, "onward", Onward, node.text("onward")) if "onward" in node.data else None,
        evaluation=evaluation,
    )


def default_marking(node: Node) -> Marking:
    """Parts that are not given keep the model's default; nobody may see what is releasable to nobody."""
    node.only(*MARKING_KEYS)
    rule, base = marking_rule(node, ()), Marking()
    return replace(
        base,
        level=rule.level or base.level,
        use=rule.use or base.use,
        caveats=rule.caveats,
        releasable_to=rule.releasable_to or frozenset(),
        withhold_from=rule.withhold_from,
        onward=rule.onward or base.onward,
        evaluation=rule.evaluation or base.evaluation,
    )


def _audience(node: Node, key: str) -> frozenset[str]:
    """Members, or agencies of members; a misspelt one would hide from nobody."""
    for name in node.texts(key):
        if not _AUDIENCE.fullmatch(name):
            node.fail(f"`{name}` is not a member", key, name, "such as `th`, or `th.police` for one agency")
    return frozenset(node.texts(key))
