"""Duty cards: whom to phone, as people write it, and each mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.desk.people.cards import CARDS, CARDS_EXAMPLE, DutyCard, read_cards
from gateway.errors import Misconfigured
from tests.support.tables import table

HEAD = "member,office,name,phone,languages,hours"


def read(folder: Path, text: str) -> tuple[DutyCard, ...]:
    (folder / CARDS).write_text(text, encoding="utf-8")
    return read_cards(folder, "th")


def test_a_home_without_cards_has_none(tmp_path: Path) -> None:
    assert read_cards(tmp_path / "people", "th") == ()
    assert read(tmp_path, CARDS_EXAMPLE) == ()


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEAD}\nVN,vn.national,Trực ban,+84 24 1234 5678,vi en,24/7\n")
    assert found == (DutyCard("vn", "vn.national", "Trực ban", "+84 24 1234 5678", "vi en", "24/7"),)


@table(
    "line",
    [
        "vn,kh.national,X,+84 1,,",
        "vn,vn.national,X,,,",
        "viet nam,vn.national,X,+84 1,,",
        "vn,vn national,X,+84 1,,",
    ],
)
def test_a_mistake_has_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(Misconfigured) as failed:
        read(tmp_path, f"# comment\n{HEAD}\n{line}\n")
    assert failed.value.where.endswith("cards.csv:3")
