"""The REST API over real TLS: who may call, what is refused, and what a caller learns of a refusal."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from certs.authority import create_authority
from certs.names import CertificateName, CertificateUse
from gateway.agency.bodies.problems import HEADERS_TOO_LARGE
from gateway.clock import SystemClock
from gateway.errors import Forbidden, Misconfigured, Overloaded, Reason, StorageBroken, Suspended
from gateway.https.listener import Listener
from gateway.https.tls_files import tls_context
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.model.query import DocumentQuery, PersonQuery
from gateway.telemetry import parse_traceparent
from tests.support.rest import MEMBER, OFFICER, SNI, Rest, StoredSearches, certify, rest_api

DOCUMENT: dict[str, Any] = {
    "query": {"kind": "document", "number": "C1234567", "issuer": "VNM"},
    "to": ["vn", "kh"],
    "purpose": "BORDER_CHECK",
    "offence": "DOCFRAUD",
    "ticket": "T-1",
}


@pytest.fixture
def searches() -> StoredSearches:
    return StoredSearches()


@pytest.fixture
async def rest(tmp_path: Path, searches: StoredSearches) -> AsyncIterator[Rest]:
    async with rest_api(tmp_path, searches) as running:
        yield running


async def post(rest: Rest, body: Any = DOCUMENT, name: str = "client-cli", **options: Any) -> httpx2.Response:
    headers = {**rest.bearer(name=name), **options.pop("headers", {})}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with rest.client(name) as client:
        return await client.post(
            "/v1/searches",
            content=content,
            headers={"content-type": "application/json", **headers},
            extensions=SNI,
        )


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert "Traceback" not in response.text
    return body


# ------------------------------------------------------------ what works


async def test_a_search_brings_one_line_for_each_counterpart(rest: Rest, searches: StoredSearches) -> None:
    response = await post(rest)
    assert response.status_code == 200
    body = response.json()
    hit, silent = body["lines"]
    assert (hit["member"], hit["outcome"], hit["hits"][0]["record"]["signed_by"]) == ("vn", "hit", "held-by-node")
    assert hit["hits"][0]["record"]["fields"] == {"status": "LOST", "number": "C1234567"}
    assert hit["hits"][0]["rules"][0]["word"] == "document-number-equal"
    assert hit["entry"] == 4
    assert (silent["member"], silent["outcome"], silent["hits"]) == ("kh", "silent", [])
    assert silent["last_seen"] == "2023-11-14T22:13:20.000000Z"
    officer, command = searches.started[0]
    assert (officer.person, officer.client) == ("th.o.1042", "cli")
    assert command.query == DocumentQuery("C1234567", "VNM")
    assert (command.to, command.purpose, command.ticket) == (("vn", "kh"), Purpose.BORDER_CHECK, "T-1")


async def test_sentences_are_in_the_language_that_is_accepted_and_codes_stay(rest: Rest) -> None:
    english, thai = await post(rest), await post(rest, headers={"accept-language": "fr, th-TH;q=0.9, en;q=0.8"})
    assert [reply.headers["content-language"] for reply in (english, thai)] == ["en", "th"]
    assert {reply.headers["vary"] for reply in (english, thai)} == {"accept-language"}
    assert [line["outcome"] for line in thai.json()["lines"]] == [line["outcome"] for line in english.json()["lines"]]
    unknown = await post(rest, headers={"accept-language": "fr"})
    assert unknown.headers["content-language"] == "en"
    assert told(unknown.json()["lines"]) == told(english.json()["lines"])


def told(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a search tells, without the commands that come next: they name the search."""
    return [line | {"hits": [hit | {"next": ""} for hit in line["hits"]]} for line in lines]


async def test_a_problem_is_told_in_the_language_that_is_accepted(rest: Rest, searches: StoredSearches) -> None:
    searches.error = Forbidden(
        "`{member}` is not an active member of the federation", code="not-a-member", member="vn", where="to"
    )
    body = problem(await post(rest, headers={"accept-language": "zh-Hans"}), 403, "not-a-member")
    assert (body["title"], body["detail"]) == ("不允许", "`vn` 不是联盟的有效成员")
    assert (body["reason"], body["type"], body["where"]) == (
        "PERMISSION_DENIED",
        "urn:liaison:problem:not-a-member",
        "to",
    )
    body = problem(await post(rest), 403, "not-a-member")
    assert body["detail"] == "`vn` is not an active member of the federation"
    async with rest.client() as client:
        lost = await client.get("/v1/nowhere", headers={"accept-language": "vi"}, extensions=SNI)
    assert problem(lost, 404, "no-such-path")["title"] == "không tìm thấy mục được nêu"
    assert lost.headers["content-language"] == "vi"


