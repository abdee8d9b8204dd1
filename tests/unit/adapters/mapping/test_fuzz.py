"""Any change to a mapping file either loads or is an error of ours with its file and line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mapping.file import read_mapping
from adapters.values.converters import CONVERTERS
from gateway.errors import Misconfigured
from tests.support.small_source import MAPPING

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[4]
TEXTS = [
    MAPPING,
    *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "adapters" / "mappings").glob("*.toml"))),
]
TEXTS += [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "support" / "mappings").glob("*.toml"))]
WORDS = sorted({word for text in TEXTS for word in re.findall(r"\w+|[^\w\s]", text)} | set(CONVERTERS))
VALUES = ["1", "true", '""', "[]", "{}", "[1]", "[[]]", "{ a = 1 }", "1e400", "1979-05-27", '"x"', "nan", "-1", '["x"]']


def check(text: str) -> None:
    refused = None
    try:
        assert read_mapping("fuzz.toml", text.encode("utf-8", "surrogatepass")).records
    except Misconfigured as error:
        refused = error
    if refused:
        assert re.fullmatch(r"fuzz\.toml(:\d+)?", refused.where), refused.where
        assert refused.message
        assert 1 <= int(refused.where.partition(":")[2] or 1) <= text.count("\n") + 2


@settings(max_examples=150)
@given(st.sampled_from(TEXTS), st.data())
def test_a_word_changed_is_an_error_with_its_place_or_no_error(text: str, data: st.DataObject) -> None:
    words = list(re.finditer(r"\w+|[^\w\s]", text))
    for _ in range(data.draw(st.integers(1, 3))):
        match = data.draw(st.sampled_from(words))
        word = data.draw(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)))
        text = text[: match.start()] + word + text[match.end() :]
    check(text)


@settings(max_examples=150)
@given(st.sampled_from(TEXTS), st.data())
def test_a_value_of_another_type_is_an_error_with_its_place_or_no_error(text: str, data: st.DataObject) -> None:
    places = list(re.finditer(r"= (.+?)(?=,? *[}\n])", text))
    match = data.draw(st.sampled_from(places))
    changed = text[: match.start(1)] + data.draw(st.sampled_from(VALUES)) + text[match.end(1) :]
    check(changed)


@settings(max_examples=100)
@given(st.sampled_from(TEXTS), st.data())
def test_a_line_taken_doubled_or_moved_is_an_error_with_its_place_or_no_error(text: str, data: st.DataObject) -> None:
    lines = text.splitlines(keepends=True)
    place = data.draw(st.integers(0, len(lines) - 1))
    line = lines.pop(place)
    if data.draw(st.booleans()):
        lines.insert(data.draw(st.integers(0, len(lines))), line)
        if data.draw(st.booleans()):
            lines.insert(place, line)
    check("".join(lines))


@settings(max_examples=60)
@given(st.sampled_from(TEXTS), st.integers(0, 5_000))
def test_a_file_that_ends_early_is_an_error_with_its_place_or_no_error(text: str, end: int) -> None:
    check(text[:end])


@given(st.binary(max_size=200))
def test_bytes_are_an_error_with_the_file(content: bytes) -> None:
    with pytest.raises(Misconfigured, match=r"^fuzz\.toml"):
        read_mapping("fuzz.toml", content)


def test_objects_within_objects_are_refused() -> None:
    nested = "{ column = 'id' }"
    for _ in range(150):
        nested = f"{{ item = {{ a = {nested} }} }}"
    check(MAPPING.replace('{ column = "plate" }', nested, 1))


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5_000, "a." * 5_000 + "b = 1", "[" * 3_000], ids=["lists", "keys", "heads"]
)
def test_nesting_without_end_is_an_error_with_the_file(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"^fuzz\.toml"):
        read_mapping("fuzz.toml", text.encode())


def test_all_texts_are_mappings_before_they_are_changed() -> None:
    assert len(TEXTS) >= 8
    for text in TEXTS:
        tomllib.loads(text)
        read_mapping("fuzz.toml", text.encode())
