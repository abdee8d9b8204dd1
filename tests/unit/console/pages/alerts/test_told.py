"""What pages of alerts say: the action without its code, each foreign text under its language, nothing twice."""

from __future__ import annotations

from typing import Any

from gateway.console.frame.shapes import Text
from gateway.console.pages.alerts.told import (
    ORDER,
    action_words,
    alert_rows,
    gravity,
    reason_words,
    steps_of,
    subject,
    warnings,
)
from gateway.desk.alerts.board import AlertStep
from gateway.desk.alerts.checks import check_fields
from gateway.language.languages import OTHERS, Language
from gateway.language.terms import ACTIONS, LIFT_REASONS
from gateway.model.desk.codes import LiftReason
from gateway.model.desk.notices import NoticeType, OutcomeCode, OutcomeReport
from tests.support.alerts import FUGITIVE
from tests.support.tables import table

FIELDS: dict[str, Any] = check_fields(FUGITIVE)


def test_every_action_has_its_place_on_the_board() -> None:
    assert set(ORDER) == {code for code in ACTIONS if not code.startswith("DO_NOT")}
    assert gravity("WARN_SAFETY") == 0
    assert gravity("NEW_CODE") == len(ORDER)


@table("language", OTHERS)
def test_no_english_word_of_ours_stands_in_the_record_of_another_language(language: Language) -> None:
    rows = alert_rows(FIELDS, language)
    names = " ".join(str(row.name) for row in rows)
    assert not any(word in names for word in ("names", "born", "plate", "province", "vehicle", "reason"))
    assert ACTIONS["DISCREET_CHECK"] not in [value for row in rows for value in row.values]


def test_a_record_shows_both_spellings_and_each_member_of_a_thing_under_its_own_language() -> None:
    rows = {row.name: row.values for row in alert_rows(FIELDS, Language.EN)}
    assert rows["names"] == (Text("สมชาย ใจดี", "th"), "Somchai Jaidee")
    assert rows["vehicle: plate"] == (Text("กข 1234", "th"),)
    assert "what to do" not in rows
    assert "action" not in rows


def test_an_action_in_words_of_the_owner_is_shown_beside_the_code() -> None:
    rows = {row.name: row.values for row in alert_rows(FIELDS | {"action": "call us first"}, Language.EN)}
    assert rows["action"] == (Text("call us first"),), "apart from our own words"


@table("things", ["MSKU 1203456", ["MSKU 1203456"], [{"kind": "sled", "number": 7}], [{}]])
def test_things_of_any_form_are_shown(things: Any) -> None:
    shown = alert_rows({"objects": things}, Language.EN)
    assert len(shown) == (0 if things == [{}] else 1)
    assert subject({"objects": things}) == "thing"


def test_what_must_not_be_done_is_said_once() -> None:
    said = warnings({"do_not": ["DO_NOT_ALERT_SUBJECT"]}, {"caveats": ["NOTIP", "NODET", "NEW"]}, Language.EN)
    assert said == ("the person must not learn of it", "do not detain on this")
    assert action_words("NEW_CODE", Language.MY) == "NEW_CODE"


def test_each_reason_of_the_list_has_words_and_another_text_stays() -> None:
    assert {code.value for code in LiftReason} <= LIFT_REASONS.keys()
    assert reason_words("immunity", Language.EN) == "the person has immunity"
    assert reason_words("our own words", Language.KM) == "our own words"


def test_what_was_said_comes_newest_first_with_what_came_of_it() -> None:
    said = (
        AlertStep(1_000_000, False, NoticeType.ALERT),
        AlertStep(2_000_000, True, NoticeType.STATUS, "NOT_EXECUTED", "minor"),
        AlertStep(3_000_000, True, NoticeType.OUTCOME, "SEIZED", outcome=OutcomeReport(OutcomeCode.SEIZED, "meth", 9)),
        AlertStep(4_000_000, False, NoticeType.CHANGE, "WITHDRAWN", "found"),
    )
    shown = steps_of(said, Language.EN, "Laos")
    assert [step.title for step in shown] == [
        "withdrawn",
        "seized",
        "not executed, for a legal reason",
        "the alert, or its renewal, was sent",
    ]
    assert shown[1].lines == ("substance: meth", "grams: 9")
    assert [step.by for step in shown] == ["Laos", "we", "we", "Laos"]
