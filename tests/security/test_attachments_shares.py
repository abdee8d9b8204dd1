"""Counterparts that break off, lie at the end, or hold up the scanner: each has its own share of disk and of turns."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.app.run.node import Node
from gateway.model.desk.attachments import CHUNK, FileState
from gateway.model.desk.work import Role
from gateway.ports.desk import WorkFilter
from gateway.ports.files.held import HeldFile
from tests.federation.test_quotas_and_types import limit
from tests.security.test_attachments import lying
from tests.support.desk_faces import Caller
from tests.support.files import (
    DUTY,
    OFFICER,
    SUPERVISOR,
    asked,
    bring,
    file_world,
    film,
    listed,
    pdf,
    stands,
    whole_day,
)
from tests.support.nodes import other_work, running
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio


def on_disk(node: Node) -> int:
    """The bytes of all files in a node's folder of attachments, beside the id of its home."""
    folder = node.desk.files.opening._it.files._root  # type: ignore[attr-defined]
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "home.id")


async def test_n182_who_breaks_off_before_the_end_of_each_file_gets_no_more_room_than_its_share(tmp_path: Path) -> None:
    world = file_world(tmp_path, ("th", "vn"), more="member_mib = 7")
    async with running(world, ("th", "vn")):
        officer, duty, vn = Caller(world, OFFICER), Caller(world, DUTY), world.nodes["vn"]
        giver = world.nodes["th"].desk.files.giver

        def broken(files: Any, row: HeldFile, number: int) -> bytes:
            if number == 3:
                raise OSError("the power went")
            return bytes(files.chunk(row, number))

        before = lying(giver, broken)
        threads = []
        for number in range(4):
            brought = await bring(officer, "film.mp4", film(3 * CHUNK + 1_000 + number))
            threads.append(await asked(world, brought["id"]))
        work = WorkFilter(roles=(Role.ADMINISTRATOR,))
        await until(
            lambda: [each.notice_id for each in vn.desk.parts.store.works(work)] == ["attachments-full"], "no work"
        )
        assert await asyncio.to_thread(on_disk, vn) < 7 * CHUNK
        giver._it = before
        await stands(duty, threads[0], "clean")  # what has begun has its room
        (waiting,) = await listed(duty, threads[3])
        assert (waiting["state"], waiting["here"]) == ("waiting", 0)


async def test_n182_of_a_file_that_is_wrong_at_its_end_nothing_stays(tmp_path: Path) -> None:
    world = file_world(tmp_path, ("th", "vn"))
    async with running(world, ("th", "vn")):
        officer, duty, vn = Caller(world, OFFICER), Caller(world, DUTY), world.nodes["vn"]
        lying(
            world.nodes["th"].desk.files.giver,
            lambda files, row, number: files.chunk(row, number)[:-1] + b"x" if number else files.chunk(row, 0),
        )
        brought = await bring(officer, "film.mp4", film(2 * CHUNK))
        thread = await asked(world, brought["id"])
        (found,) = await stands(duty, thread, "refused")
        await until(lambda: on_disk(vn) == 0, "its first part stays")
        assert found["why_not"] == "no-such-file"


async def test_n183_a_file_on_which_the_scanner_hangs_holds_up_its_own_member_and_no_other(tmp_path: Path) -> None:
    script = tmp_path / "scan"
    script.write_text("grep -q HANG && exit 7; exit 0\n")
    world = file_world(tmp_path / "fed", ("th", "vn", "kh"), vn=f"command:/bin/sh {script}")
    async with running(world, ("th", "vn", "kh")):
        officer, duty, vn = Caller(world, OFFICER), Caller(world, DUTY), world.nodes["vn"]
        rows, scanning = vn.desk.files.opening._it.rows, vn.desk.files.scanning

        async def nothing() -> None: ...

        def unscanned() -> list[HeldFile]:
            return rows.due((FileState.UNSCANNED,), 2**62, 99)

        with other_work(vn, {"scanner": nothing}):
            for number in range(5):
                brought = await bring(officer, "a.pdf", pdf() + b"%% HANG %d\n%%%%EOF" % number)
                await asked(world, brought["id"])
            await until(lambda: len(unscanned()) == 5, "they have not come")
            brought = await bring(duty, "b.pdf", pdf())
            await scanning._scan_all(unscanned())
            assert sorted(row.tries for row in unscanned()) == [0, 0, 0, 0, 1], "one try for the member that is silent"
            row = await asyncio.to_thread(rows.upload, brought["id"])
            assert row is not None
            assert row.state is FileState.CLEAN


async def test_n183_a_file_that_our_disk_has_changed_is_fetched_again_and_holds_up_no_other(tmp_path: Path) -> None:
    world = file_world(tmp_path, ("th", "vn"))
    async with running(world, ("th", "vn")):
        officer, duty, vn = Caller(world, OFFICER), Caller(world, DUTY), world.nodes["vn"]
        it = vn.desk.files.opening._it
        spoilt: list[str] = []

        async def nothing() -> None: ...

        def unscanned() -> list[HeldFile]:
            return it.rows.due((FileState.UNSCANNED,), 2**62, 99)

        with other_work(vn, {"scanner": nothing}):
            for number in range(2):
                brought = await bring(officer, "a.pdf", pdf() + b"%d\n%%%%EOF" % number)
                spoilt.append(await asked(world, brought["id"]))
            await until(lambda: len(unscanned()) == 2, "they have not come")
            first = unscanned()[0]
            path = it.files._path(first)  # type: ignore[attr-defined]
            path.write_bytes(path.read_bytes()[:-1] + b"x")
        for thread in spoilt:
            await stands(duty, thread, "clean")


async def test_n253_one_officer_fills_no_more_than_a_share_of_a_day_and_one_agency_leaves_the_others_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = file_world(tmp_path, ("th", "vn"))
    limit(world, "th", "[brought]\nperson_mib = 5\nagency_mib = 8\n")
    whole_day(tmp_path, monkeypatch)
    async with running(world, ("th",)):
        officer, colleague = Caller(world, OFFICER), Caller(world, SUPERVISOR)
        await bring(officer, "film.mp4", film(3 * CHUNK))
        with pytest.raises(Exception, match="5 MiB"):
            await bring(officer, "film.mp4", film(3 * CHUNK + 8))
        folder_has = await asyncio.to_thread(on_disk, world.nodes["th"])
        assert folder_has < 4 * CHUNK, "nothing of it stays"
        await bring(colleague, "film.mp4", film(2 * CHUNK))
        with pytest.raises(Exception, match="8 MiB"):
            await bring(colleague, "film.mp4", film(2 * CHUNK + 8))


async def test_n250_files_of_a_counterpart_beyond_a_day_wait_and_their_notices_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = file_world(tmp_path, ("th", "vn"))
    limit(world, "vn", "[budget]\nfile = { mib = 4 }\n")
    whole_day(tmp_path, monkeypatch)
    async with running(world, ("th", "vn")):
        officer, duty, vn = Caller(world, OFFICER), Caller(world, DUTY), world.nodes["vn"]
        threads = []
        for number in range(2):
            brought = await bring(officer, "film.mp4", film(3 * CHUNK + 1_000 + number))
            threads.append(await asked(world, brought["id"]))
        work = WorkFilter(roles=(Role.ADMINISTRATOR,))
        await until(lambda: [each.notice_id for each in vn.desk.parts.store.works(work)] == ["budget-files"], "no work")
        await stands(duty, threads[0], "clean")
        assert [each["why_not"] for each in await listed(duty, threads[1])] == ["budget-files"]
