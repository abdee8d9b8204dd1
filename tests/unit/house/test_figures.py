"""The figures of the house: what is counted is what a reader would find, and no two folders know each other."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gateway.model.desk.notices import NoticeType
from tests.house import costs, imports
from tests.support.shared import PROJECT

MOST_MODULES = {"frame to answer": 145, "notice to row": 120, "approve to receipt": 170, "gate's hit": 235}
"""Modules of the product that run on each way, with those of timers that may run by chance."""

pytestmark = pytest.mark.long


def test_no_two_folders_import_each_other_and_folders_form_no_circle() -> None:
    assert imports.pairs() == [], "move what both need below both: `python -m tests.house pairs` lists the imports"
    assert imports.circles() == [], "`python -m tests.house circles` lists the imports that close a circle"


def test_files_that_name_a_thing_are_counted_whatever_its_unit_and_apart_from_longer_names() -> None:
    assert "gateway/desk/alerts/values.py" in costs.field("hidden_until").product
    assert costs.field("peat_s").product == []
    alerts = costs.notice(NoticeType.ALERT)
    assert "proto/liaison/exchange/v1/notices.proto" in alerts.product
    assert not set(alerts.product) & set(alerts.others)


def test_classes_with_most_fields_in_common_mirror_each_other() -> None:
    names = {frozenset((one.name, other.name)) for _, one, other in costs.mirrors()}
    assert {"RaiseAlert", "OwnAlert"} in names


@pytest.mark.process
def test_no_way_through_the_house_enters_more_modules() -> None:
    command = [sys.executable, "-m", "tests.house", "journeys", "--json"]
    ran = subprocess.run(command, capture_output=True, check=True, cwd=PROJECT)
    found = json.loads(ran.stdout)
    assert found["command"] == "python -m tests.house journeys --json"
    entered = {each["name"].rpartition(", ")[2]: each["count"] for each in found["sections"]["journeys"]}
    assert {name: count for name, count in entered.items() if not 50 < count <= MOST_MODULES[name]} == {}
    assert entered.keys() == MOST_MODULES.keys()
