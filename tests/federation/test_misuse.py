"""A token "not this person" between running nodes: issued under the owner's work, checked beside a hit, withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.desk.misuse.checking import Verdict
from gateway.desk.misuse.issuing import IssueToken
from gateway.desk.second_step.marking import Mark
from gateway.desk.second_step.marking import Verdict as Marked
from gateway.errors import Forbidden, LiaisonError, Malformed, Unknown
from gateway.model.desk.codes import ChangeReason
from gateway.model.desk.work import Role, WorkKind
from gateway.model.names import exchange_id, new_exchange_id
from gateway.model.query import DocumentQuery
from gateway.ops.desk.tokens import check_offline
from tests.support.exchange import VN, entries
from tests.support.exchange import command as command_of
from tests.support.matters import see, send, visitor, with_consoles
from tests.support.nodes import World, running
from tests.support.second_step import OFFICER, actor, hit, step, step_world, until, works

pytestmark = pytest.mark.process
KEEPER = actor("vn", "p1", Role.DATA_OFFICER, agency="immigration")
PAPERS = (("P 4471209", "tha"), ("1103700123456", "THA"))


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = with_consoles(step_world(tmp_path))
    async with running(made, ("th", "vn")):
        yield made


async def test_a_person_carries_word_of_the_owner_that_stands_beside_the_hit_and_hides_none(world: World) -> None:
    th, vn = world.nodes["th"].desk.uses, world.nodes["vn"].desk.uses
    search_id = await hit(world)
    mark = Mark(search_id=search_id, peer=VN, hit=0, verdict=Marked.NOT_SAME, reason="another birth")
    await step(world, "th").marks.mark(OFFICER, mark)
    await until(lambda: bool(works(world.nodes["vn"], WorkKind.DISTINGUISH)), "the owner has work")
    (work,) = works(world.nodes["vn"], WorkKind.DISTINGUISH)

    command = IssueToken(work.id, PAPERS, "signed paper 12/2026")
    for who in (actor("vn", "p2", Role.DATA_OFFICER), actor("vn", "d7", Role.DUTY, agency="immigration")):
        with pytest.raises(Forbidden):
            await vn.misuse.issue(who, command)
    for bad in (IssueToken(work.id, (), "x"), IssueToken(work.id, PAPERS, ""), IssueToken(work.id, PAPERS, "x", 1)):
        with pytest.raises(Malformed):
            await vn.misuse.issue(KEEPER, bad)
    with pytest.raises(Unknown):
        await vn.misuse.issue(KEEPER, IssueToken("decide.th.x", PAPERS, "x"))
    once = new_exchange_id()
    made = await vn.misuse.issue(KEEPER, command, once)
    assert (await vn.misuse.issue(KEEPER, command, once)).token == made.token
    assert [one.token for one in await vn.misuse.all(KEEPER)] == [made.token]
    assert works(world.nodes["vn"], WorkKind.DISTINGUISH) == [work], "the work of correcting the record stands"

    found = await th.tokens.check(OFFICER, search_id, made.token, "P4471209", "tha")
    assert (found.verdict, found.hits) == (Verdict.NOT_THIS_PERSON, (0,))
    other = await th.tokens.check(OFFICER, search_id, made.token, "P9999999", "THA")
    assert other.verdict is Verdict.OTHER_DOCUMENT
    forged = await th.tokens.check(OFFICER, search_id, made.token[:-4] + "AAAA", "P4471209", "THA")
    assert (forged.verdict, forged.said) == (Verdict.FORGED, None)
    with pytest.raises(LiaisonError):
        await th.tokens.check(actor("th", "9", Role.OFFICER), search_id, made.token, "P4471209", "THA")
    search = await world.nodes["th"].asking.searches.get(OFFICER.officer, search_id)
    assert next(line for line in search.lines if line.member == VN).hits, "the hit stands"
    assert check_offline(world.home("th"), made.token, "P4471209", "THA")["verdict"] == "not-this-person"

    async with visitor(world, "th.o.1042") as gate:
        sent = {"token": made.token, "token-number": "P 4471209", "token-issuer": "tha"}
        page = await send(gate, f"/gate/{search_id}/token", sent)
        assert "is not the person of its record" in page.text
        assert page.text.count('name="verdict"') == (await see(gate, f"/gate/{search_id}")).text.count('name="verdict"')
        assert (await send(gate, f"/gate/{search_id}/token", sent | {"token-issuer": "T1"})).status_code == 400
        hostile = await send(gate, f"/gate/{search_id}/token", sent | {"token": "<script>alert(1)</script>"})
        assert "<script>alert" not in hostile.text
        asked = {"asked": made.token, "ticket": "T-1", "purpose": "BORDER_CHECK", "offence": "OTHER"}
        assert (await send(gate, "/gate", asked)).status_code == 400

    empty = await world.nodes["th"].asking.searches.start(OFFICER.officer, command_of(DocumentQuery("ZZ000")))
    beside = await th.tokens.check(OFFICER, empty.id, made.token, "P4471209", "THA")
    assert beside.verdict is Verdict.NO_HIT_OF_THEIRS

    name = exchange_id(made.said.id)
    with pytest.raises(Forbidden):
        await vn.misuse.withdraw(actor("vn", "p2", Role.DATA_OFFICER), name, ChangeReason.MISTAKEN)
    for _ in range(2):
        assert (await vn.misuse.withdraw(KEEPER, name, ChangeReason.MISTAKEN)).withdrawn_us
    store = world.nodes["th"].desk.parts.store
    await until(lambda: bool(store.holdings(jti=made.said.id)), "the withdrawal has come")
    gone = await th.tokens.check(OFFICER, search_id, made.token, "P4471209", "THA")
    assert gone.verdict is Verdict.WITHDRAWN
    acts = [each.private for each in entries(world.nodes["th"], "operations") if each.entry.kind == "desk-act"]
    checks = [act["content"]["verdict"] for act in acts if act["act"] == "check-token"]
    first, at_the_gate = ["not-this-person", "other-document", "forged"], ["not-this-person", "forged"]
    assert checks == [*first, *at_the_gate, "no-hit-of-theirs", "withdrawn"]
    own = [each.private for each in entries(world.nodes["vn"], "operations") if each.entry.kind == "desk-act"]
    assert [(act["act"], act["reason"]) for act in own][:1] == [("issue-token", "signed paper 12/2026")]
