"""`liaison adapter check` measures searches with what the rows themselves are found by."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Liaison
from tests.support.customs_house import CustomsHouse, customs_house


@pytest.fixture
def house(tmp_path: Path) -> CustomsHouse:
    made = customs_house(tmp_path)
    made.map()
    return made


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.mark.parametrize("placeholder", ["-", "x"])
def test_a_row_with_a_placeholder_for_a_number_is_passed_over_when_speed_is_measured(
    liaison: Liaison, house: CustomsHouse, placeholder: str
) -> None:
    text = house.mapping.read_text(encoding="utf-8")
    search = f'[record.search]\ncontainers = {{ value = "{placeholder}" }}\n'
    assert "[record.search]\n" in text
    house.mapping.write_text(text.replace("[record.search]\n", search), encoding="utf-8")
    ran = liaison("adapter", "check", house.mapping, "--url", house.url)
    assert "the number has no letters or digits" not in ran.out + ran.err
    assert "Seizure" in ran.out
