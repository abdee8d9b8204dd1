"""Bridges under attack: reports that bring markings of their own, strangers, writers, and slow callers."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.leaving import Audience
from bridges.report import Report, read_report
from bridges.taxii.markings import house_objects, marking_objects
from bridges.taxii.stix import collection
from gateway.errors import LiaisonError
from tests.support.load import waiting
from tests.support.report_feed import READERS, Process, Taxii, item, marking, serving_feed
from tests.support.tables import table

FOREIGN = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
NOW_US = 1_795_000_000_000_000
STIX_TEXT = json.dumps(
    {
        "type": "bundle",
        "objects": [{"type": "marking-definition", "id": FOREIGN}],
        "object_marking_refs": [FOREIGN],
        "granular_markings": [{"marking_ref": FOREIGN, "selectors": ["description"]}],
        "revoked": False,
    }
)
WORDS = (
    st.sampled_from([STIX_TEXT, FOREIGN, "TLP:CLEAR", '"},"object_marking_refs":["' + FOREIGN + '"],"x":{"'])
    | st.text()
)
PLACES = st.dictionaries(
    st.sampled_from(["name", "country", "object_marking_refs", "extensions", "id"]), WORDS | st.none()
)


def read(*items: dict[str, Any]) -> list[Report]:
    return [read_report(one, "th") for one in items]


def objects(reports: list[Report], audience: Audience = Audience.AGENCY) -> list[dict[str, Any]]:
    return [one.object for one in collection(reports, audience, NOW_US)]


def ours(reports: list[Report]) -> set[str]:
    """The ids of markings and extensions that the bridge makes for these reports."""
    made = chain(house_objects(), *(marking_objects(one.handling) for one in reports if one.handling))
    named = {name for one in made for name in (one["id"], *one.get("extensions", {}))}
    return named | {"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"}


@given(
    fields=st.dictionaries(
        st.sampled_from(
            ["method", "concealment", "period", "offence", "object_marking_refs", "extensions", "id", "type"]
        ),
        WORDS,
    ),
    places=st.lists(WORDS | PLACES, max_size=3),
    more=st.dictionaries(
        st.sampled_from(["object_marking_refs", "granular_markings", "extensions", "tlp", "revoked", "definition"]),
        WORDS | st.lists(WORDS, max_size=2) | st.booleans(),
    ),
    words=st.sampled_from(
        [{}, {"use": [FOREIGN]}, {"level": "TLP:CLEAR"}, {"tlp": "clear"}, {"object_marking_refs": [FOREIGN]}]
    ),
)
def test_a_marking_that_we_did_not_set_never_comes_in(fields: Any, places: Any, more: Any, words: Any) -> None:
    whole = item(
        1,
        fields=fields | {"route": places, "indicators": [FOREIGN], "no_personal_data": True},
        marking=marking(**words),
    )
    reports = read(more | whole)
    usual = {frozenset(one) for one in objects(read(item(1), item(2, withdrawn="2026-11-03T00:00:00Z")))}
    for one in objects(reports):
        assert {*one.get("object_marking_refs", []), *one.get("extensions", {})} <= ours(reports)
        assert "granular_markings" not in one
        if one["type"] == "marking-definition":
            assert one["id"] in ours(reports)
        assert frozenset(one) in usual | {frozenset(one) for one in house_objects()}


@table("kind", ["Person", "Alert", "Consignment", "Seizure", "CaseReference", "bundle", "OutcomeCounts"])
def test_every_other_type_is_refused_whatever_its_marking(kind: str) -> None:
    with pytest.raises(LiaisonError) as refused:
        read(item(1, type=kind, marking=marking(level="OPEN", use=[])))
    assert refused.value.code == "type-stays"


def test_nothing_of_a_report_is_left_when_it_is_withdrawn_expired_or_marked_more_strictly() -> None:
    secret = item(1)["fields"]
    ends = [
        item(1, withdrawn="2026-11-05T00:00:00Z"),
        item(1, withdrawn="2026-11-05T00:00:00Z", marking=None),
        item(1, marking=marking(not_after="2026-11-05T00:00:00Z")),
        item(1, version=2, marking=marking(caveats=["SAFE"])),
        item(1, version=2, marking=marking(level="RESTRICTED")),
        item(1, version=2, fields=secret | {"no_personal_data": False}),
    ]
    [before] = [one for one in objects(read(item(1))) if one["type"] == "report"]
    for end in ends:
        left = objects(read(end))
        [husk] = [one for one in left if one["type"] == "report"]
        assert husk["id"] == before["id"]
        assert husk["revoked"] is True
        text = json.dumps(left, ensure_ascii=False)
        assert not any(word in text for word in ("shoes", "soles", "narc", "2026-10", "THBKK", "กรุงเทพ"))


def test_a_report_that_never_left_leaves_no_trace_when_it_ends() -> None:
    hidden = item(1, marking=marking(caveats=["NOTIP"]))
    assert objects(read(hidden)) == []
    assert objects(read(hidden | {"withdrawn": "2026-11-05T00:00:00Z"})) != [], (
        "it may have left before it was marked so"
    )
    narrow = item(2, marking=marking(onward="SAME_AGENCY"), withdrawn="2026-11-05T00:00:00Z")
    assert objects(read(narrow), Audience.PUBLIC) == []


@pytest.fixture(scope="module")
def taxii(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Taxii, Process]]:
    folder = tmp_path_factory.mktemp("taxii")
    with serving_feed(folder, [item(1)]) as feed:
        server = Taxii(feed, folder)
        with Process("bridges.taxii", *server.arguments) as ran:
            ran.told("serving")
            ran.told("node-read")
            yield server, ran


def base(server: Taxii) -> str:
    found = server.get("/reports/collections/").json()["collections"][0]["id"]
    return f"/reports/collections/{found}/objects/"


@pytest.mark.process
def test_nothing_can_be_written_deleted_or_uploaded(taxii: Any) -> None:
    server, _ = taxii
    before = server.get(base(server)).json()
    headers = {"authorization": f"Bearer {READERS['public']}", "content-type": "application/taxii+json;version=2.1"}
    body = {"objects": [{"type": "marking-definition", "spec_version": "2.1", "id": FOREIGN}]}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in (base(server), base(server) + before["objects"][0]["id"] + "/", "/reports/"):
            answer = server.call(method, path, headers=headers, json=body)
            assert (answer.status_code, answer.headers["content-type"]) == (405, "application/taxii+json;version=2.1")
    assert server.get(base(server)).json() == before


@pytest.mark.process
def test_no_wrong_token_gets_in_and_a_reader_that_is_taken_out_is_refused_at_once(taxii: Any) -> None:
    server, _ = taxii
    path = base(server)
    for authorization in (
        "", "Bearer", "Bearer x", "Basic !!", "Basic Y291bnRyeTo=", "Basic cHVibGljOnRvay1jb3VudHJ5",
        "Digest " + READERS["country"], "Bearer " + READERS["country"] + "x", "Bearer tok-country, Bearer x",
    ):  # fmt: skip
        assert server.call("GET", path, headers={"authorization": authorization}).status_code == 401, authorization
    whole = server.readers.read_text()
    server.readers.write_text(whole.replace('name = "country"', 'name = "other"'))
    assert server.call("GET", path, auth=("country", READERS["country"])).status_code == 401
    server.readers.write_text("[[reader]]\nname = 'x'\n")
    assert server.get(path).status_code == 500, "a list with a mistake lets no one in"
    server.readers.write_text(whole)
    assert server.get(path).status_code == 200


@pytest.mark.process
def test_a_caller_that_sends_half_a_request_is_cut_off(taxii: Any) -> None:
    server, _ = taxii
    context = ssl.create_default_context(cafile=server.pem)
    host, _, port = server.url.removeprefix("https://").partition(":")
    with (
        socket.create_connection((host, int(port)), 30) as raw,
        context.wrap_socket(raw, server_hostname=host) as line,
    ):
        line.sendall(b"GET /taxii2/ HTTP/1.1\r\nHost: x\r\n")
        with waiting() as watch, suppress(ConnectionError, ssl.SSLError):
            assert line.recv(1) == b""
        assert watch.seconds < 25
    assert server.get("/taxii2/").status_code == 200
