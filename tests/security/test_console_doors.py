"""The doors of the console: strangers, forms of other sites, roles, and answers that any browser must guard (CASE-L6).

Every route of a running console is walked, so that a page which is added is tried as well.
"""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from gateway.console.frame.navigation import OPEN_TO
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from tests.bench.console import first_load
from tests.support.console_nodes import (
    ADMINISTRATOR,
    AUDITOR,
    DUTY,
    OFFICER,
    OTHER,
    PEOPLE,
    Consoles,
    consoles,
    paths,
    role_of,
    routes,
)
from tests.support.exchange import entries
from tests.support.waiting import until

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

NOTHING = "/no-such-page"
OF_SIGN_IN = "/login"
GUARDS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
FOREIGN = (
    {"sec_fetch_site": "", "origin": ""},
    {"sec_fetch_site": "", "origin": "https://evil.example"},
    {"sec_fetch_site": "", "origin": "null"},
    {"sec_fetch_site": "cross-site", "origin": "https://evil.example"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "none"},
    {"origin": "null"},
    {"origin": "https://evil.example"},
    {"origin": "http://localhost"},
)
"""What is sent with a form that no page of ours sends; the rest is as our pages have it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Consoles]:
    folder: Path = tmp_path_factory.mktemp("doors")
    async with consoles(folder) as found:
        yield found


def is_guarded(answer: httpx2.Response) -> bool:
    """Tell whether no page of another site can frame, read or keep this answer."""
    policy = answer.headers.get("content-security-policy", "")
    kept = answer.headers.get("cache-control", "")
    return (
        all(answer.headers.get(name) == value for name, value in GUARDS.items())
        and all(part in policy for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"))
        and "unsafe" not in policy
        and (kept == "no-store" or (answer.status_code == 200 and answer.url.path.startswith("/assets/")))
    )


# ------------------------------------------------------------ before sign-in


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
async def test_a_stranger_meets_the_same_at_every_path_whether_it_is_there_or_not(
    running: Consoles, method: str
) -> None:
    node = running.node()
    every = {each for name in ("GET", "POST") for each in paths(node, name) if not each.startswith(OF_SIGN_IN)}
    every |= {f"{path}/" for path in every if path != "/"}
    every |= {NOTHING, "/docs", "/openapi.json", "/metrics", "/admin/", "/.git/config"}
    async with running.visitor() as stranger:
        for path in sorted(every - {"/logout"}):
            answer = await stranger.send(method, path)
            assert answer.content == b"", path
            assert is_guarded(answer), path
            if method == "GET":
                assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
            else:
                assert answer.status_code == 401, path
            assert not answer.headers.get("allow"), "which methods there are is told to nobody"


async def test_a_stranger_gets_no_stream_and_no_part_of_a_page(running: Consoles) -> None:
    async with running.visitor() as stranger:
        for path in (*paths(running.node(), "GET"), NOTHING):
            if path.startswith(OF_SIGN_IN):
                continue
            for headers in ({"accept": "text/event-stream"}, {"sec_fetch_mode": "cors", "x_liaison_live": "1"}):
                answer = await stranger.get(path, **headers)
                assert (answer.status_code, answer.content) == (401, b""), path


async def test_pages_of_sign_in_name_nobody_of_the_lists_and_nothing_of_the_node(running: Consoles) -> None:
    async with running.visitor() as stranger:
        for path in paths(running.node(), "GET"):
            if path.startswith(OF_SIGN_IN) and path != "/login/trial":
                answer = await stranger.get(path)
                assert is_guarded(answer)
                assert not any(person in answer.text for person in PEOPLE)
                assert "Traceback" not in answer.text


# ------------------------------------------------------------ forms of other sites


@pytest.mark.parametrize(
    "sent", FOREIGN, ids=[" ".join(f"{k}={v or '-'}" for k, v in each.items()) for each in FOREIGN]
)
async def test_no_form_of_another_site_does_anything_at_any_path(running: Consoles, sent: dict[str, str]) -> None:
    async with running.visitor(OFFICER) as officer, running.visitor(DUTY) as duty:
        before = len(entries(running.node(), "operations"))
        for path in paths(running.node(), "POST"):
            person = duty if path.startswith("/tasks") else officer
            answer = await person.post(path, {"language": "lo", "person": OTHER, "next": "/"}, **sent)
            assert answer.status_code in (403, 404), (path, answer.status_code)
            assert is_guarded(answer)
            assert "set-cookie" not in answer.headers
        assert '<html lang="lo"' not in (await officer.get("/gate")).text
        assert {each.entry.kind for each in entries(running.node(), "operations")[before:]} <= {"auth-failed"}


async def test_what_a_form_does_no_link_does(running: Consoles) -> None:
    only_forms = set(paths(running.node(), "POST")) - set(paths(running.node(), "GET"))
    async with running.visitor(OFFICER) as officer:
        for path in sorted(only_forms):
            answer = await officer.get(f"{path}?language=lo&form={'A' * 22}")
            assert answer.status_code in (400, 404, 405), path  # a page with this pattern may have no such thing
            assert is_guarded(answer)
        assert (await officer.get("/gate")).status_code == 200


async def test_a_form_without_its_id_of_another_type_or_twice_in_one_field_is_refused(running: Consoles) -> None:
    async with running.visitor(OFFICER) as officer:
        for fields, headers in (
            ({"form": ""}, {}),
            ({"form": "A" * 21 + "\n"}, {}),
            ({"form": ["A" * 22, "A" * 22]}, {}),
            ({"language": ["lo", "en"]}, {}),
            ({"language": "lo"}, {"content_type": "text/plain"}),
            ({"language": "lo"}, {"content_type": "application/json"}),
            ({"language": "lo"}, {"content_type": "application/x-www-form-urlencoded; charset=utf-7"}),
        ):
            answer = await officer.post("/language", {"language": "lo"} | fields, **headers)
            assert answer.status_code == 400, (fields, headers)
        assert '<html lang="lo"' not in (await officer.get("/gate")).text


# ------------------------------------------------------------ roles


async def test_each_role_opens_the_pages_of_its_list_and_no_others(running: Consoles) -> None:
    """Prefixes are those of the navigation; a page under one is for the same roles or for fewer."""
    for person in PEOPLE:
        async with running.visitor(person) as visitor:
            for path in paths(running.node(), "GET"):
                prefix = "/" + path.split("/")[1]
                if prefix not in OPEN_TO:
                    continue
                if path.endswith("/events"):
                    if role_of(person) in OPEN_TO[prefix]:
                        continue
                    answer = await visitor.get(path, accept="text/event-stream")
                else:
                    answer = await visitor.get(path)
                assert is_guarded(answer), path
                if role_of(person) not in OPEN_TO[prefix]:
                    assert answer.status_code == 403, (person, path)
                elif path == prefix:
                    assert answer.status_code in (200, 303), (person, path)


async def test_n285_while_the_database_is_away_every_page_is_refused_and_none_waits(running: Consoles) -> None:
    """A page that hangs tells a person at the gate nothing; it shows itself once the database is back."""
    absence, is_back = running.node().resources.database.absence, threading.Event()

    def look() -> None:
        is_back.wait(60)

    async with running.visitor(OFFICER) as visitor, running.visitor() as stranger:
        absence.look = look
        try:
            absence.begin("test")
            for path in ("/gate", "/desk", NOTHING):
                answer = await visitor.get(path)
                assert (answer.status_code, "storage-away" in answer.text) == (503, True), path
                assert is_guarded(answer)
                assert (await stranger.get(path)).status_code == 303
        finally:
            is_back.set()
            await until(lambda: not absence.away_s(), "the database is back")
            absence.look = None
        assert (await visitor.get("/desk")).status_code == 200


async def test_administrators_and_auditors_do_no_work_of_the_desk(running: Consoles) -> None:
    """An administrator sees no content; an auditor administers and decides nothing."""
    for person in (ADMINISTRATOR, AUDITOR):
        async with running.visitor(person) as visitor:
            for path in paths(running.node(), "POST"):
                if path.startswith((OF_SIGN_IN, "/logout", "/language", "/passkey")):
                    continue
                own = "/admin" if person == ADMINISTRATOR else "/audit"
                if path.startswith(own):
                    continue
                answer = await visitor.post(path, {"person": OTHER, "agency": "police", "verdict": "SAME", "hit": "0"})
                assert answer.status_code in (403, 404), (person, path, answer.status_code)


async def test_every_page_of_content_is_open_to_roles_that_are_named(running: Consoles) -> None:
    contents = {Role.ADMINISTRATOR}
    for prefix in ("/gate", "/desk", "/alerts", "/holders", "/audit"):
        assert OPEN_TO[prefix].isdisjoint(contents)
    assert OPEN_TO["/admin"] == {Role.ADMINISTRATOR}
    assert all(each.methods for each in routes(running.node()))


# ------------------------------------------------------------ leads to nowhere else


@pytest.mark.parametrize("host", ["evil.example", "evil.example:443", "localhost.evil.example", "", "[::1]", "a\tb"])
async def test_no_answer_is_made_of_the_host_that_a_request_names(running: Consoles, host: str) -> None:
    async with running.visitor() as stranger, running.visitor(OFFICER) as officer:
        for visitor in (stranger, officer):
            for path in (
                "/",
                "/gate",
                "/gate/",
                "/desk/",
                "//evil.example",
                "/login/",
                "/assets/",
                NOTHING,
                "/logout/",
            ):
                try:
                    answer = await visitor.get(
                        path, host=host or "x", x_forwarded_host="evil.example", forwarded="host=evil.example"
                    )
                except (httpx2.LocalProtocolError, ValueError):
                    continue
                location = answer.headers.get("location", "/")
                assert location.startswith("/"), (path, location)
                assert not location.startswith(("//", "/\\")), (path, location)
                assert "evil" not in answer.text.replace(NOTHING, "").replace("//evil.example", ""), path


EVIL = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/%09/evil.example",
    "/a\r\nset-cookie: a=b",
    "javascript:alert(1)",
    "/%2e%2e//evil.example",
    "/login?next=//evil.example",
    "/logout",
    "/..//evil.example",
    "/\u202eevil",
)


@pytest.mark.parametrize("evil", EVIL)
async def test_a_language_is_changed_and_nobody_is_led_elsewhere(running: Consoles, evil: str) -> None:
    async with running.visitor(OFFICER) as officer:
        answer = await officer.post("/language", {"language": "en", "here": evil})
        assert answer.status_code == 303
        assert "evil" not in answer.headers["location"].replace("%09/evil", "")
        assert answer.headers["location"].startswith("/")
        assert not answer.headers["location"].startswith(("//", "/\\", "/%5c", "/login", "/logout"))
        assert "set-cookie" not in answer.headers


# ------------------------------------------------------------ work and searches of others


async def test_what_is_another_person_s_is_answered_as_what_does_not_exist(running: Consoles) -> None:
    async with running.visitor(OFFICER) as officer, running.visitor(OTHER) as other:
        theirs = await officer.post(
            "/gate",
            {"asked": "B1234567", "reading": "document", "purpose": "INVESTIGATION", "offence": "NARC", "case": "C-1"},
        )
        assert theirs.status_code == 303
        path = theirs.headers["location"]
        assert (await officer.get(path)).status_code == 200
        nowhere = "/gate/" + "0" * len(path.removeprefix("/gate/"))
        around = (nowhere, path, nowhere)  # what comes to the desk meanwhile is counted on every page
        for suffix in ("", "/events"):
            found = [await other.get(f"{at}{suffix}", accept="text/html") for at in around]
            assert [each.status_code for each in found] == [404] * 3
            assert said(found[1]) in (said(found[0]), said(found[2]))
        marked = [
            await other.post(f"{at}/marks", {"verdict": "SAME", "hit": "0", "search": at[6:], "from": "vn"})
            for at in around
        ]
        assert said(marked[1]) in (said(marked[0]), said(marked[2]))


def said(answer: httpx2.Response) -> tuple[int, list[str], list[str]]:
    """Return what a page says and its headers' names, but for random ids of forms and its own address."""
    lines = [line for line in answer.text.replace(answer.url.path, "PATH").splitlines() if 'name="form"' not in line]
    timeless = [re.sub(r"\d{1,2}:\d\d", "", line) for line in lines]  # the minute of the visit
    return answer.status_code, timeless, sorted(answer.headers)


