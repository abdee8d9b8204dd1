"""Tell alerts in words: the action first, what must not be done, what the record says, and who said what since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.clock import rfc3339_s
from gateway.console.frame.records import as_written, foreign
from gateway.console.frame.shapes import Row, Step, Tag, Text, Tone
from gateway.desk.alerts.board import AlertStep
from gateway.desk.alerts.values import OwnAlert
from gateway.language.catalogue import Sentences, tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import ACTIONS, ALERT_ANSWERS, CAVEATS, LIFT_REASONS, NOT_EXECUTED
from gateway.model.desk.notices import NoticeType, OutcomeReport
from gateway.records.types import RECORD_TYPES
from gateway.views.desk.words import CHANGES, OUTCOMES, STATUSES
from gateway.views.search.fields import field_name
from gateway.views.search.lines import value_text

PATH = "/alerts"

ORDER = (
    "WARN_SAFETY",
    "ARREST",
    "MISSING_CHILD",
    "VULNERABLE",
    "UNKNOWN_WANTED",
    "SEIZE_OBJECT",
    "SPECIFIC_CHECK",
    "DISCREET_CHECK",
    "INQUIRY_CHECK",
    "LOCATE",
    "MISSING_ADULT",
)
"""The actions in the order of a board: danger to officers first, then who must not get away or may be lost."""

_GRAVE = frozenset({"WARN_SAFETY", "ARREST", "UNKNOWN_WANTED"})
_CARING = frozenset({"MISSING_CHILD", "VULNERABLE", "MISSING_ADULT"})

SUBJECTS: Sentences = {
    "person": "a person",
    "vehicle": "a vehicle",
    "vessel": "a boat or ship",
    "container": "a container or shipment",
    "thing": "a thing",
}

_THINGS: Sentences = {"vehicle": "vehicle", "vessel": "vessel", "container": "shipment", "document": "document"}

STANDS: Sentences = {
    "waiting": "waits for approval",
    "on": "in force",
    "lifted": "taken back",
    "closed": "closed with an outcome",
    "declined": "not approved",
    "lapsed": "not approved in time",
    "over": "its time is over",
}
STAND_TONES: Mapping[str, Tone] = {"waiting": "warn", "on": "info", "closed": "done"}

ANSWER_TONES: Mapping[str, Tone] = {
    "ACKNOWLEDGED": "info",
    "ACTING": "done",
    "CANNOT": "warn",
    "NOT_EXECUTED": "warn",
}
_STEPS: Sentences = {
    "alert": "the alert, or its renewal, was sent",
    "note": "a note",
}
_DEEDS: Sentences = {"substance": "substance", "grams": "grams", "units": "pieces", "persons": "persons"}


def hidden_time(alert: OwnAlert, language: Language) -> str:
    """Return until when an alert is kept at home."""
    return moment(rfc3339_s(alert.hidden_until_us), language)


def action_words(code: str, language: Language) -> str:
    """Return what is to be done, in words; an unknown code as it is."""
    return tell(language, ACTIONS[code]) if code in ACTIONS else code


def action_tone(code: str) -> Tone:
    """Return the colour of an action."""
    return "danger" if code in _GRAVE else "info" if code in _CARING else "warn"


def gravity(code: str) -> int:
    """Return the place of an action on the board; an unknown one comes last."""
    return ORDER.index(code) if code in ORDER else len(ORDER)


def warnings(fields: Mapping[str, Any], marking: Mapping[str, Any], language: Language) -> tuple[str, ...]:
    """Return what must not be done, and what an officer must know before acting: each once."""
    told = [action_words(code, language) for code in fields.get("do_not", ())]
    caveats = (code for code in marking.get("caveats", ()) if code in CAVEATS)
    told += [tell(language, CAVEATS[code]) for code in caveats]
    return tuple(dict.fromkeys(told))


def subject(fields: Mapping[str, Any]) -> str:
    """Return the class of what an alert is about, without a name: a code of `SUBJECTS`."""
    if fields.get("names") or fields.get("identifiers"):
        return "person"
    kinds = [thing.get("kind") for thing in _things(fields)]
    return next((str(kind) for kind in kinds if kind in SUBJECTS), "thing")


def alert_rows(fields: Mapping[str, Any], language: Language) -> tuple[Row, ...]:
    """Return the record of an alert as lines. What is told first on its page is not told again."""
    return tuple(_rows(fields, language))


def _rows(fields: Mapping[str, Any], language: Language) -> Iterator[Row]:
    for name in RECORD_TYPES["Alert"].fields:
        value = fields.get(name)
        if value in (None, "", []) or name in ("alert_class", "do_not"):
            continue
        if name == "objects":
            yield from _thing_rows(value, language)
        elif name == "names":
            yield Row(field_name(name, language), tuple(map(foreign, _spellings(value))))
        elif name != "action" or value != ACTIONS.get(str(fields.get("alert_class"))):
            parts = value if isinstance(value, list) else [value]
            yield Row(field_name(name, language), tuple(_value(part, language, name) for part in parts))


def _value(value: Any, language: Language, name: str) -> Text | str:
    """Translate a coded value, and leave unknown text unchanged."""
    told = value_text(value, language, name)
    return as_written(told)[0] if told == value else foreign(told)


def _spellings(names: Any) -> Iterator[str]:
    """Yield each name as it is written, and beside it in Latin letters for those who cannot read that."""
    for name in names if isinstance(names, list) else [names]:
        parts = (name.get("text"), name.get("romanised")) if isinstance(name, Mapping) else (name,)
        yield from (str(part) for part in parts if part)


def _things(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = fields.get("objects")
    return [thing for thing in found if isinstance(thing, Mapping)] if isinstance(found, list) else []


def _thing_rows(things: Any, language: Language) -> Iterator[Row]:
    for thing in things if isinstance(things, list) else [things]:
        if not isinstance(thing, Mapping):
            yield Row(tell(language, SUBJECTS["thing"]), (foreign(str(thing)),))
            continue
        kind = str(thing.get("kind", ""))
        head = tell(language, _THINGS[kind]) if kind in _THINGS else foreign(kind)
        for name, value in thing.items():
            if name != "kind" and value not in (None, ""):
                of = head.text if isinstance(head, Text) else head
                label = field_name(name, language)
                yield Row(f"{of}: {label}" if of else label, (_value(value, language, name),))


# ------------------------------------------------------------ what was said


def answer_tag(code: str, language: Language) -> Tag:
    """Return the last word on an alert as a tag."""
    if code in OUTCOMES:
        return Tag(tell(language, OUTCOMES[code]), "done")
    return Tag(answer_words(code, language), ANSWER_TONES.get(code, "quiet"))


def answer_words(code: str, language: Language) -> str:
    """Return a word on an alert; an unknown code as it is."""
    return tell(language, ALERT_ANSWERS[code]) if code in ALERT_ANSWERS else code


def reason_words(reason: str, language: Language) -> str:
    """Return a reason of the lists in words; another text as it is."""
    known = NOT_EXECUTED.get(reason) or LIFT_REASONS.get(reason)
    return tell(language, known) if known else reason


def steps_of(steps: Iterable[AlertStep], language: Language, theirs: str) -> tuple[Step, ...]:
    """Return what was said in the thread of an alert, the newest first; `theirs` is the counterpart's name."""
    return tuple(reversed([_step(step, language, theirs) for step in steps]))


