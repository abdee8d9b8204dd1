"""The command against real node processes: asking, the off-switch, doctor towards a counterpart, production."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.demo.command import run
from gateway.demo.federation import OFFICER, Federation, open_federation
from gateway.demo.sources import planted
from gateway.model.query import QueryKind
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from gateway.trust.documents.source_kinds import SourceKind
from gateway.trust.keeper import TrustKeeper
from tests.support.cli import Liaison, Ran
from tests.support.load import waiting
from tests.support.waiting import wait_until
from tests.support.zygote import Zygote

SUSPENSION_S = 5.0


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    founded = open_federation(tmp_path_factory.mktemp("nodes") / "fed", SystemClock())
    try:
        founded.start("th", "kh")
        yield founded
    finally:
        founded.stop(*founded.processes)


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def ask(liaison: Liaison, home: Path, to: str = "kh", *more: str) -> Ran:
    query = ("container", "--number", planted.SEIZED_CONTAINER)
    why = ("--purpose", "INVESTIGATION", "--offence", "TIMBER", "--case", "TH-2026-0418")
    return liaison("ask", *query, "--home", home, "--as", OFFICER, "--to", to, *why, "--json", *more)


def outcome(ran: Ran, member: str = "kh") -> str:
    return str(next(line["outcome"] for line in ran.value["lines"] if line["member"] == member))


def test_asking_ends_with_0_when_every_counterpart_answered(liaison: Liaison, federation: Federation) -> None:
    ran = ask(liaison, federation.home("th"))
    assert ran.code == 0, ran.err
    assert outcome(ran) == "hit"


def test_a_silent_counterpart_is_silent_and_ends_with_1(liaison: Liaison, federation: Federation) -> None:
    ran = ask(liaison, federation.home("th"), "kh,vn")
    assert ran.code == 1
    assert (outcome(ran), outcome(ran, "vn")) == ("hit", "silent")


def test_asking_speaks_the_officer_s_language_and_codes_stay(liaison: Liaison, federation: Federation) -> None:
    query = ("ask", "container", "--number", planted.SEIZED_CONTAINER, "--home", federation.home("th"), "--as", OFFICER)
    why = ("--to", "kh,vn", "--purpose", "INVESTIGATION", "--offence", "TIMBER", "--case", "TH-2026-0418")
    ran = liaison("--language", "th", *query, *why)
    assert ran.code == 1, ran.err
    assert "  th  หน่วยงานของเราเอง: " in ran.out
    assert "  kh  พบ 2 รายการ" in ran.out
    assert "การยึดของกลาง (Seizure): หมายเลขตรงกันทุกตัว (หมายเลขตู้สินค้าตรงกัน)" in ran.out
    assert "ห้ามส่งต่อโดยไม่ได้รับความยินยอม (U2)" in ran.out
    silent = next(line for line in ran.out.splitlines() if line.startswith("  vn"))
    assert silent.endswith("ไม่ได้หมายความว่าไม่พบข้อมูล")
    value = liaison("--language", "th", *query, *why, "--json").value
    lines = {line["member"]: line for line in value["lines"]}
    assert (lines["kh"]["outcome"], lines["vn"]["outcome"]) == ("hit", "silent")
    assert lines["kh"]["hits"][0]["rules"][0] == {"word": "container-number", "sentence": "หมายเลขตู้สินค้าตรงกัน"}


def test_a_refusal_at_home_is_told_in_the_officer_s_language(liaison: Liaison, federation: Federation) -> None:
    query = ("ask", "container", "--number", planted.SEIZED_CONTAINER, "--home", federation.home("th"), "--as", OFFICER)
    why = ("--to", "kh", "--purpose", "STATISTICS", "--offence", "TIMBER", "--case", "TH-2026-0418", "--json")
    told = {}
    for language in ("en", "th"):
        ran = liaison("--language", language, *query, *why)
        assert ran.code == 1
        told[language] = ran.value["error"] if "error" in ran.value else ran.value["lines"][-1]["refusal"]
    assert told["en"]["code"] == told["th"]["code"]
    assert told["th"].get("message", told["th"].get("text")) != told["en"].get("message", told["en"].get("text"))


def test_the_same_idempotency_key_brings_the_first_search(liaison: Liaison, federation: Federation) -> None:
    first, again = (ask(liaison, federation.home("th"), "kh", "--idempotency-key", "k-77") for _ in range(2))
    assert first.value["id"] == again.value["id"]


def test_a_counterpart_sees_a_suspension_within_5_seconds_and_its_end(liaison: Liaison, federation: Federation) -> None:
    home = federation.home("kh")
    for command, expected in (("suspend", "suspended"), ("resume", "hit")):
        key = ("--key", federation.administrator("kh"))
        assert liaison(command, "--home", home, "--all", "--reason", "trial", *key).code == 0
        with waiting() as watch:
            begun = watch.seconds
            while (found := outcome(ask(liaison, federation.home("th")))) != expected:
                assert begun < SUSPENSION_S, found
                begun = watch.seconds
        ran = liaison("doctor", "--home", home)
        assert ("the running node says that it is ready" in ran.out) == (command == "resume")
        assert ("the running node is not ready: everything is switched off" in ran.out) == (command == "suspend")


def test_suspending_has_an_entry(liaison: Liaison, federation: Federation) -> None:
    home = federation.home("kh")
    liaison("suspend", "--home", home, "--peer", "vn", "--reason", "entry-trial")
    key = ("--key", federation.administrator("kh"))
    assert liaison("resume", "--home", home, "--peer", "vn", "--reason", "entry-trial", *key).code == 0

    def are_there() -> bool:
        shown = liaison("audit", "show", "--home", home, "--log", "operations", "--json").value["entries"]
        return [entry["private"].get("reason") for entry in shown].count("entry-trial") == 2

    wait_until(are_there, "both entries")


def test_doctor_reaches_a_counterpart(liaison: Liaison, federation: Federation) -> None:
    ran = liaison("doctor", "--home", federation.home("th"), "--to", "kh")
    assert ran.code == 0, ran.out
    assert "`kh` answers, and takes our certificate" in ran.out
    assert "something answers at listen.agency" in ran.out


def test_a_health_check_asks_the_running_node_alone(liaison: Liaison, federation: Federation) -> None:
    ran = liaison("doctor", "--home", federation.home("th"), "--ready")
    assert (ran.code, "says that it is ready" in ran.out, "clock" in ran.out) == (0, True, False)
    assert liaison("doctor", "--home", federation.home("th"), "--ready", "--to", "kh").code == 2


def test_audit_shows_who_asked(liaison: Liaison, federation: Federation) -> None:
    ask(liaison, federation.home("th"))
    shown = liaison("audit", "show", "--home", federation.home("th"), "--officer", OFFICER, "--peer", "kh", "--json")
    assert {entry["peer"] for entry in shown.value["entries"]} == {"kh"}
    other = liaison("audit", "show", "--home", federation.home("th"), "--officer", "th.o.9", "--json")
    assert other.value["entries"] == []


def test_a_search_id_leads_to_the_exchanges_that_can_be_explained(liaison: Liaison, federation: Federation) -> None:
    th, kh = federation.home("th"), federation.home("kh")
    search = ask(liaison, th).value
    exchange = next(line["exchange_id"] for line in search["lines"] if line["member"] == "kh")
    why = ("--reason", "asked by the desk")
    ran = liaison("policy", "explain", "--home", th, "--exchange", search["id"], *why)
    assert ran.code == 1
    assert f"liaison audit show --home {th} lists what was asked (--kind asked)" in ran.err
    assert f"exchange {exchange}" in liaison("audit", "show", "--home", th, "--kind", "asked", "--limit", "5").out
    assert liaison("policy", "explain", "--home", kh, "--exchange", exchange, *why).code == 0
    assert f"exchange {exchange}" in liaison("audit", "show", "--home", kh, "--limit", "5").out


def test_a_running_node_is_verified_as_it_stands(liaison: Liaison, federation: Federation) -> None:
    assert liaison("audit", "verify", "--home", federation.home("th")).code == 0


def test_production_refuses_what_is_for_trials(federation: Federation) -> None:
    ran = run("serve", "--home", federation.home("vn"), "--production")
    assert ran.code == 1
    assert "production" in ran.said


def test_a_home_is_served_once(federation: Federation) -> None:
    ran = run("serve", "--home", federation.home("th"))
    assert ran.code == 1
    assert "another process serves this home" in ran.said


def test_no_personal_data_is_in_the_logs_of_a_node(liaison: Liaison, federation: Federation) -> None:
    ask(liaison, federation.home("th"))
    for member in ("th", "kh"):
        text = (federation.home(member) / "serve.log").read_text()
        assert planted.SEIZED_CONTAINER not in text
        assert OFFICER not in text


@pytest.mark.parametrize("setting", ["exchange", "agency"])
@pytest.mark.parametrize("address", ["", "192.0.2.7:7443"], ids=["taken", "of another machine"])
async def test_an_address_that_cannot_be_used_is_named_by_its_setting(
    liaison: Liaison,
    federation: Federation,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    setting: str,
    address: str,
) -> None:
    """With no node's home but a new one: nothing of the running federation is touched."""
    home, authority = federation.folder / "la", federation.folder / "la-authority"
    if not home.exists():
        assert liaison("init", "--member", "la", "--home", home, "--authority", authority).code == 0
    taken = getattr(load_settings(federation.home("th")).listen, setting)
    for name in ("exchange", "agency"):
        used = (address or taken) if name == setting else "127.0.0.1:0"
        monkeypatch.setenv(f"LIAISON_LISTEN_{name.upper()}", used)
    async with Zygote() as zygote:
        call, output = "tests.support.zygote:command", tmp_path / "printed"
        child = await zygote.fork(call, "serve", "--home", str(home), "--json", output=output)
        code = await child.ended(60)
    printed = output.read_text()
    assert code == 1, printed
    error = json.JSONDecoder().raw_decode(printed, printed.index("{\n"))[0]["error"]
    assert (error["where"], f"`{address or taken}` cannot be used" in error["message"]) == (f"listen.{setting}", True)


