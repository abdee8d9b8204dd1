"""Every error in the tree can be told: templates, facts and codes are checked in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

import gateway.errors
from gateway.errors import LiaisonError, Reason, Refused
from gateway.language.refusals import REASONS, REFUSALS
from policy.explain import PRECEDENCE
from tests.support.words import (
    ERRORS,
    MAKES_ERRORS,
    OFFICERS,
    called,
    error_parts,
    errors,
    modules,
    placeholders,
    templates_of,
    text_of,
    told_by,
    tree_of,
)

_NO_FACTS = {"code", "where", "remedy", "size"}
_PLACEHOLDER = re.compile(r"\{[a-z_]+(![ars])?(:[^{}\"]*)?\}")


def _sites() -> Iterator[tuple[str, ast.Call, list[ast.expr]]]:
    """Yield the place of each error, the call that makes it, and all that its message and remedy can be."""
    for path, tree in modules(MAKES_ERRORS).items():
        for call, scope in errors(tree):
            told = [each for part in told_by(call) for each in templates_of(part, scope, tree)]
            yield f"{path}:{call.lineno}", call, told


def _facts(call: ast.Call) -> set[str]:
    return {keyword.arg for keyword in call.keywords if keyword.arg} - _NO_FACTS


@pytest.mark.long
def test_every_error_has_a_sentence() -> None:
    assert [place for place, call, _ in _sites() if not call.args or ast.unparse(call.args[0]) in ("''", "None")] == []


@pytest.mark.long
def test_where_facts_are_given_the_sentences_are_templates_of_ours() -> None:
    """A text from outside would be read as a template: braces in it would be taken for placeholders."""
    made = [place for place, call, told in _sites() if _facts(call) and not all(text_of(each) for each in told)]
    assert made == []


@pytest.mark.long
def test_every_placeholder_is_a_fact_of_its_error() -> None:
    missing = [
        place
        for place, call, told in _sites()
        if (facts := _facts(call)) and all(keyword.arg for keyword in call.keywords)
        for each in told
        if not placeholders(text_of(each)) <= facts
    ]
    assert missing == []


@pytest.mark.long
def test_no_template_is_left_without_its_facts() -> None:
    """A text with a placeholder and no fact is told with its braces: the fact was forgotten."""
    for place, call, told in _sites():
        if not _facts(call) and all(keyword.arg for keyword in call.keywords):
            assert not any(_PLACEHOLDER.search(text_of(each)) for each in told), place


@pytest.mark.long
def test_every_sentence_that_an_officer_s_error_can_have_is_known_to_the_catalogues() -> None:
    """A sentence that is put together, or handed on twice, is in no catalogue, and would be shown in English.

    Three are taken elsewhere: a text in the reader's language, one of another error, and one of a table of `Sentences`.
    """
    unknown = [
        f"{path}:{part.lineno}"
        for path in sorted({*OFFICERS} - {"policy/explain.py"})
        for part in error_parts(tree_of(path))
        if not isinstance(part, ast.Constant) and not _is_told_elsewhere(part)
    ]
    assert unknown == []


def _is_told_elsewhere(part: ast.expr) -> bool:
    return called(part) == "Translated" or (isinstance(part, ast.Attribute) and part.attr in {"template", "advice"})


@pytest.mark.long
def test_every_code_that_an_officer_may_see_has_a_general_sentence() -> None:
    wanted = {kind.default_code for kind in _tree(Refused)} | set(PRECEDENCE)
    for path in OFFICERS:
        for call, _ in errors(tree_of(path)):
            kind = getattr(gateway.errors, called(call))
            if issubclass(kind, Refused):
                wanted |= {text_of(keyword.value) for keyword in call.keywords if keyword.arg == "code"}
    assert wanted - {"", *REFUSALS, "refused"} <= {LiaisonError.default_code}
    assert set(REASONS) == {reason.value for reason in Reason}


def _tree(kind: type[LiaisonError]) -> Iterator[type[LiaisonError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__name__ in ERRORS:
            yield from _tree(child)