@pytest.mark.parametrize("header", ["th;q=nan", ",;" * 400, "th\x80", "*;q=1.5", "a-" * 50])
async def test_a_strange_accept_language_gets_english(rest: Rest, header: str) -> None:
    reply = await post(rest, headers={"accept-language": header.encode("latin-1")})
    assert (reply.status_code, reply.headers["content-language"]) == (200, "en")


async def test_a_name_in_any_script_arrives_as_it_was_written(rest: Rest, searches: StoredSearches) -> None:
    """CASE-B13."""
    name = "สมชาย ใจดี\u200b e\u0301"
    query = {"kind": "person", "names": [{"text": name, "script": "Thai"}], "birth": {"value": "1984"}, "sex": "M"}
    assert (await post(rest, DOCUMENT | {"query": query})).status_code == 200
    asked = searches.started[0][1].query
    assert isinstance(asked, PersonQuery)
    assert asked.names[0].text == name


async def test_the_officers_trace_goes_on_and_a_broken_one_does_not(rest: Rest, searches: StoredSearches) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await post(rest, headers={"traceparent": trace})
    await post(rest, headers={"traceparent": "00-zz"})
    first, second = (command.traceparent for _, command in searches.started)
    parsed = parse_traceparent(first)
    assert parsed is not None
    assert parsed.trace_id == trace[3:35]
    assert parse_traceparent(second) is None


async def test_the_idempotency_key_reaches_the_search(rest: Rest, searches: StoredSearches) -> None:
    first = await post(rest, headers={"idempotency-key": '"k-1"'})
    again = await post(rest, headers={"idempotency-key": "k-1"})
    assert first.json()["id"] == again.json()["id"] == "k-1"
    problem(await post(rest, headers={"idempotency-key": "a b"}), 400, "bad-idempotency-key")


async def test_a_search_is_found_again_by_its_officer_and_by_nobody_else(rest: Rest) -> None:
    search = (await post(rest)).json()
    async with rest.client() as client:
        own = await client.get(f"/v1/searches/{search['id']}", headers=rest.bearer(), extensions=SNI)
        assert own.json() == search
        other = OFFICER.__class__("th.o.7", "officer", "th.blo.x", "police", ("BORDER_CHECK",))
        answer = await client.get(f"/v1/searches/{search['id']}", headers=rest.bearer(other), extensions=SNI)
        problem(answer, 404, "not-found")


async def test_progress_comes_as_events_until_the_late_answer_is_there(rest: Rest, searches: StoredSearches) -> None:
    search = (await post(rest)).json()
    events: list[str] = []
    headers = {**rest.bearer(), "accept": "text/event-stream"}
    async with (
        rest.client() as client,
        client.stream("GET", f"/v1/searches/{search['id']}", headers=headers, extensions=SNI) as stream,
    ):
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                events.append(line.removeprefix("data: "))
                searches.release.set()
    first, second, done = (json.loads(event) for event in events)
    assert [line["outcome"] for line in first["lines"]] == ["hit", "silent"]
    assert [(line["outcome"], line["late"]) for line in second["lines"]] == [("hit", False), ("no_hit", True)]
    assert done == {}


async def test_an_unknown_search_is_a_problem_and_no_stream(rest: Rest) -> None:
    async with rest.client() as client:
        headers = {**rest.bearer(), "accept": "text/event-stream"}
        problem(await client.get("/v1/searches/none", headers=headers, extensions=SNI), 404, "not-found")


async def test_health_needs_a_certificate_and_no_token(rest: Rest) -> None:
    async with rest.client() as client:
        answer = await client.get("/v1/health", extensions=SNI)
        assert answer.json()["status"] == "serving"


