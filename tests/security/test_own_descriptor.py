"""A home that lost its newest descriptor signs no other one of its version (CASE-N312)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.clock import SystemClock
from gateway.config import Home
from gateway.model.exchange import Outcome
from gateway.ops.trust.own_descriptor import _signed
from gateway.trust.ceremony.ceremony import import_document, publish_descriptor, publish_status
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.keeper import TrustKeeper
from tests.security.test_stores import bytes_of
from tests.support.cli import Liaison
from tests.support.exchange import VN, command, lines, sample_world, stopping
from tests.support.forger import eventually
from tests.support.nodes import World, officer

pytestmark = pytest.mark.asyncio(loop_scope="function")

CLOCK = SystemClock()


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Two nodes, of which `th` has published a second descriptor that `vn` holds, was answered, and stands."""
    made = sample_world(tmp_path, ("th", "vn"))
    item = made.federation["th"]
    publish_descriptor(
        item.home,
        item.authority,
        CLOCK,
        endpoints=(f"127.0.0.1:{made.ports['th']}",),
        offices=("th.blo.chiang-khong",),
        agencies=item.agencies,
    )
    import_document(Home(made.home("vn")).trust, TrustDocuments(Home(item.home).trust).descriptors("th")[-1], CLOCK)
    import_document(Home(made.home("vn")).trust, publish_status(item.home, CLOCK), CLOCK)
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        search = await made.nodes["th"].asking.searches.start(officer("th"), command())
        assert lines(search)[VN].outcome is not Outcome.SILENT
        await made.stop("th")
        yield made


async def publish(world: World, liaison: Liaison) -> dict[str, Any]:
    given = ("trust", "publish", "--home", world.home("th"), "--authority", world.federation["th"].authority, "--json")
    return dict((await asyncio.to_thread(liaison, *given)).value)


async def assert_refused(world: World, liaison: Liaison, known_by: str) -> None:
    trust = Home(world.home("th")).trust
    before = bytes_of(trust, trust.parent / "keys")
    error = (await publish(world, liaison))["error"]
    assert (error["code"], error["where"]) == ("descriptor-behind", str(trust / "descriptors" / "th.jsonl"))
    assert f"and {known_by} knows" in error["message"]
    found = (await asyncio.to_thread(liaison, "doctor", "--home", world.home("th"), "--json")).value["findings"]
    told = [each["text"] for each in found if each["check"] == "descriptors"]
    assert told == [f"{error['where']}: {error['message']}"]
    given = ("--home", world.home("th"), "--authority", world.federation["th"].authority, "--json")
    rotated = await asyncio.to_thread(liaison, "cert", "rotate", "statement", *given)
    assert rotated.value["error"]["code"] == "descriptor-behind"
    assert bytes_of(trust, trust.parent / "keys") == before


async def test_n312_a_home_with_an_older_descriptor_publishes_none_until_it_has_the_newest(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    liaison, documents = Liaison(capsys), TrustDocuments(Home(world.home("th")).trust)
    first, second = documents.descriptors("th")
    status = documents.status_path("th").read_bytes()
    documents.descriptor_path("th").write_bytes(first + b"\n")
    await assert_refused(world, liaison, "our own status")
    documents.status_path("th").unlink()
    await assert_refused(world, liaison, "vn")
    given = ("trust", "export", "--home", world.home("vn"), "--out", tmp_path / "trust.jsonl")
    assert (await asyncio.to_thread(liaison, *given)).code == 0
    assert (await asyncio.to_thread(liaison, "trust", "import", given[-1], "--home", world.home("th"))).code == 0
    assert documents.descriptors("th") == [first, second]
    assert documents.status_path("th").read_bytes() == status
    published = await publish(world, liaison)
    assert (published["descriptor"]["version"], published["compared_with"]) == (3, ["vn"])


async def test_n312_a_home_without_a_descriptor_begins_no_new_one_after_others_have_answered_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    liaison, documents = Liaison(capsys), TrustDocuments(Home(world.home("th")).trust)
    second = documents.descriptors("th")[-1]
    for lost in (documents.descriptor_path("th"), documents.status_path("th")):
        lost.unlink()
    await assert_refused(world, liaison, "vn")
    await world.stop("vn")
    await assert_refused(world, liaison, "our own log")
    await world.start("vn")
    await world.start("th")  # it fetches its own documents, as those of others
    await eventually(lambda: second in documents.descriptors("th"))


async def test_n312_what_a_counterpart_claims_without_our_authority_counts_for_nothing(world: World) -> None:
    documents = TrustDocuments(Home(world.home("th")).trust)
    second, foreign = documents.descriptors("th")[-1], documents.descriptors("vn")[-1]
    changed = second.replace(b'"sig":"', b'"sig":"AAAA', 1)
    assert changed != second
    view = TrustKeeper(documents.folder, CLOCK).view
    found = list(_signed(b"\n".join([b"", b"{}", foreign, changed, second]), view, "th"))
    assert [each.data for each in found] == [second]
