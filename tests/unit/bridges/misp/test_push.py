"""Reports become events of MISP: once, changed with their versions, taken back with their ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymisp import MISPEvent, PyMISP

from bridges.misp.__main__ import main
from tests.support.misp_server import KEY, MispServer, serving_misp
from tests.support.report_feed import Feed, item, marking, serving_feed, withdrawn

pytestmark = pytest.mark.process

REPORTS = [
    item(1, marking=marking(level="OPEN", use=[])),
    item(2, marking=marking(use=["U0", "U3"])),
    item(3, marking=marking(onward="SAME_AGENCY")),
    withdrawn(4, "2026-11-02T00:00:00.000000Z"),
    item(5, marking=marking(caveats=["SAFE"])),
]


class World:
    """A node, an instance and the command between them."""

    def __init__(self, feed: Feed, misp: MispServer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.feed, self.misp = feed, misp
        self._capsys = capsys
        key = folder / "misp.user"
        key.write_text(KEY)
        self._arguments = ["--member", "th", *feed.options(), "--misp", misp.url, "--misp-ca", str(misp.pem)]
        self._arguments += ["--misp-key-file", str(key), "--audience", "country"]

    def push(self, *more: str, code: int = 0) -> dict[str, Any]:
        """Run the command, and return its last line."""
        self._capsys.readouterr()
        assert main([*self._arguments, *more]) == code
        lines = self._capsys.readouterr().out.splitlines()
        return dict(json.loads(lines[-1])) if lines else {}

    def event(self, text: str) -> dict[str, Any]:
        """The one event that holds a text."""
        [found] = [event for event in self.misp.events.values() if text in json.dumps(event, ensure_ascii=False)]
        return found


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    with serving_feed(tmp_path, REPORTS) as feed, serving_misp(tmp_path) as misp:
        yield World(feed, misp, tmp_path, capsys)


def test_a_push_that_is_repeated_changes_nothing(world: World) -> None:
    assert world.push()["added"] == 2
    before = json.dumps(world.misp.events, sort_keys=True)
    world.misp.calls.clear()
    again = world.push()
    assert again["same"] == 2
    assert "added" not in again
    assert json.dumps(world.misp.events, sort_keys=True) == before
    assert {call.partition(" ")[0] for call in world.misp.calls} == {"GET"}


def test_a_text_that_stands_in_two_fields_is_one_attribute(world: World) -> None:
    fields = item(2)["fields"] | {"concealment": "in shoes", "method": "in shoes", "indicators": ["in shoes", "NARC"]}
    world.feed.reports[1] = item(2, fields=fields)
    world.push()
    assert world.push()["same"] == 2
    slots = [row["comment"] for row in world.event("in shoes")["Attribute"]]
    assert sorted(slots) == ["Method", "Offence", "Period", "Route"]


def test_labels_become_tags_and_distributions(world: World) -> None:
    world.push()
    clear, amber = world.event("(1)"), world.event("(2)")
    assert (clear["distribution"], amber["distribution"]) == ("3", "0")
    assert {"name": "tlp:clear"} in clear["Tag"]
    assert {tag["name"] for tag in amber["Tag"]} == {
        "tlp:amber", 'liaison:use="U0"', 'liaison:use="U3"', 'liaison:not-after="2099-01-01T00:00:00Z"'
    }  # fmt: skip
    assert not clear["published"]


def test_a_new_version_changes_the_event_and_leaves_what_analysts_added(world: World) -> None:
    world.push("--publish")
    event = world.event("(2)")
    assert event["published"]
    event["Attribute"].append(
        {"uuid": "5b0b2a5e-0000-4000-8000-000000000001", "value": "seen here too", "timestamp": "1"}
    )
    event["Tag"].append({"name": 'admiralty-scale:source-reliability="b"'})
    fields = item(2)["fields"] | {"method": "Now in belts (2b).", "indicators": []}
    world.feed.reports[1] = item(2, version=2, fields=fields, marking=marking(use=["U0"]))
    assert world.push()["changed"] == 1
    now = world.event("(2b)")
    assert now["uuid"] == event["uuid"]
    values = {row["value"] for row in now["Attribute"]}
    assert "seen here too" in values
    assert not any("soles" in value for value in values)
    names = {tag["name"] for tag in now["Tag"]}
    assert 'admiralty-scale:source-reliability="b"' in names
    assert 'liaison:use="U3"' not in names
    assert world.push()["same"] == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"withdrawn": "2026-11-05T00:00:00Z"},
        {"withdrawn": "2026-11-05T00:00:00Z", "fields": {}, "marking": None},
        {"marking": marking(not_after="2026-11-05T00:00:00Z")},
        {"version": 2, "marking": marking(onward="NONE")},
    ],
)
def test_what_ends_is_overwritten_and_deleted_and_published_again(world: World, changes: dict[str, Any]) -> None:
    world.push("--publish")
    name = world.event("(2)")["uuid"]
    world.feed.reports[1] = item(2) | changes
    assert world.push()["withdrawn"] == 1
    event = world.misp.events[name]
    assert (event["info"], event["Attribute"], event["published"]) == ("Withdrawn report", [], True)
    assert [tag["name"] for tag in event["Tag"]] == ["tlp:amber+strict"]
    assert "soles" not in json.dumps([event, world.misp.deleted])
    assert world.push()["same"] == 2


def test_the_library_of_misp_reads_what_we_push_and_agrees_with_the_server(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    world.push()
    library = PyMISP(world.misp.url, KEY, ssl=str(world.misp.pem))
    read = library.get_event(world.event("(2)")["uuid"], pythonify=True)
    assert isinstance(read, MISPEvent)
    assert {row.comment for row in read.attributes} == {"Offence", "Method", "Route", "Period", "Indicator 1"}
    assert [tag.name for tag in read.tags][-1] == "tlp:amber"
    assert "errors" in library.add_event(read)
    own = MISPEvent()
    own.info = "theirs"
    own.add_attribute("text", "a note")
    assert "errors" not in library.add_event(own)
    assert world.push()["same"] == 2


def answered(name: str, answer: tuple[int, Any], _method: str, path: str) -> tuple[int, Any] | None:
    return answer if name in path else None


def test_an_instance_that_refuses_or_talks_nonsense_fails_alone(world: World) -> None:
    world.push()
    name = world.event("(2)")["uuid"]
    for answer in (
        (500, b"oops"), (302, b""), (200, b"[]"), (200, b'{"Event": {"uuid": "other"}}'), (200, b"{" * 5000),
        (200, {"Event": {"uuid": name, "Attribute": "x"}}), (200, {"Event": {"uuid": name, "Tag": [3]}}),
    ):  # fmt: skip
        world.misp.hook = partial(answered, name, answer)
        done = world.push(code=1)
        assert (done["failed"], done["same"]) == (1, 1), answer
    world.misp.hook = lambda _method, _path: None
    assert world.push()["same"] == 2


def test_it_speaks_https_to_the_named_authority_alone(world: World, tmp_path: Path) -> None:
    world.push("--misp", world.misp.url.replace("https", "http"), code=2)
    (tmp_path / "misp.user").write_text("key with\nlines")
    world.push(code=1)
