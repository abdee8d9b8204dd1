"""Files of notices between two real nodes: brought, given, fetched, scanned, opened, and gone with their matter."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.desk_faces import Caller
from tests.support.exchange import entries
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
    until,
)
from tests.support.nodes import World, running

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


async def test_pictures_go_with_a_report_to_each_country_that_gets_it(world: World) -> None:
    officer = Caller(world, OFFICER)
    picture = await bring(officer, "false-floor.jpg", jpeg(exif()))
    body = {
        "fields": {"method": "tablets under a false floor", "indicators": ["new welds"], "period": "2026-03/2026-05"},
        "lang": "en", "purpose": "INVESTIGATION", "offence": "NARC", "attachments": [picture["id"]],
    }  # fmt: skip
    made = await officer.call("POST", "reports", body)
    works = (await Caller(world, SUPERVISOR).call("GET", "work", all=True))["work"]
    (work,) = [each["id"] for each in works if each["kind"] == "approve" and each["thread"] == made["id"]]
    await Caller(world, SUPERVISOR).call("POST", f"work/{work}/approve")
    store, rows = world.nodes["vn"].desk.parts.store, world.nodes["vn"].desk.files.opening._it.rows
    await until(lambda: store.threads(group_id=made["id"]), "the report did not come")
    (thread,) = store.threads(group_id=made["id"])
    await until(lambda: [each.state for each in rows.of_thread(thread.key)] == ["clean"], "the picture did not come")
