"""An auditor at a browser, over a real node: the passkey signs, the entry comes first, the proof is drawn."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL, Popen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, Page

from gateway.ops.homes.open_home import open_home
from gateway.ports.entries import events
from tests.support.browser import chromium, watched
from tests.support.cli import Liaison, copy_federation
from tests.support.passkeys import set_release
from tests.support.persons import person_key
from tests.support.ports import free_port

AUDITOR, ADMINISTRATOR, OFFICER = "th.a.1", "th.m.1", "th.o.1042"
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_PEOPLE = (
    "id,agency,office,roles,channel,language,training_until,purposes\n"
    f"{AUDITOR},police,th.national,auditor,,en,2099-12-31,\n"
    f"{ADMINISTRATOR},police,th.national,administrator,,en,2099-12-31,\n"
)
_CREATE = """async (asked) => {
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const options = { ...asked, challenge: bytes(asked.challenge), user: { ...asked.user, id: bytes(asked.user.id) } };
  delete options.excludeCredentials;
  return (await navigator.credentials.create({ publicKey: options })).toJSON();
}"""

pytestmark = [pytest.mark.small_form, pytest.mark.process]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def trial_officer(person: str, role: str) -> str:
    lines = (f'id = "{person}"', 'office = "th.national"', 'agency = "police"', f'role = "{role}"')
    return "\n[[trial_officer]]\n" + "\n".join(lines) + '\npurposes = ["BORDER_CHECK"]\n'


def prepared_home(liaison: Liaison, folder: Path) -> tuple[Path, str]:
    """A home with a console for trials, and the address of its pages."""
    copy_federation(liaison, folder, ("th", "vn"))
    home, port = folder / "th", free_port()
    set_release(home, rp_id="localhost")
    settings = home / "node.toml"
    text = settings.read_text(encoding="utf-8").replace('# console = ""', f'console = "127.0.0.1:{port}"', 1)
    for name in ("exchange", "agency"):
        line = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(line, f'{name} = "127.0.0.1:{free_port()}"', 1)
    text = text.replace("[console]\n", '[console]\nlogin = ["trial"]\ndevice_certificate = false\n', 1)
    text += "".join(trial_officer(person, "desk-officer") for person in (AUDITOR, ADMINISTRATOR))
    settings.write_text(text, encoding="utf-8")
    (home / "people").mkdir(exist_ok=True)
    (home / "people" / "persons.csv").write_text(_PEOPLE, encoding="utf-8")
    return home, f"https://localhost:{port}"


@pytest.fixture
def console(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[Liaison, Path, str]]:
    """A node with a console, running."""
    liaison = Liaison(capsys)
    home, address = prepared_home(liaison, tmp_path)
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "serve", "--home", str(home)]
    with Popen(command, stdout=DEVNULL, stderr=DEVNULL) as node:
        try:
            yield liaison, home, address
        finally:
            node.terminate()
            node.wait(60)


def sign_in(page: Page, address: str, person: str, path: str) -> None:
    page.goto(f"{address}/login/trial?next={path}")
    page.locator(f'button[value="{person}"]').click()
    page.wait_for_load_state("load")
    page.goto(f"{address}{path}")


def reach(page: Page, address: str) -> None:
    """Wait for the node, a minute at most."""
    for _ in range(120):
        try:
            page.goto(address)
        except Exception:  # noqa: BLE001  # it does not listen yet
            page.wait_for_timeout(500)
        else:
            return
    raise AssertionError("the console does not listen")


def appoint(page: Page, liaison: Liaison, home: Path) -> None:
    """Enrol a passkey that the browser makes, by two persons, and have the authority appoint its key."""
    folder = home.parent
    options, response, public = folder / "options.json", folder / "response.json", folder / "a.pub"
    assert liaison("passkey", "options", "--home", home, "--person", AUDITOR, "--out", options).code == 0
    made = page.evaluate(_CREATE, json.loads(options.read_text()))
    response.write_text(json.dumps(made))
    keys = [part for name in ("adm", "data1") for part in ("--key", str(person_key(home, name)))]
    said = ("--options", options, "--response", response, "--reason", "new auditor")
    ran = liaison("passkey", "enrol", "--home", home, *said, *keys)
    assert ran.code == 0, ran.err
    assert liaison("passkey", "public", "--home", home, "--credential", made["id"], "--out", public).code == 0
    ran = liaison(
        "audit", "appoint", "--home", home, "--authority", folder / "th-authority", "--auditor", AUDITOR,
        "--key", public, "--by", "the auditor general", "--out", folder / "appointment.json",
    )  # fmt: skip
    assert ran.code == 0, ran.err


def check(page: Page) -> None:
    """Fail for a violation of WCAG 2.2 AA, and where the page moves sideways."""
    found = Axe().run(page, options=_RULES).response["violations"]
    assert not found, [(item["id"], [node["html"] for node in item["nodes"]]) for item in found]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def brings_the_other_countrys_export(page: Page, liaison: Liaison, home: Path, address: str) -> None:
    """Compare an export of ours with one that comes as a tar file; another file is refused beside its field."""
    (home / "exports").mkdir(exist_ok=True)
    there = home.parent / "vn-export"
    assert liaison("audit", "export", "--home", home.parent / "vn", "--out", there).code == 0
    with tarfile.open(home.parent / "vn.tar", "w") as archive:
        archive.add(there, "Xuất khẩu")
    whole = (home.parent / "vn.tar").read_bytes()
    page.goto(f"{address}/audit/check")
    check(page)
    page.set_input_files("#export", home.parent / "vn.tar")
    page.get_by_role("button", name="Bring it", exact=True).click()
    page.get_by_text("Viet Nam (vn), brought by you").first.wait_for(state="attached")
    assert page.get_by_role("button", name="Compare", exact=True).is_disabled(), "there is none of our own yet"
    check(page)
    for brought in (home / "exports").iterdir():
        shutil.rmtree(brought)
    ran = liaison("audit", "export", "--home", home, "--out", home / "exports" / "th-export")
    assert ran.code == 0, ran.err
    page.goto(f"{address}/audit/check")
    bombs = {"bomb.tar.gz": gzip.compress(bytes(50_000_000)), "half.tar": whole[: len(whole) // 2], "vn.tar": b""}
    for name, data in bombs.items():
        page.set_input_files("#export", FilePayload(name=name, mimeType="application/x-tar", buffer=data))
        page.get_by_role("button", name="Bring it and compare").click()
        page.locator("#export-fault").wait_for()
        assert [path.name for path in (home / "exports").iterdir()] == ["th-export"]
    check(page)
    page.set_input_files("#export", home.parent / "vn.tar")
    page.get_by_role("button", name="Bring it and compare").click()
    page.locator("#compared").get_by_text("exchanges agree").wait_for(timeout=120_000)
    assert "the export of Viet Nam" in page.inner_text("#compared")
    assert page.get_by_text("Viet Nam (vn), brought by you").count()
    check(page)


def kinds(home: Path) -> list[str]:
    """The kinds of the operations log's entries that tell of inspections, the oldest first."""
    wanted = events.kinds(events.SEARCHED, events.OPENED, events.INSPECTION_REFUSED)
    with open_home(home) as evidence:
        found = sorted(evidence.store.of_kinds("operations/1", wanted, 0))
    return [kind for _, _, kind, _ in found]


