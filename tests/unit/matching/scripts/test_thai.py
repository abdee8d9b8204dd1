"""Thai names are read as their bearers and the Royal Institute spell them in Latin letters."""

from __future__ import annotations

from gateway.matching.normal import normal_name
from gateway.matching.scripts import thai
from gateway.matching.similarity import compare_names
from tests.support.tables import table


@table(
    ("written", "said"),
    [
        ("ภุชงค์", "phuchong"),
        ("วงค์", "wong"),
        ("ไพรวัลย์", "phraiwan"),
        ("จันทร์", "chan"),
        ("ศาสตร์", "sat"),
        ("กาญจน์", "kan"),
        ("อารมณ์", "arom"),
        ("กนกวร", "kanokwon"),
        ("วรพล", "woraphon"),
        ("ธนพล", "thanaphon"),
        ("อนุศร", "anuson"),
        ("ภัทรพล", "phattharaphon"),
        ("สุภัทร", "suphat"),
        ("บุตร", "but"),
    ],
)
def test_a_silent_letter_ends_a_syllable_as_the_end_of_the_word_does(written: str, said: str) -> None:
    assert thai.romanise(written) == said


@table(
    ("thai_name", "latin"),
    [
        ("กฤติกา ไพรินทร์", "Kritika Phairin"),
        ("สุรยุทธ์ มานวงค์", "Surayuth Manwong"),
        ("วสันต์ เสริมเสรี", "Vasan Sermseree"),
        ("พรพิมล แพรสุวรรณ", "Pornpimon Phraesuwan"),
        ("พงศ์พัฒน์ สุนทรวงศ์", "Pongpat Sunthonwong"),
        ("กิตติกร จันทร์เพ็ญ", "Kittikorn Chanphen"),
    ],
)
def test_names_with_joined_parts_are_like_their_customary_spelling(thai_name: str, latin: str) -> None:
    assert compare_names(normal_name(latin), normal_name(thai_name)).score >= 0.95
