"""Viet Nam asks Thailand for a telephone number, between real nodes: a hit with the person's numbers, and refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace as replaced

import pytest
import pytest_asyncio
from msgspec import structs

from gateway.demo.sample import SAMPLES
from gateway.demo.sources import planted
from gateway.model.exchange import Outcome
from gateway.model.handed.searches import SearchCommand
from gateway.model.hit import Quality
from gateway.model.query import DocumentQuery, PhoneQuery
from gateway.model.search import Line
from gateway.signing.keys import load_signing_key
from gateway.trust.documents.descriptor import sign_descriptor
from tests.support.exchange import TH, command, entries, lines, stopping
from tests.support.nodes import SourcePlan, World, build_world, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")

HER = structs.replace(officer("vn"), agency="immigration")
SAMPLE = next(sample for sample in SAMPLES if sample.id == "th.police.records")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("phones")
    people = SourcePlan(SAMPLE.id, SAMPLE.agency, SAMPLE.mapping_file, f"sqlite:///{SAMPLE.build(folder)}")
    made = build_world(folder, {"th": [people]}, ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def answer(world: World, search: SearchCommand) -> Line:
    return lines(await world.nodes["vn"].asking.searches.start(HER, search))[TH]


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        (PhoneQuery(planted.KNOWN_PHONE, "TH"), ("phone-number", "phone-country")),
        (PhoneQuery("+66 81 447 1042"), ("phone-number", "phone-country")),
        (PhoneQuery("๐๘๑-๔๔๗-๑๐๔๒", "TH"), ("phone-number", "phone-country")),
    ],
    ids=["as it is dialled", "with its calling code", "in Thai figures"],
)
async def test_a_telephone_leads_to_a_person_with_its_numbers(
    world: World, query: PhoneQuery, rules: tuple[str, ...]
) -> None:
    line = await answer(world, command(query, (TH,)))
    assert line.outcome is Outcome.HIT, line
    (hit,) = line.hits
    assert (hit.record_type, hit.quality, hit.rules) == ("Person", Quality.EXACT_ID, rules)
    assert hit.record is not None
    assert hit.record.fields["phones"] == ["+66814471042"]
    document = hit.record.fields["national_ids"][0]["number"]
    assert document


@pytest.mark.parametrize("query", [PhoneQuery(planted.KNOWN_PHONE, "LA"), PhoneQuery("0899999999", "TH")])
async def test_another_number_is_no_hit(world: World, query: PhoneQuery) -> None:
    assert (await answer(world, command(query, (TH,)))).outcome is Outcome.NO_HIT


async def test_who_asks_for_a_document_is_told_no_telephone(world: World) -> None:
    line = await answer(world, command(PhoneQuery(planted.KNOWN_PHONE, "TH"), (TH,)))
    (known,) = line.hits
    assert known.record is not None
    papers = known.record.fields.get("documents") or []
    assert papers, "the person of the demo has a passport"
    (hit, *_) = (await answer(world, command(DocumentQuery(papers[0]["number"], "THA"), (TH,)))).hits
    assert hit.record is not None
    assert "phones" not in hit.record.fields


async def test_what_the_agreement_does_not_cover_is_refused(world: World) -> None:
    line = await answer(world, command(PhoneQuery(planted.KNOWN_PHONE, "TH"), (TH,), agreement="gms-border-2026"))
    assert (line.outcome, line.refusal and line.refusal.code) == (Outcome.REFUSED, "query-not-covered")


async def test_a_member_that_does_not_list_the_question_is_not_asked(world: World) -> None:
    thailand = world.federation["th"]
    held = world.federation.view("vn").descriptor("th")
    reads = tuple(each for each in held.reads if not each.startswith(PhoneQuery.part))
    older = replaced(held, version=held.version + 1, previous=held.hash.hex(), reads=reads, hash=b"", data=b"")
    world.federation.share(sign_descriptor(older, [load_signing_key(thailand.authority / "authority.key")]))
    for node in world.nodes.values():
        node.resources.trust.refresh()
    before = len(entries(world.nodes["th"]))
    line = await answer(world, command(PhoneQuery(planted.KNOWN_PHONE, "TH"), (TH,)))
    assert (line.outcome, line.refusal and line.refusal.code) == (Outcome.REFUSED, "part-not-read")
    assert len(entries(world.nodes["th"])) == before, "nothing was sent"