def test_an_auditor_asks_opens_and_sees_the_proof(browser: Browser, console: tuple[Liaison, Path, str]) -> None:
    liaison, home, address = console
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
            }
        },
    )  # fmt: skip
    reach(page, address)
    faults = watched(page)
    sign_in(page, address, AUDITOR, "/audit")
    assert page.get_by_text("You have no mandate in force").is_visible()
    appoint(page, liaison, home)
    asked = ("--purpose", "BORDER_CHECK", "--offence", "OTHER", "--ticket", "T-1")
    liaison("ask", "document", "--home", home, "--as", OFFICER, "--to", "vn", "--number", "AB1234567", *asked)

    page.goto(f"{address}/audit")
    assert page.get_by_text("the auditor general").is_visible()
    check(page)
    page.goto(f"{address}/audit/ask?question=officer")
    page.locator("main form button.first").click()
    assert page.locator("[role=alert]").first.is_visible()
    check(page)
    page.fill("#officer", OFFICER)
    page.fill("#reason", "<script>alert(1)</script>")
    page.locator("main form button.first").click()
    check(page)
    assert kinds(home) == []
    page.get_by_role("button", name="Sign with your passkey").click()
    page.wait_for_url("**/audit/found/**")
    assert kinds(home) == ["searched"]
    check(page)
    page.locator("tbody a").first.click()
    assert page.input_value("#reason") == "<script>alert(1)</script>"
    page.locator("main form button.first").click()
    page.get_by_role("button", name="Sign with your passkey").click()
    page.wait_for_url("**/audit/opened/**")
    assert kinds(home) == ["searched", "opened"]
    assert page.locator("svg.audit-tree circle").count() >= 2
    assert OFFICER in page.inner_text("main")
    check(page)
    opened = page.url
    page.goto(f"{address}/audit")
    assert page.locator("tbody tr").count() == 2
    assert [text for text in faults if "400" not in text] == []

    brings_the_other_countrys_export(page, liaison, home, address)
    assert [text for text in faults if "400" not in text] == []

    other = browser.new_context(ignore_https_errors=True).new_page()
    sign_in(other, address, ADMINISTRATOR, "/audit")
    assert other.locator("h1").inner_text() == "not permitted"
    other.goto(opened)
    assert OFFICER not in other.inner_text("main")
    assert kinds(home) == ["searched", "opened"]
    report = liaison("audit", "verify", "--home", home, "--json").value
    assert report["verdict"] == "proved"
