"""Reports with a person in them, and other reports that a hostile member makes, are refused with a code."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.clock import DAY_US
from gateway.desk.acting.home import Stand
from gateway.desk.reports.checks import check_fields
from gateway.desk.reports.issuing import issued_for
from gateway.desk.reports.library import Found
from gateway.desk.reports.traces import traces
from gateway.desk.reports.values import LibraryQuery, OwnReport
from gateway.errors import Malformed
from gateway.matching.method_reports import report_keys, wanted_keys
from gateway.model.desk.attachments import Attachment, MediaType
from gateway.model.desk.delivered import NoticeMessage
from gateway.model.desk.notices import Head, Notice, Urgency
from gateway.model.desk.reports import Report
from gateway.model.desk.work import Role
from gateway.model.forms.numbers import thai_pin_check_digit
from gateway.model.forms.reports import ReportTerms
from gateway.model.marking import Level
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.statements.notices.notice import build_notice
from gateway.statements.notices.receipt import parse_receipt
from tests.support.alerts import actor, author
from tests.support.exchange import KH, TH, VN, entries, sample_world
from tests.support.simulator import Simulation, simulated
from tests.support.tables import table

PIN = "123456789012" + str(thai_pin_check_digit("123456789012"))
FIELDS: dict[str, Any] = {"offence": "NARC", "method": "under the floor", "no_personal_data": True}


def _figures(zero: str) -> str:
    return "".join(chr(ord(zero) + int(sign)) for sign in PIN)


CHINESE = ["〇一二三四五六七八九"[int(sign)] for sign in PIN]
PERSONAL = {
    PIN: "THA-PIN",
    f"{PIN[0]}-{PIN[1:5]}-{PIN[5:10]}-{PIN[10:12]}-{PIN[12]}": "THA-PIN",
    "\u200b".join(PIN): "THA-PIN",
    " . ".join(PIN): "THA-PIN",
    "\u0336".join(PIN): "THA-PIN",
    **{_figures(zero): "THA-PIN" for zero in "๐໐០၀０𝟎"},
    PIN.replace("0", "O"): "THA-PIN",
    "1 1 0 1 0 5 1949 1231 002 x": "CHN-RIC",
    "001085012345": "VNM-CCCD",
    "12/LaMaTa(N)123456": "MMR-NRC",
    "၁၂/လမတ(နိုင်)၁၂၃၄၅၆": "MMR-NRC",
    "call ๐๘๑-234-5678": "phone",
    "+856 20 5555 1234": "phone",
    "passport AА1234567": "travel-document",
    "A\u200bA 1 2 3 4 5 6 7": "travel-document",
    "P<UTOERIKSSON<<ANNA<MARIA": "travel-document",
    "กข 1234": "plate",
    "1กข-1234": "plate",
    "ກຂ 1234": "plate",
    "2A-1234": "plate",
    "29A-123.45": "plate",
    "京A·12345": "plate",
    "၁က/၁၂၃၄": "plate",
    "a.b@example.org": "e-mail",
    "@somchai.j": "account",
    "GB82 WEST 1234 5698 7654 32": "IBAN",
    "490154203237518": "IMEI",
    "一二三四五六七八九〇一二三": "number",
    **{sign.join(PIN): "THA-PIN" for sign in ("#", "=", "🙂", "+", "%", "→", "¦", "“”", "ๆ", "។", "[", "?", "<")},
    **{signs.join(CHINESE): "THA-PIN" for signs in (" ", "、", "-", "")},
    "".join(sign if place % 2 else PIN[place] for place, sign in enumerate(CHINESE)): "THA-PIN",
    "".join(chr(0x2775 + int(sign)) if sign != "0" else "⓿" for sign in PIN): "THA-PIN",
    "".join(chr(0x1368 + int(sign)) if sign != "0" else "0" for sign in PIN): "THA-PIN",
    **{_figures(zero): "THA-PIN" for zero in "០៰႐᪀᧐꩐"},
    "🇦🇦1234567": "travel-document",
    "🅰🅱1234567": "travel-document",
    "ᎪᎪ1234567": "travel-document",
    "ꓮꓮ1234567": "travel-document",
    "ÁẠ1234567": "travel-document",
    "29a-123.45": "plate",
    "2a-1234": "plate",
    "京a·12345": "plate",
    "p<utoeriksson<<anna<maria": "travel-document",
}
HARMLESS = (
    "120 kg in 3 bags, 2026-03-01 to 2026-05; 1,500,000 baht, 350,000,000 VND",
    "รถ 20 คัน ราคา 15000 บาท ต่อ 100 เม็ด, พ.ศ. 2569 ม.ค. 2569 กก. 50",
    "20.4335, 99.8762 at 02:30 on 15/03/2026",
    "HS 293979, ketamine 6740-88-1, 5000000000 riel",
    "30%, 40% and 20% in 2024, 2025 and 2026; 3+4 bags = 7, 5 < 10",
    "一、二、三、四、五; 30kg, 5g-1000, 20 km",
    "价格 350000元, 12 袋; ລາຄາ 1.200.000 ກີບ; တန်ဖိုး ၁၅၀၀၀၀ ကျပ်",
)


@table("text", PERSONAL)
def test_what_tells_who_a_person_is_is_found_however_it_is_hidden(text: str) -> None:
    said = f"they say {text} is used"
    (found,) = traces("method", said)
    assert found.kind == PERSONAL[text]
    assert said[found.start : found.end] in text


@table("text", HARMLESS)
def test_amounts_dates_and_places_are_no_persons(text: str) -> None:
    assert traces("method", text) == []


@pytest.mark.timed
@pytest.mark.parametrize(
    "shape",
    [
        "1 ",
        "A1",
        "1.",
        "@a.",
        "กข",
        "<A",
        "12/abc(",
        "a.b",
        "၁၂/လမ",
        "1\u200b",
        "1#",
        "1+",
        "一 ",
        "1\n",
        "Á1",
        "京a",
        "<<",
        "1🙂",
    ],
)
def test_looking_for_persons_is_linear(shape: str) -> None:
    def cost(size: int) -> float:
        text = shape * (size // len(shape))
        begun = time.thread_time()
        traces("method", text)
        return time.thread_time() - begun

    small, large = min(cost(4_000) for _ in range(3)), min(cost(32_000) for _ in range(3))
    assert large < 24 * small + 0.01


@pytest.mark.parametrize("period", ["1990/2026", "2026-01/2036-01", "0000/9999", "2026-05/2026-03"])
def test_n187_a_period_of_more_than_ten_years_is_refused_and_not_cut(period: str) -> None:
    with pytest.raises(Malformed):
        wanted_keys(ReportTerms(period=period))
    with pytest.raises(Malformed):
        check_fields(FIELDS | {"period": period})
    assert wanted_keys(ReportTerms(period="2017/2026"))
    assert "month 2026-12" in report_keys(FIELDS | {"period": "1990/2026"}, ()), "the newest months of another's"


# ---------------------------------------------------------------- of a hostile member


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulation]:
    async with simulated(sample_world(tmp_path_factory.mktemp("reports"), ("th", "vn"))) as made:
        yield made


def report_of(node: Node, fields: dict[str, Any]) -> OwnReport:
    now_us = node.core.parts.clock.now_us()
    return OwnReport(
        id=new_exchange_id(),
        author=author().officer,
        fields={name: value for name, value in (FIELDS | fields).items() if value is not None},
        lang="en",
        purpose=Purpose.INVESTIGATION,
        offence=Offence.NARC,
        level=Level.OFFICIAL,
        case="",
        wanted=(),
        written_us=now_us,
        until_us=now_us + 30 * DAY_US,
        stand=Stand.WAITING,
    )


def head_of(node: Node, thread_id: ExchangeId, agreement: str = "mekong-drugs-2026") -> Head:
    now_us = node.core.parts.clock.now_us()
    return Head(
        notice_id=thread_id,
        thread_id=thread_id,
        seq=1,
        previous=b"",
        seen=0,
        sender=TH,
        recipient=VN,
        issued_us=now_us,
        expires_us=now_us + DAY_US,
        urgency=Urgency.ROUTINE,
        purpose=Purpose.INVESTIGATION,
        offence=Offence.NARC,
        case="",
        ticket="",
        agreement=agreement,
        requester=Requester("officer", "th.blo.aranyaprathet", "police", "0123456789abcdef"),
        trust_hash=bytes(32),
        policy_hash=bytes(32),
        group_id=new_exchange_id(),
    )


HOSTILE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a number that is divided over its fields": (
        {"method": f"he is {PIN[:5]}", "concealment": PIN[5:9], "indicators": [PIN[9:11], f"{PIN[11:]} seen"]},
        {},
        "personal-data",
    ),
    "a number divided in the order in which it is read": (
        {"price": f"{PIN[6:]} baht", "method": f"he is {PIN[:6]}"},
        {},
        "personal-data",
    ),
    "a person in the name of a file": ({}, {"file": f"{PIN}.jpg"}, "personal-data"),
    "a phone in the name of a file": ({}, {"file": "call ๐๘๑-234-5678.jpg"}, "personal-data"),
    "a name that nobody can call it by": ({}, {"group_id": "somchai.jaidee"}, "bad-exchange-id"),
    "a number in its text": ({"indicators": ["good", f"he is {_figures('๐')}"]}, {}, "personal-data"),
    "a number in the code of a place": ({"route": [{"crossing": f"x{PIN}"}]}, {}, "personal-data"),
    "a number in its period": ({"period": "081 234 5678"}, {}, "personal-data"),
    "a name in a member of a place": ({"route": [{"name": "x", "somchai_jaidee": "here"}]}, {}, "bad-report"),
    "a number that is no text": ({"route": [{"name": "x", "pin": int(PIN)}]}, {}, "bad-report"),
    "a picture that is no root": ({"pictures": ["somchai jaidee"]}, {}, "bad-report"),
    "a picture that nothing brings": ({"pictures": ["0a" * 32]}, {}, "bad-report"),
    "a text that turns round": ({"method": "under \u202e the floor"}, {}, "bad-text"),
    "without a method": ({"method": None}, {}, "bad-report"),
    "longer than can be looked at": (
        dict.fromkeys(("method", "price", "concealment", "period"), "x y " * 450),
        {},
        "too-long",
    ),
    "another offence than its head": ({"offence": "TIP"}, {}, "bad-report"),
    "an agreement that is not about reports": ({}, {"agreement": "gms-border-2026"}, "record-not-covered"),
    "a record for another member": ({}, {"reader": KH}, "wrong-record"),
    "a record for another thread": ({}, {"thread": ExchangeId("0a" * 16)}, "wrong-record"),
    "a record that lives longer": ({}, {"until": DAY_US}, "bad-report"),
}


@pytest.mark.asyncio(loop_scope="module")
@table("name", HOSTILE)
async def test_a_hostile_report_is_refused_for_good_and_stands_nowhere(world: Simulation, name: str) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    fields, other, code = HOSTILE[name]
    report, thread_id = report_of(th, fields), new_exchange_id()
    reader: MemberId = other.get("reader", VN)
    compact = issued_for(th.core.parts, report, reader, other.get("thread", thread_id))
    until_us = report.until_us if "until" not in other else th.core.parts.clock.now_us() + other["until"]
    head = head_of(th, thread_id, other.get("agreement", "mekong-drugs-2026"))
    files = (Attachment(other["file"], MediaType.JPEG, 9, bytes(32)),) if "file" in other else ()
    head = replace(head, attachments=files, group_id=other.get("group_id", head.group_id))
    sealed = build_notice(Notice(head, Report(compact, until_us, "en")), th.core.parts.key)
    answer = await vn.desk.taker.take(TH, NoticeMessage(sealed.envelope))
    refusal = parse_receipt(answer.envelope).refusal
    assert refusal is not None
    assert refusal.code == code
    assert entries(vn)[-1].entry.kind == "refused"
    assert vn.desk.parts.store.find_thread(thread_id) == []
    assert await vn.desk.reports.library.search(actor("vn", Role.OFFICER, person="3"), LibraryQuery()) == Found(())


async def _taken(world: Simulation, owner: MemberId, group_id: ExchangeId, method: str) -> ExchangeId:
    """Let a member publish a report that calls itself so; return its thread."""
    node, vn = world.nodes[owner], world.nodes["vn"]
    agency = "police" if owner == TH else "customs"
    report, thread_id = replace(report_of(node, {"method": method}), id=group_id), new_exchange_id()
    report = replace(report, author=replace(report.author, agency=agency))
    compact = issued_for(node.core.parts, report, VN, thread_id)
    head = replace(head_of(node, thread_id), group_id=group_id, sender=owner)
    head = replace(head, requester=replace(head.requester, agency=agency))
    sealed = build_notice(Notice(head, Report(compact, report.until_us, "en")), node.core.parts.key)
    answer = await vn.desk.taker.take(owner, NoticeMessage(sealed.envelope))
    assert parse_receipt(answer.envelope).refusal is None
    return thread_id


@pytest.mark.asyncio(loop_scope="module")
async def test_n188_a_report_that_calls_itself_as_another_one_does_not_take_its_place(tmp_path: Path) -> None:
    async with simulated(sample_world(tmp_path, ("th", "vn", "kh")), ("th", "vn", "kh")) as world:
        library, reader = world.nodes["vn"].desk.reports.library, actor("vn", Role.OFFICER, person="3")
        name = new_exchange_id()
        await _taken(world, TH, name, "under the floor")
        false = await _taken(world, KH, name, "nothing is wrong")
        shown = {one.id: one.owner for one in (await library.search(reader, LibraryQuery())).reports}
        assert shown == {name: TH, false: KH}
        assert (await library.read(reader, name)).fields["method"] == "under the floor"
        assert (await library.read(reader, false)).owner == KH
        assert {one.id for one in await library.added(reader, 0)} == {name, false}