def test_the_asker_knows_before_asking_what_a_member_lists_and_the_answer_decides(
    liaison: Liaison, federation: Federation, tmp_path: Path
) -> None:
    thailand, cambodia, authority = federation.home("th"), federation.home("kh"), federation.authority("kh")
    held = TrustKeeper(thailand / "trust", SystemClock()).view.descriptor("kh")
    listed = {query for source in held.sources for query in source.queries}
    assert listed == {kind.value for kind in QueryKind} - {"case_reference", "phone", "report"}, (
        "no sample source there has cases or telephones, and reports stand in no source"
    )
    unlisted = ("--number", "TH-2026-0417", "--purpose", "DECONFLICTION", "--offence", "NARC", "--case", "TH-2026-0417")
    note = "note: kh lists no source for such a question; its answer decides"
    assert note not in ask(liaison, thailand).err
    where = ("--home", thailand, "--as", OFFICER, "--to", "kh", "--json")
    assert note in liaison("ask", "case-reference", *unlisted, *where).err

    police = SourceKind("police records", ("person",), ("Person",))
    less = publish_descriptor(
        cambodia,
        authority,
        SystemClock(),
        endpoints=held.endpoints,
        offices=held.offices,
        agencies=held.agencies,
        sources=[police],
    )
    (tmp_path / "less.jsonl").write_bytes(less + b"\n" + publish_status(cambodia, SystemClock()))
    assert liaison("trust", "accept", tmp_path / "less.jsonl", "--home", thailand).code == 0
    ran = ask(liaison, thailand)
    assert note in ran.err
    assert (outcome(ran), ran.code) == ("hit", 0)
    told = liaison("doctor", "--home", cambodia).out
    assert "the descriptor does not say what our sources can be asked now: customs records" in told
    assert f"liaison trust publish --home {cambodia} --authority ADIR" in told

    out = tmp_path / "kh.jsonl"
    ran = liaison("trust", "publish", "--home", cambodia, "--authority", authority, "--out", out)
    assert ran.code == 0, ran.err
    assert "customs records: asked by" in ran.out
    assert liaison("trust", "accept", out, "--home", thailand).code == 0
    assert note not in ask(liaison, thailand).err
    assert "the descriptor lists 3 kinds of sources" in liaison("doctor", "--home", cambodia).out
    shown = liaison("trust", "show", "--home", thailand, "--json").value["members"]["kh"]["descriptor"]["sources"]
    assert [each["kind"] for each in shown] == [source.kind for source in held.sources]


