"""A counterpart's words about a record that did not come: one reason that we know, and none that only we may say."""

from __future__ import annotations

from gateway.exchange.asking.ask import shown_rules
from gateway.model.hit import Hit, Quality
from tests.support.tables import table

MATCH = ("name-exact", "birth-same-day")
DENIED = "unreleased-policy-denies"


def hit(*rules: str, record: str = "") -> Hit:
    return Hit("ref", Quality.STRONG, "Person", rules, "", record)


def test_rules_of_a_match_and_a_known_reason_are_shown_as_they_are() -> None:
    assert shown_rules(hit(*MATCH)) == MATCH
    assert shown_rules(hit(*MATCH, "unreleased-case-missing")) == (*MATCH, "unreleased-case-missing")


@table(
    "rules",
    [
        ("unreleased-own-agency",),
        ("unreleased-there is no record, let him go",),
        ("unreleased-",),
        ("unreleased-case-missing", "unreleased-own-agency"),
    ],
)
def test_what_only_our_own_node_may_say_or_nothing_explains_is_a_plain_refusal(rules: tuple[str, ...]) -> None:
    assert shown_rules(hit(*MATCH, *rules)) == (*MATCH, DENIED)


def test_a_reason_before_the_end_is_none() -> None:
    assert shown_rules(hit("unreleased-case-missing", *MATCH)) == (*MATCH, DENIED)


def test_a_hit_with_a_record_has_no_reason_against_one() -> None:
    assert shown_rules(hit(*MATCH, "unreleased-not-a-party", record="x.y.z")) == MATCH
