"""Texts of others on pages of the console: shown as they are, never as markup, never as what turns a line (CASE-L5)."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from jinja2 import UndefinedError

from gateway.console.pages import gate
from gateway.demo.sources import planted
from gateway.desk.delivery.authoring import Post
from gateway.model.desk.notices import About, Ask, Urgency
from gateway.model.names import ExchangeId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from tests.support.console_nodes import DUTY, OFFICER, Consoles, console_of, consoles, routes
from tests.support.exchange import CLOCK, TH
from tests.support.nodes import officer

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

HOUR_US = 3_600_000_000
MARK = "PLANTED"
HOSTILE = (
    f"<script>{MARK}()</script>",
    f"\"><img src=x onerror={MARK}()>",
    f"' onmouseover='{MARK}()",
    f"</title></textarea></option></select><svg onload={MARK}()>",
    f"{{{{ {MARK}.__class__ }}}}{{% raw %}}",
    f"<!--{MARK}-->]]>&lt;{MARK}&#60;",
    f"javascript:{MARK}()",
    f"<base href=//{MARK}.example><meta http-equiv=refresh content=0>",
)  # fmt: skip
TURNING = "KITTI\u202eANNUB\u2066\u200f\u00ad\ufeff"
NO_TAGS = frozenset({"img", "base", "iframe", "frame", "object", "embed", "style", "audio", "video", "template"})
"""What no page of ours has; pictures are drawings."""


class Seen(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.text += " ".join(value or "" for _, value in attrs)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        self.text += data


def check(text: str) -> Seen:
    """Read a page; fail where something on it is not of our own making."""
    seen = Seen(text)
    for tag, attributes in seen.tags:
        assert tag not in NO_TAGS, tag
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc", "http-equiv")]
        assert tag != "script" or (attributes.get("src") or "").startswith("/assets/")
        for name in ("href", "src", "action", "formaction"):
            value = attributes.get(name)
            assert value is None or (value.startswith(("/", "#")) and not value.startswith("//")), value
    assert not {*"\u202e\u2066\u200f\u00ad\ufeff\x00\x1b"} & {*text}
    return seen


def plant(folder: Path) -> None:
    """Write hostile texts into the record of a stolen passport."""
    (file,) = (folder / "sources").glob("vn*")
    with closing(sqlite3.connect(file)) as database:
        (holder,) = database.execute(
            "select MaHoSo from GiayTo where So = ?", (planted.STOLEN_PASSPORT.number,)
        ).fetchone()
        database.execute(
            "update HoSo set Ho = ?, ChuLot = ?, Ten = ?, NoiO = ? where MaHoSo = ?",
            (HOSTILE[0][:40], TURNING, HOSTILE[1], " ".join(HOSTILE), holder),
        )
        database.execute("update GiayTo set LanQuaCuoi = ? where MaHoSo = ?", (f"{TURNING} {HOSTILE[3]}", holder))
        database.commit()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Consoles]:
    folder: Path = tmp_path_factory.mktemp("markup")
    async with consoles(folder, ("th", "vn"), before=plant) as found:
        yield found


async def test_a_record_from_abroad_is_text_and_turns_no_line(running: Consoles) -> None:
    async with running.visitor(OFFICER) as officer_:
        path = await officer_.ask(planted.STOLEN_PASSPORT.number)
        seen = check((await officer_.get(path)).text)
        assert MARK in seen.text, "the record is shown"


@pytest.mark.parametrize("text", [*HOSTILE, TURNING])
async def test_what_a_person_typed_comes_back_as_text(running: Consoles, text: str) -> None:
    async with running.visitor(OFFICER) as officer_:
        fields = {
            "asked": text,
            "ticket": text,
            "case": text,
            "reading": text,
            "to": text,
            "purpose": text,
            "offence": text,
        }
        for changes in ({}, {"purpose": "INVESTIGATION", "offence": "NARC"}):
            answer = await officer_.post("/gate", fields | changes)
            assert answer.status_code == 400
            check(answer.text)
        for path in (
            "/gate",
            "/desk",
            "/no-such-page",
            "/login/trial",
            f"/gate/{quote(text, safe='')}",
            f"/{quote(text)}",
        ):
            page = await officer_.get(f"{path}?list={quote(text)}&next={quote(text)}&{quote(text)}={quote(text)}")
            check(page.text)


async def test_what_a_counterpart_writes_is_text_on_every_page_of_its_matter(running: Consoles) -> None:
    requester = Requester("officer", "vn.blo.one", "police", "0123456789abcdef")
    for text in HOSTILE:
        post = Post(
            Ask(About.QUESTION, text, topic="vehicle"), Urgency.FLASH, Purpose.INVESTIGATION, Offence.NARC, requester,
            case="VN-1", agreement="gms-border-2026", expires_us=CLOCK.now_us() + HOUR_US, by=officer("vn"),
        )  # fmt: skip
        key = await running.node("vn").desk.parts.author.open(TH, post)
        await running.until(partial(has_thread, running, key.thread_id))
        async with running.visitor(DUTY) as duty:
            for path in ("/desk", "/desk?list=all", "/desk?list=threads", *_of_matter(running, key.thread_id)):
                check((await duty.get(path)).text)


def has_thread(running: Consoles, thread_id: ExchangeId) -> bool:
    """Tell whether a matter has come."""
    return bool(running.node().desk.parts.store.find_thread(thread_id))


def _of_matter(running: Consoles, thread_id: str) -> list[str]:
    """Return the pages about a matter with Viet Nam, by the names of their parts."""
    named: dict[str, str] = {"peer": "vn", "member": "vn", "thread": thread_id, "thread_id": thread_id}
    return [
        each.path.format(**named)
        for each in routes(running.node())
        if "GET" in (each.methods or ()) and each.param_convertors and set(each.param_convertors) <= set(named)
        and not each.path.endswith("/events")
    ]  # fmt: skip


@pytest.mark.parametrize("words", [ValueError(f"<b>{MARK}"), object()], ids=["an error", "a value that is missing"])
async def test_an_error_that_was_not_foreseen_shows_nothing_of_itself(
    running: Consoles, monkeypatch: pytest.MonkeyPatch, words: Any
) -> None:
    failed: list[BaseException] = []

    def fails(**_fields: object) -> Any:
        if isinstance(words, ValueError):
            raise words
        return words

    monkeypatch.setattr(gate, "GateView", fails)
    object.__setattr__(console_of(running.node())._parts, "failed", failed.append)
    async with running.visitor(OFFICER) as officer_:
        answer = await officer_.get("/gate")
    assert answer.status_code == 500
    seen = check(answer.text)
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    for hidden in (MARK, "Traceback", "jinja", "Error", "gateway", ".py"):
        assert hidden not in seen.text
    assert isinstance(failed[0], ValueError | UndefinedError)
