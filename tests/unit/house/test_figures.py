"""The figures of the house: what is counted is what a reader would find, and no circle of folders grows."""

from __future__ import annotations

import pytest

from gateway.model.desk.notices import NoticeType
from tests.house import costs, imports

MOST_PAIRS, MOST_IN_CIRCLES = 75, 87
"""Pairs of folders that import each other, and folders in circles. These may only fall."""

pytestmark = pytest.mark.long


def test_pairs_and_circles_of_folders_only_become_fewer() -> None:
    assert len(imports.pairs()) <= MOST_PAIRS
    assert sum(map(len, imports.circles())) <= MOST_IN_CIRCLES


def test_both_folders_of_a_pair_are_in_one_circle_and_each_circle_has_imports_that_close_it() -> None:
    circles = imports.circles()
    for one, other, lines in imports.pairs():
        assert any({one, other} <= set(circle) for circle in circles)
        assert all(line.path.rpartition("/")[0] == one for line in lines)
    assert all(imports.upward(circle) for circle in circles)


def test_files_that_name_a_thing_are_counted_whatever_its_unit_and_apart_from_longer_names() -> None:
    assert "gateway/desk/alerts/values.py" in costs.field("hidden_until").product
    assert costs.field("peat_s").product == []
    alerts = costs.notice(NoticeType.ALERT)
    assert "proto/liaison/exchange/v1/notices.proto" in alerts.product
    assert not set(alerts.product) & set(alerts.others)


def test_classes_with_most_fields_in_common_mirror_each_other() -> None:
    names = {frozenset((one.name, other.name)) for _, one, other in costs.mirrors()}
    assert {"RaiseAlert", "AlertBody"} in names
