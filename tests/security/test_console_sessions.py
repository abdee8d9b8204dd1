"""Sessions of the console: fixed, stolen, forged, replayed and overdue ones open nothing (CASE-L6)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx2
import jwt
import pytest

from certs.keyfiles import load_key
from certs.names import CertificateUse
from gateway.agency.officer_tokens.revocations import TYPE as LIST_TYPE
from gateway.agency.officer_tokens.tokens import audience
from gateway.console.login import sessions
from gateway.console.login.guard import FAILURES
from gateway.language.languages import Language
from gateway.ports.sessions import Remembered
from gateway.signing.jws import ALGORITHM
from tests.support.console import LISTED, OFFICER, Console, console

pytestmark = pytest.mark.process


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path) as found:
        yield found


def secret_of(client: httpx2.AsyncClient) -> str:
    return next((cookie.value or "" for cookie in client.cookies.jar if cookie.name == sessions.SESSION), "")


async def desk(running: Console, client: httpx2.AsyncClient) -> str:
    """What the desk says, or where it leads."""
    answer = await running.get(client, "/desk")
    return answer.text if answer.status_code == 200 else answer.headers.get("location", str(answer.status_code))


async def test_a_person_signs_in_works_and_signs_out(running: Console) -> None:
    async with running.client() as client:
        assert await desk(running, client) == "/login?next=/desk"
        answer = await running.sign_in(client)
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
        given = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{sessions.SESSION}="))
        assert {part.strip().lower() for part in given.split(";")[1:]} == {
            "secure", "httponly", "samesite=strict", "path=/"
        }  # fmt: skip
        assert await desk(running, client) == f"{OFFICER} trial en officer"
        out = await running.post(client, "/logout")
        assert (out.status_code, out.headers["location"]) == (303, "/login?out=1")
        assert "cache" in out.headers["clear-site-data"]
        assert await desk(running, client) == "/login?next=/desk"
    assert running.kinds() == ["signed-in", "signed-out"]
    said = running.notes[0].private
    assert (said["officer"], said["way"], len(said["session"])) == (OFFICER, "trial", 16)


async def test_a_secret_that_somebody_planted_before_sign_in_is_not_taken_over(running: Console) -> None:
    planted = sessions.new_secret()
    async with running.client() as client:
        client.cookies.set(sessions.SESSION, planted, domain="localhost.local", path="/")
        await running.sign_in(client)
        assert secret_of(client) != planted
    async with running.client() as thief:
        answer = await running.get(thief, "/desk", cookie=f"{sessions.SESSION}={planted}")
        assert answer.status_code == 303


async def test_a_stolen_cookie_is_worth_nothing_on_another_device_and_ends_the_session(running: Console) -> None:
    running.certify("tablet-9", CertificateUse.CLIENT, "tablet-9")
    async with running.client() as client, running.client("tablet-9") as thief:
        await running.sign_in(client)
        stolen = await running.get(thief, "/desk", cookie=f"{sessions.SESSION}={secret_of(client)}")
        assert stolen.status_code == 303
        assert await desk(running, client) == "/login?next=/desk"
    assert [code for code, _ in running.refusals] == ["other-device"]
    assert running.notes[-1].private["code"] == "other-device"


async def test_what_the_database_holds_opens_nothing(running: Console) -> None:
    async with running.client() as client:
        await running.sign_in(client)
        secret = secret_of(client)
        for forged in (sessions.id_of(secret), sessions.id_of(secret)[:43], secret[:-1], secret + "A", secret):
            answer = await running.get(httpx_without(client), "/desk", cookie=f"{sessions.SESSION}={forged}")
            assert (answer.status_code == 200) == (forged == secret)
        twice = f"{sessions.SESSION}={sessions.new_secret()}; {sessions.SESSION}={secret}"
        assert (await running.get(httpx_without(client), "/desk", cookie=twice)).status_code == 303


def httpx_without(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    client.cookies.clear()
    return client


@pytest.mark.parametrize(
    ("minutes", "is_over"),
    [(14, False), (15, True), (24 * 60, True)],
    ids=["in time", "idle", "clock jumps a day ahead"],
)
async def test_a_session_ends_when_no_page_is_asked_for(running: Console, minutes: int, is_over: bool) -> None:
    async with running.client() as client:
        await running.sign_in(client)
        running.clock.advance(timedelta(minutes=minutes))
        assert (await desk(running, client)).startswith("/login") == is_over
        assert (running.kinds()[-1] == "signed-out") == is_over


async def test_a_shift_ends_although_pages_are_asked_for_and_a_stream_keeps_no_session_alive(running: Console) -> None:
    async with running.client() as client, running.client() as watching:
        await running.sign_in(client)
        await running.sign_in(watching)
        for _ in range(71):
            running.clock.advance(timedelta(minutes=10))
            assert not (await desk(running, client)).startswith("/login")
            await running.get(watching, "/desk", accept="text/event-stream")
        running.clock.advance(timedelta(minutes=10))
        assert (await desk(running, client)).startswith("/login")
        answer = await running.get(watching, "/desk", accept="text/event-stream")
        assert answer.status_code == 401
    codes = [draft.private["code"] for draft in running.notes if draft.event.kind == "signed-out"]
    assert sorted(codes) == ["idle", "shift-over"]


async def test_a_session_from_after_a_clock_that_was_ahead_is_not_believed(running: Console) -> None:
    async with running.client() as client:
        await running.sign_in(client)
        running.clock._us -= 3_600_000_000
        assert (await desk(running, client)).startswith("/login")
    assert running.notes[-1].private["code"] == "clock-back"


def revocation(running: Console, *persons: str) -> bytes:
    """A list that the trial issuer signs."""
    now = running.clock.now_us() // 1_000_000
    kid = next(kid for kid in running.tokens.keys if kid.startswith("trial-"))
    claims = {"aud": audience("th"), "iat": now, "exp": now + 600, "persons": list(persons), "tokens": []}
    key = load_key(running.keys / "token-issuer.key")
    return jwt.encode(claims, key, ALGORITHM, headers={"typ": LIST_TYPE, "kid": kid}).encode()


async def test_a_person_who_is_revoked_is_out_with_the_next_page(running: Console) -> None:
    async with running.client() as client:
        await running.sign_in(client)
        running.revoked.take(revocation(running, OFFICER))
        assert (await desk(running, client)).startswith("/login")
        running.revoked._list = None
        assert (await desk(running, client)).startswith("/login")
        assert running.notes[-1].private["code"] == "token-revoked"
        running.clock.advance(timedelta(seconds=1))
        running.revoked.take(revocation(running, OFFICER))
        assert (await running.sign_in(client)).status_code == 403
    assert running.kinds() == ["signed-in", "signed-out"]


async def test_a_person_whose_training_is_over_or_who_left_the_list_is_out(running: Console, tmp_path: Path) -> None:
    running.certify("card", CertificateUse.PERSON, LISTED)
    async with running.client("card") as client:
        answer = await running.post(client, "/login/card", {"next": "/desk"})
        assert answer.status_code == 303
        assert await desk(running, client) == f"{LISTED} card th duty supervisor"
        file = running.settings.home / "people" / "persons.csv"
        file.write_text(file.read_text().replace("2099-12-31", "2020-12-31"))
        assert running.people.look()
        assert (await desk(running, client)).startswith("/login")
    assert running.notes[-1].private["code"] == "training-over"


async def test_a_token_is_renewed_once_for_many_pages_at_once_and_stays_bound_to_the_console(running: Console) -> None:
    async with running.client() as client:
        await running.sign_in(client)
        before = running.parts.sessions.find(sessions.id_of(secret_of(client)))
        running.clock.advance(timedelta(minutes=6))
        said = await asyncio.gather(*(desk(running, client) for _ in range(8)))
        after = running.parts.sessions.find(sessions.id_of(secret_of(client)))
    assert set(said) == {f"{OFFICER} trial en officer"}
    assert before is not None
    assert after is not None
    assert after.token != before.token
    claims = jwt.decode(after.token, options={"verify_signature": False})
    assert claims["cnf"]["x5t#S256"] == running.parts.system().thumbprint


async def test_an_officer_who_is_listed_for_trials_no_more_gets_no_new_token(running: Console) -> None:
    async with running.client() as client:
        await running.sign_in(client)
        object.__setattr__(running.settings, "trial_officers", ())
        running.clock.advance(timedelta(minutes=6))
        assert (await desk(running, client)).startswith("/login")
    assert running.notes[-1].private["code"] == "not-listed"


async def test_one_session_more_than_the_settings_allow_ends_the_oldest(running: Console) -> None:
    async with running.client() as one, running.client() as two, running.client() as three, running.client() as four:
        for client in (one, two, three, four):
            running.clock.advance(timedelta(seconds=1))
            await running.sign_in(client)
        assert [(await desk(running, each)).startswith("/login") for each in (one, two, three, four)] == [
            True, False, False, False
        ]  # fmt: skip


async def test_language_and_basis_are_kept_and_change_neither_session_nor_person(running: Console) -> None:
    async with running.client() as client:
        await running.sign_in(client)
        secret = secret_of(client)
        session = running.parts.sessions.find(sessions.id_of(secret))
        assert session is not None
        await sessions.speak(running.parts, session, Language.LO)
        await sessions.remember(running.parts, session, Remembered("BORDER_CHECK", "NARC", "C-1", "CK-88213"))
        assert await desk(running, client) == f"{OFFICER} trial lo officer"
        assert secret_of(client) == secret
        found = running.parts.sessions.find(session.id)
        assert found is not None
        assert found.remembered.ticket == "CK-88213"


async def test_forms_of_other_sites_sign_nobody_in_or_out_and_lock_nobody_out(running: Console) -> None:
    foreign = {"sec_fetch_site": "cross-site", "origin": "https://evil.example"}
    async with running.client() as client:
        for _ in range(FAILURES + 1):
            answer = await running.post(client, "/login/trial", {"person": OFFICER}, **foreign)
            assert answer.status_code == 403
            assert not secret_of(client)
        await running.sign_in(client)
        assert (await running.post(client, "/logout", **foreign)).status_code == 403
        assert (await running.get(client, "/logout")).status_code == 405
        assert await desk(running, client) == f"{OFFICER} trial en officer"


async def test_no_address_of_sign_in_leads_to_another_site(running: Console) -> None:
    async with running.client() as client:
        for evil in ("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "/login"):
            page = await running.get(client, f"/login?next={quote(evil)}")
            assert "evil" not in page.text
            answer = await running.post(client, "/login/trial", {"person": OFFICER, "next": evil})
            assert answer.headers["location"] == "/"


async def test_guessing_locks_the_device_out_and_every_answer_says_the_same(running: Console) -> None:
    running.certify("tablet-9", CertificateUse.CLIENT, "tablet-9")
    texts = set()
    async with running.client() as client, running.client("tablet-9") as other:
        for number in range(FAILURES):
            running.clock.advance(timedelta(seconds=2))
            person = ("th.x.1", LISTED, "nobody", "th.o.1")[number % 4]
            answer = await running.post(client, "/login/trial", {"person": person})
            texts.add((answer.status_code, answer.text))
        answer = await running.post(client, "/login/passkey", {"assertion": "{}"})
        assert len(texts) == 1
        assert answer.status_code == 429
        assert (await running.sign_in(client)).status_code == 429
        assert (await running.sign_in(other)).status_code == 303
    assert {code for code, _ in running.refusals} == {"not-listed"}


async def test_a_device_without_a_certificate_for_it_gets_no_page(running: Console) -> None:
    running.certify("source", CertificateUse.SOURCE, "police")
    async with running.client("") as client:
        with pytest.raises(httpx2.HTTPError):
            await running.get(client, "/login")
    for name in ("tls", "statement"):
        async with running.client(name) as client:
            try:
                answer = await running.get(client, "/login")
            except httpx2.HTTPError:
                continue
            assert answer.status_code == 403
            assert "trial" not in answer.text


async def test_n246_a_second_card_for_one_key_signs_nobody_in(running: Console) -> None:
    file = running.settings.home / "people" / "persons.csv"
    (line,) = [line for line in file.read_text().splitlines() if line.startswith(LISTED)]
    file.write_text(file.read_text() + line.replace(LISTED, "th.d.8") + "\n")
    assert running.people.look()
    running.certify("card", CertificateUse.PERSON, LISTED)
    running.certify("second", CertificateUse.PERSON, "th.d.8", of="card")
    running.certify("own", CertificateUse.PERSON, "th.d.8")
    for card, answered in (("card", 303), ("second", 403), ("own", 303), ("card", 303)):
        async with running.client(card) as client:
            assert (await running.post(client, "/login/card", {"next": "/desk"})).status_code == answered, card


async def test_a_withdrawn_device_is_out(running: Console) -> None:
    async with running.client() as client:
        await running.sign_in(client)
        object.__setattr__(running.parts, "is_withdrawn", lambda name, _thumbprint: name == "cli")
        assert (await running.get(client, "/desk")).status_code in (303, 401, 403)
        assert (await running.get(client, "/login")).status_code == 403


async def test_without_device_certificates_sign_in_works_and_a_card_does_not(tmp_path: Path) -> None:
    async with console(tmp_path, device=False) as running, running.client("") as client:
        assert (await running.post(client, "/login/card")).status_code == 403
        assert (await running.sign_in(client)).status_code == 303
        assert await desk(running, client) == f"{OFFICER} trial en officer"


async def test_a_way_that_is_not_set_is_closed(tmp_path: Path) -> None:
    async with console(tmp_path, 'login = ["passkey"]') as running, running.client() as client:
        assert re.findall(r'href="(/login/[a-z]+)', (await running.get(client, "/login")).text) == ["/login/passkey"]
        assert (await running.sign_in(client)).status_code == 403
        assert (await running.get(client, "/login/trial")).status_code == 403
        assert (await running.post(client, "/login/card")).status_code == 403
        assert (await running.get(client, "/login/oidc/start")).status_code == 403
        assert (await running.get(client, "/login/oidc/callback?code=a&state=b&iss=c")).status_code == 403
    assert {code for code, _ in running.refusals} == {"way-closed", "no-sign-in"}


async def test_sessions_whose_time_is_over_are_taken_away(running: Console) -> None:
    async with running.client() as client:
        await running.sign_in(client)
        assert running.parts.sessions.end_over(running.clock.now_us(), 15 * 60_000_000) == 0
        running.clock.advance(timedelta(minutes=15))
        assert running.parts.sessions.end_over(running.clock.now_us(), 15 * 60_000_000) == 1
