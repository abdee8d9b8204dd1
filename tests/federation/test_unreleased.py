"""A question cites an agreement that names the owner where there is one, and a hit without a record says why."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.agency.bodies.responses import search_response
from gateway.language.languages import Language
from gateway.model.exchange import Outcome
from gateway.model.hit import UNRELEASED
from gateway.model.purpose import Offence, Purpose
from gateway.model.search import Line, Search
from gateway.records.types import RECORD_TYPES
from gateway.views.search.lines import answer_lines
from tests.support.exchange import NO_PASSPORT, TH, VN, command, entries, lines, sample_world, stopping
from tests.support.nodes import World, officer
from tests.support.policies import NATIONAL

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIELDS = ",".join(RECORD_TYPES["TravelDocument"].fields)
MOST = ",".join(name for name in RECORD_TYPES["TravelDocument"].fields if name != "status")
WHERE = 'principal, action == Action::"release", resource == RecordType::"TravelDocument"'
RULES = f"""
@id("vn-test-case")
@code("case-missing")
forbid ({WHERE}) when {{ context.offence == Offence::"WILD" }} unless {{ context.hasCase }};
@id("vn-test-secret")
forbid ({WHERE}) when {{ context.offence == Offence::"TIMBER" }};
@id("vn-test-role")
@code("role-not-allowed")
forbid ({WHERE}) when {{ context.offence == Offence::"ARMS" }};
@id("vn-test-fields")
@withhold("{FIELDS}")
forbid ({WHERE}) when {{ context.offence == Offence::"EWASTE" }};
@id("vn-test-human")
@human("duty")
@fields("*")
permit ({WHERE}) when {{ context.offence == Offence::"MONEY" }};
@id("vn-test-assurance")
@human("two")
@code("needs-assurance")
@fields("*")
permit ({WHERE}) when {{ context.offence == Offence::"SCAM" }};
@id("vn-test-court")
@code("needs-court")
forbid ({WHERE}) when {{ context.offence == Offence::"PREC" }};
@id("vn-test-some")
@withhold("{MOST}")
forbid ({WHERE}) when {{ context.offence == Offence::"ODS" }};
@id("vn-test-one-by-human")
@human("duty")
@fields("status")
permit ({WHERE}) when {{ context.offence == Offence::"ODS" }};
"""


def agreement(folder: Path, name: str, *changes: tuple[str, str]) -> None:
    """Write an agreement like that of all borders, with another id and other changes."""
    text = (folder / "gms-border-2026.toml").read_text(encoding="utf-8").replace("gms-border-2026", name)
    for pattern, instead in changes:
        text, count = re.subn(pattern, instead, text)
        assert count
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Both hold an agreement, first by its id, that names no owner of Viet Nam's records, and one without documents."""
    made = sample_world(tmp_path_factory.mktemp("unreleased"), ("th", "vn"))
    for member in ("th", "vn"):
        folder = shutil.copytree(NATIONAL / member, made.home(member) / "policy")
        agreement(folder / "agreements", "aaa-2026", (r'  "vn.immigration",\n', ""))
        agreement(folder / "agreements", "aab-2026", (r'"TravelDocument", ', ""), (r'  "vn.police",\n', ""))
        with (made.home(member) / "node.toml").open("a") as file:
            file.write(f'[policy]\nnational = "{folder}"\n')
    with (made.home("vn") / "policy" / "records.cedar").open("a") as file:
        file.write(RULES)
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def ask(world: World, **changes: Any) -> tuple[Search, Line]:
    search = await world.nodes["th"].asking.searches.start(officer("th"), command(**changes))
    return search, lines(search)[VN]


def shown(search: Search, own: str = "th", language: Language = Language.EN) -> str:
    found = search_response(search, language).model_dump(mode="json")["lines"]
    told = (text for line in found for text in answer_lines(line, own, language))
    return "\n".join(text if isinstance(text, str) else text[0] for text in told)


