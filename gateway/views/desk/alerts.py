"""Describe alerts of ours in lines: the action first, then who has it and how they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import ALERT_ANSWERS
from gateway.views.desk.words import reason_words, state_words
from gateway.views.lines import Line, exact
from gateway.views.search.lines import value_text
from gateway.views.words.code_words import explained

_STANDS: Sentences = {
    "waiting": "waits for approval",
    "on": "stands",
    "lifted": "lifted",
    "closed": "closed with an outcome",
    "declined": "not approved",
    "lapsed": "not approved in time",
    "over": "its time is over",
}


def alerts_lines(alerts: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a list of alerts."""
    alert = None
    for alert in alerts:
        yield from alert_lines(alert, language)
    if alert is None:
        yield tell(language, "no alert of ours stands"), "dim"


@exact
def taken_lines(alerts: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield alerts of counterparts, the action first; fields of one that was opened."""
    alert = None
    for alert in alerts:
        yield f"{alert['thread']}  {alert['owner']}  {explained(alert['action'], 'alert_class', language)}", "title"
        yield "  " + tell(language, "until {time}", time=moment(alert["until"], language))
        for name, value in alert.get("fields", {}).items():
            if name not in ("alert_class", "action"):
                yield f"  {name}: {value_text(value, language, field=name)}"
    if alert is None:
        yield tell(language, "no alert of another country stands here"), "dim"


@exact
def alert_lines(alert: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield one alert: its action, how it stands, its fields, and each counterpart."""
    action = explained(alert["action"], "alert_class", language)
    stand = tell(language, _STANDS[alert["stand"]]) if alert["stand"] in _STANDS else alert["stand"]
    style = "good" if alert["stand"] == "on" else "warn" if alert["stand"] == "waiting" else "dim"
    yield f"{alert['id']}  {action}", "title"
    yield f"  {stand}; {tell(language, 'until {time}', time=moment(alert['until'], language))}", style
    if alert["approver"]:
        yield f"  {tell(language, 'approved by')}: {alert['approver']}"
    if alert["renewal"]:
        time = moment(alert["renewal"], language)
        asked = tell(language, "{person} asks that it holds until {time}", person=alert["renewal_by"], time=time)
        yield f"  {asked}; {tell(language, 'a supervisor must approve that it goes on')}", "warn"
    for name, value in alert["fields"].items():
        if name not in ("alert_class", "action"):
            yield f"  {name}: {value_text(value, language, field=name)}"
    for one in alert["to"]:
        state = state_words(one["state"], language) if one["state"] else tell(language, "not sent yet")
        yield f"  → {', '.join(one['offices']) or one['member']}  {state}"
        for office in one["closed"]:
            yield "    " + tell(language, "{office} has closed: it gets nothing", office=office), "warn"
        for answer in one["answers"]:
            yield from _answer_lines(answer, language)


def _answer_lines(answer: dict[str, Any], language: Language) -> Iterator[Line]:
    """Yield what a duty officer there answered, why, and when."""
    said = tell(language, ALERT_ANSWERS[answer["code"]]) if answer["code"] in ALERT_ANSWERS else answer["code"]
    why = f": {reason_words(answer['reason'], language)}" if answer["reason"] else ""
    style = "warn" if answer["code"] in ("NOT_EXECUTED", "CANNOT") else "dim"
    yield f"    {moment(answer['time'], language)}  {said}{why}", style
    if answer["text"]:
        yield f"    {answer['text']}", style
