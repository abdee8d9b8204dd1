"""Files at the console: a form that brings one as it comes, pages of other sites, and bytes that no browser shows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

from tests.support.files import png, png_part, until
from tests.support.matters import see, visitor, with_consoles
from tests.support.nodes import World, running
from tests.support.second_step import asked, step_world

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

MARK = "----7d93"
FORM = "A" * 22


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = with_consoles(step_world(tmp_path_factory.mktemp("files")))
    for member in ("th", "vn"):
        with (made.home(member) / "node.toml").open("a", encoding="utf-8") as settings:
            settings.write('[attachments]\nscanner = "none"\nfree_mib = 0\n')
    async with running(made, ("th", "vn")):
        yield made


def part(name: str, value: bytes, file: str = "") -> bytes:
    """A part of a form, as browsers write it."""
    named = f'; filename="{file}"\r\nContent-Type: application/octet-stream' if file else ""
    return f'--{MARK}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + value + b"\r\n"


def body(data: bytes, file: str = "lorry.png", text: str = "the lorry", form: str = FORM) -> bytes:
    """A form that sends a file."""
    fields = part("form", form.encode()) + part("note-text", text.encode())
    return fields + part("file", data, file) + f"--{MARK}--\r\n".encode()


async def brought(who: httpx2.AsyncClient, path: str, data: bytes, **headers: str) -> httpx2.Response:
    """Send such a form as a page of ours does, unless `headers` say otherwise."""
    sent = {"content-type": f"multipart/form-data; boundary={MARK}", "sec-fetch-site": "same-origin"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await who.post(path, content=data, headers=sent)


async def test_a_file_goes_with_a_note_and_is_saved_on_the_other_side(world: World) -> None:
    key, _, _ = await asked(world)
    path, photo = f"/threads/vn/{key.thread_id}", png(png_part(b"tEXt", b"Author\0MAKER"))
    async with visitor(world, "th.o.1042") as officer, visitor(world, "vn.o.d7") as duty:
        page = await see(officer, path)
        assert f'href="{path}/files"' in page.text
        form = await see(officer, f"{path}/files")
        assert 'enctype="multipart/form-data"' in form.text
        answer = await brought(officer, f"{path}/files", body(photo))
        assert (answer.status_code, answer.headers.get("location")) == (303, f"{path}/files"), answer.text
        assert "lorry.png" in (await see(officer, f"{path}/files")).text
        there = f"/threads/th/{key.thread_id}/files"
        store, rows = world.nodes["vn"].desk.parts.store, world.nodes["vn"].desk.files.opening._it.rows
        (thread,) = store.find_thread(key.thread_id)
        await until(lambda: [each.state for each in rows.of_thread(thread.key)] == ["clean"], "the file did not come")
        (row,) = rows.of_thread(thread.key)
        assert "lorry.png" in (await see(duty, there)).text
        saved = await see(duty, f"{there}/{row.about.root.hex()}")
        assert saved.content == png()  # without what tells of its author
        assert saved.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in saved.headers["content-security-policy"]
        assert saved.headers["x-content-type-options"] == "nosniff"
        async with visitor(world, "vn.o.d9") as other:
            assert (await see(other, f"{there}/{row.about.root.hex()}")).status_code == 404


async def test_what_is_no_form_of_ours_brings_nothing(world: World) -> None:
    key, _, _ = await asked(world)
    path = f"/threads/vn/{key.thread_id}/files"
    rows = world.nodes["th"].desk.files.opening._it.rows
    async with visitor(world, "th.o.1042") as officer, visitor(world, "th.o.2000") as other:
        foreign = await brought(officer, path, body(png()), sec_fetch_site="cross-site", origin="https://evil.example")
        assert foreign.status_code == 403
        assert (await brought(other, path, body(png()))).status_code == 404
        for wrong, code in (
            (body(png())[:-40], 400),
            (body(png(), form="short"), 400),
            (part("note-text", bytes(20_000)) + body(png()), 413),
            (b"--" + bytes(9_000), 413),
            (part("form", FORM.encode()) * 40, 400),
            (body(b"PK\x03\x04" + bytes(64), file="a.zip"), 400),
            (body(png(), file="../../etc/passwd.png"), 400),
            (body(png(), text=""), 400),
            (body(b"", file=""), 400),
        ):
            assert (await brought(officer, path, wrong)).status_code == code, wrong[:80]
        bad = await brought(officer, path, body(png()), content_type="multipart/form-data")
        assert bad.status_code == 400
        assert (await see(officer, f"{path}/{'zz' * 32}")).status_code == 400
        assert (await see(officer, f"{path}/{'00' * 32}")).status_code == 404
    assert rows.of_thread(key) == []


async def test_a_second_press_sends_one_note(world: World) -> None:
    key, _, _ = await asked(world)
    path = f"/threads/vn/{key.thread_id}/files"
    async with visitor(world, "th.o.1042") as officer:
        for _ in range(2):
            assert (await brought(officer, path, body(png()))).status_code == 303
    assert len(world.nodes["th"].desk.parts.store.notices(key)) == 2
