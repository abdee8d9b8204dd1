"""Limits on calls, withdrawn certificates and new TLS files at the REST port, over real TLS."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest

from certs.authority import Authority, create_authority
from certs.names import CertificateName, CertificateUse
from certs.profile import read_leaf
from gateway.agency.calls.allowance import Allowance
from gateway.agency.officer_tokens.issuer import Profile
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.config.schema import Limits
from gateway.config.suspensions import Suspensions
from gateway.errors import Misconfigured
from gateway.exchange.refusals import ENTRIES
from gateway.https.tls_files import TlsFiles
from gateway.ops.acts.switches import suspend, target_of
from gateway.ports.officers import Ended
from tests.support.rest import MEMBER, OFFICER, SNI, Rest, StoredSearches, certify, rest_api
from tests.support.waiting import MOST_S, until

Answer = TypeVar("Answer")

CLOCK = SystemClock()
DOCUMENT = {
    "query": {"kind": "document", "number": "C1234567", "issuer": "VNM"},
    "to": ["vn"],
    "purpose": "BORDER_CHECK",
    "offence": "DOCFRAUD",
    "ticket": "T-1",
}
OTHER_OFFICER = OFFICER.__class__("th.o.7", "officer", "th.blo.x", "police", ("BORDER_CHECK",))
"""Stands for a second officer of the same system."""


class Held(StoredSearches):
    """Searches that wait until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.waiting = asyncio.Semaphore(0)

    async def start(self, officer: Any, command: Any) -> Any:
        self.waiting.release()
        await self.go.wait()
        return await super().start(officer, command)


async def post(client: httpx2.AsyncClient, headers: dict[str, str]) -> httpx2.Response:
    return await client.post("/v1/searches", json=DOCUMENT, headers=headers, extensions=SNI)


async def code(client: httpx2.AsyncClient, path: str = "/v1/health") -> str:
    """Return the code of a refused call; empty where it is answered."""
    response = await client.get(path, extensions=SNI)
    return "" if response.is_success else str(response.json()["code"])


async def at_last(call: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """Return what a call returns, made again where the server ends its connection amid it."""
    async with asyncio.timeout(MOST_S):
        while True:
            with suppress(httpx2.TransportError):
                return await call()


async def calls_until_the_end(client: httpx2.AsyncClient) -> None:
    """Call until the transport fails."""
    while True:
        await code(client)
        await asyncio.sleep(0.05)


# ------------------------------------------------------------ limits on calls


async def test_searches_of_one_officer_at_a_time_leave_the_others_theirs(tmp_path: Path) -> None:
    searches, allowance = Held(), Allowance(Limits(officer_in_flight=2), CLOCK.monotonic)
    async with rest_api(tmp_path, searches, allowance=allowance) as rest, rest.client() as client:
        first = [asyncio.create_task(post(client, rest.bearer())) for _ in range(2)]
        for _ in first:
            await searches.waiting.acquire()
        refused = await post(client, rest.bearer())
        assert (refused.status_code, refused.json()["code"]) == (429, "officer-busy")
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) >= 1
        other = asyncio.create_task(post(client, rest.bearer(OTHER_OFFICER)))
        await searches.waiting.acquire()
        searches.go.set()
        assert {answer.status_code for answer in await asyncio.gather(*first, other)} == {200}
        assert (await post(client, rest.bearer())).status_code == 200


