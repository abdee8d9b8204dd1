"""Describe devices of offices, copies for them, and look-ups in a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.clock import rfc3339
from gateway.desk.alerts.book import HeldAlert
from gateway.desk.packs.searching import Looked
from gateway.language.catalogue import tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.matching.explain import explain
from gateway.model.hit import Match
from gateway.views.lines import Line, exact, indented
from gateway.views.search.lines import hit_lines
from gateway.views.words.code_words import raised


def looked_value(looked: Looked, language: Language) -> dict[str, Any]:
    """Return the result of a look-up as JSON."""
    copy = looked.copy
    return {
        "office": copy.office,
        "made": rfc3339(copy.made_us),
        "until": rfc3339(copy.until_us),
        "age_s": looked.age_us // 1_000_000,
        "alerts": len(copy.alerts),
        "over": looked.over,
        "missing": list(copy.missing),
        "hits": [_hit(alert, match, language) for alert, match in looked.found],
        "is_no_hit": False,
    }


@exact
def looked_lines(value: dict[str, Any], language: Language) -> Iterator[Line]:
    """Yield the alerts that were found, what is to be done first; and that a copy never says no hit."""
    facts = {"office": value["office"], "time": moment(value["made"], language), "hours": value["age_s"] // 3_600}
    yield tell(language, "copy of alerts for {office}, made {time}: {hours} hours old", **facts), "title"
    for hit in value["hits"]:
        if first := raised(hit, language):
            yield f"  {tell(language, 'attention: {what}', what='; '.join(first))}", "bad"
        yield from indented("    ", hit_lines(hit, language))
    if value["missing"]:
        yield f"  {tell(language, 'not in this copy: {kinds}', kinds=', '.join(value['missing']))}", "warn"
    if value["over"]:
        yield f"  {tell(language, '{count} alerts of this copy are too old to be shown', count=value['over'])}", "warn"
    yield f"  {tell(language, _ONLY_ALERTS)}", "warn"


_ONLY_ALERTS = (
    "a copy holds the alerts of its time only, and no other record: what it does not hold may still be sought. "
    "This does not mean no hit. Ask again when your node can be reached."
)


def _hit(alert: HeldAlert, match: Match, language: Language) -> dict[str, Any]:
    sentences = explain(match.rules, language)
    return {
        "reference": alert.key.thread_id,
        "quality": match.quality.value,
        "record_type": "Alert",
        "rules": [{"word": word, "sentence": text} for word, text in zip(match.rules, sentences, strict=True)],
        "action": alert.action,
        "record": {
            "owner": alert.agency,
            "signed_by": "own" if alert.own_key else "held-by-node",
            "fields": alert.fields,
            "marking": alert.marking,
            "undisclosed": alert.undisclosed,
        },
    }
