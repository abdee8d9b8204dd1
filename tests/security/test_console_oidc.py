"""Sign-in at a real identity provider: stolen, mixed up and replayed answers of it open nothing (CASE-L6)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx2
import jwt
import pytest

from certs.names import CertificateUse
from gateway.console.login import sessions
from gateway.console.login.routes import CALLBACK
from gateway.https.client_certificate import ClientSystem
from tests.support.console import Console, console, real_provider
from tests.support.oidc import TestProvider, make_provider_keys, oidc_provider, oidc_settings, require_node
from tests.support.ports import free_port

pytestmark = pytest.mark.process

PERSON = "th.o.77"
OFFICER = {
    "role": "officer", "office": "th.blo.aranyaprathet", "agency": "police", "purposes": ["BORDER_CHECK"]
}  # fmt: skip


@dataclass(slots=True)
class Stage:
    """A console and the provider at which its people sign in."""

    console: Console
    provider: TestProvider

    async def start(self, client: httpx2.AsyncClient, after: str = "/desk") -> str:
        """Begin a sign-in, and return where the browser is led."""
        self.console.catch_up()
        answer = await self.console.get(client, f"/login/oidc/start?next={after}", sec_fetch_site="same-origin")
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def answered(self, client: httpx2.AsyncClient, person: str = PERSON) -> str:
        """Begin a sign-in and go through it at the provider; return the path by which the browser comes back."""
        async with self.provider.browser() as browser:
            place = await self.provider.sign_in(browser, await self.start(client), person)
        assert place.startswith(self.console.origin + CALLBACK)
        return place.removeprefix(self.console.origin)

    async def back(self, client: httpx2.AsyncClient, path: str) -> httpx2.Response:
        """Come back from the provider's site."""
        self.console.catch_up()
        return await self.console.get(client, path, sec_fetch_site="cross-site")

    async def sign_in(self, client: httpx2.AsyncClient) -> None:
        """Sign in."""
        answer = await self.back(client, await self.answered(client))
        assert answer.status_code == 200, (answer.text, self.console.refusals)


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    require_node()
    keys, port = folder / "provider", free_port()
    at = make_provider_keys(keys)
    oidc = oidc_settings(keys, at)
    redirect = f"https://localhost:{port}{CALLBACK}"
    async with (
        console(folder, 'login = ["oidc"]', real_provider, oidc=oidc, port=port) as running,
        oidc_provider(keys, at, redirect, running.settings.home / "ca.pem", OFFICER) as provider,
    ):
        yield Stage(running, provider)


def has_session(client: httpx2.AsyncClient) -> bool:
    return any(cookie.name == sessions.SESSION for cookie in client.cookies.jar)


async def test_a_person_signs_in_there_and_is_the_officer_of_a_token_that_is_bound_to_the_console(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage, stage.console.client() as client:
        path = await stage.answered(client)
        assert {"code=", "state=", "iss="} <= {
            part.partition("=")[0] + "=" for part in path.partition("?")[2].split("&")
        }
        answer = await stage.back(client, path)
        assert answer.status_code == 200, (answer.text, stage.console.refusals)
        assert 'content="0; url=/desk"' in answer.text  # the session's cookie is sent from our own page only
        shown = await stage.console.get(client, "/desk")
        assert shown.text == f"{PERSON} oidc en officer"
        session = next(cookie.value or "" for cookie in client.cookies.jar if cookie.name == sessions.SESSION)
        kept = stage.console.parts.sessions.find(sessions.id_of(session))
        assert kept is not None
        claims = jwt.decode(kept.token, options={"verify_signature": False})
        assert claims["cnf"]["x5t#S256"] == stage.console.parts.system().thumbprint
        assert stage.console.notes[0].private["way"] == "oidc"

        again = await stage.back(client, path)  # the same code, a second time
        assert again.status_code == 403
        assert stage.console.refusals[-1][0] == "no-sign-in"

        stage.console.clock.advance(timedelta(seconds=240))
        shown = await stage.console.get(client, "/desk")  # the token ends soon: it is renewed there
        assert shown.text == f"{PERSON} oidc en officer"
        renewed = stage.console.parts.sessions.find(sessions.id_of(session))
        assert renewed is not None
        assert renewed.token != kept.token

        await stage.console.post(client, "/logout")
        provider = stage.console.parts.provider
        assert provider is not None
        with pytest.raises(Exception, match="refuses with status 400"):
            await provider.renew(renewed.renewal)


async def test_answers_that_are_stolen_mixed_up_or_changed_sign_nobody_in(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, stage.console.client() as client:
        other = "iss=https%3A%2F%2Fevil.example"
        issuer = f"iss={quote(stage.provider.issuer, safe='')}"
        changes: list[tuple[Callable[[str], str], str]] = [
            (lambda path: path.replace(issuer, other), "oidc-issuer"),
            (lambda path: path.replace(f"&{issuer}", ""), "oidc-issuer"),
            (lambda path: path.replace("state=", "state=x"), "oidc-state"),
            (lambda _path: f"{CALLBACK}?error=access_denied&{issuer}", "oidc-state"),
            (lambda path: path.replace("code=", "error="), "oidc-denied"),
            (lambda path: f"{path}&{issuer}", "oidc-answer"),
            (lambda _path: f"{CALLBACK}?code=", "oidc-state"),
        ]
        texts = set()
        for change, code in changes:
            path = await stage.answered(client)
            answer = await stage.back(client, change(path))
            texts.add((answer.status_code, answer.text))
            assert stage.console.refusals[-1][0] == code
        assert len(texts) == 1
        assert not has_session(client)

        stage.console.certify("tablet-9", CertificateUse.CLIENT, "tablet-9")
        async with stage.console.client("tablet-9") as victim:  # an attacker's answer in a victim's browser
            path = await stage.answered(client)
            assert (await stage.back(victim, path)).status_code == 403
            stolen = next(each.value or "" for each in client.cookies.jar if each.name == sessions.LOGIN)
            answer = await stage.console.get(victim, path, cookie=f"{sessions.LOGIN}={stolen}")
            assert answer.status_code == 403
            assert not has_session(victim)
        assert stage.console.kinds() == []


async def test_a_code_is_worth_nothing_without_its_verifier_and_a_token_for_another_console_nothing_here(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage, stage.console.client() as client:
        first = await stage.answered(client)
        code = next(part for part in first.partition("?")[2].split("&") if part.startswith("code="))
        second = await stage.answered(client)
        mine = next(part for part in second.partition("?")[2].split("&") if part.startswith("code="))
        answer = await stage.back(client, second.replace(mine, code))
        assert answer.status_code == 403
        assert stage.console.refusals[-1][0] == "oidc-refused"
        path = await stage.answered(client)
        object.__setattr__(stage.console.parts, "system", lambda: ClientSystem("console", "A" * 43))
        assert (await stage.back(client, path)).status_code == 403
        assert stage.console.refusals[-1][0] == "token-binding"
        assert not has_session(client)


async def test_while_the_provider_is_away_a_good_token_goes_on_and_nobody_new_gets_in(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, stage.console.client() as client:
        await stage.sign_in(client)
        stage.provider.process.kill()
        await stage.provider.process.wait()
        stage.console.clock.advance(timedelta(seconds=240))
        assert (await stage.console.get(client, "/desk")).text == f"{PERSON} oidc en officer"
        async with stage.console.client() as other:
            answer = await stage.console.get(other, "/login/oidc/start", sec_fetch_site="same-origin")
        assert answer.status_code == 503
        answer = await stage.console.get(client, "/login/oidc/start", sec_fetch_site="cross-site")
        assert answer.headers["location"] == "/login"
