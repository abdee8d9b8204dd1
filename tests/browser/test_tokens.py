"""A token at the console of a record's owner: issued with consent, shown as a code that a scanner reads, withdrawn."""

from __future__ import annotations

import struct
import zlib

import pytest
import zxingcpp
from playwright.sync_api import Browser, Page, expect

from gateway.language import Language
from tests.support import looked_at
from tests.support.console_stories import distinguishing
from tests.support.consoles import DATA_OFFICER, Consoles

pytestmark = [pytest.mark.small_form, pytest.mark.process, pytest.mark.timeout(900)]

_HOSTILE = "<script>alert(1)</script> paper 12"


def test_a_token_is_issued_with_consent_printed_and_withdrawn(browser: Browser, federation: Consoles) -> None:
    work = distinguishing(federation)
    with federation.person(browser, f"th.{DATA_OFFICER}", Language.EN) as keeper:
        page = keeper.open(f"/threads/vn/{work.key.thread_id}")
        page.locator("a", has_text="Issue a token").click()
        page.wait_for_url("**/misuse?work=*")
        expect(page.locator("#work")).to_have_value(work.id)
        page.fill("#documents", "P 4471209 VNM\n1103700123456 tha")
        page.fill("#consent", _HOSTILE)
        page.locator("#issue button.first").click()
        expect(page.locator(".errors")).to_contain_text("without the person's consent")
        expect(page.locator("#consent")).to_have_value(_HOSTILE)
        assert looked_at.violations(page) == []
        page.locator("input[name=agrees]").check()
        page.locator("#issue button.first").click()
        page.wait_for_url("**/misuse/*")
        expect(page.locator("main")).to_contain_text(_HOSTILE)
        page.locator("main a", has_text="The sheet, to be printed").click()
        page.wait_for_url("**/print")
        text = page.locator(".proof").inner_text()
        assert text.startswith("LN1.")
        assert _HOSTILE not in page.locator("main").inner_text(), "the sheet says nothing of the record"
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert _read(page) == text
        page.emulate_media(media="print")
        assert _read(page) == text
        page.emulate_media(media="screen")
        page.locator("main a", has_text="Back").click()
        page.locator("summary", has_text="Withdraw it").click()
        page.locator("button.danger").click()
        expect(page.locator("#reason-fault")).to_be_visible()
        page.select_option("#reason", "mistaken")
        page.locator("button.danger").click()
        expect(page.locator(".banner-title")).to_contain_text("Withdrawn")
        assert page.locator("svg.code").count() == 0


def _read(page: Page) -> str:
    """Return what a scanner reads of the code as the browser draws it."""
    (found,) = zxingcpp.read_barcodes(_grey(page.locator("svg.code").screenshot()))
    return str(found.text)


def _grey(png: bytes) -> memoryview:
    """Return the picture of a PNG of eight bits a channel, as bytes of grey in two dimensions."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert depth == 8
    wide = {2: 3, 6: 4}[colour]
    data, at = b"", 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    plain, row = zlib.decompress(data), width * wide
    above, grey = bytearray(row), bytearray()
    for line in range(height):
        start = line * (row + 1)
        above = _unfiltered(plain[start], bytearray(plain[start + 1 : start + 1 + row]), above, wide)
        grey += above[::wide]
    return memoryview(bytes(grey)).cast("B", (height, width))


def _unfiltered(kind: int, own: bytearray, above: bytearray, wide: int) -> bytearray:
    """Undo the filter of a line (PNG, 9.2)."""
    for at, value in enumerate(own):
        left = own[at - wide] if at >= wide else 0
        corner = above[at - wide] if at >= wide else 0
        near = left + above[at] - corner
        paeth = min((left, above[at], corner), key=lambda each: abs(near - each))
        own[at] = (value + (0, left, above[at], (left + above[at]) // 2, paeth)[kind]) % 256
    return own
