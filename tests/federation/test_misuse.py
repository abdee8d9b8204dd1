"""A token "not this person" between running nodes: issued under the owner's work, checked beside a hit, withdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from gateway.desk.misuse.checking import Verdict
from gateway.errors import Forbidden, LiaisonError, Malformed, Unknown
from gateway.model.desk.codes import ChangeReason
from gateway.model.desk.notices import Change
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.tokens import HeldDocument, IssueToken
from gateway.model.handed.work import Mark
from gateway.model.handed.work import Verdict as Marked
from gateway.model.names import exchange_id, new_exchange_id
from gateway.model.query import DocumentQuery
from gateway.ops.desk.tokens import check_offline
from gateway.statements.notices.notice import parse_notice
from tests.support.cli import Liaison
from tests.support.exchange import VN, entries
from tests.support.exchange import command as command_of
from tests.support.matters import see, send, visitor, with_consoles
from tests.support.moved_clock import Ahead
from tests.support.second_step import OFFICER, actor, hit, step, step_world, works
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

pytestmark = pytest.mark.process
KEEPER = actor("vn", "p1", Role.DATA_OFFICER, agency="immigration")
PAPERS = (HeldDocument("P 4471209", "tha"), HeldDocument("1103700123456", "THA"))


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    made = with_consoles(step_world(tmp_path))
    async with simulated(made, is_open=True) as made:
        yield made


async def test_a_person_carries_word_of_the_owner_that_stands_beside_the_hit_and_hides_none(
    own_world: Simulation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    th, vn = own_world.nodes["th"].desk.uses, own_world.nodes["vn"].desk.uses
    search_id = await hit(own_world)
    mark = Mark(search_id=search_id, peer=VN, hit=0, verdict=Marked.NOT_SAME, reason="another birth")
    await step(own_world, "th").marks.mark(OFFICER, mark)
    await until(lambda: bool(works(own_world.nodes["vn"], WorkKind.DISTINGUISH)), "the owner has work")
    (work,) = works(own_world.nodes["vn"], WorkKind.DISTINGUISH)

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
    assert [one.token for one in (await vn.misuse.all(KEEPER)).items] == [made.token]
    assert works(own_world.nodes["vn"], WorkKind.DISTINGUISH) == [work], "the work of correcting the record stands"

    found = await th.tokens.check(OFFICER, search_id, made.token, "P4471209", "tha")
    assert (found.verdict, found.hits) == (Verdict.NOT_THIS_PERSON, (0,))
    other = await th.tokens.check(OFFICER, search_id, made.token, "P9999999", "THA")
    assert other.verdict is Verdict.OTHER_DOCUMENT
    forged = await th.tokens.check(OFFICER, search_id, made.token[:-4] + "AAAA", "P4471209", "THA")
    assert (forged.verdict, forged.said) == (Verdict.FORGED, None)
    with pytest.raises(LiaisonError):
        await th.tokens.check(actor("th", "9", Role.OFFICER), search_id, made.token, "P4471209", "THA")
    search = await own_world.nodes["th"].asking.searches.get(OFFICER.officer, search_id)
    assert next(line for line in search.lines if line.member == VN).hits, "the hit stands"
    cli, picture = Liaison(capsys), tmp_path / "token.png"
    again = ("misuse", "show", made.said.id, "--home", own_world.home("vn"), "--as", "vn.o.p1", "--qr", picture)
    monkeypatch.setenv("LIAISON_LISTEN_AGENCY", own_world.nodes["vn"].addresses["agency"])
    monkeypatch.setenv("LIAISON_NODE_NAME", "node1")
    ran = await asyncio.to_thread(cli, *again)
    assert ran.code == 0, ran.err
    assert (ran.code, made.token in ran.out, picture.read_bytes()[:4]) == (0, True, b"\x89PNG"), ran.err
    acts = [one.private["act"] for one in entries(own_world.nodes["vn"], "operations") if one.entry.kind == "desk-act"]
    assert acts.count("read-misuse") == 1, "each reading of a token is an entry"
    assert (await asyncio.to_thread(cli, *again)).code != 0, "no file is overwritten"
    assert check_offline(own_world.home("th"), made.token, "P4471209", "THA")["verdict"] == "not-this-person"

    async with visitor(own_world, "th.o.1042") as gate:
        sent = {"token": made.token, "token-number": "P 4471209", "token-issuer": "tha"}
        page = await send(gate, f"/gate/{search_id}/token", sent)
        assert "is not the person of its record" in page.text
        assert page.text.count('name="verdict"') == (await see(gate, f"/gate/{search_id}")).text.count('name="verdict"')
        assert (await send(gate, f"/gate/{search_id}/token", sent | {"token-issuer": "T1"})).status_code == 400
        hostile = await send(gate, f"/gate/{search_id}/token", sent | {"token": "<script>alert(1)</script>"})
        assert "<script>alert" not in hostile.text

    empty = await own_world.nodes["th"].asking.searches.start(OFFICER.officer, command_of(DocumentQuery("ZZ000")))
    beside = await th.tokens.check(OFFICER, empty.id, made.token, "P4471209", "THA")
    assert beside.verdict is Verdict.NO_HIT_OF_THEIRS

    name = exchange_id(made.said.id)
    with pytest.raises(Unknown):
        await vn.misuse.withdraw(actor("vn", "p2", Role.DATA_OFFICER), name, ChangeReason.MISTAKEN)
    for _ in range(2):
        assert (await vn.misuse.withdraw(KEEPER, name, ChangeReason.MISTAKEN)).withdrawn_us
    store = own_world.nodes["th"].desk.parts.store
    await until(lambda: bool(store.holdings(jti=made.said.id)), "the withdrawal has come")
    gone = await th.tokens.check(OFFICER, search_id, made.token, "P4471209", "THA")
    assert gone.verdict is Verdict.WITHDRAWN
    acts = [each.private for each in entries(own_world.nodes["th"], "operations") if each.entry.kind == "desk-act"]
    checks = [act["content"]["verdict"] for act in acts if act["act"] == "check-token"]
    first, at_the_gate = ["not-this-person", "other-document", "forged"], ["not-this-person", "forged"]
    assert checks == [*first, *at_the_gate, "no-hit-of-theirs", "withdrawn"]
    own = [each.private for each in entries(own_world.nodes["vn"], "operations") if each.entry.kind == "desk-act"]
    assert [(act["act"], act["reason"]) for act in own][:1] == [("issue-token", "signed paper 12/2026")]


async def test_a_withdrawal_that_a_kill_breaks_off_is_told_after_the_next_start(
    own_world: Simulation, tmp_path: Path
) -> None:
    vn = own_world.nodes["vn"]
    mark = Mark(search_id=await hit(own_world), peer=VN, hit=0, verdict=Marked.NOT_SAME, reason="another birth")
    await step(own_world, "th").marks.mark(OFFICER, mark)
    await until(lambda: bool(works(vn, WorkKind.DISTINGUISH)), "the owner has work")
    (work,) = works(vn, WorkKind.DISTINGUISH)
    made = await vn.desk.uses.misuse.issue(KEEPER, IssueToken(work.id, PAPERS, "signed paper 12/2026"))
    name, store = exchange_id(made.said.id), vn.desk.parts.store

    call = asyncio.create_task(vn.desk.uses.misuse.withdraw(KEEPER, name, ChangeReason.MISTAKEN))
    while b'"withdrawn_us":0' in store.threads(peer="vn")[0].draft:
        await asyncio.sleep(0)  # one turn of the loop: the call is ended before the one in which it would tell anybody
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert not store.threads(group_id=name), "nobody was told"
    await own_world.stop("vn")
    await own_world.start("vn")
    there = own_world.nodes["th"].desk.parts.store
    await until(lambda: bool(there.holdings(jti=made.said.id)), "the withdrawal has come")
    (thread,) = there.threads(group_id=name)
    told = parse_notice(there.notices(thread.key)[0].envelope)
    assert isinstance(told.body, Change)
    assert (told.body.reason, told.head.requester.role) == ("mistaken", "data-officer")
    Ahead(tmp_path).move(timedelta(minutes=2))
    await own_world.turn()
    assert len(own_world.nodes["vn"].desk.parts.store.threads(group_id=name)) == 1, "it is told once"


ZONE = "P<VNMTRAN<<LAN<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<C4419027<6VNM8403021F3001012<<<<<<<<<<<<<<06"
"""A zone as a scanner types it, of the document that hits in Viet Nam."""

WHY = {"case": "TH-2026-0417", "ticket": "", "purpose": "INVESTIGATION", "offence": "MONEY", "to": "vn"}
GOOD = "is not the person of its record"


async def test_a_scanner_types_a_token_at_the_gate_before_a_question_or_with_it(own_world: Simulation) -> None:
    vn = own_world.nodes["vn"].desk.uses
    mark = Mark(search_id=await hit(own_world), peer=VN, hit=0, verdict=Marked.NOT_SAME, reason="another birth")
    await step(own_world, "th").marks.mark(OFFICER, mark)
    await until(lambda: bool(works(own_world.nodes["vn"], WorkKind.DISTINGUISH)), "the owner has work")
    (work,) = works(own_world.nodes["vn"], WorkKind.DISTINGUISH)
    made = await vn.misuse.issue(
        KEEPER, IssueToken(work.id, (*PAPERS, HeldDocument("C4419027", "VNM")), "signed paper 12/2026")
    )
    spoilt = made.token.swapcase()

    async def answers(gate: httpx2.AsyncClient, fields: dict[str, str], form: str) -> tuple[str, str]:
        """Ask; return the path of the answers, and its page when all have come."""
        sent = await send(gate, "/gate", WHY | fields, form=form * 22)
        assert sent.status_code == 303, sent.text
        path = sent.headers["location"]
        for name in path.removeprefix("/gate/").split("~"):
            async for _ in own_world.nodes["th"].asking.searches.follow(OFFICER.officer, name):
                pass
        return path, (await see(gate, path)).text

    async with visitor(own_world, "th.o.1042") as gate:
        alone = await send(gate, "/gate", WHY | {"case": "", "asked": made.token})
        assert (alone.status_code, made.token in alone.text) == (200, True)
        assert "Now scan the document that the person shows" in alone.text
        bad = await send(gate, "/gate", WHY | {"asked": spoilt})
        assert "no token that a country has signed" in bad.text
        assert spoilt not in bad.text, "it is not carried on"
        assert (await send(gate, "/gate", WHY | {"asked": f"{made.token} {spoilt}"})).status_code == 400
        kept = await send(gate, "/gate", WHY | {"case": "", "asked": "P1", "token": made.token})
        assert (kept.status_code, made.token in kept.text) == (400, True), "a fault loses no token"

        _, plain = await answers(gate, {"asked": ZONE}, "A")
        assert plain.count('name="verdict"') == 3
        for number, fields in enumerate(({"asked": ZONE, "token": made.token}, {"asked": f"{made.token}\n{ZONE}"})):
            path, page = await answers(gate, fields, "BC"[number])
            assert f"<strong>Viet Nam (vn) says: the holder of this document {GOOD}" in page
            assert page.count('name="verdict"') == 3, "the hit stands"
            assert GOOD in (await see(gate, path)).text
        path, page = await answers(gate, {"asked": f"{spoilt} {ZONE}"}, "D")
        assert "no token that a country has signed" in page
        assert (GOOD in page, page.count('name="verdict"')) == (False, 3)
        path, page = await answers(gate, {"asked": f"{made.token} C4419027"}, "E")
        assert "Say below which document the person shows" in page, "no country was said"
        assert made.token in page
        page = (
            await send(gate, f"{path}/token", {"token": made.token, "token-number": "P1", "token-issuer": "THA"})
        ).text
        assert "not for this document" in page
        path, page = await answers(gate, {"asked": f"{made.token} {ZONE.replace('C4419027', 'X0000000')}"}, "F")
        assert "not for this document" in page
        await vn.misuse.withdraw(KEEPER, exchange_id(made.said.id), ChangeReason.MISTAKEN)
        store = own_world.nodes["th"].desk.parts.store
        await until(lambda: bool(store.holdings(jti=made.said.id)), "the withdrawal has come")
        gone = await send(gate, "/gate", WHY | {"asked": made.token})
        assert "has withdrawn this token" in gone.text
        path, page = await answers(gate, {"asked": f"{made.token} {ZONE}"}, "G")
        assert "has withdrawn this token" in page
        assert page.count('name="verdict"') == 3
    acts = [each.private for each in entries(own_world.nodes["th"], "operations") if each.entry.kind == "desk-act"]
    checks = [act["content"]["verdict"] for act in acts if act["act"] == "check-token"]
    says, other = ["not-this-person"] * 4, ["other-document"] * 3
    assert checks == [*says, "forged", "forged", *other, "withdrawn", "withdrawn"], (
        "one for each question, however often seen"
    )
