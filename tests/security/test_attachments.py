"""Hostile files, givers and fetchers: nothing is stored unverified, shown unscanned, or given to others."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace as changed

from gateway.config.home import Home
from gateway.desk.acting.parts import Actor
from gateway.desk.attachments import giving
from gateway.desk.attachments.bringing import Bringing
from gateway.desk.attachments.fetching import _store
from gateway.desk.attachments.giving import Giver
from gateway.desk.attachments.kinds import told_type
from gateway.desk.attachments.values import FileParts
from gateway.errors import Contradicted, LiaisonError, Malformed, Refused, TooLarge
from gateway.model.desk.attachments import CHUNK, Chunk, FetchWanted, FileState
from gateway.model.desk.delivered import Fetch, FetchMessage, NoticesWanted
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import DeliveryState, Role
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.requester import Officer
from gateway.ports.desk import WorkFilter
from gateway.ports.files.held import HeldFile
from gateway.rpc.methods import FETCH_ATTACHMENT
from gateway.signing.keys import SigningKey
from gateway.statements.fetch import FETCH_KIND
from tests.support.acts import switch_off, switch_on
from tests.support.desk_faces import Caller
from tests.support.exchange import entries
from tests.support.files import (
    DUTY,
    OFFICER,
    asked,
    bring,
    file_world,
    film,
    jpeg,
    listed,
    pdf,
    save,
    stands,
)
from tests.support.nodes import World, running
from tests.support.sealing import new_key
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = file_world(tmp_path_factory.mktemp("files"), ("th", "vn", "kh"), more="member_mib = 60")
    async with running(made, ("th", "vn", "kh")):
        yield made


async def fetched(world: World, who: str, notice: str, root: str, chunk: int = 0, **changes: Any) -> list[Chunk] | str:
    """What a member gets from th for a signed fetch, or the code of th's refusal."""
    return await got(
        world, who, signed(world, who, FetchWanted(ExchangeId(notice), bytes.fromhex(root), chunk), **changes)
    )


def signed(
    world: World, who: str, wanted: FetchWanted | NoticesWanted, key: SigningKey | None = None, **changes: Any
) -> FetchMessage:
    """A fetch at th, signed by the member or by another key."""
    now_us = world.nodes[who].resources.clock.now_us()
    fetch = Fetch(new_exchange_id(), MemberId(who), MemberId("th"), now_us, now_us + 60_000_000, wanted)
    sealed = FETCH_KIND.build(changed(fetch, **changes), key or world.federation[who].key("statement"))
    return FetchMessage(sealed.envelope)


async def got(world: World, who: str, message: FetchMessage) -> list[Chunk] | str:
    """What the holder of a member's TLS key gets from th, or the code of th's refusal."""
    try:
        peers = world.nodes[who].core.peers
        return [each async for each in peers.download(MemberId("th"), FETCH_ATTACHMENT, message, 10)]
    except LiaisonError as error:
        return str(error.facts.get("why", error.code))


def refused(world: World) -> int:
    """How many files th has begun to give."""
    return sum(each.entry.kind == "attachment-given" for each in entries(world.nodes["th"], "operations"))