class Begun(StoredSearches):
    """Searches that have begun, and end when they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[Callable[[], None]] = []

    async def begin(self, officer: Any, command: Any, ended: Ended) -> Any:
        search = await self.start(officer, command)
        self.ended.append(partial(ended, search.id, None))
        return search


async def test_searches_that_were_begun_count_until_they_end(tmp_path: Path) -> None:
    searches, allowance = Begun(), Allowance(Limits(officer_in_flight=2, system_in_flight=3), CLOCK.monotonic)

    async def begin(profile: Profile = OFFICER) -> httpx2.Response:
        return await post(client, rest.bearer(profile) | {"prefer": "respond-async"})

    async with rest_api(tmp_path, searches, allowance=allowance) as rest, rest.client() as client:
        assert [(await begin()).status_code for _ in range(2)] == [202, 202]
        refused = await begin()
        assert (refused.status_code, refused.json()["code"]) == (429, "officer-busy")
        assert (await begin(OTHER_OFFICER)).status_code == 202
        busy = await begin(OTHER_OFFICER)
        assert (busy.status_code, busy.json()["code"]) == (429, "system-busy")
        for end in searches.ended:
            end()
        assert [(await begin()).status_code for _ in range(2)] == [202, 202]


async def test_a_search_that_its_caller_gave_up_is_counted_off(tmp_path: Path) -> None:
    searches, allowance = Held(), Allowance(Limits(officer_in_flight=1), CLOCK.monotonic)
    async with rest_api(tmp_path, searches, allowance=allowance) as rest:
        async with rest.client() as client:
            given_up = asyncio.create_task(post(client, rest.bearer()))
            await searches.waiting.acquire()
            given_up.cancel()
        searches.go.set()
        async with rest.client() as client, asyncio.timeout(MOST_S):
            while (await post(client, rest.bearer())).status_code != 200:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "before"),
    [("/v1/health/live", ""), ("/openapi.json", ""), ("/docs", "no-such-path"), ("/v1/searches", "no-such-method")],
)
async def test_no_path_can_be_asked_without_a_limit(tmp_path: Path, path: str, before: str) -> None:
    allowance = Allowance(Limits(system_rate_per_s=5), lambda: 0.0)  # no second passes
    async with rest_api(tmp_path, StoredSearches(), allowance=allowance) as rest, rest.client() as client:
        assert [await code(client, path) for _ in range(12)] == [before] * 10 + ["system-rate"] * 2


async def test_a_flood_of_one_system_leaves_the_others_theirs_and_does_not_fill_the_log(tmp_path: Path) -> None:
    allowance = Allowance(Limits(system_rate_per_s=20), lambda: 0.0)  # no second passes
    async with rest_api(tmp_path, StoredSearches(), allowance=allowance) as rest:
        rest.certify("client-other", CertificateName(MEMBER, CertificateUse.CLIENT, "other"))
        async with rest.client() as flood, rest.client("client-other") as other:
            codes = [await code(flood, "/v1/searches/none") for _ in range(ENTRIES + 60)]
            assert codes[:40] == ["no-token"] * 40
            assert set(codes[40:]) == {"system-rate"}
            assert await code(other) == ""
        assert len(rest.refused) == ENTRIES
        (draft,) = allowance.drafts()
        assert draft.private["count"] == 60


@pytest.mark.parametrize("kind", ["no token", "false token", "no JSON", "large body", "unknown path", "wrong method"])
async def test_many_refused_calls_of_one_system_are_few_entries(tmp_path: Path, kind: str) -> None:
    allowance = Allowance(Limits(system_rate_per_s=10_000, officer_rate_per_s=10_000), CLOCK.monotonic)
    async with rest_api(tmp_path, StoredSearches(), allowance=allowance) as rest, rest.client() as client:
        bearer = rest.bearer()

        async def call() -> int:
            path, headers, body, method = "/v1/searches", dict(bearer), b"{}", "POST"
            match kind:
                case "no token":
                    headers = {}
                case "false token":
                    headers = {"authorization": "Bearer e30.e30.e30"}
                case "large body":
                    headers["content-type"], body = "application/json", b" " * 70_000
                case "unknown path":
                    path = "/v1/nothing"
                case "wrong method":
                    method = "DELETE"
            response = await client.request(method, path, headers=headers, content=body, extensions=SNI)
            return response.status_code

        for _ in range(400 // 16):
            assert all(status >= 400 for status in await asyncio.gather(*(call() for _ in range(16))))
        assert len(rest.refused) <= ENTRIES
        assert len(allowance.drafts()) <= 3


# ------------------------------------------------------------ withdrawn certificates


@pytest.fixture
async def rest(tmp_path: Path) -> AsyncIterator[Rest]:
    """A port whose withdrawn certificates are the switches of a home."""
    home = Home(tmp_path)
    off = Suspensions(home.suspensions, CLOCK.monotonic)
    async with rest_api(tmp_path, StoredSearches(), is_withdrawn=off.is_withdrawn) as running:
        running.certify("client-other", CertificateName(MEMBER, CertificateUse.CLIENT, "other"))
        running.certify("client-new", CertificateName(MEMBER, CertificateUse.CLIENT, "cli"))
        yield running


@pytest.mark.parametrize("kind", ["client", "certificate"])
async def test_a_withdrawn_certificate_is_refused_within_seconds_and_no_other(
    rest: Rest, tmp_path: Path, kind: str
) -> None:
    """CASE-A10: for each request, and on open connections."""
    home = Home(tmp_path)
    target = target_of(client="cli") if kind == "client" else target_of(certificate=str(rest.folder / "client-cli.pem"))
    search = None
    async with rest.client() as client, rest.client("client-other") as other, rest.client("client-new") as new:
        search = (await post(client, rest.bearer())).json()
        headers = {**rest.bearer(), "accept": "text/event-stream"}
        path = f"/v1/searches/{search['id']}"
        async with client.stream("GET", path, headers=headers, extensions=SNI) as stream:
            suspend(home, CLOCK, target, "laptop stolen")
            async with asyncio.timeout(MOST_S):
                with pytest.raises(httpx2.TransportError):
                    await stream.aread()  # the line of the late answer never comes
        async with asyncio.timeout(MOST_S):
            while not await at_last(lambda: code(client)):
                await asyncio.sleep(0.05)
        assert await at_last(lambda: code(client)) == "client-withdrawn"
        refused = await at_last(lambda: post(client, rest.bearer()))
        assert (refused.status_code, refused.json()["code"]) == (401, "client-withdrawn")
        assert "stolen" not in refused.text
        assert {(call.client, call.officer) for call in rest.refused} == {("cli", "")}
        assert await code(other) == ""
        assert await at_last(lambda: code(new)) == ("client-withdrawn" if kind == "client" else "")


async def test_what_may_be_withdrawn_counts_as_withdrawn(rest: Rest, tmp_path: Path) -> None:
    """A list that cannot be read fails towards off, as every switch does."""
    Home(tmp_path).suspensions.write_bytes(b"{\n")
    async with rest.client() as client:

        async def is_off() -> bool:
            return await at_last(lambda: code(client)) == "client-withdrawn"

        await until(is_off, "the client is withdrawn")


def test_a_certificate_is_named_by_its_file_or_by_its_hash(tmp_path: Path) -> None:
    ca = create_authority(tmp_path, MEMBER, CLOCK)
    certify(tmp_path, ca, "desk", CertificateName(MEMBER, CertificateUse.CLIENT, "desk"))
    thumbprint = read_leaf((tmp_path / "desk.pem").read_bytes()).thumbprint
    wanted = f"certificate:{thumbprint}"
    assert target_of(certificate=str(tmp_path / "desk.pem")) == target_of(certificate=thumbprint) == wanted


# ------------------------------------------------------------ new files


async def test_new_tls_files_are_taken_up_without_a_restart(tmp_path: Path) -> None:
    async with rest_api(tmp_path, StoredSearches()) as rest:
        files = TlsFiles(tmp_path / "tls.key", tmp_path / "tls.pem", tmp_path / "ca.pem")
        files.context()
        assert files.changed() is None
        old = rest.context("client-cli")
        async with rest.client(context=old) as open_one, rest.client(context=old) as new_one:
            assert await code(open_one) == ""
            other = _renew(rest, tmp_path)
            with pytest.raises(Misconfigured):
                _broken(files, tmp_path)
            assert await code(open_one) == ""  # unusable files change nothing
            context = files.changed()
            assert context is not None
            rest.server.renew(context)
            with pytest.raises(httpx2.TransportError):
                await code(new_one)  # its CA is not ours any more
            async with asyncio.timeout(MOST_S):
                with pytest.raises(httpx2.TransportError):
                    await calls_until_the_end(open_one)  # an open connection ends, and TLS refuses the next one
        certify(tmp_path, other, "renewed", CertificateName(MEMBER, CertificateUse.CLIENT, "cli"))
        async with rest.client("renewed") as client:
            assert await code(client) == ""
        assert files.changed() is None


async def test_no_session_is_resumed_without_its_certificate(tmp_path: Path) -> None:
    async with rest_api(tmp_path, StoredSearches()) as rest:
        context = rest.context("client-cli")
        name = SNI["sni_hostname"]
        reader, writer = await asyncio.open_connection("127.0.0.1", rest.port, ssl=context, server_hostname=name)
        writer.write(b"GET /v1/health HTTP/1.1\r\nhost: gw1\r\nconnection: close\r\n\r\n")
        assert b"200 OK" in await reader.read()
        session = writer.get_extra_info("ssl_object").session
        assert session is None or not session.has_ticket
        writer.close()


def _renew(rest: Rest, folder: Path) -> Authority:
    """Write a new CA and a new certificate of the node."""
    other = create_authority(folder / "new", MEMBER, CLOCK)
    certify(folder / "new", other, "tls", CertificateName(MEMBER, CertificateUse.NODE, "gw1"))
    for name in ("tls.key", "tls.pem", "ca.pem"):
        shutil.copy(folder / "new" / name, rest.folder / name)
    return other


def _broken(files: TlsFiles, folder: Path) -> None:
    """Look at the files while one of them is half written."""
    whole = (folder / "tls.pem").read_bytes()
    (folder / "tls.pem").write_bytes(whole[:200])
    try:
        assert files.changed() is None  # the other one of the pair may come yet
        files.changed()
    finally:
        (folder / "tls.pem").write_bytes(whole)
