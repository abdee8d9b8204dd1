"""A foreign text is under its own language, so that letters are shaped and read aloud by it."""

from __future__ import annotations

from gateway.console.frame.records import foreign, record_rows
from gateway.console.frame.shapes import Text
from gateway.language.languages import Language
from tests.support.tables import table


@table(
    ("text", "tag"),
    [
        ("กิตติ บุญมา", "th"),
        ("ສົມສັກ", "lo"),
        ("គិត្តិ ប៊ុនម៉ា", "km"),
        ("မောင်မောင်", "my"),
        ("王小明", "zh"),
        ("KITTI กิตติ", "th"),
        ("Иван", ""),
    ],
)
def test_a_name_in_another_script_has_its_language(text: str, tag: str) -> None:
    assert foreign(text) == Text(text, tag)


@table("text", ["KITTI BUNMA", "Trần Ngọc Lan", "", "C4419027", "12-3"])
def test_a_latin_text_stays_plain(text: str) -> None:
    assert foreign(text) == text


def test_fields_have_their_names_in_words_and_all_their_values() -> None:
    (row,) = record_rows({"names": [{"text": "KITTI BUNMA"}, {"text": "គិត្តិ ប៊ុនម៉ា"}]}, "Person", Language.VI)
    assert row.values == ("KITTI BUNMA", Text("គិត្តិ ប៊ុនម៉ា", "km"))
    assert row.name != "names"
