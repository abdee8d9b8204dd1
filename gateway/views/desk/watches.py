"""Describe watches in lines: what is watched and how it stands, then each recipient with what was met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.matching.explain import explain
from gateway.views.desk.words import state_words
from gateway.views.lines import Line, exact

STANDS: Sentences = {
    "waiting": "waits for approval",
    "on": "stands",
    "paused": "paused",
    "ended": "ended",
    "declined": "not approved",
    "lapsed": "not approved in time",
    "over": "its time is over",
}

STOPPED: Sentences = {
    "not-revalidated": "nobody has said in time that it is still needed",
    "training-over": "the training of its officer has run out",
    "account-barred": "the account of its officer is frozen or revoked",
    "too-wide": "too many records fit it",
    "nothing-watched": "no source there can be watched for this",
    "policy-denies": "the policy there does not allow it",
    "suspended": "the exchange is suspended",
    "counterpart-removed": "the country is no active member now",
}
"""Why a watch does not count now."""

_FIELDS: Sentences = {
    "names": "name",
    "birth": "date of birth",
    "number": "number",
    "issuer": "issuer",
    "scheme": "scheme",
    "plate": "plate",
    "province": "province",
    "country": "country",
    "container": "container",
    "heading": "tariff heading",
    "consignee": "consignee",
    "route": "place of the route",
    "nationality": "nationality",
    "father": "father's name",
    "sex": "sex",
    "name": "name",
    "imo": "IMO number",
    "mmsi": "MMSI number",
    "call_sign": "call sign",
    "local_reg": "local registration",
    "flag": "flag",
}


def stopped_words(code: str, language: Language = Language.EN) -> str:
    """Return why a watch does not count, in words; an unknown code as it is."""
    return tell(language, STOPPED[code]) if code in STOPPED else code


def stand_words(stand: str, language: Language = Language.EN) -> str:
    """Return how a watch of ours stands, in words."""
    return tell(language, STANDS[stand]) if stand in STANDS else stand


def asked_pairs(query: Mapping[str, Any], language: Language = Language.EN) -> Iterator[tuple[str, str]]:
    """Yield what is watched, as pairs of a name and a value."""
    for name, value in query.items():
        if name != "kind" and (text := _text(value)):
            yield (tell(language, _FIELDS[name]) if name in _FIELDS else name), text


def asked_text(query: Mapping[str, Any], language: Language = Language.EN) -> str:
    """Return what is watched, in one line."""
    return ", ".join(f"{name} {value}" for name, value in asked_pairs(query, language))


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " / ".join(filter(None, map(_text, value)))
    if isinstance(value, Mapping):
        return str(value.get("text") or value.get("value") or "")
    return str(value or "")


def watches_lines(watches: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a list of watches of ours."""
    watch = None
    for watch in watches:
        yield from watch_lines(watch, language)
    if watch is None:
        yield tell(language, "no watch of ours stands"), "dim"


@exact
def watch_lines(watch: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield one watch of ours: what is watched, how it stands, and what it has met."""
    style = "good" if watch["stand"] == "on" else "warn" if watch["stand"] in ("waiting", "paused") else "dim"
    yield f"{watch['id']}  {asked_text(watch['query'], language)}", "title"
    stand = stand_words(watch["stand"], language)
    if watch["reason"]:
        stand = f"{stand}: {stopped_words(watch['reason'], language)}"
    yield f"  {stand}; {tell(language, 'until {time}', time=moment(watch['until'], language))}", style
    if watch["stand"] == "on":
        by = moment(watch["revalidate_by"], language)
        yield "  " + tell(language, "to be said again to be needed by {time}", time=by)
    if watch["renewal"]:
        yield "  " + tell(language, "a supervisor must approve that it goes on"), "warn"
    yield from _reach(watch, language)
    for one in watch["to"]:
        state = state_words(one["state"], language) if one["state"] else tell(language, "not sent yet")
        yield f"  → {one['member']}  {state}"
        if one["stopped"]:
            why = stopped_words(one["stopped"], language)
            yield "    " + tell(language, "it does not count there: {why}", why=why), "warn"
        yield from _reach(one, language)


def _reach(of: Mapping[str, Any], language: Language) -> Iterator[Line]:
    """Yield what is watched, how far back it was looked, and what was met."""
    watched = of["watched"]
    if watched is not None:
        kinds = ", ".join(watched["sources"]) or tell(language, "nothing")
        time = moment(watched["looked"], language)
        yield "    " + tell(language, "watched: {kinds}; what they held at {time} was searched", kinds=kinds, time=time)
        if watched["not_watched"]:
            kinds = ", ".join(watched["not_watched"])
            yield "    " + tell(language, "not watched, so nothing is told of it: {kinds}", kinds=kinds), "warn"
    for number, hit in enumerate(of["hits"], 1):
        time = moment(hit["time"], language)
        place = f"{hit['source']}/{hit['key']}" if hit["source"] else f"{hit['notice']} {hit['hit']}"
        yield f"    {number}. {hit['record_type']}  {time}  {place}", "good"
        yield f"       {'; '.join(explain(hit['rules'], language))}"


@exact
def taken_lines(watches: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield watches of counterparts on our records."""
    watch = None
    for watch in watches:
        yield f"{watch['thread']}  {watch['owner']}  {asked_text(watch['query'], language)}", "title"
        until = tell(language, "until {time}", time=moment(watch["until"], language))
        told = tell(language, "hits told: {count}", count=watch["told"])
        yield f"  {state_words(watch['state'], language)}; {until}; {told}"
        if watch["stopped"]:
            why = stopped_words(watch["stopped"], language)
            yield "  " + tell(language, "it does not count: {why}", why=why), "warn"
    if watch is None:
        yield tell(language, "no watch of another country stands here"), "dim"
