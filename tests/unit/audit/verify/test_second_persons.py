"""CASE-N245, CASE-N232, check 20: what two persons approved names both, who are two, and no single one adds to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.audit.entries.entry import Entry
from gateway.audit.reading.evidence import Row
from gateway.audit.verify.findings import Check
from gateway.audit.verify.human_checks import Extent, Extents, check_second, decision_of, not_shown
from gateway.errors import BadSignature, NotProved
from gateway.ports.entries.events import EVENTS
from tests.support.cli import Liaison, copy_federation
from tests.support.tables import table
from tests.unit.audit.verify.test_act_checks import write

AUTHOR, SECOND = {"officer": "th.o.1", "token": "1" * 64}, {"officer": "th.o.7", "token": "7" * 64}
ASKED = {"act": "renew-alert", **AUTHOR}
APPROVAL: dict[str, Any] = {**SECOND, "act": "approve-alert", "content": {"id": "a", "approves": ASKED}}
NOTICE: dict[str, Any] = {**AUTHOR, "approver": "th.o.7", "approver_token": "7" * 64}


def entry(kind: str) -> Entry:
    return Entry("th.liaison.internal/operations/1", 0, 0, EVENTS[kind].kind, "", None, "", b"", b"", bytes(32))


@table(
    ("kind", "private"),
    [
        ("desk-act", APPROVAL),
        ("desk-act", APPROVAL | {"act": "approve-room", "content": {"approves": {"act": "invite", **AUTHOR}}}),
        (
            "desk-act",
            APPROVAL | {"act": "approve-freeze", "content": {"approves": {"act": "ask-freeze", "officer": "th.o.1"}}},
        ),
        ("desk-act", APPROVAL | {"content": {"id": "of version 0.2.1"}}),
        ("desk-act", {**AUTHOR, "act": "read"}),
        ("asked", NOTICE),
        ("asked", AUTHOR | {"approver": "th.o.1"}),
        ("asked", AUTHOR | {"approver": ""}),
    ],
)
def test_two_persons_and_what_needs_one_are_not_told(kind: str, private: dict[str, Any]) -> None:
    check_second(entry(kind), private)


@table(
    ("kind", "private", "code"),
    [
        ("desk-act", APPROVAL | AUTHOR, "same-human"),
        ("desk-act", APPROVAL | {"officer": "th.o.1"}, "same-human"),
        ("desk-act", APPROVAL | {"token": "1" * 64}, "same-human"),
        ("desk-act", APPROVAL | {"officer": ""}, "same-human"),
        ("desk-act", APPROVAL | {"act": "approve-watch"}, "other-act"),
        ("desk-act", APPROVAL | {"act": "shorten-alert"}, "other-act"),
        ("desk-act", APPROVAL | {"act": "open-the-door"}, "other-act"),
        ("desk-act", APPROVAL | {"content": {"approves": "renew-alert"}}, "other-act"),
        ("desk-act", APPROVAL | {"content": {"approves": ASKED | {"act": ["raise-alert"]}}}, "other-act"),
        ("desk-act", APPROVAL | {"content": {"approves": ASKED | {"act": {}}}}, "other-act"),
        ("desk-act", APPROVAL | {"act": ["approve-alert"]}, "other-act"),
        ("asked", NOTICE | {"approver": "th.o.1"}, "same-human"),
        ("asked", NOTICE | {"approver_token": "1" * 64}, "same-human"),
        ("asked", NOTICE | {"approver": ""}, "same-human"),
    ],
)
def test_one_person_for_two_is_told(kind: str, private: dict[str, Any], code: str) -> None:
    with pytest.raises(BadSignature) as told:
        check_second(entry(kind), private)
    assert told.value.code == code


ALERT: dict[str, Any] = {"to": [{"member": "vn", "offices": ["vn.1"]}], "fields": {"name": "N"}, "until_us": 100,
                         "hidden_until_us": 0, "to_life": False, "stand": "on", "renewal": None}  # fmt: skip
ROOM: dict[str, Any] = {"to": [["vn", ["vn.1"], "ACTS"]], "end_us": 100, "stand": "on", "invites": []}
BY_TWO = {"approves": ASKED}


def judged(*acts: dict[str, Any] | str | None) -> list[str]:
    """What the verifier says of the acts on one matter, by their contents; None for an act that is not shown.

    A word is what a clock says, empty where its entry is not shown.
    """
    book, found = Extents(), []
    for index, told in enumerate(acts):
        of = entry("desk-clock" if isinstance(told, str) else "desk-act")
        row = Row(index, b"", b"", None, b"", b"")
        private = {"code": told} if isinstance(told, str) else {**SECOND, "act": "approve-alert", "content": told}
        for each in [decision_of(of, private, row, index)] if told else not_shown(of, index):
            if not isinstance(each, Extent):
                continue
            try:
                book.judge(each)
                found.append("")
            except (BadSignature, NotProved) as error:
                found.append(f"{type(error).__name__}: {error.code}")
    return found


ONE = "BadSignature: persons-needed"


@table(
    ("before", "after"),
    [
        (ALERT, {"until_us": 101}),
        (ALERT, {"hidden_until_us": -1}),
        (ALERT, {"to": [{"member": "vn", "offices": []}]}),
        (ALERT, {"to": [{"member": "vn", "offices": ["vn.1", "vn.2"]}]}),
        (ALERT, {"to": [*ALERT["to"], {"member": "kh", "offices": ["kh.1"]}]}),
        (ALERT, {"fields": {"name": "another"}}),
        (ALERT | {"stand": "waiting"}, {"stand": "on"}),
        (ROOM, {"end_us": 101}),
        (ROOM, {"to": [*ROOM["to"], ["kh", [], "READS"]]}),
        (ROOM | {"stand": "waiting"}, {"stand": "on"}),
    ],
)
def test_n232_what_one_person_makes_more_of_is_told_over_entries(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert judged(before, before | after) == ["", ONE]
    assert judged(before, before | after | BY_TWO, before | after) == ["", "", ""], "another person approved it"
    assert judged(before | after, before) == ["", ONE if "fields" in after else ""], "less is one person's"


def test_n232_an_older_version_and_what_is_not_shown_accuse_nobody() -> None:
    older, longer = {name: value for name, value in ALERT.items() if name != "renewal"}, {"until_us": 500}
    assert judged(older, older | longer, older | {"until_us": 900}) == ["", "", ""], "0.2.1 let one person do it"
    open_ = "NotProved: persons-needed"
    assert judged(ALERT, older | longer, ALERT | longer, ALERT | {"until_us": 501}) == ["", open_, open_, ONE]
    assert judged(ALERT, older | longer, ALERT, ALERT | longer) == ["", open_, "", ONE]
    assert judged(ALERT, older, ALERT | longer) == ["", "", ONE], "nor does an entry of its form hide what was before"
    assert judged(ALERT, None, ALERT | longer) == ["", "", ""], "two may have approved it in the entry that is erased"
    assert judged(ALERT, ALERT | {"renewal": {"until_us": 500}}, ALERT | longer | BY_TWO) == ["", "", ""]


def test_a_clock_that_ends_an_operation_accuses_nobody_and_hides_nothing_else() -> None:
    hidden, freed = ALERT | {"hidden_until_us": 90} | BY_TWO, ALERT | {"hidden_until_us": 40}
    assert judged(hidden, freed) == ["", ONE]
    assert judged(hidden, "operation-over", freed, freed | {"until_us": 101}) == ["", "", "", ONE]
    assert judged(hidden, "", freed) == ["", "", ""], "the clock may have said it in the entry that is erased"
    assert judged(hidden, "operation-over", freed | {"until_us": 101}) == ["", "", ONE]
    assert judged(hidden, "draft-lapsed", freed) == ["", ONE]


def test_an_act_whose_matter_is_not_in_its_form_is_told() -> None:
    wrongs: list[dict[str, Any]] = [{"until_us": None}, {"to": [1]}, {"to": [{}]}, {"to": None}]
    for wrong in wrongs:
        with pytest.raises(BadSignature):
            judged(ALERT | wrong)


@pytest.mark.long
def test_n245_one_person_for_two_is_told_and_so_is_what_its_act_does_not_approve(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    liaison = Liaison(capsys)
    copy_federation(liaison, tmp_path, ("th", "vn"))
    home = tmp_path / "th"
    write(home, "desk-act", APPROVAL)
    for lie in (APPROVAL | {"officer": "th.o.1"}, APPROVAL | {"act": "approve-watch"}):
        write(home, "desk-act", lie)
    for content in (ALERT | BY_TWO, ALERT | {"until_us": 7}, ALERT | {"until_us": 50}):
        write(home, "desk-act", APPROVAL | {"content": content}, "a" * 32)
    escaped = orjson.dumps(ALERT | {"until_us": 60}).replace(b"to_life", rb"to_li\u0066e")
    write(home, "desk-act", APPROVAL | {"content": orjson.Fragment(escaped)}, "a" * 32)
    found = liaison("audit", "verify", "--home", home, "--json").value["findings"]
    told = [item["text"] for item in found if item["check"] == Check.HUMANS and item["state"] == "contradicted"]
    assert ["of one human" in text for text in told[:2]] == [True, False]
    assert [text.rpartition(": ")[2] for text in told[2:]] == ["2 different persons decide this, and 1 did"] * 2
