"""Translate sentences: the English template is the key (gettext), and placeholders name its facts.

A catalogue is read when its language is first asked for; English needs none.
"""

from __future__ import annotations

import gettext
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

from gateway.errors import fill
from gateway.language.languages import Language

CATALOGUES = Path(__file__).parent / "catalogues"

Sentences: TypeAlias = Mapping[str, str]
"""A table of English sentences or words by code; `make words` takes its values into the catalogues."""


class Term(str):
    """A fact that is an English word of the catalogues, and is translated with the sentence that it is in."""

    __slots__ = ()


class Translated(str):
    """A text that is in the reader's language already, such as the message of a node that was asked in it."""

    __slots__ = ()


class _Nothing(gettext.NullTranslations):
    """The fallback of each catalogue: a message that it lacks is empty, not English."""

    def gettext(self, message: str) -> str:
        """Return an empty text for a message that no catalogue has."""
        del message
        return ""


@cache
def _catalogue(language: Language) -> gettext.GNUTranslations:
    with (CATALOGUES / f"{language}.mo").open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    catalogue.add_fallback(_Nothing())
    return catalogue


@cache
def _reviewed() -> frozenset[str]:
    return frozenset(json.loads((CATALOGUES / "reviewed.json").read_text(encoding="utf-8")))


def is_reviewed(language: Language) -> bool:
    """Tell whether a native speaker has reviewed the catalogue of a language. English needs none."""
    return language is Language.EN or language in _reviewed()


def translation(text: str, language: Language) -> str:
    """Return the translation of an English template, or an empty text where the catalogue lacks it."""
    if language is Language.EN or not text:
        return text
    return _catalogue(language).gettext(text)


def tell(language: Language, template: str, /, **facts: object) -> str:
    """Return a sentence in `language`, or in English where its catalogue lacks it."""
    return fill(translation(template, language) or template, told_facts(facts, language))


def told_facts(facts: Mapping[str, object], language: Language) -> dict[str, object]:
    """Return the facts with each `Term` in `language`."""
    return {
        name: tell(language, str(value)) if isinstance(value, Term) else value for name, value in facts.items()
    }  # fmt: skip
