"""Files at the console: a form that brings one as it comes, pages of other sites, and bytes that no browser shows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

from gateway.console.frame.forms import new_form_id
from gateway.desk.second_step.approval import draft_of
from gateway.model.desk.attachments import MAX_FILES
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.statements.notices.notice import parse_notice
from tests.support.approving import approve_waiting
from tests.support.console_nodes import console_of
from tests.support.exchange import PASSPORT
from tests.support.files import png, png_part
from tests.support.matters import see, send, visitor, with_consoles
from tests.support.nodes import World, running
from tests.support.second_step import OFFICER, SUPERVISOR, asked, hit, step_world, works
from tests.support.waiting import until
from tests.support.watches import thread_of, watching

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


def filled(fields: dict[str, str], *files: tuple[str, bytes], form: str = "") -> bytes:
    """A form with fields and files, as a browser sends it; without a file it sends an empty one."""
    form = form or new_form_id()
    said = b"".join(part(name, value.encode()) for name, value in {"form": form, **fields}.items())
    empty = f'--{MARK}\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n'.encode()
    sent = b"".join(part("files", data, name) for name, data in files) or empty
    return said + sent + f"--{MARK}--\r\n".encode()


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


QUESTION = {
    "to": "vn", "to_office": "", "topic": "vehicle", "facts": "a grey lorry <b>", "urgency": "URGENT",
    "purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-17",
}  # fmt: skip
PHOTO, LIST = ("lorry.png", png()), ("plates.csv", b"plate\n1234\n")
_KEPT = re.compile(r'name="brought" value="([0-9a-f]{32})" checked')


async def test_files_and_the_office_go_with_a_question_and_a_second_press_asks_once(world: World) -> None:
    office = console_of(world.nodes["th"])._parts.offices()["vn"][0]
    asked_with = QUESTION | {"to_office": office}
    async with visitor(world, "th.o.1042") as officer, visitor(world, "th.o.7") as supervisor:
        form = await see(officer, "/ask/question")
        assert 'type="file" multiple' in form.text
        assert f'<option value="{office}">' in form.text
        sent = filled(asked_with, PHOTO, LIST)
        answers = [await brought(officer, "/ask/question", sent) for _ in range(2)]
        assert [each.status_code for each in answers] == [303, 303], answers[0].text
        (path,) = {each.headers["location"] for each in answers}
        shown = await see(supervisor, path)
        for said in ("lorry.png", "plates.csv", office):
            assert said in shown.text, said
        (thread,) = world.nodes["th"].desk.parts.store.find_thread(ExchangeId(path.rpartition("/")[2]))
        draft = draft_of(thread)
        assert (draft.to_office, [each.name for each in draft.attachments]) == (office, ["lorry.png", "plates.csv"])


async def test_a_refused_question_keeps_its_words_and_the_files_that_came(world: World) -> None:
    bad = ("a.zip", b"PK\x03\x04" + bytes(64))
    async with visitor(world, "th.o.1042") as officer, visitor(world, "th.o.2000") as other:
        missing = await brought(officer, "/ask/question", filled(QUESTION | {"case": "?"}, PHOTO))
        assert (missing.status_code, _KEPT.findall(missing.text)) == (400, [])
        assert "a grey lorry &lt;b&gt;" in missing.text
        assert "choose them again" in missing.text
        wrong = await brought(officer, "/ask/question", filled(QUESTION, PHOTO, bad))
        assert wrong.status_code == 400
        assert 'id="files-fault"' in wrong.text
        assert "choose them again" in wrong.text
        (kept,) = _KEPT.findall(wrong.text)
        nowhere = await brought(officer, "/ask/question", filled(QUESTION | {"to_office": "vn.nowhere"}, PHOTO))
        assert (nowhere.status_code, 'id="to_office-fault"' in nowhere.text) == (400, True)
        assert "choose them again" in nowhere.text  # nothing is kept for an office that is not there
        again = QUESTION | {"brought": kept, "facts": "with what came before"}
        foreign = await brought(other, "/ask/question", filled(again))
        assert (foreign.status_code, "location" in foreign.headers) == (400, False)
        assert (await brought(officer, "/ask/question", filled(again))).status_code == 303
        behind = filled(QUESTION, PHOTO)[: -len(f"--{MARK}--\r\n")] + part("facts", b"x") + f"--{MARK}--\r\n".encode()
        assert (await brought(officer, "/ask/question", behind)).status_code == 400


async def test_no_more_files_than_a_notice_has(world: World) -> None:
    many = [(f"{number}.csv", b"a\n") for number in range(MAX_FILES + 1)]
    async with visitor(world, "th.o.1042") as officer:
        answer = await brought(officer, "/ask/question", filled(QUESTION, *many))
        assert (answer.status_code, len(_KEPT.findall(answer.text))) == (400, MAX_FILES)


async def test_a_file_goes_with_a_follow_up_and_another_with_its_answer(world: World) -> None:
    search_id = await hit(world)
    async with visitor(world, "th.o.1042") as officer, visitor(world, "th.o.7") as supervisor:
        fields = {"facts": "at the gate", "urgency": "URGENT", "link": "the driver", "why_you": "yours"}
        answer = await brought(officer, f"/follow-up/{search_id}/vn/0", filled(fields, PHOTO))
        assert answer.status_code == 303, answer.text.partition('role="alert"')[2][:600]
        path = answer.headers["location"]
        key = ThreadKey(MemberId("vn"), ExchangeId(path.rpartition("/")[2]))
        (work,) = works(world.nodes["th"], WorkKind.APPROVE, key=key)
        approved = await send(supervisor, f"/desk/work/{work.id}/approve", {"do": "approve"})
        assert approved.status_code == 303, approved.text
    there = ThreadKey(MemberId("th"), key.thread_id)
    await until(lambda: bool(works(world.nodes["vn"], WorkKind.DECIDE, key=there)), "the ask did not come")
    (work,) = works(world.nodes["vn"], WorkKind.DECIDE, key=there)
    path = f"/desk/work/{work.id}/decide"
    async with visitor(world, "vn.o.d7") as duty:
        assert "lorry.png" in (await see(duty, path)).text
        lacks = await brought(duty, path, filled({"answer": "NOTHING_HELD"}, LIST))
        assert (lacks.status_code, "choose them again" in lacks.text) == (400, True)
        said = {"answer": "NOTHING_HELD", "reason": "not in our lists", "text": "see the list"}
        answered = filled(said, LIST)
        for _ in range(2):
            assert (await brought(duty, path, answered)).status_code == 303
    notices = [parse_notice(each.envelope) for each in world.nodes["vn"].desk.parts.store.notices(there)]
    assert [[each.name for each in notice.head.attachments] for notice in notices] == [["lorry.png"], ["plates.csv"]]


async def test_a_file_and_the_office_go_with_a_follow_up_to_a_hit_of_a_watch(world: World) -> None:
    th, office = world.nodes["th"], console_of(world.nodes["th"])._parts.offices()["vn"][0]
    watch_id = await th.desk.watches.own.add(OFFICER, watching("vn", subject=PASSPORT))
    await approve_waiting(th.desk.watches.own, SUPERVISOR, watch_id)
    key, path = thread_of(th, watch_id), f"/watches/{watch_id}"
    store = th.desk.parts.store
    await until(lambda: any(row.placed.code == "HIT" for row in store.notices(key)), "it was told of no hit")
    async with visitor(world, "th.o.1042") as officer, visitor(world, "th.o.2000") as other:
        page = await see(officer, path)
        (chosen,) = re.findall(r'<option value="(vn\.[0-9a-f]{32}\.0)"', page.text)
        assert 'type="file" multiple' in page.text
        assert f'<option value="{office}">' in page.text
        fields = {"hit": chosen, "facts": "at the <b>gate</b>", "to_office": office}
        for wrong, field in (
            ({"facts": ""}, "facts"),
            ({"to_office": "vn.nowhere"}, "to_office"),
            ({"hit": "vn"}, "hit"),
        ):
            answer = await brought(officer, f"{path}/follow", filled(fields | wrong, PHOTO))
            assert (answer.status_code, f'id="{field}-fault"' in answer.text) == (400, True), field
            assert "choose them again" in answer.text
        assert "at the &lt;b&gt;gate&lt;/b&gt;" in answer.text
        archive = await brought(officer, f"{path}/follow", filled(fields, PHOTO, ("a.zip", b"PK\x03\x04" + bytes(64))))
        assert (archive.status_code, 'id="files-fault"' in archive.text) == (400, True)
        (kept,) = _KEPT.findall(archive.text)
        stranger = await brought(other, f"{path}/follow", filled(fields | {"brought": kept}))
        assert stranger.status_code in (400, 403, 404)
        sent = filled(fields | {"brought": kept}, LIST)
        answers = [await brought(officer, f"{path}/follow", sent) for _ in range(2)]
        assert [each.status_code for each in answers] == [303, 303], answers[0].text
        (there,) = {each.headers["location"] for each in answers}
    (thread,) = store.find_thread(ExchangeId(there.rpartition("/")[2]))
    draft = draft_of(thread)
    assert (draft.to_office, [each.name for each in draft.attachments]) == (office, ["lorry.png", "plates.csv"])
    assert draft.ask.hit is not None


async def test_a_file_stays_with_an_alert_from_its_form_to_its_sending(world: World) -> None:
    fields = {
        "kind": "vehicle", "action": "DISCREET_CHECK", "plate": "AB 1234", "reason": "a convoy", "to": "vn",
        "purpose": "INVESTIGATION", "offence": "NARC", "lasts": "24", "repeat": "120",
    }  # fmt: skip
    async with visitor(world, "th.o.1042") as officer:
        bare = await brought(officer, "/alerts/raise", filled(fields, PHOTO))
        (kept,) = _KEPT.findall(bare.text)  # only the case is missing
        assert bare.status_code == 400
        read = await brought(officer, "/alerts/raise", filled(fields | {"case": "TH-2026-17", "brought": kept}))
        assert read.status_code == 200, read.text
        assert read.text.count("lorry.png") == 2  # as its author and as its receiver reads it
        carried = dict(re.findall(r'type="hidden" name="([a-z_]+)" value="([^"]*)"', read.text))
        changed = await send(officer, "/alerts/raise", carried | {"step": "change"}, form=carried["form"])
        assert _KEPT.findall(changed.text) == [carried["brought"]]
        presses = [await send(officer, "/alerts/raise", carried | {"step": "send"}, form="B" * 22) for _ in range(2)]
        (path,) = {each.headers["location"] for each in presses}
        assert "lorry.png" in (await see(officer, path)).text