def test_commands_tell_each_time_in_the_country_s_with_its_zone(
    liaison: Liaison, federation: Federation, tmp_path: Path
) -> None:
    home = federation.home("th")
    why = ("--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "TH-2026-19")
    officer, export, since = ("--home", home, "--as", OFFICER), tmp_path / "2026-11-24T07:02:05Z", "2026-01-01"
    ask(liaison, home)
    with_time = [
        ("doctor", "--home", home),
        ("cert", "status", "--home", home),
        ("trust", "show", "--home", home),
        ("trust", "incident", "--home", home, "--key", "statement", "--since", "2026-11-01T08:00"),
        ("source", "status", "--home", home),
        ("index", "status", "--home", home),
        ("audit", "show", "--home", home),
        ("audit", "find", "--home", home, "--since", since, "--peer", "kh"),
        ("audit", "key-report", "--home", home, "--key", "statement", "--since", since),
        ("watch", "list", *officer),
        ("ask", "container", *officer, "--to", "kh", "--number", planted.SEIZED_CONTAINER, *why),
        ("audit", "export", "--home", home, "--out", export),
        ("audit", "find", "--export", export, "--since", since, "--peer", "kh"),
        ("desk", "list", *officer),
        ("alert", "list", *officer),
    ]
    wrong, told, named = {}, set(), False
    for command in with_time:
        ran = liaison(*command)
        text = ran.out + ran.err
        named |= str(export) in text
        text = text.replace(str(export), "")
        if ran.code not in (0, 1) or _WITHOUT_ZONE.search(text):
            wrong[command[:2]] = (ran.code, _WITHOUT_ZONE.findall(text), text)
        told |= {command[:2]} if "+07:00" in text else set()
    assert not wrong
    assert named, "a name of a folder stays"
    assert told >= {command[:2] for command in with_time[:9]}
    assert "+07:00" not in liaison("audit", "show", "--home", home, "--json").out


_WITHOUT_ZONE = re.compile(
    r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?![0-9:.]*[0-9] ?\+07:00).{0,12}|\d\d:\d\d(?::\d\d)? ?(?:UTC|Z)"
)
"""A time with a day that has not the zone of Thailand, and an hour in UTC."""