# ------------------------------------------------------------ after sign-out


async def test_after_sign_out_no_page_comes_back(running: Consoles) -> None:
    async with running.visitor(OFFICER, anew=True) as officer:
        secret = officer.secret
        shown = await officer.get("/gate")
        assert shown.headers["cache-control"] == "no-store"
        out = await officer.post("/logout")
        assert '"cache"' in out.headers["clear-site-data"]
        assert not officer.secret
        answer = await officer.get("/gate", cookie=f"__Host-liaison={secret}")
        assert answer.status_code == 303
        live = await officer.get("/gate", cookie=f"__Host-liaison={secret}", x_liaison_live="1", sec_fetch_mode="cors")
        assert (live.status_code, live.content) == (401, b"")


async def test_a_session_changes_its_secret_with_each_sign_in_and_the_old_one_opens_nothing(running: Consoles) -> None:
    async with running.visitor(OFFICER, anew=True) as officer:
        first = officer.secret
        await officer.sign_in(OTHER)
        assert officer.secret != first
        async with running.visitor() as thief:
            answer = await thief.get("/gate", cookie=f"__Host-liaison={first}")
            assert answer.status_code == 303


async def test_a_first_load_is_below_two_hundred_kilobytes_without_fonts(running: Consoles) -> None:
    for person, path in ((OFFICER, "/gate"), (DUTY, "/desk")):
        async with running.visitor(person) as visitor:
            assert 10_000 < await first_load(visitor, path) < 200_000


