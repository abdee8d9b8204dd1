"""What a form says becomes a command, or a fault that names its field; what was sent is shown again."""

from __future__ import annotations

import pytest

from gateway.clock import SystemClock
from gateway.console.frame.forms import Form, written
from gateway.console.pages.threads.decision import _command
from gateway.console.pages.threads.forms import Sent, Writer, thread_path
from gateway.console.pages.threads.reasons import read_reasons, reason_parts
from gateway.errors import Malformed
from gateway.language import Language
from gateway.model.desk.notices import ReplyCode, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId, MemberId
from tests.support.tables import table

NOW_US = SystemClock().now_us()


def form(**fields: str | tuple[str, ...]) -> Form:
    """A form that was sent."""
    values = {name: value if isinstance(value, tuple) else (value,) for name, value in fields.items()}
    return Form("A" * 22, values)


def test_who_is_held_makes_it_flash_and_says_why() -> None:
    reasons = read_reasons(form(facts="at the gate", held="23:59"), "th", NOW_US)
    assert (reasons.urgency, reasons.urgency_reason) == (Urgency.FLASH, "a person is held")
    assert reasons.held_until_us > NOW_US


def test_without_anybody_held_it_is_priority_and_a_chosen_urgency_stands() -> None:
    assert read_reasons(form(facts="at the gate"), "th", NOW_US).urgency is Urgency.PRIORITY
    chosen = read_reasons(form(facts="at the gate", held="23:59", urgency="URGENT"), "th", NOW_US)
    assert chosen.urgency is Urgency.URGENT


@table(
    ("fields", "where"),
    [
        ({"facts": " "}, "facts"),
        ({"facts": "x", "held": "noon"}, "held"),
        ({"facts": "x", "urgency": "NOW"}, "urgency"),
        ({"facts": "x", "why_you": "y" * 2_001}, "why_you"),
    ],
)
def test_a_fault_names_its_field(fields: dict[str, str], where: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_reasons(form(**fields), "th", NOW_US)
    assert caught.value.where == where


def test_lines_become_one_line_since_notices_have_none() -> None:
    assert written(form(facts="a lorry\r\n  was left\n"), "facts") == "a lorry was left"


def test_a_decision_releases_what_is_ticked_and_nothing_without_a_tick() -> None:
    ticked = _command("w", form(answer="RELEASED", reason="ok", record="1", fields=("names", "birth")))
    assert (ticked.fields, ticked.challenge) == (("names", "birth"), True)
    assert _command("w", form(answer="RELEASED", reason="ok", record="1")).fields == ()
    assert _command("w", form(answer="RELEASED", reason="ok", text="in words")).fields is None


@table(
    ("fields", "where"),
    [
        ({"reason": "r"}, "answer"),
        ({"answer": "HIT ", "reason": "r"}, "answer"),
        ({"answer": "RELEASED"}, "reason"),
        ({"answer": "CLARIFY", "reason": "r"}, "text"),
        ({"answer": "REFUSED", "reason": "r", "text": "no"}, "code"),
        ({"answer": "REFUSED", "reason": "r", "text": "no", "code": "made-up"}, "code"),
    ],
)
def test_a_decision_that_lacks_something_is_refused_beside_its_field(fields: dict[str, str], where: str) -> None:
    with pytest.raises(Malformed) as caught:
        _command("w", form(**fields))
    assert caught.value.where == where


def test_a_refusal_has_its_code_and_a_fields_choice_does_not_leave_with_another_answer() -> None:
    refused = _command(
        "w", form(answer="REFUSED", reason="r", text="no", code="ongoing-case", record="1", fields=("names",))
    )
    assert (refused.answer, refused.code, refused.fields) == (ReplyCode.REFUSED, "ongoing-case", None)


def test_what_was_sent_and_refused_stands_in_the_form_again() -> None:
    writer = Writer(Language.EN, Sent.of(form(facts="as typed", urgency="URGENT"), {"facts": "too short"}))
    facts, _, urgency = reason_parts(writer, "known").first
    assert (facts.field.value, facts.field.fault) == ("as typed", "too short")
    assert [option.value for option in urgency.options if option.chosen] == ["URGENT"]


def test_the_path_of_a_matter_names_counterpart_and_matter() -> None:
    assert thread_path(ThreadKey(MemberId("vn"), ExchangeId("7f3a"))) == "/threads/vn/7f3a"