async def test_the_openapi_document_describes_the_body(rest: Rest) -> None:
    async with rest.client() as client:
        document = (await client.get("/openapi.json", extensions=SNI)).json()
        for path in ("/docs", "/redoc"):
            assert (await client.get(path, extensions=SNI)).status_code == 404
    schemas = document["components"]["schemas"]
    assert {"SearchBody", "PersonBody", "SearchResponse", "LineBody"} <= set(schemas)
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert references <= set(schemas)


async def test_the_openapi_document_names_every_way_of_refusing(rest: Rest) -> None:
    async with rest.client() as client:
        document = (await client.get("/openapi.json", extensions=SNI)).json()
        refused = await client.get("/v1/searches/unknown", headers=rest.bearer(), extensions=SNI)
    assert set(refused.json()) <= set(document["components"]["schemas"]["Problem"]["properties"])
    of_calls = {
        (method, path): call["responses"] for path, calls in document["paths"].items() for method, call in calls.items()
    }
    assert set(of_calls["post", "/v1/searches"]) == {
        "200",
        *map(str, (202, 400, 401, 403, 405, 409, 413, 429, 431, 500, 503, 504)),
    }
    assert {"401", "403", "429", "503"} <= set.intersection(*(set(found) for found in of_calls.values()))
    assert "retry-after" in of_calls["get", "/v1/searches/{search_id}"]["429"]["headers"]
    assert not any("422" in found for found in of_calls.values())
    line = document["components"]["schemas"]["LineBody"]["properties"]
    assert "silent_since" in line
    assert "too_many" in document["components"]["schemas"]["Outcome"]["enum"]


# ------------------------------------------------------------ A: transport


