"""What is committed as data: fonts for every script, within a size, with licences, and nothing that names a host."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import pytest
from fontTools.ttLib import TTFont

from gateway.console.frame.static import ASSETS
from gateway.language.catalogue import CATALOGUES
from gateway.language.languages import OTHERS
from gateway.records.codes import crossing_points
from tests.support.assets.outline import COUNTRIES
from tests.support.shared import PROJECT
from tests.support.tables import table

_MOST = 6_000_000
_FACE = re.compile(
    r'font-family: "(?P<family>[^"]+)".*?font-display: swap;\s+src: url\("\.\./(?P<hash>[0-9a-f]{16})/'
    r'(?P<name>[a-z0-9-]+\.woff2)"\) format\("woff2"\);\s+unicode-range: (?P<ranges>[^;]+);',
    re.DOTALL,
)
_BLOCKS = {"thai": (0xE00, 0xE5B), "lao": (0xE80, 0xEDF), "khmer": (0x1780, 0x17F9), "myanmar": (0x1000, 0x109F)}
_VIETNAMESE = "ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúýĂăĐđĨĩŨũƠơƯư" + "".join(map(chr, range(0x1EA0, 0x1EFA)))
_PINYIN = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüĀÁǍÀĒÉĚÈŌÓǑÒ"
_ROMANISED = "ṃṇṭḍṅñśṣḥḷāīūôŏčšžđłøåäöüßçğışœæ"


def _faces() -> list[dict[str, str]]:
    sheet = (ASSETS / "fonts.css").read_text(encoding="utf-8")
    found = [match.groupdict() for match in _FACE.finditer(sheet)]
    assert len(found) == sheet.count("@font-face")
    return found


def _points(ranges: str) -> set[int]:
    points: set[int] = set()
    for part in ranges.split(","):
        first, _, last = part.strip().removeprefix("U+").partition("-")
        points |= set(range(int(first, 16), int(last or first, 16) + 1))
    return points


@cache
def _shown() -> frozenset[int]:
    """Return the characters that a browser finds a file for by its range, and a form for in that file."""
    found: set[int] = set()
    for face in _faces():
        with TTFont(ASSETS / "fonts" / face["name"], lazy=True) as font:
            found |= _points(face["ranges"]) & font.getBestCmap().keys()
    return frozenset(found)


def _lacking(text: str) -> str:
    return "".join(sorted({letter for letter in text if letter.isprintable() and ord(letter) not in _shown()}))


def test_all_assets_together_stay_within_the_size_that_a_wheel_can_carry() -> None:
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) <= _MOST


def test_each_file_of_a_font_is_named_once_under_the_hash_of_its_content() -> None:
    faces = _faces()
    for face in faces:
        content = (ASSETS / "fonts" / face["name"]).read_bytes()
        assert content[:4] == b"wOF2"
        assert face["hash"] == hashlib.sha256(content).hexdigest()[:16], "run `make assets`"
    assert sorted(face["name"] for face in faces) == sorted(path.name for path in (ASSETS / "fonts").iterdir())


@pytest.mark.long
@table("block", _BLOCKS)
def test_every_character_of_a_script_has_a_form(block: str) -> None:
    first, last = _BLOCKS[block]
    assert _lacking("".join(chr(point) for point in range(first, last + 1) if unicodedata.name(chr(point), ""))) == ""


@table("letters", ["".join(map(chr, range(0x20, 0x7F))), _VIETNAMESE, _PINYIN, _ROMANISED, "₫₭฿៛¥·–—“”‘’…×−"])
def test_letters_of_names_and_their_romanisations_have_a_form(letters: str) -> None:
    assert _lacking(letters) == ""


def test_the_characters_of_the_chinese_standard_of_1980_have_a_form_but_for_rare_ones() -> None:
    """Those of its first level have all; the makers of the slices left 33 of the second out, and a page takes the
    system's font for them."""
    assert _lacking("".join(_gb2312(range(0xB0, 0xD8)))) == ""
    assert len(_lacking("".join(_gb2312(range(0xD8, 0xF8))))) <= 33


def _gb2312(rows: range) -> Iterator[str]:
    return (bytes((high, low)).decode("gb2312", "ignore") for high in rows for low in range(0xA1, 0xFF))


@pytest.mark.long
def test_every_sentence_and_every_name_of_a_crossing_point_has_a_form() -> None:
    texts = [(CATALOGUES / f"{language}.po").read_text(encoding="utf-8") for language in OTHERS]
    texts += [side.local_name for point in crossing_points().values() for side in point.sides]
    assert _lacking("".join(texts)) == ""


def test_a_latin_letter_loads_no_font_of_chinese() -> None:
    taken = [
        face["name"] for face in _faces() if face["name"].startswith("sc-") and min(_points(face["ranges"])) < 0x250
    ]
    assert taken == []


def test_no_asset_names_a_host_but_the_licences_as_their_authors_wrote_them() -> None:
    texts = [path for path in ASSETS.rglob("*") if path.suffix in (".css", ".js", ".json", ".svg")]
    assert texts
    assert [path.name for path in texts if re.search(r"https?:|//[a-z]", path.read_text(encoding="utf-8"))] == []


def test_what_is_fetched_is_pinned_by_hash_and_names_no_registry() -> None:
    lock = json.loads((PROJECT / "tests" / "support" / "assets" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: item for name, item in lock["packages"].items() if name}
    assert packages
    assert all(item["integrity"].startswith("sha512-") and "resolved" not in item for item in packages.values())


def test_each_package_that_is_used_has_its_licence_beside_the_data() -> None:
    wanted = json.loads((PROJECT / "tests" / "support" / "assets" / "package.json").read_text(encoding="utf-8"))
    names = sorted(name.rpartition("/")[2] for name in wanted["dependencies"])
    assert names == sorted(path.stem for path in (ASSETS / "licences").iterdir())
    fonts = [path.read_text(encoding="utf-8") for path in (ASSETS / "licences").glob("noto-*")]
    assert all("SIL OPEN FONT LICENSE Version 1.1" in text for text in fonts)


def test_the_outline_says_where_it_comes_from_and_has_the_countries_of_the_map() -> None:
    outline = json.loads((ASSETS / "outline.json").read_text(encoding="utf-8"))
    assert "public domain" in outline["source"]
    assert {item["properties"]["country"] for item in outline["features"]} == set(COUNTRIES.values())
    assert (ASSETS / "outline.json").stat().st_size < 60_000
