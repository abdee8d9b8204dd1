"""Which of a country's own rows differ from those that count in a process."""

from __future__ import annotations

from gateway.matching.own_rows.changed import changed_rows
from gateway.matching.own_rows.check import own_rows_of

BEFORE = {"titles": "sadet\tM\tword\nkhun\tF\tword\n", "placeholders": "none\tunknown\n"}


def differ(**after: str) -> list[str]:
    return changed_rows(own_rows_of(BEFORE, "names"), own_rows_of(after, "names"))


def test_the_same_rows_differ_in_nothing_wherever_they_stand() -> None:
    assert differ(**BEFORE) == []
    assert differ(titles="# a remark\nkhun\tF\tword\nsadet\tM\tword\n", placeholders=BEFORE["placeholders"]) == []


def test_rows_that_are_new_other_or_gone_are_named() -> None:
    assert differ(titles="sadet\tF\tword\nphra\tM\tword\n") == [
        "names/placeholders.tsv -none", "names/titles.tsv:1", "names/titles.tsv:2", "names/titles.tsv -khun",
    ]  # fmt: skip


def test_many_rows_are_counted() -> None:
    many = "".join(f"w{number}\tx\n" for number in range(500))
    found = differ(**BEFORE | {"placeholders": BEFORE["placeholders"] + many})
    assert len(found) == 21
    assert found[-1] == "names/placeholders.tsv: 480 more rows"
