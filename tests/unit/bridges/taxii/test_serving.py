"""Readers of TAXII 2.1: the client library that OpenCTI uses, against the server as its own process."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stix2
from taxii2client.common import TokenAuth
from taxii2client.v21 import Collection, Server, as_pages

from tests.support.report_feed import READERS, Process, Taxii, item, marking, serving_feed, withdrawn

pytestmark = pytest.mark.process

OBJECTS = "/reports/collections/{}/objects/"
REPORTS = [
    item(1),
    item(2, marking=marking(onward="SAME_AGENCY")),
    item(3, marking=marking(level="OPEN", use=[])),
    withdrawn(4, "2026-11-02T10:00:00.000000Z"),
    item(5, marking=marking(caveats=["NOTIP"])),
    item(6, version=2, first_added="2026-11-01T00:00:00Z"),
]


@pytest.fixture(autouse=True)
def own_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """The authorities and proxies of the environment go before those that a session of `requests` names."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def taxii(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Taxii, Process]]:
    folder = tmp_path_factory.mktemp("taxii")
    with serving_feed(folder, REPORTS) as feed:
        server = Taxii(feed, folder)
        with Process("bridges.taxii", *server.arguments) as ran:
            ran.told("serving")
            ran.told("node-read")
            yield server, ran


def collection(taxii: Taxii, audience: str = "country", **login: Any) -> Collection:
    login = login or {"auth": TokenAuth(READERS[audience])}
    return Server(taxii.url + "/taxii2/", verify=str(taxii.pem), **login).default.collections[0]


def every(found: Collection, size: int, **filters: Any) -> list[dict[str, Any]]:
    return [one for page in as_pages(found.get_objects, size, **filters) for one in page.get("objects", [])]


def reports(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["external_references"][0]["external_id"]: one for one in objects if "external_references" in one}


def test_pages_of_any_size_give_each_object_once_and_every_reference_leads_to_one(taxii: Any) -> None:
    server, _ = taxii
    whole = every(collection(server), 1000)
    assert len({one["id"] for one in whole}) == len(whole)
    for size in (1, 2, 7):
        assert every(collection(server), size) == whole
    known = {one["id"] for one in whole}
    for one in whole:
        named = [*one.get("object_refs", []), *one.get("object_marking_refs", []), *one.get("extensions", {})]
        assert {*named, one.get("created_by_ref", one["id"])} <= known | {
            "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
        }
        stix2.parse(one, allow_custom=False)


def test_each_audience_gets_what_is_labelled_for_it(taxii: Any) -> None:
    server, _ = taxii
    got = {name: set(reports(every(collection(server, name), 50))) for name in READERS}
    assert got["agency"] == {f"{number:032x}" for number in (1, 2, 3, 6)}
    assert got["country"] == {f"{number:032x}" for number in (1, 3, 6)}
    assert got["partners"] == got["public"] == {f"{3:032x}"}


def test_a_reader_that_goes_on_where_it_stopped_gets_new_versions_and_ends(tmp_path: Path) -> None:
    with serving_feed(tmp_path, REPORTS) as feed:
        server = Taxii(feed, tmp_path)
        with Process("bridges.taxii", *server.arguments) as ran:
            ran.told("serving")
            ran.told("node-read")
            base = OBJECTS.format(collection(server).id)
            page = server.get(base, params={"limit": "1000"})
            last = page.headers["x-taxii-date-added-last"]
            first = reports(page.json()["objects"])[f"{1:032x}"]
            changed = item(1, version=2, added="2026-11-20T00:00:00.000000Z")
            changed["fields"] = changed["fields"] | {"method": "The heels are hollow."}
            server.tell([changed, REPORTS[1], *REPORTS[3:], withdrawn(3, "2026-11-21T00:00:00.000000Z")], ran)
            newer = server.get(base, params={"added_after": last}).json()["objects"]
            second = reports(newer)[f"{1:032x}"]
            assert (second["id"], second["created"]) == (first["id"], first["created"])
            assert second["modified"] > first["modified"]
            assert "heels" in second["description"]
            [husk] = [one for one in newer if one.get("revoked") and one["type"] == "report"]
            assert husk["modified"] == "2026-11-21T00:00:00.000Z"
            assert "shoes" not in str([one for one in newer if one.get("revoked")])
            whole = every(collection(server), 50)
            assert [one["id"] for one in whole].count(husk["id"]) == 1
            assert [one["id"] for one in whole].count(second["id"]) == 1