# ------------------------------------------------------------ figures


async def test_figures_are_counted_for_one_s_own_office_and_handed_on_as_files(running: Consoles) -> None:
    """A supervisor names another office, or all, and gets their own office all the same; an officer gets nothing."""
    async with running.visitor("th.s.3") as supervisor, running.visitor(OFFICER) as officer:
        assert (await officer.get("/figures")).status_code == 403
        assert (await supervisor.get("/figures/csv")).status_code == 404
        wrong = await supervisor.post("/figures", {"month": "2026-13", "with": "vn"})
        assert wrong.status_code == 400
        assert wrong.text.count("2026-11") > 0
        begun = await supervisor.post("/figures", {"month": "2020-02", "with": "vn", "office": "th.blo.elsewhere"})
        assert begun.headers["location"] == "/figures"

        async def is_made() -> bool:
            return "data-live" not in (await supervisor.get("/figures")).text

        await until(is_made, "the figures")
        shown = await supervisor.get("/figures")
        assert tell(Language.TH, "Nothing was exchanged in this month.") in shown.text
        handed = await supervisor.get("/figures/page")
        assert handed.headers["content-disposition"].startswith("attachment")
        assert "th.blo.elsewhere" not in handed.text
        assert "sandbox" in handed.headers["content-security-policy"]
        assert (await supervisor.get("/figures/csv")).text.startswith("month,member,with,office,")