async def test_a_file_goes_to_the_member_that_took_its_notice_and_to_nobody_else(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    first = await bring(officer, "one.pdf", pdf() + b"% one\n%%EOF")
    second = await bring(officer, "two.pdf", pdf() + b"% two\n%%EOF")
    thread, other = await asked(world, first["id"]), await asked(world, second["id"])
    for each in (thread, other):
        await stands(duty, each, "clean")
    given = refused(world)
    assert await fetched(world, "kh", thread, first["root"]) == "no-such-file"
    assert await fetched(world, "vn", thread, second["root"]) == "no-such-file"  # of another thread
    assert await fetched(world, "vn", new_exchange_id(), first["root"]) == "no-such-file"
    assert await fetched(world, "vn", thread, "ab" * 32) == "no-such-file"
    assert await fetched(world, "vn", thread, first["root"], chunk=1) == "no-such-file"
    assert refused(world) == given  # nothing was begun
    found = await fetched(world, "vn", thread, first["root"])
    assert isinstance(found, list)
    (chunk,) = found
    assert chunk.data.endswith(b"% one\n%%EOF")
    await officer.call("POST", f"threads/{thread}/withdraw", {"reason": "the person left"})
    await until(lambda: not world.nodes["th"].desk.parts.store.deliveries(), "the withdrawal did not go")
    assert await fetched(world, "vn", thread, first["root"]) == "notice-over"
    assert await duty.code("GET", f"threads/{other}/attachments/{first['root']}") == "no-such-file"


async def test_n240_the_tls_key_alone_gets_no_file_and_neither_does_a_suspended_member(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    brought = await bring(officer, "own.pdf", pdf() + b"% own\n%%EOF")
    thread = await asked(world, brought["id"])
    await stands(duty, thread, "clean")
    (entry,) = [each for each in entries(world.nodes["th"], "operations") if each.entry.exchange_id == thread
                and each.entry.kind == "attachment-given"]  # fmt: skip
    own = [each for each in entries(world.nodes["vn"], "operations") if each.entry.kind == "attachment-asked"][-1]
    assert (own.request, own.entry.request_hash) == (entry.request, entry.entry.request_hash)
    wanted, given = FetchWanted(ExchangeId(thread), bytes.fromhex(brought["root"])), refused(world)
    lost = NoticesWanted(1_000_000, recovery_id=new_exchange_id())
    tries = {
        "unsigned-fetch": FetchMessage(unsigned=wanted),
        "not-listed": signed(world, "vn", wanted, new_key()),
        "wrong-sender": signed(world, "vn", wanted, sender=MemberId("kh")),
        "wrong-content": signed(world, "vn", lost),
        "replayed": FetchMessage(entry.request),
    }
    assert {code: await got(world, "vn", message) for code, message in tries.items()} == {code: code for code in tries}
    assert refused(world) == given  # nothing was begun

    monkeypatch.setattr(giving, "MOST_BEGUN", 2)
    assert isinstance(await fetched(world, "vn", thread, brought["root"]), list)
    assert await fetched(world, "vn", thread, brought["root"]) == "file-quota"
    monkeypatch.undo()

    switch_off(Home(world.home("th")), "peer:vn", "their keys are in doubt", humanitarian="THREAT_TO_LIFE")
    suspensions = world.nodes["th"].core.parts.suspensions
    await until(lambda: suspensions.suspends(peer="vn") is not None, "it is not suspended")
    assert await fetched(world, "vn", thread, brought["root"]) == "suspended"
    await switch_on(Home(world.home("th")), "peer:vn")
    await until(lambda: suspensions.suspends(peer="vn") is None, "it is suspended")
    assert refused(world) == given + 1


class Lying:
    """The sealed files of a node that gives something else."""

    def __init__(self, files: Any, lie: Any) -> None:
        self._files = files
        self._lie = lie

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def chunk(self, row: HeldFile, number: int) -> bytes:
        return bytes(self._lie(self._files, row, number))


def lying(giver: Giver, lie: Any) -> FileParts:
    """Let a node give something else; returns how it was."""
    before = giver._it
    giver._it = replace(before, files=Lying(before.files, lie))
    return before


class Told:
    """The rows of a desk whose notices have got no further than this."""

    def __init__(self, store: Any, state: DeliveryState) -> None:
        self._store = store
        self._state = state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def delivery(self, notice_id: str) -> Any:
        return changed(self._store.delivery(notice_id), state=self._state)


async def test_a_file_is_given_only_once_its_notice_was_taken(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    brought = await bring(officer, "taken.pdf", pdf() + b"% taken\n%%EOF")
    thread = await asked(world, brought["id"])
    await stands(duty, thread, "clean")
    giver = world.nodes["th"].desk.files.giver
    before, given = giver._it, refused(world)
    try:
        for state, code in (
            (DeliveryState.WAITING, "not-taken-yet"),
            (DeliveryState.REFUSED, "notice-over"),
            (DeliveryState.EXPIRED, "notice-over"),
        ):
            store: Any = Told(before.desk.store, state)
            giver._it = replace(before, desk=replace(before.desk, store=store))
            assert await fetched(world, "vn", thread, brought["root"]) == code
        assert refused(world) == given
    finally:
        giver._it = before
    assert isinstance(await fetched(world, "vn", thread, brought["root"]), list)


async def test_the_entry_of_a_file_that_is_given_is_written_before_its_first_byte_leaves(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    giver, given, seen = world.nodes["th"].desk.files.giver, refused(world), []

    def looked(files: Any, row: HeldFile, number: int) -> bytes:
        seen.append(refused(world))
        return bytes(files.chunk(row, number))

    before = lying(giver, looked)
    try:
        brought = await bring(officer, "first.pdf", pdf() + b"% first\n%%EOF")
        await stands(duty, await asked(world, brought["id"]), "clean")
    finally:
        giver._it = before
    assert seen == [given + 1]


@pytest.mark.parametrize(
    "lie",
    [
        lambda files, row, number: files.chunk(row, 2 - number),
        lambda files, row, number: files.chunk(row, number)[:-1] + b"x",
        lambda files, row, number: files.chunk(row, number) + b"x" if number else files.chunk(row, 0),
    ],
    ids=["another order", "a changed byte", "a longer chunk"],
)
async def test_chunks_that_do_not_lead_to_the_root_are_never_stored(world: World, lie: Any) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    giver = world.nodes["th"].desk.files.giver
    before = lying(giver, lie)
    try:
        brought = await bring(officer, "film.mp4", film(2 * CHUNK + 77))
        thread = await asked(world, brought["id"])
        (found,) = await stands(duty, thread, "refused")
        assert found["why_not"] == "no-such-file"
        assert found["here"] in (0, CHUNK)  # what was verified before the lie
        assert await duty.code("GET", f"threads/{thread}/attachments/{brought['root']}") == "no-such-file"
    finally:
        giver._it = before
    codes = [each.private.get("code") for each in entries(world.nodes["vn"], "operations")]
    assert "wrong-chunk" in codes


async def test_a_fetch_that_breaks_off_goes_on_behind_what_is_here(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    video, failures = film(5 * CHUNK), [2, 4]

    def broken(files: Any, row: HeldFile, number: int) -> bytes:
        if failures and number == failures[0]:
            failures.pop(0)
            raise OSError("the power went")
        return bytes(files.chunk(row, number))

    giver = world.nodes["th"].desk.files.giver
    before = lying(giver, broken)
    try:
        brought = await bring(officer, "film.mp4", video)
        thread = await asked(world, brought["id"])
        await stands(duty, thread, "clean")
    finally:
        giver._it = before
    assert await save(duty, thread, brought["root"]) == video
    own = [
        each.private for each in entries(world.nodes["vn"], "operations") if each.private.get("file") == brought["root"]
    ]
    assert [each["first"] for each in own if "first" in each] == [0, 2, 4]


async def test_what_is_no_file_of_the_list_is_refused_before_anybody_sees_it(world: World) -> None:
    officer = Caller(world, OFFICER)
    for data, name, code in (
        (jpeg(), "a.png", "name-and-type-differ"),
        (b"PK\x03\x04" + bytes(99), "a.zip", "type-not-taken"),
        (pdf() + b"PK\x05\x06" + bytes(18) + b"%%EOF", "a.pdf", "polyglot"),
        (pdf(root=b"/OpenAction<</S/JavaScript/JS(app.alert(1))>>"), "a.pdf", "active-pdf"),
        (pdf(trailer=b"/Encrypt 4 0 R"), "a.pdf", "encrypted-pdf"),
        (pdf()[:-9], "a.pdf", "bad-file"),
        ("=1".encode("utf-16"), "a.csv", "bad-text-file"),
        (b"a,<table>", "a.csv", "polyglot"),
        (pdf(), "../a.pdf", "bad-file-name"),
        (pdf(), "a\u202efdp.pdf", "bad-text"),
        (pdf(), "a\r\nx: y.pdf", "bad-text"),
    ):
        with pytest.raises(Refused) as error:
            await bring(officer, name, data)
        assert error.value.code == code, name
    assert await Caller(world, "th.adm.1").code("POST", "attachments", name="a.pdf") != ""
    brought = await bring(officer, "a.pdf", pdf())
    assert await Caller(world, "th.o.2055").code("POST", "threads", _with(brought["id"])) == "no-such-file"


def _with(file: str) -> dict[str, Any]:
    return {
        "about": "question", "to": "vn", "topic": "vehicle", "facts": "x", "purpose": "INVESTIGATION",
        "offence": "NARC", "case": "TH-2026-17", "attachments": [file],
    }  # fmt: skip


async def test_nothing_is_opened_before_the_scanner_says_clean(tmp_path: Path) -> None:
    word = tmp_path / "word"
    made = file_world(tmp_path / "fed", vn=f"command:/bin/sh {tmp_path / 'scan'}")
    (tmp_path / "scan").write_text(f"cat > /dev/null; exit $(cat {word})\n")
    word.write_text("7")  # neither clean nor not
    async with running(made, ("th", "vn")):
        officer, duty = Caller(made, OFFICER), Caller(made, DUTY)
        brought = await bring(officer, "a.pdf", pdf())
        thread = await asked(made, brought["id"])
        path = f"threads/{thread}/attachments/{brought['root']}"
        vn = made.nodes["vn"]
        work = WorkFilter(roles=(Role.ADMINISTRATOR,))
        await until(
            lambda: [each.notice_id for each in vn.desk.parts.store.works(work)] == ["scanner-silent"], "no work"
        )
        assert await duty.code("GET", path) == "scanner-silent"
        word.write_text("0")
        await stands(duty, thread, "clean")
        assert await save(duty, thread, brought["root"]) == pdf()
        await until(lambda: not vn.desk.parts.store.works(work), "the work did not end")
        word.write_text("1")
        other = await bring(officer, "b.pdf", pdf() + b"%%EOF")
        thread = await asked(made, other["id"])
        await stands(duty, thread, "shut")
        assert await duty.code("GET", f"threads/{thread}/attachments/{other['root']}") == "scanner-found"


class OtherSoftware(Bringing):
    """A member's software that takes files as they are, and says that they are clean."""

    def _finished(self, raw: HeldFile) -> HeldFile:
        kind = told_type(self._it.files.reader(raw)(0, CHUNK), raw.about.name)
        return changed(raw, about=changed(raw.about, type=kind), state=FileState.CLEAN)

    async def take(self, actor: Actor, name: str, data: bytes) -> HeldFile:
        """Take a file whole."""

        async def parts() -> AsyncIterator[bytes]:
            yield data

        return await self.bring(actor, name, parts())


async def test_n272_n273_what_other_software_sends_is_refused_or_made_harmless(world: World) -> None:
    duty, uses = Caller(world, DUTY), world.nodes["th"].desk.uses
    office = Officer(OFFICER, "officer", "th.blo.aranyaprathet", "police", frozenset({"INVESTIGATION"}), bytes(32))
    there = OtherSoftware(uses.bringing._it)
    table = b"plate,note\n29A-1,\"=cmd|'/C calc'!A0\"\n"
    for data, name, state in (
        (table, "list.csv", "clean"),
        (pdf(b"<</S/JavaScript/JS(app.alert(1))>>"), "a.pdf", "refused"),
        (b"a,<script>alert(1)</script>\n", "b.csv", "refused"),
    ):
        row = await there.take(uses.actor(office), name, data)
        thread = await asked(world, row.notice_id)
        (found,) = await stands(duty, thread, state)
        if name == "a.pdf":  # as one that an earlier version called clean
            officer, path = Caller(world, OFFICER), f"threads/{thread}/attachments/{found['root']}"
            assert await officer.code("GET", path) == "no-such-file"
            assert [each["state"] for each in await listed(officer, thread)] == ["refused"]
        if state == "refused":
            assert await duty.code("GET", f"threads/{thread}/attachments/{found['root']}") == "no-such-file"
            continue
        assert (found["name"], found["original"]) == (name, hashlib.sha256(data).hexdigest())
        assert await save(duty, thread, found["root"]) == data.replace(b"=cmd", b"'=cmd")
        headers = await _headers(duty, thread, found["root"])
        assert "list.neutral.csv" in headers["content-disposition"]
        assert headers["content-length"] == str(len(data) + 1)
    told = [each.private["code"] for each in entries(world.nodes["vn"], "operations") if "outcome" in each.private]
    assert told[-3:] == ["formulas-made-texts", "active-pdf", "polyglot"]


async def test_the_copy_of_a_table_is_not_larger_than_a_file_may_be(world: World) -> None:
    uses = world.nodes["th"].desk.uses
    office = Officer(OFFICER, "officer", "th.blo.aranyaprathet", "police", frozenset({"INVESTIGATION"}), bytes(32))
    it = uses.bringing._it
    there = Bringing(dataclasses.replace(it, read_settings=lambda: dataclasses.replace(it.settings, largest_mib=1)))

    async def parts() -> AsyncIterator[bytes]:
        yield b"=\n" * (1 << 19)

    with pytest.raises(TooLarge):
        await there.bring(uses.actor(office), "a.csv", parts())


async def _headers(caller: Caller, thread: str, root: str) -> Any:
    """The headers under which a file leaves."""

    def get() -> Any:
        with caller.client() as node:
            headers = {"authorization": f"Bearer {caller.token()}"}
            path = f"/v1/threads/{thread}/attachments/{root}"
            return node._client.get(path, headers=headers, extensions={"sni_hostname": node._name}).headers

    return await asyncio.to_thread(get)


async def test_a_file_leaves_to_be_saved_and_never_as_a_page(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    brought = await bring(officer, 'báo cáo "x".txt'.replace('"', "'"), b"<script>alert(1)</script>\n")
    thread = await asked(world, brought["id"])
    await stands(duty, thread, "clean")
    found = await _headers(duty, thread, brought["root"])
    assert found["content-disposition"].startswith("attachment; filename=\"attachment.txt\"; filename*=UTF-8''")
    assert "%27x%27" in found["content-disposition"]
    assert found["content-security-policy"].startswith("sandbox")
    assert found["x-content-type-options"] == "nosniff"
    assert found["content-type"] == "application/octet-stream"


async def test_a_file_of_an_erased_notice_is_gone_with_its_key(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    brought = await bring(officer, "a.pdf", pdf())
    thread = await asked(world, brought["id"])
    await stands(duty, thread, "clean")
    vn = world.nodes["vn"]
    files, rows = vn.desk.files.opening._it.files, vn.desk.files.opening._it.rows
    key = ThreadKey(MemberId("th"), ExchangeId(thread))
    (row,) = rows.of_thread(key)
    assert files.has(row)
    await asyncio.to_thread(vn.desk.parts.store.forget, [key])
    assert rows.of_thread(key) == []
    await asyncio.to_thread(files.sweep, rows.names(), 2**40)
    assert not files.has(row)


async def test_a_chunk_is_stored_only_in_its_turn(tmp_path: Path, world: World) -> None:
    files = world.nodes["vn"].desk.files.opening._it.files
    officer = Caller(world, OFFICER)
    brought = await bring(officer, "film.mp4", film(2 * CHUNK))
    rows, th = world.nodes["th"].desk.files.opening._it, world.nodes["th"]
    row = rows.rows.upload(brought["id"])
    assert row is not None
    tree = th.desk.files.giver._tree(row)
    mine = changed(row, file=new_exchange_id(), state=FileState.WAITING)
    writer = files.writer(mine)
    data = [rows.files.chunk(row, number) for number in range(3)]
    good = [Chunk(number, data[number], tree.inclusion(number)) for number in range(3)]
    for wrong, error in (
        (good[1], Malformed),
        (replace_chunk(good[0], data=b""), Malformed),
        (replace_chunk(good[0], path=good[1].path), Contradicted),
        (replace_chunk(good[0], path=good[0].path[:-1]), Contradicted),
        (replace_chunk(good[0], path=(*good[0].path, bytes(32))), Contradicted),
        (replace_chunk(good[0], path=(b"x", *good[0].path[1:])), Malformed),
    ):
        with pytest.raises(error):
            _store(mine, writer, wrong)
        assert writer.count == 0
    for each in good:
        _store(mine, writer, each)
    writer.close(keep=False)


def replace_chunk(chunk: Chunk, **other: Any) -> Chunk:
    return changed(chunk, **other)


async def test_a_member_has_no_more_room_than_its_share_and_its_notices_come_all_the_same(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    threads = []
    for number in range(4):
        brought = await bring(officer, "film.mp4", film(25 * CHUNK + number))
        threads.append((await asked(world, brought["id"]), brought["root"]))
    vn = world.nodes["vn"]
    work = WorkFilter(roles=(Role.ADMINISTRATOR,))
    await until(lambda: [each.notice_id for each in vn.desk.parts.store.works(work)] == ["attachments-full"], "no work")
    thread, root = threads[-1]

    async def has_no_room() -> bool:
        return [each["why_not"] for each in await listed(duty, thread)] == ["attachments-full"]

    await until(has_no_room, "no room is told")
    (waiting,) = await listed(duty, thread)
    assert waiting["state"] == "waiting"
    assert await duty.code("GET", f"threads/{thread}/attachments/{root}") == "attachments-full"
