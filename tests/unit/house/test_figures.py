"""The figures of the house: what is counted is what a reader would find, and no two folders know each other."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gateway.model.desk.notices import NoticeType
from tests.house import costs, imports
from tests.support.shared import PROJECT

MOST_MODULES = {"frame to answer": 119, "notice to row": 93, "approve to receipt": 131, "gate's hit": 185}
"""Modules of the product that run on each way, and two of timers that may run by chance. A bound may only fall."""

MOST_FILES = {
    "field": {"repeat_s": 12, "hidden_until": 16},
    "notice": {"room": 22, "report": 20, "watch": 23, "alert": 33},
    "question": {
        "person": 29,
        "document": 11,
        "national_id": 6,
        "vehicle": 6,
        "container": 8,
        "case_reference": 5,
        "vessel": 12,
        "report": 9,
        "phone": 6,
    },
}
"""Product files that name a field of an alert, a kind of notice, or a kind of question. A bound may only fall."""

MOST_FILES_OF_A_NEW_KIND = 12
MOST_MIRRORS = 53
"""Pairs of classes that have most of their fields in common. The bound may only fall."""

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


def test_no_field_notice_or_question_is_known_to_more_files() -> None:
    counted = {
        "field": {name: costs.field(name) for name in costs.FIELDS},
        "notice": {str(kind): costs.notice(kind) for kind in costs.NOTICES},
        "question": {str(kind): costs.question(kind) for kind in costs.QUESTIONS},
    }
    more = {
        f"{what} {name}": named.product
        for what, found in counted.items()
        for name, named in found.items()
        if not 2 < len(named.product) <= MOST_FILES[what].get(name, MOST_FILES_OF_A_NEW_KIND)
    }
    assert more == {}


def test_no_more_classes_mirror_each_other() -> None:
    assert len(costs.mirrors()) <= MOST_MIRRORS, "`python -m tests.house mirrors` lists them: say each thing once"


def test_classes_with_most_fields_in_common_mirror_each_other() -> None:
    names = {frozenset((one.name, other.name)) for _, one, other in costs.mirrors()}
    assert {"RaiseAlert", "OwnAlert"} in names


@pytest.mark.process
def test_no_way_through_the_house_enters_more_modules() -> None:
    """A way has the least of up to three counts: rounds that run by chance beside it only add modules."""
    more = dict(MOST_MODULES)
    for _ in range(3):
        entered = _entered()
        assert entered.keys() == MOST_MODULES.keys()
        more = {name: entered[name] for name in more if not 50 < entered[name] <= MOST_MODULES[name]}
        if not more:
            break
    assert more == {}


def _entered() -> dict[str, int]:
    command = [sys.executable, "-m", "tests.house", "journeys", "--json"]
    ran = subprocess.run(command, capture_output=True, check=True, cwd=PROJECT)
    found = json.loads(ran.stdout)
    assert found["command"] == "python -m tests.house journeys --json"
    return {each["name"].rpartition(", ")[2]: each["count"] for each in found["sections"]["journeys"]}
