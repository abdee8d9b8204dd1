"""Each act of a token has the same effects over REST, by command and by a form: no face goes round the use case."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.desk.misuse.issuing import IssuedToken
from gateway.model.desk.codes import ChangeReason
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.tokens import HeldDocument, IssueToken
from gateway.model.handed.work import Mark
from gateway.model.handed.work import Verdict as Marked
from gateway.model.names import exchange_id
from gateway.ports.desk import Work
from tests.golden.masks import Masks
from tests.golden.record import changes, rows_of, told_entry
from tests.golden.world import settle
from tests.support.cli import Liaison
from tests.support.desk_faces import Caller
from tests.support.exchange import VN, entries
from tests.support.matters import send, visitor, with_consoles
from tests.support.second_step import OFFICER, actor, hit, step, step_world, works
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until

pytestmark = pytest.mark.process
KEEPER = actor("vn", "p1", Role.DATA_OFFICER, agency="immigration")
CONSENT = "signed paper 12/2026"
_FACES = ("use case", "rest", "command", "form")
_READ = re.compile(r'"act": "(?:look|read-misuse|read-work)"')
_ACT = re.compile(r'^entry desk-act .*"act": "([^"]*)"')
_OF_A_FACE = (
    (re.compile(r"usual \d+ "), ""),
    (re.compile(r'"client": "[^"]*", '), ""),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "<time>"),
    (re.compile(r"\b1[6-9]\d{8}\b"), "<time>"),
)
"""Names what differs from one face to another, and from one second to the next."""


class Faces:
    """A data officer and an officer of two nodes, who act through one of the faces."""

    def __init__(self, world: Simulation, cli: Liaison, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self._cli, self._patch = world, cli, monkeypatch
        self.keeper = Caller(world, "vn.o.p1", "data-officer", "immigration", "vn.blo.one")
        self.officer = Caller(world, "th.o.1042", "officer", "police", "th.blo.one")

    async def command(self, who: Caller, *arguments: str) -> Any:
        """Run a command of `liaison misuse` as a person; return its document."""
        self._patch.setenv("LIAISON_LISTEN_AGENCY", self.world.nodes[who.member].addresses["agency"])
        self._patch.setenv("LIAISON_NODE_NAME", "node1")
        where = ("--home", self.world.home(who.member), "--as", who.person, "--json")
        ran = await asyncio.to_thread(self._cli, "misuse", *arguments, *where)
        assert ran.code == 0, ran.err
        return ran.value

    async def form(self, who: Caller, path: str, fields: dict[str, str]) -> str:
        """Send a form of the console as a person; return the path that it leads to."""
        async with visitor(self.world, who.person) as browser:
            answer = await send(browser, path, fields, form=f"{path[-6:]:A<22}".replace("/", "-"))
            assert answer.status_code in (200, 303), answer.text
            return str(answer.headers.get("location", ""))

    async def issue(self, face: str, work: Work) -> str:
        """Issue a token; return its id."""
        if face == "use case":
            documents = (HeldDocument("P4471209", "THA"),)
            made = await self.world.nodes["vn"].desk.uses.misuse.issue(KEEPER, IssueToken(work.id, documents, CONSENT))
            return made.said.id
        if face == "rest":
            body = {"work": work.id, "documents": [{"number": "P4471209", "issuer": "THA"}], "consent": CONSENT}
            return str((await self.keeper.call("POST", "misuse", body))["id"])
        if face == "command":
            said = ("--work", work.id, "--document", "P4471209:THA", "--consent", CONSENT)
            return str((await self.command(self.keeper, "issue", *said))["id"])
        fields = {"work": work.id, "documents": "P4471209 THA", "consent": CONSENT, "agrees": "1", "until": "180"}
        return (await self.form(self.keeper, "/misuse", fields)).rpartition("/")[2]

    async def check(self, face: str, search_id: str, token: str) -> None:
        """Check a token beside the hits of a search."""
        if face == "use case":
            await self.world.nodes["th"].desk.uses.tokens.check(OFFICER, search_id, token, "P4471209", "THA")
        elif face == "rest":
            body = {"token": token, "number": "P4471209", "issuer": "THA"}
            await self.officer.call("POST", f"searches/{search_id}/token", body)
        elif face == "command":
            await self.command(self.officer, "check", token, "--search", search_id, "--document", "P4471209:THA")
        else:
            fields = {"token": token, "token-number": "P4471209", "token-issuer": "THA"}
            await self.form(self.officer, f"/gate/{search_id}/token", fields)

    async def withdraw(self, face: str, name: str) -> None:
        """Withdraw a token."""
        if face == "use case":
            await self.world.nodes["vn"].desk.uses.misuse.withdraw(KEEPER, exchange_id(name), ChangeReason.MISTAKEN)
        elif face == "rest":
            await self.keeper.call("POST", f"misuse/{name}/withdraw", {"reason": "mistaken"})
        elif face == "command":
            await self.command(self.keeper, "withdraw", name, "--reason", "mistaken")
        else:
            await self.form(self.keeper, f"/misuse/{name}/withdraw", {"reason": "mistaken"})

    async def found(self, name: str) -> IssuedToken:
        """Return a token of ours as the desk has it."""
        return await self.world.nodes["vn"].desk.uses.misuse.show(KEEPER, exchange_id(name))


@pytest_asyncio.fixture
async def faces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Faces]:
    async with simulated(with_consoles(step_world(tmp_path)), is_open=True) as world:
        yield Faces(world, Liaison(capsys), monkeypatch)


async def marked(world: Simulation) -> tuple[str, Work]:
    """Let an officer mark a hit as another person; return the search, and the work that the owner gets of it."""
    before = {work.id for work in works(world.nodes["vn"], WorkKind.DISTINGUISH)}
    search_id = await hit(world)
    mark = Mark(search_id=search_id, peer=VN, hit=0, verdict=Marked.NOT_SAME, reason="another birth")
    await step(world, "th").marks.mark(OFFICER, mark)

    def new() -> list[Work]:
        return [work for work in works(world.nodes["vn"], WorkKind.DISTINGUISH) if work.id not in before]

    (work,) = await until(new, "the owner has work")
    return search_id, work


async def effects(world: Simulation, act: Callable[[], Awaitable[None]]) -> list[str]:
    """Return the lines of what an act writes at both ends: entries of acts and of notices, and rows that change."""
    nodes = [world.nodes[end] for end in ("vn", "th")]
    await settle(world)
    logs = [(node, log) for node in nodes for log in ("operations", "exchange")]
    sizes = [len(entries(node, log)) for node, log in logs]
    rows = [dict(rows_of(node)) for node in nodes]
    await act()
    await settle(world)
    found: list[str] = []
    for (node, log), size in zip(logs, sizes, strict=True):
        new = (each for each in entries(node, log)[size:] if each.entry.kind == "desk-act" or each.entry.exchange_id)
        found += [line for line in map(told_entry, new) if not _READ.search(line)]
    for node, before in zip(nodes, rows, strict=True):
        changed = {key: changes(before.get(key, {}), fields) for key, fields in rows_of(node)}
        found += [f"{node.resources.member} {key} {sorted(fields)}" for key, fields in changed.items() if fields]
    lines = Masks().lines(found)
    for rule, instead in _OF_A_FACE:
        lines = [rule.sub(instead, line) for line in lines]
    return lines


async def test_each_act_of_a_token_has_the_same_effects_through_each_face(faces: Faces) -> None:
    told = {face: await _life(faces, face) for face in _FACES}
    first = told["use case"]
    acts = {name: [act for line in lines for act in _ACT.findall(line)] for name, lines in first.items()}
    assert acts == {"issue": ["issue-token"], "check": ["check-token"], "withdraw": ["withdraw-token"]}
    for face in _FACES[1:]:
        for name, lines in first.items():
            other = told[face][name]
            assert other == lines, "\n".join(difflib.unified_diff(lines, other, f"{name} by use case", f"by {face}"))


async def _life(faces: Faces, face: str) -> dict[str, list[str]]:
    """Issue, check and withdraw a token through one face; return the effects of each act."""
    world = faces.world
    search_id, work = await marked(world)
    names: list[str] = []

    async def issue() -> None:
        names.append(await faces.issue(face, work))

    issued = await effects(world, issue)
    token = (await faces.found(names[0])).token
    checked = await effects(world, partial(faces.check, face, search_id, token))
    withdrawn = await effects(world, partial(faces.withdraw, face, names[0]))
    assert world.nodes["th"].desk.parts.store.holdings(jti=names[0]), f"{face}: the counterpart was told"
    return {"issue": issued, "check": checked, "withdraw": withdrawn}


async def test_a_token_is_listed_and_shown_alike_over_rest_and_by_command(faces: Faces) -> None:
    _, work = await marked(faces.world)
    name = await faces.issue("rest", work)
    listed = await faces.keeper.call("GET", "misuse")
    assert [one["id"] for one in listed["tokens"]] == [name]
    assert await faces.command(faces.keeper, "list") == listed
    shown = await faces.keeper.call("GET", f"misuse/{name}")
    assert (shown["token"], shown["withdrawn"]) == ((await faces.found(name)).token, "")
    assert await faces.command(faces.keeper, "show", name) == shown
