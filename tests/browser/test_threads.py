"""Matters at the desk in two countries' consoles: real nodes, real TLS, a browser, and an authenticator of its own."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from playwright.async_api import Browser, FilePayload, Page, async_playwright, expect

from gateway.audit.acts.passkeys import Passkey
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.model.desk.notices import ChangeCode, Note, ReplyCode
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.asks import Decide
from gateway.model.handed.changes import ChangeCommand
from gateway.model.purpose import Offence
from tests.support.browser import ARGUMENTS
from tests.support.matters import with_consoles
from tests.support.nodes import World, running
from tests.support.optional import found, needs
from tests.support.second_step import actor, asked, hit, is_taken, step, step_world, works
from tests.support.waiting import until

pytestmark = [pytest.mark.small_form, pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

_WAIT_MS = 60_000
expect.set_options(timeout=_WAIT_MS)
DATA_OFFICER = actor("vn", "p1", Role.DATA_OFFICER, agency="immigration")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    needs("chromium-headless-shell")
    made = with_consoles(step_world(Path(tmp_path_factory.mktemp("threads"))))
    async with running(made, ("th", "vn")):
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    needs("chromium-headless-shell")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=found("chromium-headless-shell"), args=list(ARGUMENTS)
        )
        yield started
        await started.close()


async def signed_in(browser: Browser, world: World, person: str) -> Page:
    """A page of a person who has signed in, with what the browser refuses in `faults`."""
    context = await browser.new_context(
        ignore_https_errors=True,
        viewport={"width": 390, "height": 844},
        base_url=world.nodes[person[:2]].addresses["console"],
    )
    context.set_default_timeout(_WAIT_MS)
    page = await context.new_page()
    page.on("console", lambda said: _refuse(said.text) if "Content Security Policy" in said.text else None)
    await page.goto("/login/trial?next=/desk")
    await page.locator(f"button[value='{person}']").click()
    await expect(page.locator("h1")).to_have_text("Desk")
    return page


def _refuse(text: str) -> None:
    raise AssertionError(text)


async def approved(browser: Browser, world: World, **search: Any) -> tuple[Page, str]:
    """A follow-up that an officer sent in two taps and a supervisor approved; the officer's page, and the thread."""
    officer = await signed_in(browser, world, "th.o.1042")
    search_id = await hit(world, **search)
    await officer.goto(f"/follow-up/{search_id}/vn/0")
    await officer.locator("#held").fill("๒๓:๕๙")
    await officer.locator("form#ask button.first").click()
    await expect(officer.get_by_text("Not sent: another person must approve it first.")).to_be_visible()
    path = officer.url[officer.url.index("/threads/") :]
    supervisor = await signed_in(browser, world, "th.o.7")
    await supervisor.goto(path)
    await supervisor.locator("button[value=approve]").click()
    thread_id = path.rpartition("/")[2]
    await expect(supervisor.locator(".timeline > li")).to_have_count(1)
    return officer, thread_id


async def test_the_worked_example_between_two_consoles(world: World, browser: Browser) -> None:
    officer, thread_id = await approved(browser, world, offence=Offence.MONEY)
    key = next(each.key for each in works_of(world, "vn") if each.key.thread_id == thread_id)
    duty = await signed_in(browser, world, "vn.o.d7")
    await heard(await signed_in(browser, world, "vn.o.n1"))  # no shift is planned: the national desk has it
    await duty.goto(f"/threads/th/{thread_id}")
    await duty.get_by_role("link", name="Decide", exact=True).click()
    await duty.locator("form#decide button.first").click()
    await expect(duty.locator(".errors")).to_contain_text("choose an answer")
    await expect(duty.locator("input[value=birth][disabled]")).to_have_count(1)  # policy gives it to no human
    for name in ("holder_name", "status"):
        await duty.locator(f"input[name=fields][value={name}]").set_checked(name == "status")
    await duty.locator("input[name=answer][value=RELEASED]").check()
    await duty.locator("#reason").fill("the same passport, and a person is held")
    await duty.locator("form#decide button.first").click()
    await expect(duty.locator(".timeline")).to_contain_text("released in part")

    await expect(officer.locator("#now a")).to_contain_text(["look at what has come"])  # without a reload
    await officer.reload()
    await officer.get_by_role("button", name="Open the answer").click()
    await expect(officer.locator("#package")).to_contain_text("status")
    await expect(officer.locator("#package")).not_to_contain_text("holder")
    await expect(duty.locator(".timeline")).to_contain_text("opened")  # READ comes by itself

    (given,) = [each for each in world.nodes["vn"].desk.parts.store.holdings(holder="th") if each.record]
    await world.nodes["vn"].desk.uses.originator.change(
        DATA_OFFICER, ChangeCommand(code=ChangeCode.WITHDRAWN, record=given.record, text="another person")
    )
    await expect(officer.locator("#package")).to_contain_text("Its owner has withdrawn or changed this record")
    await expect(officer.locator("#package")).not_to_contain_text("status")
    assert world.nodes["vn"].desk.parts.store.thread(key) is not None
    await world.nodes["vn"].desk.originator.holding.lift(DATA_OFFICER, given.record)  # other tests ask for it


