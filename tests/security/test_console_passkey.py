"""Sign-in with a passkey: an enrolled one only, over the challenge of this very sign-in, on our page (CASE-L6)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from certs.names import CertificateUse
from gateway.audit.acts.passkeys import Passkey
from gateway.signing.passkeys.base64url import decode_url64
from tests.support.authenticator import Authenticator
from tests.support.console import LISTED, Console, console

pytestmark = pytest.mark.process


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path, 'login = ["passkey"]') as found:
        yield found


def enrolled(running: Console, person: str = LISTED, **options: Any) -> Authenticator:
    """A device whose passkey is enrolled for a person."""
    device = Authenticator(rp_id="localhost", origin=running.origin, **options)
    running.parts.passkeys.enrol(Passkey(person, device.credential, device.spki, "localhost"), "act", 1)
    return device


async def challenge(running: Console, client: httpx2.AsyncClient, after: str = "/desk") -> bytes:
    """The challenge of a sign-in that begins."""
    page = await running.get(client, f"/login/passkey?next={after}", sec_fetch_site="same-origin")
    found = re.search(r'data-passkey="([^"]+)"', page.text)
    assert found is not None, page.text
    options = json.loads(html.unescape(found[1]))
    assert (options["rpId"], options["allowCredentials"], options["userVerification"]) == ("localhost", [], "required")
    return decode_url64(options["challenge"], "challenge", 32)


async def hand_in(running: Console, client: httpx2.AsyncClient, said: object) -> httpx2.Response:
    return await running.post(client, "/login/passkey", {"assertion": json.dumps(said)})


async def test_a_person_of_the_list_signs_in_with_the_roles_of_the_list(running: Console) -> None:
    device = enrolled(running)
    async with running.client() as client:
        answer = await hand_in(running, client, device.get(await challenge(running, client)))
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
        assert (await running.get(client, "/desk")).text == f"{LISTED} passkey th duty supervisor"
    assert running.notes[0].private["way"] == "passkey"


async def test_an_assertion_is_taken_once_by_the_browser_that_asked(running: Console) -> None:
    device = enrolled(running, counts=False)
    running.certify("tablet-9", CertificateUse.CLIENT, "tablet-9")
    async with running.client() as client, running.client("tablet-9") as thief:
        said = device.get(await challenge(running, client))
        assert (await hand_in(running, thief, said)).status_code == 403
        await challenge(running, thief)
        assert (await hand_in(running, thief, said)).status_code == 403
        assert (await hand_in(running, client, said)).status_code == 303
        client.cookies.clear()
        assert (await hand_in(running, client, said)).status_code == 403
    assert [code for code, _ in running.refusals] == ["no-sign-in", "other-challenge", "no-sign-in"]


async def test_whatever_is_wrong_the_answer_is_the_same(running: Console) -> None:
    device, stranger = enrolled(running), Authenticator(rp_id="localhost", origin=running.origin)
    unlisted, without = enrolled(running, "th.o.9"), enrolled(running, "th.x.1")
    withdrawn = enrolled(running)
    running.parts.passkeys.withdraw(withdrawn.credential, 2)
    answers = set()

    async def tried(make: Any) -> str:
        running.parts.guard.succeeded("")
        async with running.client() as client:
            answer = await hand_in(running, client, make(await challenge(running, client)))
            answers.add((answer.status_code, answer.text))
        return running.refusals[-1][0]

    assert await tried(stranger.get) == "passkey-unknown"
    assert await tried(withdrawn.get) == "passkey-withdrawn"
    assert await tried(unlisted.get) == "not-listed"
    assert await tried(without.get) == "not-listed"
    assert await tried(lambda value: device.get(value, origin="https://evil.example")) == "other-origin"
    assert await tried(lambda value: device.get(value, origin="https://localhost:1")) == "other-origin"
    assert await tried(lambda value: device.get(value, crossOrigin=True)) == "cross-origin"
    assert await tried(lambda value: device.create(value)) in ("bad-passkey", "bad-base64url", "other-ceremony")
    assert await tried(lambda _: "x") == "bad-passkey"
    assert len(answers) == 1
    assert running.kinds() == []


async def test_a_cloned_passkey_is_an_alarm(running: Console) -> None:
    device = enrolled(running)
    async with running.client() as client:
        device.counter = 5
        assert (await hand_in(running, client, device.get(await challenge(running, client)))).status_code == 303
        device.counter = 3
        assert (await hand_in(running, client, device.get(await challenge(running, client)))).status_code == 403
    assert running.kinds() == ["signed-in", "alarm"]