async def test_a1_a_plaintext_client_gets_nothing(rest: Rest) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rest.port)
    writer.write(b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n")
    assert b"HTTP" not in await reader.read(100)
    writer.close()


async def test_a2_tls_1_2_is_refused(rest: Rest) -> None:
    context = rest.context("client-cli")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with rest.client(context=context) as client:
        with pytest.raises(httpx2.TransportError):
            await client.get("/v1/health", extensions=SNI)


async def test_a3_no_client_certificate_no_answer(rest: Rest) -> None:
    async with rest.client("") as client:
        with pytest.raises(httpx2.TransportError):
            await client.get("/v1/health", extensions=SNI)


async def test_a4_a_certificate_of_another_authority_is_refused(rest: Rest, tmp_path: Path) -> None:
    other = create_authority(tmp_path / "other", MEMBER, SystemClock())
    certify(rest.folder, other, "foreign", CertificateName(MEMBER, CertificateUse.CLIENT, "cli"))
    async with rest.client("foreign") as client:
        with pytest.raises(httpx2.TransportError):
            await client.get("/v1/health", extensions=SNI)


@pytest.mark.parametrize(
    "name",
    [
        CertificateName(MEMBER, CertificateUse.NODE, "gw2"),
        CertificateName(MemberId("vn"), CertificateUse.CLIENT, "cli"),
    ],
)
async def test_a_certificate_that_is_not_one_of_our_clients_is_refused(rest: Rest, name: CertificateName) -> None:
    """A node of ours is no agency system, and a name of another member is not one of ours."""
    rest.certify("wrong", name)
    problem(await post(rest, name="wrong"), 401, "unknown-client")
    assert rest.refused[0].code == "unknown-client"


async def test_a_signing_certificate_opens_no_connection(rest: Rest) -> None:
    """CASE-A7: its extended key usage is not for TLS."""
    rest.certify("wrong", CertificateName(MEMBER, CertificateUse.STATEMENT, "1"))
    async with rest.client("wrong") as client:
        with pytest.raises(httpx2.TransportError):
            await client.get("/v1/health", extensions=SNI)


# ------------------------------------------------------------ D: tokens over the wire


async def test_d9_a_token_of_another_system_is_refused_and_noted(rest: Rest, searches: StoredSearches) -> None:
    rest.certify("records-desk", CertificateName(MEMBER, CertificateUse.CLIENT, "records-desk"))
    stolen = rest.bearer(name="client-cli")
    problem(await post(rest, name="records-desk", headers=stolen), 401, "token-binding")
    assert [(call.client, call.officer, call.code) for call in rest.refused] == [("records-desk", "", "token-binding")]
    assert not searches.started


@pytest.mark.parametrize("header", ["", "Basic dGg6dGg=", "Bearer", "bearer a.b.c"])
async def test_without_a_token_nobody_asks(rest: Rest, searches: StoredSearches, header: str) -> None:
    response = await post(rest, headers={"authorization": header})
    problem(response, 401, "bad-token" if "a.b.c" in header else "no-token")
    assert response.headers["www-authenticate"] == "Bearer"
    assert not searches.started


async def test_two_tokens_are_no_token(rest: Rest) -> None:
    token = rest.bearer()["authorization"]
    headers = [("authorization", token), ("authorization", token), ("content-type", "application/json")]
    async with rest.client() as client:
        response = await client.post("/v1/searches", json=DOCUMENT, headers=headers, extensions=SNI)
    problem(response, 401, "no-token")


async def test_d11_a_refusal_of_the_search_is_shown_with_its_reason(rest: Rest, searches: StoredSearches) -> None:
    searches.error = Forbidden("the purpose is not covered", code="purpose-not-covered", remedy="ask your supervisor")
    body = problem(await post(rest), 403, "purpose-not-covered")
    assert (body["detail"], body["remedy"]) == ("the purpose is not covered", "ask your supervisor")
    assert rest.refused == []  # the search writes its own entry


# ------------------------------------------------------------ B: bodies


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"purpose": None}, "purpose"),
        ({"purpose": "CURIOSITY"}, "purpose"),
        ({"offence": "X"}, "offence"),
        ({"to": []}, "to"),
        ({"to": "vn"}, "to"),
        ({"to": ["VN"]}, None),
        ({"to": ["vn", "vn"]}, "to"),
        ({"to": ["vn"] * 40}, "to"),
        ({"extra": 1}, "extra"),
        ({"case": "x" * 65}, "case"),
        ({"case": "a\u202eb"}, "case"),
        ({"agreement": "Gms"}, "agreement"),
        ({"query": {"kind": "everything"}}, "query"),
        ({"query": {"kind": "document", "number": ""}}, "query.number"),
        ({"query": {"kind": "document", "number": "A\u0000B"}}, "query.number"),
        ({"query": {"kind": "document", "number": 7}}, None),
        ({"query": {"kind": "document", "number": "1", "all": True}}, None),
        ({"query": {"kind": "person", "names": []}}, None),
        ({"query": {"kind": "person", "names": [{"text": "x" * 300}]}}, None),
        ({"query": {"kind": "person", "names": [{"text": "x"}] * 9}}, None),
        ({"query": {"kind": "person", "names": [{"text": "x"}], "birth": {"value": "2026-02-30"}}}, None),
        ({"query": {"kind": "vehicle", "plate": "1\n2"}}, "query.plate"),
    ],
)
async def test_a_wrong_body_is_refused_with_its_place_and_noted(
    rest: Rest, searches: StoredSearches, change: dict[str, Any], where: str | None
) -> None:
    response = await post(rest, DOCUMENT | change)
    assert response.status_code == 400
    if where:
        assert response.json()["where"] == where
    assert not searches.started
    assert rest.refused[0].officer == "th.o.1042"
    assert rest.refused[0].reason is Reason.INVALID_ARGUMENT


async def test_a_wrong_part_of_a_path_is_refused_in_a_sentence_of_ours_in_the_language_that_is_accepted(
    rest: Rest,
) -> None:
    async with rest.client() as client:
        headers = rest.bearer() | {"accept-language": "zh-Hans"}
        refused = await client.get("/v1/searches/" + "x" * 65, headers=headers, extensions=SNI)
    body = problem(refused, 400, "bad-request")
    assert (body["where"], body["detail"]) == ("search_id", "不符合该成员应有的写法")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b"1" * 400, b"[" * 40_000, b'{"to":["vn"],"to":["kh"]}', b'{"a":NaN}'],
)
async def test_b1_b9_bytes_that_are_not_one_reading_of_json_are_refused(rest: Rest, body: bytes) -> None:
    assert (await post(rest, body)).status_code == 400


async def test_b3_a_body_over_the_limit_is_refused(rest: Rest) -> None:
    problem(await post(rest, b" " * 65_537), 413, "body-too-large")
    assert (await post(rest)).status_code == 200


async def test_another_content_type_is_refused(rest: Rest) -> None:
    problem(await post(rest, headers={"content-type": "text/plain"}), 400, "not-json")


