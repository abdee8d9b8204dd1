"""A bridge believes its own node alone, by name and authority, and reads a bounded list."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridges.node import Library, add_node_options, node_client
from bridges.report import moment_us
from gateway.errors import LiaisonError
from tests.support.report_feed import Feed, item, serving_feed, withdrawn
from tests.support.web_source import Authority

pytestmark = pytest.mark.process


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    with serving_feed(tmp_path, [item(number) for number in range(1, 9)]) as made:
        yield made


def code(feed: Feed, **changes: Any) -> str:
    """The code with which reading the node fails; empty where it does not."""
    parser = argparse.ArgumentParser()
    add_node_options(parser)
    options = parser.parse_args(feed.options())
    for name, value in changes.items():
        setattr(options, name, value)
    try:
        assert len(Library(node_client(options), "th", lambda: 0).look()) == len(feed.reports)
    except LiaisonError as error:
        return error.code
    return ""


def test_all_pages_are_read(feed: Feed) -> None:
    assert code(feed) == ""


def test_another_name_authority_certificate_or_token_reads_nothing(feed: Feed, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    pem, key = other.issue("stranger")
    assert code(feed, node_name="node1.la.liaison.internal") == "node-down"
    assert code(feed, ca=other.ca) == "node-down"
    assert code(feed, certificate=pem, key=key) == "node-down"
    assert code(feed, token_file=tmp_path / "none") == "no-token"
    assert code(feed, key=tmp_path / "none") == "bad-certificate"
    (tmp_path / "token").write_text("another")
    assert code(feed) == "bad-answer"


def test_a_list_that_is_none_or_has_another_type_in_it_is_refused_whole(feed: Feed) -> None:
    feed.reports.append(item(9, type="Person"))
    assert code(feed) == "type-stays"
    feed.reports[-1] = item(9, version="one")
    assert code(feed) == "bad-report"
    feed.is_down = True
    assert code(feed) == "unavailable"


def test_a_list_without_end_is_given_up(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridges.node._MOST_PAGES", 3)
    feed.page = 1
    assert code(feed) == "too-many-reports"


def test_n188_two_members_may_call_their_reports_alike_and_each_stands_for_itself(feed: Feed) -> None:
    parser = argparse.ArgumentParser()
    add_node_options(parser)
    library = Library(node_client(parser.parse_args(feed.options())), "th", lambda: 0)
    feed.reports.append(item(1, owner="la", added="2026-11-08T00:00:00.000001Z"))
    assert [(one.member, one.ended_us) for one in library.look() if one.id == f"{1:032x}"] == [("th", 0), ("la", 0)]
    feed.reports[-1] = withdrawn(1, "2026-11-09T00:00:00.000000Z") | {"owner": "la"}
    ends = {one.member: bool(one.ended_us) for one in library.look() if one.id == f"{1:032x}"}
    assert ends == {"th": False, "la": True}, "one that takes back its own takes back nobody else's"


def test_n189_an_answer_is_given_up_as_soon_as_it_is_too_large(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridges.node._MOST_ANSWER", 500)
    assert code(feed) == "too-large"
    monkeypatch.setattr("bridges.node._MOST_ANSWER", 2**25)
    monkeypatch.setattr("bridges.answers._WHOLE_S", -1.0)
    assert code(feed) == "answer-without-end"


def test_a_look_asks_for_what_is_new_and_now_and_then_for_all(feed: Feed) -> None:
    parser = argparse.ArgumentParser()
    add_node_options(parser)
    library = Library(node_client(parser.parse_args(feed.options())), "th", lambda: moment_us("2026-11-09T00:00:00Z"))
    assert len(library.look()) == 8
    feed.reports[0] = withdrawn(1, "2026-11-05T00:00:00.000000Z")
    del feed.reports[1]
    found = {one.id: one for one in library.look()}
    assert found[f"{1:032x}"].ended_us
    assert found[f"{1:032x}"].handling is not None
    assert found[f"{1:032x}"].first_us < moment_us("2026-11-02T00:00:00Z")
    assert not found[f"{2:032x}"].ended_us
    feed.asked.clear()
    while len(feed.asked) < 2:
        found = {one.id: one for one in library.look()}
        assert len(found) == 8
        feed.asked = [after for after in feed.asked if after < "2026"]
    assert found[f"{2:032x}"].ended_us, "what the node lists no more has ended"
    assert "shoes" not in repr(found[f"{2:032x}"])
    assert "shoes" in repr(found[f"{3:032x}"])