def works_of(world: World, member: str) -> list[Any]:
    """The decisions that wait at a member."""
    return works(world.nodes[member], WorkKind.DECIDE)


async def test_a_passkey_signs_exactly_what_is_shown_and_a_second_person_decides_as_well(
    world: World, browser: Browser
) -> None:
    _, _, work = await asked(world, search_offence=Offence.SCAM)
    first = await signed_in(browser, world, "vn.o.d5")
    await with_passkey(first, world, "vn.o.d5")
    await first.goto(f"/desk/work/{work.id}/decide")
    await first.locator("input[name=answer][value=RELEASED]").check()
    await first.locator("#reason").fill("reported stolen")
    await first.locator("form#decide button.first").click()
    await expect(first.locator("h1")).to_have_text("Sign what leaves")
    await first.locator("form#sign button.first").click()
    await expect(first.locator("#now")).to_contain_text("vn.o.d5 has decided. A second person decides as well.")

    second = await signed_in(browser, world, "vn.o.d8")
    await second.goto(f"/threads/th/{work.key.thread_id}")
    await second.get_by_role("link", name="See it and sign").first.click()
    await expect(second.locator("h1")).to_have_text("The second decision")
    await second.locator("#reason").fill("I have compared both")
    await second.locator("form#sign button.first").click()
    await expect(second.locator(".timeline")).to_contain_text("released")
    await until(is_taken(world.nodes["vn"], work.key), "the reply is taken")


async def heard(page: Page) -> None:
    """Wait until flash work that no one has taken is heard at the desk."""
    await page.add_init_script(_MARK_SOUNDS)
    await page.goto("/desk")
    await expect(page.locator("[data-alarm]")).to_be_visible()
    await page.locator("h1").click()  # a browser gives no sound before the first touch
    await expect(page.locator("html[data-sounded]")).to_have_count(1)


_MARK_SOUNDS = """
  window.AudioContext = class extends AudioContext {
    constructor() { super(); document.documentElement.dataset.sounded = "true"; }
  };
"""


