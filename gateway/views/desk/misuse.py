"""Say in words what a token "not this person" is worth beside a hit, and describe tokens of ours in lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.clock import SECOND_US, rfc3339
from gateway.desk.misuse.checking import Checked
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import RECORD_TYPES, named
from gateway.views.lines import Line, exact

VERDICTS: Sentences = {
    "not-this-person": "{country} says: the holder of this document is not the person of its record. The hit stands:"
    " compare the person with it.",
    "other-document": "the token is not for this document: perhaps it is another person's. The hit stands.",
    "expired": "the token of {country} has run out: it says nothing any more. The hit stands.",
    "withdrawn": "{country} has withdrawn this token: it says nothing any more. The hit stands.",
    "forged": "this is no token that a country has signed: it says nothing. The hit stands.",
    "no-hit-of-theirs": "the token is good, and {country} has no such hit here: of the hits of others it says nothing.",
}

WITHDRAWALS: Sentences = {
    "mistaken": "it was issued by mistake",
    "wrong-person": "it was given to another person",
    "leak": "it was lost, or another person uses it",
    "settled": "it is needed no more",
    "court-order": "a court ordered it",
    "other": "for another reason",
}
"""Why a token is withdrawn: some of the reasons for which what was given is changed."""


def said_text(verdict: str, member: str, until: str, language: Language = Language.EN) -> str:
    """Return what a token says beside a hit, in words, with the day until which it holds."""
    text = tell(language, VERDICTS[verdict], country=with_country(member, language) if member else "")
    holds = verdict in ("not-this-person", "no-hit-of-theirs")
    return f"{text} ({tell(language, 'until {time}', time=moment(until, language))})" if holds else text


def told_of(found: Checked, language: Language = Language.EN) -> str:
    """Return what a token that was checked says, in words."""
    said = found.said
    until = rfc3339(said.expires * SECOND_US) if said is not None else ""
    return said_text(found.verdict.value, said.member if said is not None else "", until, language)


@exact
def checked_lines(found: dict[str, Any]) -> Iterator[Line]:
    """Yield what a token says beside a hit."""
    good = found["verdict"] == "not-this-person"
    yield found["text"], "warn" if good else "bad"
    if found.get("hits"):
        yield f"  {found['member']}: {', '.join(map(str, found['hits']))}", "dim"


def token_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield one token of ours, with the text that the person carries."""
    yield f"{found['id']}  {named(found['record_type'], RECORD_TYPES, language)}  {found['agency']}", "title"
    yield "  " + tell(language, "until {time}", time=moment(found["until"], language))
    if found["withdrawn"]:
        yield "  " + tell(language, "withdrawn"), "bad"
    else:
        yield found["token"]


def tokens_lines(tokens: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a list of tokens of ours."""
    one = None
    for one in tokens:
        yield from token_lines(one, language)
    if one is None:
        yield tell(language, "no token of ours is in its time"), "dim"
