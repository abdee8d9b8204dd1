"""Describe incidents in lines: what it is, what was said, and who has acknowledged it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.views.lines import Line, exact

NEWS: Sentences = {
    "INCIDENT": "a security incident",
    "OUTAGE": "an outage",
    "DRILL": "a drill",
    "RESUMED": "it is over",
}
STANDINGS: Sentences = {
    "not-taken": "cannot be told by notice: phone its desk",
    "waiting": "on its way",
    "delivered": "received there, not acknowledged yet",
    "acknowledged": "acknowledged",
}


def news_words(code: str, language: Language = Language.EN) -> str:
    """Return what a word about a node is, in words; an unknown code as it is."""
    return tell(language, NEWS[code]) if code in NEWS else code


def incidents_lines(incidents: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a list of incidents."""
    incident = None
    for incident in incidents:
        yield from incident_lines(incident, language)
    if incident is None:
        yield tell(language, "no incident of ours stands"), "dim"


@exact
def incident_lines(incident: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield one incident: what it is, what was said of it, and each counterpart."""
    yield f"{incident['id']}  {news_words(incident['code'], language)}", "title"
    yield "  " + tell(language, "since {time}", time=moment(incident["since"], language))
    for word in incident["words"]:
        yield (
            f"  {news_words(word['code'], language)}: {word['text']}"
            if word["text"]
            else (f"  {news_words(word['code'], language)}")
        )
    done, every = incident["acknowledged"], incident["counterparts"]
    told = tell(language, "{count} of {all} have acknowledged it", count=done, all=every)
    yield "  " + told, "good" if done == every else "warn"
    for one in incident["to"]:
        standing = tell(language, STANDINGS[one["standing"]])
        at = f"  {moment(one['at'], language)}" if one["at"] else ""
        text = f"  {one['text']}" if one["text"] else ""
        style = {"acknowledged": "good", "not-taken": "bad"}.get(one["standing"], "dim")
        yield f"  → {with_country(one['member'], language)}  {standing}{at}{text}", style


@exact
def taken_incident_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield the notice of a counterpart about itself."""
    yield f"{with_country(found['member'], language)}: {news_words(found['code'], language)}", "title"
    if found["since"]:
        yield "  " + tell(language, "since {time}", time=moment(found["since"], language))
    if found["types"]:
        yield f"  {', '.join(found['types'])}"
    yield f"  {found['text']}"