def test_a_password_and_a_certificate_are_taken_as_well_as_a_token(taxii: Any) -> None:
    server, _ = taxii
    login = {"user": "country", "password": READERS["country"]}
    assert collection(server, **login).title == "Reports"
    pem, key = server.reader_ca.issue("misp-reader")
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.read_text())).hexdigest()
    with pytest.raises(Exception, match="401"):
        collection(server, cert=(str(pem), str(key))).title  # noqa: B018
    server.write_readers(f'[[reader]]\nname = "by-certificate"\naudience = "public"\ncertificate_sha256 = "{digest}"\n')
    try:
        assert len(reports(every(collection(server, cert=(str(pem), str(key))), 10))) == 1
    finally:
        server.write_readers()


def test_filters_manifest_and_single_objects(taxii: Any) -> None:
    server, _ = taxii
    found = collection(server)
    [one, *_] = every(found, 100, type="report")
    assert {row["type"] for row in every(found, 100, type="report")} == {"report"}
    assert found.get_object(one["id"])["objects"] == [one]
    assert found.object_versions(one["id"])["versions"] == [one["modified"]]
    manifest = found.get_manifest(id=one["id"])["objects"]
    assert [(row["id"], row["version"]) for row in manifest] == [(one["id"], one["modified"])]
    assert every(found, 100, version="2020-01-01T00:00:00.000Z") == []
    assert server.get(OBJECTS.format(found.id) + "report--0").status_code == 404
    assert server.get(OBJECTS.format(found.alias)).json() == server.get(OBJECTS.format(found.id)).json()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": "-1"}, 400),
        ({"limit": "x"}, 400),
        ({"limit": "9999999999"}, 400),
        ({"added_after": "yesterday"}, 400),
        ({"added_after": "2026-11-20T00:00:00"}, 400),
        ({"added_after": "9999-12-31T23:59:59-23:59"}, 400),
        ({"added_after": "0001-01-01T00:00:00+23:59"}, 400),
        ({"next": "../../x"}, 400),
        ({"next": "fHw"}, 400),
        ({"match[id]": ",".join(map(str, range(200)))}, 400),
        ({"limit": "0"}, 200),
        ({"limit": "999999999"}, 200),
        ({"match[type]": "indicator"}, 200),
    ],
)
def test_bad_questions_are_refused_in_the_form_of_the_specification(
    taxii: Any, query: dict[str, str], status: int
) -> None:
    server, _ = taxii
    answer = server.get(OBJECTS.format(collection(server).id), params=query)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/taxii+json;version=2.1"
    if status != 200:
        assert answer.json()["http_status"] == str(status)


def test_other_versions_are_not_acceptable_and_strangers_learn_no_path(taxii: Any) -> None:
    server, _ = taxii
    for accept in ("application/taxii+json;version=2.0", "text/html", "application/vnd.oasis.taxii+json"):
        assert server.get("/taxii2/", headers={"accept": accept}).status_code == 406
    for path in ("/taxii2/", "/reports/", "/nothing", OBJECTS.format("x")):
        answer = server.get(path, audience="")
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["www-authenticate"]
    assert server.get("/taxii2").status_code == 200
    assert server.get("/nothing").status_code == 404


def test_what_is_handed_out_is_written_down(taxii: Any) -> None:
    server, ran = taxii
    path, before = OBJECTS.format(collection(server).id), len(ran.lines)
    found = server.get(path, params={"match[type]": "report"}).json()["objects"]
    line = ran.told("objects-read", after=before)
    assert line["reader"] == "country"
    assert line["reports"] == [one["id"] for one in found]


def test_a_server_that_cannot_hear_its_node_refuses_until_it_can(tmp_path: Any) -> None:
    with serving_feed(tmp_path, REPORTS) as feed:
        server = Taxii(feed, tmp_path)
        feed.is_down = True
        with Process("bridges.taxii", *server.arguments, "--stale", "0.4") as ran:
            ran.told("serving")
            base = OBJECTS.format(server.get("/reports/collections/").json()["collections"][0]["id"])
            answer = server.get(base)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
            feed.is_down = False
            ran.told("node-read", after=len(ran.lines))
            assert server.get(base).status_code == 200
            feed.is_down = True
            ran.told("node-not-read", 12, after=len(ran.lines))
            assert server.get(base).status_code == 503
