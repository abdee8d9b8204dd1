"""Return an error or a refusal in the reader's language.

The translation of its own template comes first, then the general sentence of its code or coarse reason, then English.
"""

from __future__ import annotations

from gateway.errors import LiaisonError, fill
from gateway.language.catalogue import Translated, tell, told_facts, translation
from gateway.language.languages import Language
from gateway.language.refusals import REASONS, REFUSALS


def sentence(error: LiaisonError, language: Language) -> str:
    """Return the message of an error in `language`."""
    if isinstance(error.template, Translated):
        return error.message
    if own := translation(error.template, language):
        return fill(own, told_facts(error.facts, language))
    return refusal(error.code, error.reason, language) or error.message


def remedy(error: LiaisonError, language: Language) -> str:
    """Return the remedy of an error in `language`; in English without a translation, since a command stays the same."""
    if isinstance(error.advice, Translated):
        return error.remedy
    return fill(translation(error.advice, language) or error.advice, told_facts(error.facts, language))


def refusal(code: str, reason: str, language: Language) -> str:
    """Return the general sentence of a code of refusal, else of its coarse reason, else an empty text."""
    general = REFUSALS.get(code)
    if general is None and language is not Language.EN:
        general = REASONS.get(reason)
    return tell(language, general) if general else ""


def refusal_text(code: str, reason: str, text: str, language: Language) -> str:
    """Return why a question was refused: `text` in English, the general sentence of its code in another language.

    A counterpart's text about missing receipts is kept beside it, since operators need it.
    """
    if language is Language.EN:
        return text
    if code == "receipts-due" and text:
        return tell(language, "{sentence} (their node: {text})", sentence=refusal(code, reason, language), text=text)
    return translation(text, language) or refusal(code, reason, language) or text
