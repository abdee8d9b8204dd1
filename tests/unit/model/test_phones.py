"""A telephone number has one form, however it is written, and is of no other country than the one that it names."""

from __future__ import annotations

import pytest

from gateway.audit.search.terms import number_terms
from gateway.errors import Malformed
from gateway.matching.identifiers import asked_number, held_numbers
from gateway.model.forms.phones import CALLING, check_phone, country_of, e164, phone_form
from gateway.model.query import PhoneQuery
from tests.support.tables import table

SCRIPTS = {
    "Thai": "๐๑๒๓๔๕๖๗๘๙",
    "Lao": "໐໑໒໓໔໕໖໗໘໙",
    "Khmer": "០១២៣៤៥៦៧៨៩",
    "Burmese": "၀၁၂၃၄၅၆၇၈၉",
    "Latin": "0123456789",
    "full width": "０１２３４５６７８９",
}


@table(
    ("text", "country", "form"),
    [
        ("0812345678", "TH", "+66812345678"),
        ("081-234-5678", "TH", "+66812345678"),
        ("02 123 4567", "TH", "+6621234567"),
        ("66812345678", "TH", "+66812345678"),
        ("020 5512 3456", "LA", "+8562055123456"),
        ("021 123 456", "LA", "+85621123456"),
        ("012 345 678", "KH", "+85512345678"),
        ("097 123 4567", "KH", "+855971234567"),
        ("09 420 123 456", "MM", "+959420123456"),
        ("01 234 567", "MM", "+951234567"),
        ("091 234 56 78", "VN", "+84912345678"),
        ("024 3825 1234", "VN", "+842438251234"),
        ("138 1234 5678", "CN", "+8613812345678"),
        ("8613812345678", "CN", "+8613812345678"),
        ("010-6512-3456", "CN", "+861065123456"),
        ("+66 (0)81 234 5678", "", "+66812345678"),
        ("0066 81 234 5678", "", "+66812345678"),
        ("+1 202 555 0143", "", "+12025550143"),
        ("+39 06 1234 5678", "", "+390612345678"),
        ("+66812345678", "LA", "+66812345678"),
        ("tel:+66-81-234-5678", "", "+66812345678"),
        ("\u2066+66 81 234 5678\u2069", "", "+66812345678"),
        ("\u200f\u061c+66 81 234 5678", "", "+66812345678"),
        ("+46 (0)8 123 456 78", "", "+46812345678"),
        ("+46 （０）8 123 456 78", "", "+46812345678"),
        ("6512 3456", "SG", "+6565123456"),
        ("2812 3456", "HK", "+85228123456"),
        ("0812345678", "", ""),
        ("0812345678", "XX", ""),
    ],
)
def test_a_number_has_one_form(text: str, country: str, form: str) -> None:
    assert e164(text, country) == form


@pytest.mark.parametrize("script", SCRIPTS)
def test_figures_of_any_script_are_read(script: str) -> None:
    text = "".join(SCRIPTS[script][int(figure)] if figure.isdigit() else figure for figure in "081-234 5678")
    assert e164(text, "TH") == "+66812345678"
    assert phone_form(text) == ("", "812345678")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "12345",
        "081-CALL-ME",
        "+0812345678",
        "0" * 10,
        "+661234567890123456",
        "-",
        "081 234 5678 ext. 12",
        "081-234-5678 ต่อ 12",
        "0812345678, 0898765432",
        "++66812345678",
        "0" * 20_000,
    ],
)
def test_another_text_is_no_number(text: str) -> None:
    assert phone_form(text, "TH") == ("", "")


def test_a_calling_code_is_of_one_country_and_tells_it() -> None:
    assert len(set(CALLING.values())) == len(CALLING)
    for country, code in CALLING.items():
        assert phone_form(f"+{code}812345678") == (code, "812345678"), country
        assert country_of(f"+{code}812345678") == country
    assert country_of("0812345678") == ""


def test_a_number_is_found_with_and_without_its_calling_code_and_never_under_another() -> None:
    held = {"phones": ["+66812345678", {"number": "081-234 5678", "country": "TH"}, "0812345678", "+856812345678"]}
    asked = asked_number(PhoneQuery("0812345678", "TH"))
    fits = [asked.match(detail) for key, detail in held_numbers(held, "phones") if key == asked.key]
    assert [fit and fit.rules for fit in fits] == [
        ("phone-number", "phone-country"),
        ("phone-number", "phone-country"),
        ("phone-number",),
        None,
    ]


def test_a_number_with_a_prefix_that_is_read_in_two_ways_is_none() -> None:
    for text in ("001 856 20 5551 2345", "001 66 81 234 5678", "007 856 20 5551 234"):
        assert phone_form(text, "TH") == ("", "")
    assert e164("0085620 5551 2345") == "+8562055512345"


@pytest.mark.parametrize("query", [("0812345678",), ("8123456789",), ("0812345678", "US"), ("081234567890123", "TH")])
def test_a_number_of_no_known_country_is_refused_with_what_to_give(query: tuple[str, ...]) -> None:
    with pytest.raises(Malformed) as refused:
        check_phone(*query, *("",) * (2 - len(query)))
    assert refused.value.code == "bad-query"
    assert "`+66 81 234 5678`" in refused.value.advice
    assert "8123456789" not in str(refused.value)


def test_a_question_points_to_the_country_of_its_calling_code_before_the_one_where_it_is_dialled() -> None:
    assert PhoneQuery("+66812345678", "LA").points_to == "TH"
    assert PhoneQuery("0812345678", "LA").points_to == "LA"
    assert PhoneQuery("+1 202 555 0143").points_to == ""


@pytest.mark.parametrize("text", ["+66 000 000 000", "0999999999", "+66 111 111 111"])
def test_what_stands_for_a_missing_number_leads_to_nobody(text: str) -> None:
    assert next(held_numbers({"phones": [text]}, "phones")) == ("", "66" if text.startswith("+") else "")
    with pytest.raises(Malformed):
        asked_number(PhoneQuery(text, "TH"))


def test_an_auditor_finds_a_telephone_number_with_its_calling_code_and_as_it_was_asked_for() -> None:
    for asked in (PhoneQuery("๐๘๑-๒๓๔ ๕๖๗๘", "TH"), PhoneQuery("0066812345678"), PhoneQuery("tel:+66812345678")):
        terms = {term for text in asked.texts for term in number_terms(text)}
        assert terms >= number_terms("+66 81 234 5678")
        assert terms >= number_terms(asked.number)
        assert not terms & number_terms("+856812345678")
