"""A case is asked for by its number in any spelling, and a hit says whom to ask: the whole way but the wire."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.clock import SystemClock
from gateway.model.marking import Marking
from gateway.model.query import CaseQuery, QueryKind
from gateway.records.types import RECORD_TYPES
from policy.attributes import AskAttributes, RecordAttributes
from policy.engine.engine import PolicyEngine
from tests.support.policies import NATIONAL, NOW_US, QUESTION, TH, VN
from tests.support.small_source import small_source
from tests.support.tables import table

MAPPING = """
[source]
id = "vn.immigration.cases"
agency = "immigration"
kind = "cases"

[marking]
releasable_to = ["th"]

[[record]]
type = "CaseReference"
table = "cases"
key = "id"
left_out = ["country", "offence", "status"]

[record.fields]
case_number = { column = "number", convert = "text" }
unit = { column = "unit", convert = "text" }
contact_role = { column = "mailbox", convert = "text" }

[record.search]
cases = [{ column = "number", convert = "compact" }]
"""
TABLES = """
CREATE TABLE cases (id INTEGER PRIMARY KEY, number TEXT, unit TEXT, mailbox TEXT);
INSERT INTO cases VALUES (1, 'TH/2026.0417', 'C47', 'c47.desk@police.example'),
  (2, 'VN-9', 'C02', 'c02@police.example');
"""
ASKED = replace(
    QUESTION,
    query=QueryKind.CASE.value,
    purpose="DECONFLICTION",
    offence="NARC",
    agreement="mekong-drugs-2026",
    has_case=True,
)
MARKING = Marking(releasable_to=frozenset({"th"}))


@table("spelling", ["TH/2026.0417", "th-2026-0417", "TH 2026 0417", "ＴＨ２０２６０４１７"])
def test_a_case_is_found_however_its_number_is_parted(tmp_path: Path, spelling: str) -> None:
    clock = SystemClock()
    source = small_source(tmp_path, MAPPING, TABLES).open(clock)
    (found,) = source.search(CaseQuery(spelling), clock.monotonic() + 5).candidates
    record = source.fetch(found.key, found.record_type, clock.monotonic() + 5)
    assert record.fields["contact_role"] == "c47.desk@police.example"


def test_a_hit_says_whom_to_ask_and_nothing_of_the_case() -> None:
    engine = PolicyEngine.load(NATIONAL / "vn", VN)
    assert engine.may_answer(ASKED, NOW_US).allow
    case = RecordAttributes(ASKED, "CaseReference", "immigration", MARKING)
    released = engine.release(case, NOW_US)
    assert released.decision.allow
    assert released.fields == {"country", "unit", "contact_role"}
    assert released.fields < set(RECORD_TYPES["CaseReference"].by_name)


@pytest.mark.parametrize(("query", "purpose"), [("case_reference", "INVESTIGATION"), ("person", "DECONFLICTION")])
def test_the_purpose_and_the_question_go_together(query: str, purpose: str) -> None:
    engine = PolicyEngine.load(NATIONAL / "vn", VN)
    asked = replace(ASKED, query=query, purpose=purpose)
    assert engine.may_answer(asked, NOW_US).code == "purpose-not-covered"
    own = AskAttributes(
        role="officer", agency="police", office="th.blo.one", query=query, purpose=purpose, offence="NARC",
        has_case=True, has_ticket=False, purpose_in_token=True,
    )  # fmt: skip
    assert PolicyEngine.load(NATIONAL / "th", TH).may_ask(own, NOW_US).code == "purpose-not-covered"
    person = RecordAttributes(replace(ASKED, query="person"), "Person", "immigration", MARKING)
    assert not engine.release(person, NOW_US).decision.allow
