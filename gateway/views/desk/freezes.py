"""Describe frozen accounts in lines: whose, since when, and the steps of both persons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.views.lines import Line, Next, exact

STAGES: Sentences = {
    "asked": "another person must approve that it is frozen",
    "frozen": "frozen",
    "lifting": "frozen; another person must approve that it is free again",
    "lifted": "free again",
    "declined": "not frozen: the other person declined it",
}
_STYLES = {"asked": "warn", "frozen": "bad", "lifting": "bad", "lifted": "good"}


def stage_words(stage: str, language: Language = Language.EN) -> str:
    """Return how the freezing of an account stands, in words."""
    return tell(language, STAGES[stage]) if stage in STAGES else stage


def freezes_lines(freezes: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a list of accounts."""
    one = None
    for one in freezes:
        yield from freeze_lines(one, language)
    if one is None:
        yield tell(language, "no account is frozen"), "dim"


@exact
def freeze_lines(freeze: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield one account: how it stands, each step, and the command by which the other person approves it."""
    yield f"{freeze['id']}  {freeze['person']}", "title"
    yield f"  {stage_words(freeze['stage'], language)}", _STYLES.get(freeze["stage"], "dim")
    for step in freeze["steps"]:
        words = stage_words(step["stage"], language)
        yield f"  {moment(step['time'], language)}  {step['by']}  {words}  {step['reason']}".rstrip(), "dim"
    if freeze["approval"]:
        yield Next(f"  → liaison desk approve {freeze['approval']}"), "warn"
