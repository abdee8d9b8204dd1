"""Streams of events at the REST port: all officers of a system have theirs, and none crowds out calls or others."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from certs.names import CertificateName, CertificateUse
from gateway.agency.calls.allowance import Allowance
from gateway.agency.officer_tokens.issuer import Profile
from gateway.clock import SystemClock
from gateway.config.schema import Limits
from gateway.host import descriptors
from gateway.https.listener import ConnectionLimits
from gateway.model.search import Search
from tests.security.test_rest_connections import Client
from tests.support.rest import MEMBER, SNI, Rest, StoredSearches, rest_api
from tests.support.waiting import until

OFFICERS = 1_000
AT_ONCE = 16
QUESTION = {
    "query": {"kind": "document", "number": "C1234567", "issuer": "VNM"},
    "to": ["vn"],
    "purpose": "BORDER_CHECK",
    "offence": "DOCFRAUD",
    "ticket": "T-1",
}


def profile(number: int) -> Profile:
    return Profile(f"th.o.{number}", "officer", "th.blo.x", "police", ("BORDER_CHECK",))


def searched(searches: StoredSearches, number: int) -> str:
    """Let an officer have searched; return the path of the search."""
    searches.searches[f"of-{number}"] = Search(f"of-{number}", f"th.o.{number}", 1, True, (), searches.lines)
    return f"/v1/searches/of-{number}"


@pytest.fixture
def files() -> Iterator[None]:
    """As many open files as a node has: both ends of each connection are in this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors.raise_limit()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("files")
async def test_n290_a_thousand_officers_of_a_system_have_streams_and_search_beside_them(tmp_path: Path) -> None:
    searches = StoredSearches()
    async with rest_api(tmp_path, searches) as rest:
        context, turns = rest.context("client-cli"), asyncio.Semaphore(AT_ONCE)

        async def followed(number: int) -> Client:
            path, bearer = searched(searches, number), rest.bearer(profile(number))["authorization"]
            async with turns:
                client = await Client.open(rest, context=context)
                head = ("host: gw1", "accept: text/event-stream", f"authorization: {bearer}", "", "")
                await client.send("\r\n".join((f"GET {path} HTTP/1.1", *head)).encode())
                assert " 200 " in await client.head()
            return client

        streams = await asyncio.gather(*map(followed, range(OFFICERS)))
        async with rest.client(context=context) as client:
            asked = [
                await client.post("/v1/searches", json=QUESTION, headers=rest.bearer(profile(number)), extensions=SNI)
                for number in range(0, OFFICERS, OFFICERS // 20)
            ]
        assert {answer.status_code for answer in asked} == {200}
        searches.release.set()
        read = [await stream.reader.read() for stream in streams]  # to the end: the connection ends with its stream
        assert all(b"event: search" in events and b"event: done" in events for events in read)


@asynccontextmanager
async def followed(rest: Rest, client: httpx2.AsyncClient, number: int, name: str = "") -> AsyncIterator[str]:
    """Follow the search of an officer; yield the code of the refusal, empty where the stream is open."""
    assert isinstance(rest.searches, StoredSearches)
    headers = rest.bearer(profile(number), name or "client-cli") | {"accept": "text/event-stream"}
    path = searched(rest.searches, number)
    async with client.stream("GET", path, headers=headers, extensions=SNI) as stream:
        if stream.is_success:
            parts = stream.aiter_text()  # held: a reader that no one holds ends the stream
            assert "event: search" in await anext(parts)
            yield ""
        else:
            await stream.aread()
            assert stream.status_code == 429
            assert int(stream.headers["retry-after"]) >= 1
            yield stream.json()["code"]


async def test_n290_streams_of_an_officer_and_of_a_system_have_an_end_and_leave_others_theirs(tmp_path: Path) -> None:
    limits = Limits(system_in_flight=1, officer_in_flight=1, officer_streams=2, system_streams=4)
    allowance = Allowance(limits, SystemClock().monotonic, lambda: 6)
    places = ConnectionLimits(per_system=2)
    async with (
        rest_api(tmp_path, StoredSearches(), limits=places, allowance=allowance) as rest,
        rest.client() as client,
    ):
        rest.certify("client-other", CertificateName(MEMBER, CertificateUse.CLIENT, "other"))
        async with (
            rest.client("client-other") as other,
            followed(rest, client, 1) as first,
            followed(rest, client, 1) as second,
        ):
            assert (first, second) == ("", "")
            async with followed(rest, client, 1) as third:
                assert third == "officer-streams"
            async with followed(rest, client, 2) as third:
                assert third == ""
                async with followed(rest, client, 3) as fourth:
                    assert fourth == "streams-short"  # three are open, and three are left
                async with followed(rest, other, 1, "client-other") as elsewhere:
                    assert elsewhere == ""

        async def is_open_again() -> bool:
            async with followed(rest, client, 1) as again:
                return again == ""

        assert await until(is_open_again, "streams that ended count no more")
