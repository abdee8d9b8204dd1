"""Thresholds as policy: the base names a set for a purpose, a national folder is stricter and never wider."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.toml import TomlTable, parse_toml
from gateway.errors import Misconfigured
from gateway.matching.thresholds import SETS
from gateway.model.names import MemberId, member_id
from gateway.model.purpose import Purpose
from gateway.model.strictness import Strictness
from policy.bundle.limits import THRESHOLDS, ThresholdSets, read_thresholds
from policy.engine.engine import BASE, NATIONAL, PolicyEngine
from policy.review.diff import difference
from tests.support.policies import NOW_US

VN: MemberId = member_id("vn")
_TABLES = st.dictionaries(st.sampled_from(Purpose), st.sampled_from(Strictness))


def _document(table: dict[Purpose, Strictness]) -> TomlTable:
    lines = [f'{purpose} = "{name}"\n' for purpose, name in table.items()]
    return parse_toml("thresholds.toml", ("[purpose]\n" + "".join(lines)).encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(NATIONAL / "vn", tmp_path / "vn"))


def test_a_border_is_stricter_than_the_search_for_a_missing_person() -> None:
    engine = PolicyEngine.load(NATIONAL / "vn", VN)
    assert engine.strictness("BORDER_CHECK") is Strictness.STRICT
    assert engine.strictness("INVESTIGATION") is Strictness.USUAL
    assert engine.strictness("MISSING_PERSON") is Strictness.WIDE


def test_each_set_that_policy_can_name_is_one_of_scoring() -> None:
    assert {each.value for each in Strictness} == SETS.keys() - {"ranked"}


def test_a_national_folder_makes_a_purpose_stricter(folder: Path) -> None:
    before = PolicyEngine.load(folder, VN)
    (folder / THRESHOLDS).write_text('[purpose]\nMISSING_PERSON = "usual"\nPREVENTION = "strict"\n', encoding="utf-8")
    engine = PolicyEngine.load(folder, VN)
    assert engine.strictness("MISSING_PERSON") is Strictness.USUAL
    assert engine.strictness("PREVENTION") is Strictness.STRICT
    assert engine.strictness("THREAT_TO_LIFE") is Strictness.WIDE
    assert engine.hash != before.hash


@pytest.mark.parametrize(
    ("text", "line", "term"),
    [
        ('[purpose]\nBORDER_CHECK = "usual"\n', 2, "wider"),
        ('[purpose]\n# INVESTIGATION\nINVESTIGATION = "wide"\n', 3, "wider"),
        ('[purpose]\nTOURISM = "strict"\n', 2, "TOURISM"),
        ('[purpose]\nBORDER_CHECK = "loose"\n', 2, "loose"),
        ('[purpose]\nBORDER_CHECK = "ranked"\n', 2, "ranked"),
        ("[purpose]\nBORDER_CHECK = 0.9\n", 2, "0.9"),
        ('[office]\nBORDER_CHECK = "strict"\n', 1, "office"),
        ('purpose = "strict"\n', 1, "purpose"),
        ("[purpose\n", 1, "not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(folder: Path, text: str, line: int, term: str) -> None:
    path = folder / THRESHOLDS
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as caught:
        PolicyEngine.load(folder, VN)
    assert caught.value.where == f"{path}:{line}"
    assert term in caught.value.message


def test_a_base_policy_that_names_no_set_means_the_usual_one(folder: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(BASE, tmp_path / "base"))
    (base / THRESHOLDS).unlink()
    assert PolicyEngine.load(folder, VN, base).strictness("MISSING_PERSON") is Strictness.USUAL


@given(_TABLES, _TABLES)
def test_no_national_folder_widens_anything(
    base: dict[Purpose, Strictness], national: dict[Purpose, Strictness]
) -> None:
    common = ThresholdSets({purpose.value: name for purpose, name in base.items()})
    try:
        both = read_thresholds(_document(base), _document(national))
    except Misconfigured:
        assert any(name.stricter(common.of(purpose)) is not name for purpose, name in national.items())
        return
    for purpose in Purpose:
        assert both.of(purpose).stricter(common.of(purpose)) is both.of(purpose)
        assert both.of(purpose) is national.get(purpose, common.of(purpose))


@pytest.mark.long
def test_a_difference_says_which_purpose_is_held_to_other_thresholds(folder: Path) -> None:
    (folder / THRESHOLDS).write_text('[purpose]\nINVESTIGATION = "strict"\n', encoding="utf-8")
    words = difference(NATIONAL / "vn", folder, VN, NOW_US).words
    assert words == ("names for `INVESTIGATION` are held to `strict` thresholds instead of `usual`",)
