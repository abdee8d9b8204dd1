"""Codes stand with their meaning where a person reads them, and dangers stand first."""

from __future__ import annotations

from typing import Any

from gateway.language.countries import with_country
from gateway.language.languages import OTHERS, Language
from gateway.language.terms import CHIP_CHECKS, MRZ_CHECKS, RISKS, STATUSES
from gateway.records import codes
from gateway.records.words import WORDS
from gateway.views.search.lines import answer_lines, hit_lines, last_lines
from gateway.views.words.code_words import explained, raised
from tests.support.tables import table


def hit(record_type: str, fields: dict[str, Any], **marking: Any) -> dict[str, Any]:
    record = {"owner": "vn.police", "signed_by": "own", "fields": fields, "marking": marking, "undisclosed": 0}
    return {
        "record_type": record_type, "quality": "EXACT_ID", "rules": [], "reference": "r-1", "action": "",
        "record": record,
    }  # fmt: skip


def line(*hits: dict[str, Any], **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "member": "vn", "outcome": "hit", "missing": [], "capped": False, "hits": list(hits), "refusal": None,
        "withheld_count": None, "last_seen": None, "late": False, "exchange_id": "e-1",
    }  # fmt: skip
    return base | changes


@table(
    ("field", "code", "said"),
    [
        ("use", "U2", "not onward without consent (U2)"),
        ("onward", "ASK", "with the owner's consent only (ASK)"),
        ("evaluation", "B2", "source mostly reliable, known to the source personally (B2)"),
        ("offence", "NARC", "narcotic drugs (NARC)"),
        ("status", "STOLEN_BLANK", "stolen before it was issued (STOLEN_BLANK)"),
        ("status", "STOLEN", "STOLEN"),
        ("nationalities", "VNM", "Viet Nam (VNM)"),
        ("nationalities", "LAO", "Laos (LAO)"),
        ("issuer", "RKS", "Kosovo (RKS)"),
        ("issuer", "UNO", "United Nations Organization (UNO)"),
        ("country", "No", "No"),
        ("unlocode", "THBKK", "Bangkok (THBKK)"),
        ("crossing_point", "mae-sai.tachilek", "Mae Sai / Tachilek (mae-sai.tachilek)"),
        ("evaluation", "Z9", "Z9"),
        ("country", "Atlantis", "Atlantis"),
        ("warnings", "keeps a tiger", "keeps a tiger"),
    ],
)
def test_a_code_stands_with_its_meaning_and_another_text_as_it_is(field: str, code: str, said: str) -> None:
    assert explained(code, field, Language.EN) == said


@table("language", OTHERS)
def test_a_code_is_explained_in_every_language(language: Language) -> None:
    for field, code in (("status", "STOLEN"), ("warnings", "ARMED"), ("evaluation", "B2"), ("issuer", "VNM")):
        said = explained(code, field, language)
        assert said.endswith(f"({code})")
        assert said != explained(code, field, Language.EN)


@table("language", Language)
def test_an_answer_and_an_auditors_page_name_a_country_alike(language: Language) -> None:
    for code in codes.alpha3().values():
        assert explained(code, "issuer", language) == with_country(code, language)


def test_the_words_are_those_of_the_closed_lists() -> None:
    closed = {word.value for name in ("DocumentStatus", "CraftStatus", "CaseStatus") for word in WORDS[name]}
    assert closed - {"NONE"} <= STATUSES.keys()
    assert RISKS.keys() == {word.value for word in WORDS["Risk"]}
    assert MRZ_CHECKS.keys() <= {word.value for word in WORDS["MrzCheck"]}
    assert CHIP_CHECKS.keys() <= {word.value for word in WORDS["ChipRead"]}


@table(
    ("made", "first"),
    [
        (hit("TravelDocument", {"status": "STOLEN"}), ["STOLEN"]),
        (hit("Person", {"warnings": ["ARMED", "bites"], "status": "WANTED"}), ["ARMED", "bites", "WANTED"]),
        (hit("Person", {"status": "FUGITIVE FROM JUSTICE"}), ["FUGITIVE FROM JUSTICE"]),
        (hit("Alert", {"alert_class": "WARN_SAFETY", "do_not": ["DO_NOT_DETAIN"]}),
         ["warning: danger to officers (WARN_SAFETY)", "DO_NOT_DETAIN"]),
        (hit("VisaResidence", {"kind": "ENTRY_BAN", "status": "granted"}), ["ENTRY_BAN"]),
        (hit("Consignment", {"risk": "RED"}), ["high risk (RED)"]),
        (hit("Person", {"status": "TRAVELLER"}, use=["U3"], caveats=["NODET"]),
         ["a lead only: contact the owner before any action (U3)", "do not detain on this (NODET)"]),
        (hit("TravelDocument", {"status": "VALID"}), []),
        (hit("Vehicle", {"status": "NONE", "plate": "1"}, use=["U2"]), []),
    ],
)  # fmt: skip
def test_what_an_officer_must_see_first_leads_in_words_and_colour(made: dict[str, Any], first: list[str]) -> None:
    assert raised(made) == first
    head, *rest = answer_lines(line(made), "th")
    assert head == ((f"  vn  1 hit: {'; '.join(first)}", "bad") if first else ("  vn  1 hit", "good"))
    assert (rest[0] == (f"      attention: {'; '.join(first)}", "bad")) is bool(first)


def test_ids_come_last() -> None:
    bare = hit("Person", {}) | {"record": None, "action": "ask by letter"}
    search = {"id": "s-1", "waiting_for": [], "lines": [line(bare)]}
    assert hit_lines(bare)[-1] == "ask by letter (reference r-1)"
    assert not any("e-1" in str(each) for each in answer_lines(line(bare), "th"))
    assert list(last_lines(search)) == [("  vn  exchange e-1", "dim"), ("  search s-1", "dim")]