async def test_the_default_agreement_is_one_that_names_the_owner(world: World) -> None:
    _, line = await ask(world)
    assert line.outcome is Outcome.HIT
    assert all(hit.record is not None for hit in line.hits)
    assert not [rule for hit in line.hits for rule in hit.rules if rule.startswith(UNRELEASED)]
    assert entries(world.nodes["vn"])[-1].private["agreement"] == "gms-border-2026"


async def test_an_agreement_that_is_named_is_cited_as_it_is(world: World) -> None:
    _, line = await ask(world, agreement="aaa-2026")
    assert entries(world.nodes["vn"])[-1].private["agreement"] == "aaa-2026"
    assert [hit.record for hit in line.hits] == [None]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"agreement": "aaa-2026"}, "not-a-party", "does not name the agency that owns this record; another one may"),
        ({"agreement": "aab-2026"}, "record-not-covered", "does not cover records of this kind; another one may"),
        (
            {"offence": Offence.WILD, "purpose": Purpose.BORDER_CHECK, "case": "", "ticket": "T-1"},
            "case-missing",
            "for a case only: give the number of the case",
        ),
        ({"offence": Offence.TIMBER}, "policy-denies", "by itself: a human there decides"),
        ({"offence": Offence.ARMS}, "role-not-allowed", "to an officer with this role"),
        ({"offence": Offence.EWASTE}, "no-field", "releases no field of this record"),
        ({"offence": Offence.MONEY}, "needs-human", "a human of the owner decides on this record, and may release it"),
        ({"offence": Offence.SCAM}, "needs-assurance", "may carry the death penalty"),
        ({"offence": Offence.PREC}, "needs-court", "by order of a court only"),
        ({"offence": Offence.ODS}, "needs-human", "a human of the owner decides on this record, and may release it"),
    ],
)
async def test_a_hit_without_a_record_says_why(world: World, changes: dict[str, Any], code: str, words: str) -> None:
    search, line = await ask(world, **changes)
    (hit,) = line.hits
    assert hit.record is None
    assert hit.rules[-1] == f"{UNRELEASED}{code}"
    assert hit.rules[0] == "document-number"
    text = shown(search)
    assert words in text
    assert f"the record needs a follow-up (reference {hit.reference})" in text
    assert "vn-test" not in text
    follow_up = f"liaison followup --search {search.id} --from vn --hit 0"
    assert f"ask a human of the owner: {follow_up}" in text
    told = next(each for each in search_response(search).model_dump()["lines"] if each["member"] == VN)
    assert [each["next"] for each in told["hits"]] == [follow_up]
    others = {shown(search, language=language).replace(hit.reference, "") for language in Language}
    assert len(others) == len(Language)
    for language in Language:
        assert UNRELEASED not in shown(search, language=language)
        assert language is Language.EN or words not in shown(search, language=language)


async def test_a_rule_without_a_code_gives_nothing_of_itself_away(world: World) -> None:
    """The reason is the same as that of a record which no rule permits, and the rule's name stays at home."""
    _, line = await ask(world, offence=Offence.TIMBER)
    assert [rule for rule in line.hits[0].rules if "test" in rule] == []
    assert "national/vn-test-secret" in str(entries(world.nodes["vn"])[-1].private["sources"])


async def test_no_hit_has_no_reason(world: World) -> None:
    _, line = await ask(world, query=NO_PASSPORT, agreement="aaa-2026")
    assert (line.outcome, line.hits) == (Outcome.NO_HIT, ())


async def test_a_hit_of_our_own_is_read_in_the_agency_s_own_system(world: World) -> None:
    search = await world.nodes["vn"].asking.searches.start(officer("vn"), command(to=(TH,)))
    own = lines(search)[VN]
    assert [hit.rules[-1] for hit in own.hits] == [f"{UNRELEASED}own-agency"]
    text = shown(search, "vn")
    assert "no record: read it in the system of our own agency" in text
    assert "follow-up" not in text
    assert "liaison followup" not in text
    told = next(each for each in search_response(search).model_dump()["lines"] if each["member"] == VN)
    assert [each["next"] for each in told["hits"]] == [""]
