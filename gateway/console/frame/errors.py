"""Show an error as a page: what was wrong, where, what to do next, and never a trace."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.console.frame.page import Page
from gateway.errors import LiaisonError, Refused
from gateway.https.statuses import TITLES, status_of
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.language.sentences import remedy, sentence


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in the reader's language; `code` is for those who look after the node."""

    text: str
    remedy: str
    code: str


def problem_of(error: LiaisonError, language: Language) -> Problem:
    """Return an error in words; one that is not a refusal reveals nothing internal."""
    if not isinstance(error, Refused):
        text = tell(language, "Something failed at this node. Nothing was sent.")
        return Problem(text, tell(language, "Try again, and tell your administrator if it fails again."), error.code)
    return Problem(sentence(error, language), remedy(error, language), error.code)


def fault_of(error: LiaisonError, language: Language) -> str:
    """Return an error in one text for beside a field."""
    problem = problem_of(error, language)
    return f"{problem.text}. {problem.remedy}".rstrip(". ")


def error_page(error: LiaisonError, language: Language) -> Page:
    """Return the page of an error."""
    status = status_of(error)
    title = tell(language, TITLES.get(str(status), "not served"))
    return Page("error.html", title, problem_of(error, language), status)
