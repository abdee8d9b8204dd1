"""`liaison audit open`: what was asked and what was given, at home and from an export, and what of it is proved."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.verify.content import Part, read_contents
from gateway.audit.verify.findings import State
from gateway.demo.sources import planted
from gateway.language.languages import Language
from gateway.model.exchange import Outcome
from gateway.model.query import DocumentQuery, Query
from gateway.ops.homes.open_home import open_home
from gateway.statements.answer import ANSWER_V3_KIND, read_signed
from tests.support.cli import Liaison, Ran
from tests.support.exchange import (
    NO_PASSPORT,
    PASSPORT,
    TH,
    VN,
    answer_of,
    asked_too_early,
    caller,
    command,
    kinds,
    lines,
    person,
    sample_world,
    sealed,
    stopping,
    watch,
)
from tests.support.forger import eventually_async
from tests.support.nodes import World, officer
from tests.support.persons import signed
from tests.support.tables import table

REASON = ("--reason", "complaint 7/2026")
ERASED = DocumentQuery("XK8830211457", "VNM")


@dataclass(frozen=True, slots=True)
class Played:
    """A federation after a day's work: its folder, and the exchanges of that day by what became of them."""

    world: World
    exchanges: dict[str, str]

    def home(self, member: str) -> Path:
        return self.world.home(member)

    def key(self, member: str, name: str = "1") -> Path:
        return self.world.federation.folder / "auditors" / f"{member}.auditor.{name}.key"


async def _ask(world: World, query: Query, outcome: Outcome) -> str:
    search = await world.nodes["th"].asking.searches.start(officer("th"), command(query))
    assert lines(search)[VN].outcome is outcome
    return lines(search)[VN].exchange_id


async def _late(world: World) -> str:
    source, th = watch(world.nodes["vn"]), world.nodes["th"]
    exchange = await asked_too_early(th, source, lambda: _ask(world, PASSPORT, Outcome.SILENT))
    source.gate.set()

    async def came() -> bool:
        return kinds(th, exchange) == ["asked", "silent", "late"]

    await eventually_async(came)
    return exchange


async def _refused(world: World) -> str:
    envelope = sealed(world.federation["th"], agreement="no-such-agreement")
    answer = answer_of(await caller(world).submit(envelope))
    assert answer.outcome is Outcome.REFUSED
    return answer.exchange_id


async def _play(folder: Path) -> Played:
    world = sample_world(folder, ("th", "vn"))
    async with stopping(world):
        for member in ("th", "vn"):
            await world.start(member)
        exchanges = {
            "hit": await _ask(world, PASSPORT, Outcome.HIT),
            "name": await _ask(world, person(planted.HIDDEN), Outcome.NO_HIT),
            "none": await _ask(world, NO_PASSPORT, Outcome.NO_HIT),
            "erased": await _ask(world, ERASED, Outcome.NO_HIT),
            "refused": await _refused(world),
            "late": await _late(world),
        }
    return Played(world, exchanges)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return asyncio.run(_play(tmp_path_factory.mktemp("opening")))


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str], played: Played) -> Liaison:
    """A command line, and auditors: the first of each member sees all, the second of `th` no signed answers."""
    liaison = Liaison(capsys)
    if not played.key("th").exists():
        _appoint(liaison, played, "th", "1")
        _appoint(liaison, played, "vn", "1")
        _appoint(liaison, played, "th", "2", "--without-answers")
        _appoint(liaison, played, "th", "3", "--agency", "police")
        home = played.home("th")
        erased = liaison("audit", "erase", "--home", home, "--exchange", played.exchanges["erased"], *signed(home))
        assert erased.code == 0, erased.err
    return liaison


def _appoint(liaison: Liaison, played: Played, member: str, number: str, *scope: str) -> None:
    key = played.key(member, number)
    assert liaison("audit", "key", "--out", key.parent, "--name", key.stem).code == 0
    ran = liaison(
        "audit", "appoint", "--home", played.home(member), "--authority", played.world.federation[member].authority,
        "--auditor", key.stem, "--key", key.with_suffix(".pub"), "--by", "the auditor general", *scope,
        "--out", key.with_suffix(".json"),
    )  # fmt: skip
    assert ran.code == 0, ran.err


