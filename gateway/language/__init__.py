"""Make sentences for people, in seven languages, from codes and facts."""

from __future__ import annotations

from gateway.language.catalogue import Sentences, Term, Translated, tell
from gateway.language.languages import OTHERS, Language, accepted
from gateway.language.sentences import refusal, remedy, sentence

__all__ = ["OTHERS", "Language", "Sentences", "Term", "Translated", "accepted", "refusal", "remedy", "sentence", "tell"]