def _step(step: AlertStep, language: Language, theirs: str) -> Step:
    at = rfc3339_s(step.time_us)
    lines = [reason_words(step.reason, language)] if step.reason else []
    if step.outcome is not None:
        lines += outcome_lines(step.outcome, language)
    texts = [foreign(step.text)] if step.text else []
    return Step(
        title=_title(step, language),
        at=at,
        time=moment(at, language),
        by=tell(language, "we") if step.ours else theirs,
        lines=(*lines, *texts),
        ours=step.ours,
    )


def _title(step: AlertStep, language: Language) -> str:
    if step.type is NoticeType.STATUS and step.code in (ALERT_ANSWERS.keys() | STATUSES.keys()):
        return tell(language, ALERT_ANSWERS.get(step.code) or STATUSES[step.code])
    known = {NoticeType.CHANGE: CHANGES, NoticeType.OUTCOME: OUTCOMES}.get(step.type, {}).get(step.code)
    words = known or _STEPS.get(step.type.value)
    return tell(language, words) if words else step.code or step.type.value


def outcome_lines(outcome: OutcomeReport, language: Language) -> list[str]:
    """Return what came of an alert beside its code: what was seized, how much, how many persons."""
    return [
        f"{tell(language, words)}: {getattr(outcome, name)}" for name, words in _DEEDS.items() if getattr(outcome, name)
    ]
