"""CASE-N245, check 20: what two persons approved names both, and they are two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.audit.entries.entry import Entry
from gateway.audit.verify.findings import Check
from gateway.audit.verify.human_checks import check_second, may_show_humans
from gateway.errors import BadSignature
from gateway.ports.events import EVENTS
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


def test_the_words_of_an_entry_say_without_parsing_whether_it_can_name_a_second_person() -> None:
    assert may_show_humans(b'{"content":{"approves":{}}}')
    assert may_show_humans(b'{"approver_token":""}')
    assert not may_show_humans(b'{"content":{}}')


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
    found = liaison("audit", "verify", "--home", home, "--json").value["findings"]
    told = [item["text"] for item in found if item["check"] == Check.HUMANS and item["state"] == "contradicted"]
    assert ["of one human" in text for text in told] == [True, False]
