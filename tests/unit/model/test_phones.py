"""A telephone number has one form, however it is written, and is of no other country than the one that it names."""

from __future__ import annotations

import pytest

from gateway.matching.identifiers import asked_number, held_numbers
from gateway.model.forms.phones import CALLING, country_of, e164, phone_form
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
    ],
)
def test_a_number_has_one_form(text: str, country: str, form: str) -> None:
    assert e164(text, country) == form


@pytest.mark.parametrize("script", SCRIPTS)
def test_figures_of_any_script_are_read(script: str) -> None:
    text = "".join(SCRIPTS[script][int(figure)] if figure.isdigit() else figure for figure in "081-234 5678")
    assert e164(text, "TH") == "+66812345678"
    assert phone_form(text) == ("", "812345678")


@pytest.mark.parametrize("text", ["", "+", "12345", "081-CALL-ME", "+0812345678", "0" * 10, "+661234567890123456", "-"])
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
