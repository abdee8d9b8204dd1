"""Describe reviews and findings: who asked, when and why, and the figures of reviews."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES, named
from gateway.views.lines import Line, exact
from gateway.views.search.lines import value_text

WHAT: Sentences = {
    "sample": "a question that was picked by chance",
    "offline": "a look-up in a copy, made offline",
    "withdrawn": "a record was opened here, and its owner has withdrawn it",
    "finding": "something was found in our own log: it is looked into, and blames nobody",
    "incident": "an incident of ours",
}
RULES: Sentences = {
    "same-target": "the same person or thing was asked for many times",
    "off-shift": "questions outside of the shift",
    "no-case": "one person or thing was asked for again and again without a case",
    "denied": "many questions that were refused at home",
    "after-alert": "asked for the subject of another country's alert, again and again since it came",
    "family": "asked for a person or thing of the officer's own family",
    "watched": "asked for a person or thing that no case can be about",
    "review": "a supervisor found a question not in order",
    "asked-again": "another country says that its node lost its data, and was given it again: phone its desk and ask",
}
"""The rules of the package in words; a rule of the country says its own title."""

BUDGETS: Sentences = {
    "budget-kept": "a counterpart has used up what is kept of its notices of one kind in a day",
    "budget-told": "a counterpart has used up the work of one kind that it gives our people in a day",
    "budget-open": "a counterpart has as much of one kind open here as it may have",
}
"""Findings about a counterpart in words, which its id and the kind of notice follow."""

RESULTS: Sentences = {
    "in-order": "in order",
    "not-in-order": "not in order: the security officer looks into it",
    "cannot-tell": "cannot be told",
}
SETTLED: Sentences = {
    "explained": "there is a good reason for it",
    "misuse": "it was misuse",
    "cannot-tell": "cannot be told",
    "dealt-with": "it is dealt with",
}


def rule_words(rule: str, title: str, language: Language = Language.EN) -> str:
    """Return what a rule finds, in words; those of a country's own rule as it says them."""
    if rule in BUDGETS:
        return f"{tell(language, BUDGETS[rule])} ({title})"
    known = RULES.get(rule)
    return tell(language, known) if known is not None and title in ("", known) else title or rule


@exact
def matter_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a review or a finding: what it is, who asked, when and why, and its references."""
    yield f"{found['work']}  {tell(language, WHAT[found['what']])}", "title"
    if found["rule"]:
        yield f"  {rule_words(found['rule'], found['title'], language)}", "warn"
    country = with_country(found["member"], language) if found["member"] else ""
    who = " · ".join(filter(None, (country, found["person"], found["office"], found["agency"])))
    if who:
        yield f"  {who}"
    if found["time"]:
        last = f" – {moment(found['last'], language)}" if found["last"] not in ("", found["time"]) else ""
        yield f"  {moment(found['time'], language)}{last}"
    if found["purpose"]:
        purpose, offence = named(found["purpose"], PURPOSES, language), named(found["offence"], OFFENCES, language)
        yield f"  {purpose} · {offence} · {found['case']}"
    for name, value in found["question"].items():
        if value not in ("", [], None):
            yield f"  {name}: {value_text(value, language, field=name)}"
    for search in found["searches"]:
        yield f"  → {search}", "dim"


def figures_lines(figures: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield the figures of reviews, one office a line."""
    one = None
    for one in figures:
        told = tell(
            language,
            "{raised} reviews: {in_time} in time, {late} late, {waiting} open, {overdue} of them over their time",
            **{name: one[name] for name in ("raised", "in_time", "late", "waiting", "overdue")},
        )
        yield f"{one['office'] or one['agency']}  {told}", "warn" if one["late"] or one["overdue"] else ""
    if one is None:
        yield tell(language, "no reviews"), "dim"


def rules_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield the rules over the own log, one a line."""
    for rule in found["rules"]:
        yield f"{rule['id']}  {rule_words(rule['id'], rule['title'], language)}", "title"
        yield "  " + tell(language, "{count} within {hours} hours", count=rule["count"], hours=rule["hours"]), "dim"
    yield tell(language, "{count} persons and things are listed", count=found["listed"])