async def with_passkey(page: Page, world: World, person: str) -> None:
    """Give the page an authenticator with a passkey that is enrolled for this person."""
    private, credential = ec.generate_private_key(ec.SECP256R1()), person.encode().ljust(16, b"\0")
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    PasskeyBook(world.nodes["vn"].core.parts.documents).enrol(
        Passkey(person, credential, public, "localhost", 0), "act", 1
    )
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})
    encoded = base64.b64encode(private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()
    await session.send(
        "WebAuthn.addCredential",
        {
            "authenticatorId": made["authenticatorId"],
            "credential": {
                "credentialId": base64.b64encode(credential).decode(),
                "isResidentCredential": False,
                "rpId": "localhost",
                "privateKey": encoded,
                "signCount": 1,
            },
        },
    )


_AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def test_what_was_decided_meanwhile_is_told_and_nothing_leaves_twice(world: World, browser: Browser) -> None:
    _, there, work = await asked(world)
    page = await signed_in(browser, world, "vn.o.d7")
    await page.goto(f"/desk/work/{work.id}/decide")
    other = actor("vn", "d8", Role.DUTY, agency="immigration")
    await step(world, "vn").decisions.decide(other, Decide(work=work.id, answer=ReplyCode.NOTHING_HELD, reason="no"))
    await page.locator("input[name=answer][value=RELEASED]").check()
    await page.locator("#reason").fill("reported stolen")
    await page.locator("form#decide button.first").click()
    await expect(page.locator("main")).to_contain_text("this was done before")
    assert len(world.nodes["vn"].desk.parts.store.notices(there)) == 2


async def test_a_form_that_is_pressed_twice_at_once_writes_one_note(world: World, browser: Browser) -> None:
    key, _, _ = await asked(world)
    page = await signed_in(browser, world, "th.o.1042")
    path = f"/threads/vn/{key.thread_id}"
    await page.goto(path)
    sent = await page.locator("form#note").evaluate("form => Object.fromEntries(new FormData(form))")
    sent["note-text"] = "the driver is back"
    headers = {"origin": world.nodes["th"].addresses["console"]}
    presses = (page.context.request.post(f"{path}/note", form=sent, headers=headers) for _ in range(3))
    assert {answer.status for answer in await asyncio.gather(*presses)} == {200}
    assert len(world.nodes["th"].desk.parts.store.notices(key)) == 2, "the question, and one note"


async def test_a_note_of_the_other_side_is_text_and_never_markup(world: World, browser: Browser) -> None:
    key, there, _ = await asked(world)
    duty = actor("vn", "d7", Role.DUTY, agency="immigration")
    hostile = "<img src=x onerror=alert(1)><script>document.title='owned'</script>"
    await step(world, "vn").packages.note(duty, there, Note("en", hostile))
    await until(is_taken(world.nodes["vn"], there), "the note is taken")
    page = await signed_in(browser, world, "th.o.1042")
    await page.goto(f"/threads/vn/{key.thread_id}")
    await expect(page.locator(".timeline")).to_contain_text(hostile)
    assert await page.locator(".timeline img, .timeline script").count() == 0
    assert "owned" not in await page.title()


async def test_a_question_is_asked_once_and_its_faults_stand_beside_their_fields(
    world: World, browser: Browser
) -> None:
    page = await signed_in(browser, world, "th.o.1042")
    await page.goto("/desk")
    await page.get_by_role("link", name="Ask another country").click()
    await page.locator(".tasks a").first.click()
    plates = FilePayload(name="plates.csv", mimeType="text/csv", buffer=b"plate\n" * 700_000)
    await page.locator("#files").set_input_files(plates)
    await page.locator("form#ask button.first").click()
    await expect(page.locator("#to-fault")).to_be_visible()
    await expect(page.locator("form#ask")).to_contain_text("The files have not come: choose them again.")
    await page.locator("#to").select_option("vn")
    await page.locator("#to_office").select_option(index=1)
    await page.locator("#files").set_input_files(plates)
    await page.locator("#facts").fill("a lorry was left at the bridge\nits driver has gone")
    await page.locator("#purpose").select_option("INVESTIGATION")
    await page.locator("#offence").select_option("NARC")
    await page.locator("#case").fill("TH-2026-0417")
    sent = await page.locator("form#ask").evaluate(
        "form => Object.fromEntries([...new FormData(form)].filter(([name]) => name != 'files'))"
    )
    await page.locator("form#ask button.first").click()
    await expect(page.locator("h1")).to_contain_text("Asks a question")
    for said in ("plates.csv", "vn.blo.moc-bai"):
        await expect(page.locator("main")).to_contain_text(said)
    origin = world.nodes["th"].addresses["console"]
    again = await page.context.request.post(
        "/ask/question", multipart=sent | {"files": plates}, headers={"origin": origin}
    )
    assert again.url == page.url
    await page.get_by_text("Take the question back").first.click()
    await page.locator("#withdraw-reason").fill("found")
    await page.locator("form#withdraw button").click()
    await expect(page.locator("#now")).to_contain_text("ended")