@pytest.mark.parametrize("headers", [{"x": "y" * 40_000}, {f"x-{n}": "y" for n in range(1_000)}])
async def test_b7_oversized_headers_are_refused(rest: Rest, headers: dict[str, str]) -> None:
    async with rest.client() as client:
        response = await client.get("/v1/health", headers=headers, extensions=SNI)
        problem(response, 431, "headers-too-large")
        assert (await client.get("/v1/health", extensions=SNI)).status_code == 200


async def test_unknown_paths_and_methods_are_problems(rest: Rest) -> None:
    async with rest.client() as client:
        problem(await client.get("/v1/everything", extensions=SNI), 404, "no-such-path")
        refused = await client.delete("/v1/searches", extensions=SNI)
        problem(refused, 405, "no-such-method")
        assert refused.headers["allow"] == "POST"


# ------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Suspended("switched off"), 503, "suspended"),
        (Overloaded("too many"), 429, "overloaded"),
        (Misconfigured("the password is hunter2", where="/srv/x"), 500, "misconfigured"),
        (RuntimeError("SELECT name FROM person"), 500, "internal"),
    ],
)
async def test_k10_an_error_says_its_code_and_nothing_of_the_inside(
    rest: Rest, searches: StoredSearches, error: Exception, status: int, code: str
) -> None:
    searches.error = error
    response = await post(rest)
    problem(response, status, code)
    for secret in ("hunter2", "/srv/x", "SELECT"):
        assert secret not in response.text


async def test_t9_broken_storage_is_unavailable_and_the_node_is_told(rest: Rest, searches: StoredSearches) -> None:
    searches.error = StorageBroken("disk I/O error")
    problem(await post(rest), 503, "storage")
    assert len(rest.broken) == 1


async def test_the_body_of_an_answer_does_not_wait_for_the_receipt_of_its_head(rest: Rest) -> None:
    async with rest.client() as client:
        await client.get("/v1/work", headers=rest.bearer(), extensions=SNI)
        (connection,) = rest.server._connections()
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_an_address_in_use_is_named(rest: Rest) -> None:
    context = tls_context(rest.folder / "tls.key", rest.folder / "tls.pem", rest.folder / "ca.pem")
    with pytest.raises(Misconfigured) as caught:
        await Listener(lambda: None, "127.0.0.1", rest.port, context, HEADERS_TOO_LARGE).start()
    assert str(rest.port) in caught.value.message


def test_a18_unreadable_tls_files_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(Misconfigured):
        tls_context(tmp_path / "x.pem", tmp_path / "x.pem", tmp_path / "x.pem")


async def test_stopping_lets_a_running_request_end(tmp_path: Path) -> None:
    """CASE-H13, at the REST API."""
    started, release = asyncio.Event(), asyncio.Event()

    class Slow(StoredSearches):
        async def start(self, officer: Any, command: Any) -> Any:
            started.set()
            await release.wait()
            return await super().start(officer, command)

    async with rest_api(tmp_path, Slow()) as rest:
        asking = asyncio.create_task(post(rest))
        await started.wait()
        stopping = asyncio.create_task(_leave(rest))
        release.set()
        assert (await asking).status_code == 200
        await stopping


async def _leave(rest: Rest) -> None:
    """A second connection is a reason to go on serving until the first request ends."""
    async with rest.client() as client:
        assert (await client.get("/v1/health", extensions=SNI)).status_code == 200


async def test_nodes_of_one_process_share_routes_and_nothing_else(tmp_path: Path) -> None:
    homes = tmp_path / "one", tmp_path / "other"
    for home in homes:
        home.mkdir()
    async with rest_api(homes[0], StoredSearches()) as one, rest_api(homes[1], StoredSearches()) as other:
        for rest, silent in ((one, other), (other, one)):
            before = silent.counters.counts(), len(silent.refused)
            assert (await post(rest, headers={"idempotency-key": "k"})).status_code == 200
            problem(await post(rest, headers=silent.bearer()), 401, "token-key")
            assert (silent.counters.counts(), len(silent.refused)) == before
        for rest in (one, other):
            assert isinstance(rest.searches, StoredSearches)
            assert len(rest.searches.started) == len(rest.refused) == 1