def _open(liaison: Liaison, played: Played, what: str, *more: str | Path, member: str = "th", number: str = "1") -> Ran:
    which = ("--exchange", played.exchanges[what])
    key = ("--key", played.key(member, number))
    return liaison("audit", "open", "--home", played.home(member), *key, *REASON, *which, *more)


def _one(ran: Ran, code: int = 0) -> Any:
    assert ran.code == code, ran.err
    (exchange,) = ran.value["exchanges"]
    return exchange


def _states(exchange: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for proof in exchange["proofs"]:
        found.setdefault(proof["part"], set()).add(proof["state"])
    return found


def test_an_opened_exchange_shows_question_and_record_field_by_field_and_what_is_proved(
    liaison: Liaison, played: Played
) -> None:
    exchange = _one(_open(liaison, played, "hit", "--json"))
    assert exchange["question"] == {"kind": "document", "number": PASSPORT.number, "issuer": "VNM"}
    assert (exchange["request"]["purpose"], exchange["request"]["case"]) == ("INVESTIGATION", "TH-2026-0417")
    (hit,) = exchange["answer"]["hits"]
    assert hit["record"]["fields"]["number"] == PASSPORT.number
    assert hit["record"]["fields"]["status"] == "STOLEN"
    assert hit["record"]["marking"]["use"]
    assert _states(exchange) == {
        part: {"proved"}
        for part in (
            "private-part", "request-hash", "request-signature", "answer-hash", "answer-signature", "answers-request",
            "their-entry", "record",
        )
    }  # fmt: skip
    text = _open(liaison, played, "hit").out
    for said in (
        "officer: th.o.1042", "purpose: investigation (INVESTIGATION)", "issued by: Viet Nam (VNM)",
        "status: stolen (STOLEN)", f"number: {PASSPORT.number}", "with Viet Nam (vn)",
        "proved: the record is signed by its agency",
    ):  # fmt: skip
        assert said in text
    assert not re.search(r"\d\d:\d\d:\d\d\.\d", text)


def test_one_entry_brings_the_question_and_the_answer_along_and_the_auditor_signed_for_both(
    liaison: Liaison, played: Played
) -> None:
    received = _one(_open(liaison, played, "hit", "--json"))["entries"][-1]
    home, key = ("--home", played.home("th")), ("--key", played.key("th"))
    ran = liaison("audit", "open", *home, *key, *REASON, "--entry", str(received), "--json")
    exchange = _one(ran)
    assert (len(exchange["entries"]), exchange["question"]["number"]) == (2, PASSPORT.number)
    at = str(ran.value["entry"]["index"])
    own = liaison("audit", "open", *home, *key, *REASON, "--log", "operations", "--entry", at, "--json")
    assert own.value["entries"][0]["private"]["detail"]["entries"] == exchange["entries"]


def test_the_answering_side_shows_what_was_withheld_and_by_which_rule(liaison: Liaison, played: Played) -> None:
    exchange = _one(_open(liaison, played, "hit", "--json", member="vn"))
    assert exchange["question"]["number"] == PASSPORT.number
    assert exchange["answer"]["hits"][0]["record"]["fields"]["status"] == "STOLEN"
    assert _states(exchange)["withheld-list"] == {"proved"}
    text = _open(liaison, played, "hit", member="vn").out
    assert "officer's pseudonym" in text
    assert "decided by: " in text


def test_names_are_shown_as_they_were_asked_also_in_thai(liaison: Liaison, played: Played) -> None:
    exchange = _one(_open(liaison, played, "name", "--json"))
    assert exchange["question"]["names"] == [planted.HIDDEN.thai]
    text = _open(liaison, played, "name").out
    assert f"name: {planted.HIDDEN.thai}" in text
    assert f"born: {planted.HIDDEN.birth.year}" in text


def test_a_late_answer_and_a_silence_are_one_exchange(liaison: Liaison, played: Played) -> None:
    exchange = _one(_open(liaison, played, "late", "--json"))
    assert (len(exchange["entries"]), exchange["answer"]["outcome"]) == (3, "hit")
    assert "their answer came late" in _open(liaison, played, "late").out


def test_a_refusal_gives_its_reason_in_words_and_in_code(liaison: Liaison, played: Played) -> None:
    ran = _open(liaison, played, "refused", member="vn")
    assert ran.code == 0, ran.err
    assert "outcome: refused" in ran.out
    assert "agreement-unknown" in ran.out
    assert "agreement: no-such-agreement" in ran.out


def test_erased_content_is_said_to_be_erased_and_nothing_of_it_is_shown(liaison: Liaison, played: Played) -> None:
    ran = _open(liaison, played, "erased")
    assert ran.code == 0, ran.err
    assert "its content is erased" in ran.out
    assert ERASED.number not in ran.out
    exchange = _one(_open(liaison, played, "erased", "--json"))
    assert (exchange["question"], exchange["answer"], exchange["proofs"]) == (None, None, [])


def test_l6_an_appointment_without_answers_shows_no_record(liaison: Liaison, played: Played) -> None:
    ran = _open(liaison, played, "hit", number="2")
    assert ran.code == 0, ran.err
    assert "the answer is sealed" in ran.out
    assert "STOLEN" not in ran.out
    exchange = _one(_open(liaison, played, "hit", "--json", number="2"))
    assert (exchange["sealed"], exchange["answer"]) == (True, None)
    assert exchange["question"]["number"] == PASSPORT.number


def test_a_field_that_was_changed_after_its_agency_signed_is_found_though_the_member_signed_the_answer(
    liaison: Liaison, played: Played
) -> None:
    index = _one(_open(liaison, played, "hit", "--json"))["entries"][-1]
    with open_home(played.home("th")) as evidence:
        (opened,) = HomeLogs(evidence.store, evidence.keys).rows("exchange/1", index, index + 1)
    answer = read_signed(opened.answer)
    jwt, *disclosures, end = answer.hits[0].record.split("~")
    stolen = next(text for text in disclosures if "STOLEN" in str(_disclosure(text)))
    salt, name, _ = _disclosure(stolen)
    lie = base64.urlsafe_b64encode(json.dumps([salt, name, "VALID"]).encode()).decode().rstrip("=")
    record = "~".join([jwt, *(lie if text == stolen else text for text in disclosures), end])
    forged = structs.replace(answer, hits=(structs.replace(answer.hits[0], record=record),))
    sealed_again = ANSWER_V3_KIND.build(forged, played.world.federation["vn"].key("statement"))
    entry = structs.replace(opened.entry, answer_hash=sealed_again.payload_hash)
    view = played.world.federation.view("th")
    changed = replace(opened, entry=entry, answer=sealed_again.envelope)
    (content,) = read_contents([("exchange/1", changed)], TH, view, answers=True)
    assert (content.given[0].record, content.given[0].problem) == (None, "no digest names a disclosure")
    assert content.is_contradicted
    states = {proof.part: proof.state for proof in content.proofs}
    assert states[Part.ANSWER_SIGNED] is State.PROVED
    assert states[Part.RECORD] is states[Part.THEIR_ENTRY] is State.CONTRADICTED


def _disclosure(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_l6_an_export_without_answers_says_that_they_are_sealed(
    liaison: Liaison, played: Played, tmp_path: Path
) -> None:
    out, key = tmp_path / "export", ("--key", played.key("th", "2"))
    assert liaison("audit", "export", "--home", played.home("th"), "--out", out, *key, *REASON).code == 0
    ran = liaison("audit", "open", "--export", out, "--exchange", played.exchanges["hit"])
    assert (ran.code, "the answer is sealed" in ran.out, "STOLEN" in ran.out) == (0, True, False)


def test_an_export_for_nobody_shows_nothing_and_says_so(liaison: Liaison, played: Played, tmp_path: Path) -> None:
    out = tmp_path / "export"
    assert liaison("audit", "export", "--home", played.home("th"), "--out", out).code == 0
    ran = liaison("audit", "open", "--export", out, "--exchange", played.exchanges["hit"])
    assert (ran.code, "its content is closed" in ran.out) == (0, True)
    assert PASSPORT.number not in ran.out


def test_an_auditor_of_one_agency_opens_what_names_it(liaison: Liaison, played: Played) -> None:
    exchange = _one(_open(liaison, played, "hit", "--json", number="3"))
    assert (len(exchange["entries"]), exchange["question"]["number"]) == (1, PASSPORT.number)
    assert exchange["answer"] is None


def test_an_export_is_opened_without_a_node_and_says_under_whose_charter(
    liaison: Liaison, played: Played, tmp_path: Path
) -> None:
    out = tmp_path / "export"
    made = liaison("audit", "export", "--home", played.home("th"), "--out", out, "--key", played.key("th"), *REASON)
    assert made.code == 0, made.err
    which = ("--exchange", played.exchanges["hit"])
    ran = liaison("audit", "open", "--export", out, *which)
    assert (ran.code, "status: stolen (STOLEN)" in ran.out) == (0, True)
    assert "under the charter that the export brings" in ran.out
    charter = tmp_path / "charter.jsonl"
    charter.write_bytes(played.world.federation.charter + b"\n")
    trusted = liaison("audit", "open", "--export", out, *which, "--charter", charter, "--json")
    exchange = _one(trusted)
    assert trusted.value["verified"]["verdict"] == "proved"
    assert {state for states in _states(exchange).values() for state in states} == {"proved"}
    at_home = _one(_open(liaison, played, "hit", "--json"))
    assert exchange["answer"] == at_home["answer"]
    assert (
        "its content is erased"
        in liaison("audit", "open", "--export", out, "--exchange", played.exchanges["erased"]).out
    )
    beyond = liaison("audit", "open", "--export", out, "--entry", "100000")
    assert (beyond.code, "it has exchange/1 from 0 to" in beyond.err) == (2, True)
    assert liaison("audit", "open", "--export", out, "--entry", "0", "--key", played.key("th")).code == 2


def test_a_record_that_was_changed_in_an_export_is_contradicted_and_not_shown(
    liaison: Liaison, played: Played, tmp_path: Path
) -> None:
    out = tmp_path / "export"
    made = liaison("audit", "export", "--home", played.home("th"), "--out", out, "--key", played.key("th"), *REASON)
    assert made.code == 0, made.err
    (file,) = out.glob("exchange-1/statements/*.jsonl")
    rows = [json.loads(line) for line in file.read_bytes().splitlines()]
    row = next(row for row in rows if row["index"] == _one(_open(liaison, played, "hit", "--json"))["entries"][-1])
    name = next(key for key in row if key.startswith("answer"))
    other = next(item for item in rows if item.get(name) and item is not row)
    row[name] = other[name]
    file.write_bytes(b"".join(json.dumps(item, separators=(",", ":")).encode() + b"\n" for item in rows))
    ran = liaison("audit", "open", "--export", out, "--exchange", played.exchanges["hit"])
    assert ran.code == 1
    assert "contradicted: the answer is the one whose hash is in the entry" in ran.out
    assert "status:" not in ran.out


@table("language", list(Language))
def test_the_page_stands_by_itself_in_each_language(
    liaison: Liaison, played: Played, tmp_path: Path, language: Language
) -> None:
    page = tmp_path / "page.html"
    where = ("--home", played.home("th"), "--key", played.key("th"), "--exchange", played.exchanges["hit"])
    ran = liaison("--language", language.value, "audit", "open", *where, *REASON, "--html", page)
    assert ran.code == 0, ran.err
    text = page.read_text(encoding="utf-8")
    assert f'<html lang="{language.value}">' in text
    assert "default-src 'none'" in text
    assert PASSPORT.number in text
    assert not re.search(r"<script|src=|href=|\\u200", text)
    assert ("What was given" in text) == (language is Language.EN)


def test_usage_says_what_is_missing(liaison: Liaison, played: Played) -> None:
    home, key = ("--home", played.home("th")), ("--key", played.key("th"))
    for arguments, said in (
        ((*home, *key, *REASON), "--entry, or --exchange"),
        ((*home, "--entry", "0"), "--key and --reason"),
        ((*home, *key, *REASON, "--exchange", "nonsense"), "32 hexadecimal"),
        ((*home, *key, *REASON, "--exchange", "0" * 32), "no entry of an exchange log"),
        ((*home, *key, *REASON, "--entry", "0", "--log", "exchnge"), "there is no log"),
    ):
        ran = liaison("audit", "open", *arguments)
        assert (ran.code, said in ran.err) == (2, True), ran.err
