"""Files of notices between two real nodes: brought, given, fetched, scanned, opened, and gone with their matter."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.model.names import ExchangeId
from gateway.views.desk.files import file_lines
from tests.support.desk_faces import Caller
from tests.support.exchange import PASSPORT, entries
from tests.support.federation import OFFICES
from tests.support.files import (
    DUTY,
    OFFICER,
    SUPERVISOR,
    asked,
    bring,
    exif,
    file_world,
    film,
    jpeg,
    listed,
    pdf,
    save,
    stands,
)
from tests.support.nodes import World, other_work, running
from tests.support.policies import NATIONAL
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = file_world(tmp_path_factory.mktemp("files"))
    async with running(made, ("th", "vn")):
        yield made


async def test_files_go_with_an_ask_are_fetched_scanned_and_opened_and_each_step_is_an_entry(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    video = film(3 * 1024 * 1024 + 100)
    brought = await bring(officer, "ผู้ต้องสงสัย.mp4", video, marking="RESTRICTED")
    photo = await bring(officer, "lorry.jpg", jpeg(exif()))
    assert (brought["size"], brought["type"], photo["type"]) == (len(video), "video/mp4", "image/jpeg")

    thread = await asked(world, brought["id"], photo["id"])
    found = await stands(duty, thread, "clean", 2)

    assert {each["name"]: each["marking"] for each in found} == {"ผู้ต้องสงสัย.mp4": "RESTRICTED", "lorry.jpg": "OFFICIAL"}
    assert await save(duty, thread, brought["root"]) == video
    bare = await save(duty, thread, photo["root"])
    assert b"GPS" not in bare
    assert b"Exif\0\0MM" in bare  # only which side is up
    assert [each["state"] for each in await listed(officer, thread)] == ["clean", "clean"]
    logs = {member: entries(world.nodes[member], "operations") for member in ("th", "vn")}
    kinds = {member: [each.entry.kind for each in log] for member, log in logs.items()}
    assert kinds["th"].count("attachment-given") == 2
    assert [kinds["vn"].count(f"attachment-{each}") for each in ("asked", "came", "scanned")] == [2, 2, 2]


async def test_files_go_with_a_note_and_an_answer_of_the_other_side(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    thread = await asked(world)
    sheet = await bring(duty, "sheet.pdf", pdf())
    await duty.call("POST", f"threads/{thread}/note", {"text": "the sheet", "attachments": [sheet["id"]]})
    (work,) = [
        each
        for each in (await duty.call("GET", "work", all=True))["work"]
        if each["thread"] == thread and each["kind"] == "decide"
    ]
    text = await bring(duty, "answer.txt", "chủ xe".encode())
    answer = {"answer": "RELEASED", "reason": "theirs", "text": "as attached", "attachments": [text["id"]]}
    await duty.call("POST", f"work/{work['id']}/decide", answer)
    found = await stands(officer, thread, "clean", 2)
    assert [each["name"] for each in found] == ["sheet.pdf", "answer.txt"]
    assert await save(officer, thread, text["root"]) == "chủ xe".encode()


async def test_n273_a_table_with_formulas_goes_as_a_copy_that_says_so(world: World) -> None:
    officer, duty = Caller(world, OFFICER), Caller(world, DUTY)
    data = '\ufeffทะเบียน;หมายเหตุ\n29A-1;=HYPERLINK("https://example.org")\n'.encode()
    brought = await bring(officer, "list.csv", data)
    assert (brought["name"], brought["original"]) == ("list.neutral.csv", hashlib.sha256(data).hexdigest())
    thread = await asked(world, brought["id"])
    (ours,) = await stands(officer, thread, "clean")
    assert ours["original"] == brought["original"]
    (found,) = await stands(duty, thread, "clean")
    assert (found["name"], found["original"]) == ("list.neutral.csv", "")
    assert await save(duty, thread, found["root"]) == data.replace(b"=HYPER", b"'=HYPER")
    told = [str(line) for line in file_lines([ours]) if brought["original"] in str(line)]
    assert len(told) == 1
    assert "this is a copy: formulas in the table are texts in it; SHA-256 of the original: " in told[0]


async def test_a_file_goes_with_a_follow_up_to_a_hit_of_a_watch_to_an_office_there(world: World) -> None:
    officer, supervisor = Caller(world, OFFICER), Caller(world, SUPERVISOR)
    query = {"kind": "document", "number": PASSPORT.number, "issuer": PASSPORT.issuer}
    body = {"query": query, "to": ["vn"], "purpose": "INVESTIGATION", "offence": "DOCFRAUD", "case": "TH-2026-17"}
    watch = await officer.call("POST", "watches", body)

    async def approve(thread: str) -> None:
        works = (await supervisor.call("GET", "work", all=True))["work"]
        (work,) = [each["id"] for each in works if each["kind"] == "approve" and each["thread"] == thread]
        await supervisor.call("POST", f"work/{work}/approve")

    await approve(watch["id"])
    rows, me = world.nodes["th"].desk.parts.store, world.nodes["th"].core.parts.member
    (key,) = [each.key for each in rows.threads(group_id=watch["id"]) if each.key.peer != me]
    await until(lambda: any(row.placed.code == "HIT" for row in rows.notices(key)), "there is no hit")
    (hit,) = (await officer.call("GET", f"watches/{watch['id']}"))["to"][0]["hits"]
    photo = await bring(officer, "gate.jpg", jpeg(exif()))
    office = OFFICES["vn"][0]
    follow = {"from": "vn", "notice": hit["notice"], "hit": hit["hit"], "facts": "at the gate", "to_office": office}
    path = f"watches/{watch['id']}/followup"
    assert await officer.code("POST", path, follow | {"attachments": ["f" * 32]}) == "no-such-file"
    drafted = await officer.call("POST", path, follow | {"attachments": [photo["id"]]})
    await approve(drafted["thread"])
    store, there = world.nodes["vn"].desk.parts.store, world.nodes["vn"].desk.files.opening._it.rows
    await until(lambda: store.find_thread(drafted["thread"]), "the ask did not come")
    (thread,) = store.find_thread(drafted["thread"])
    assert thread.office == office
    await until(lambda: [each.state for each in there.of_thread(thread.key)] == ["clean"], "the picture did not come")


async def test_what_was_given_is_fetched_after_an_outcome_ended_its_matter(world: World) -> None:
    officer, duty, vn = Caller(world, OFFICER), Caller(world, DUTY), world.nodes["vn"]
    photo = await bring(officer, "late.jpg", jpeg(exif()))
    with other_work(vn, {"attachments": nothing}):
        thread = await asked(world, photo["id"])
        (work,) = [
            each["id"]
            for each in (await duty.call("GET", "work", all=True))["work"]
            if each["thread"] == thread and each["kind"] == "decide"
        ]
        await duty.call("POST", f"work/{work}/decide", {"answer": "NOTHING_HELD", "reason": "none", "text": "none"})
        name = ExchangeId(thread)
        store, rows = world.nodes["th"].desk.parts.store, vn.desk.files.opening._it.rows
        await until(lambda: [each.state for each in store.find_thread(name)] == ["answered"], "no answer has come")
        await officer.call("POST", f"threads/{thread}/outcome", {"outcome": "NO_ACTION"})
        (there,) = vn.desk.parts.store.find_thread(name)
        await until(lambda: [each.state for each in vn.desk.parts.store.find_thread(name)] == ["ended"], "not ended")
        assert [each.state for each in rows.of_thread(there.key)] == ["waiting"]
    await until(lambda: [each.state for each in rows.of_thread(there.key)] == ["clean"], "it is not fetched")


async def nothing() -> None:
    """Fetch nothing."""


async def test_policy_demands_bare_pictures_whatever_the_settings_say(tmp_path: Path) -> None:
    world = file_world(tmp_path, ("th",), 'image_metadata = "keep"')
    policy = shutil.copytree(NATIONAL / "th", world.home("th") / "policy")
    with (world.home("th") / "node.toml").open("a") as file:
        file.write(f'[policy]\nnational = "{policy}"\n')
    photo, sizes = jpeg(exif()), []
    for demanded in (False, True):
        (policy / "desk.toml").write_text(f"[files]\nbare_pictures = {str(demanded).lower()}\n")
        async with running(world, ("th",)):
            sizes.append((await bring(Caller(world, OFFICER), "a.jpg", photo))["size"])
    assert sizes[0] == len(photo) > sizes[1]


async def test_pictures_go_with_a_report_to_each_country_that_gets_it(world: World) -> None:
    officer = Caller(world, OFFICER)
    picture = await bring(officer, "false-floor.jpg", jpeg(exif()))
    body = {
        "fields": {"method": "tablets under a false floor", "indicators": ["new welds"], "period": "2026-03/2026-05"},
        "lang": "en", "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-17",
        "attachments": [picture["id"]],
    }  # fmt: skip
    made = await officer.call("POST", "reports", body)
    works = (await Caller(world, SUPERVISOR).call("GET", "work", all=True))["work"]
    (work,) = [each["id"] for each in works if each["kind"] == "approve" and each["thread"] == made["id"]]
    await Caller(world, SUPERVISOR).call("POST", f"work/{work}/approve")
    store, rows = world.nodes["vn"].desk.parts.store, world.nodes["vn"].desk.files.opening._it.rows
    await until(lambda: store.threads(group_id=made["id"]), "the report did not come")
    (thread,) = store.threads(group_id=made["id"])
    await until(lambda: [each.state for each in rows.of_thread(thread.key)] == ["clean"], "the picture did not come")
