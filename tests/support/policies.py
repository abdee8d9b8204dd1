"""Policy for tests: the national folders, attributes with sensible values, and strategies for all values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st
from msgspec import structs

from gateway.clock import to_us
from gateway.model.marking import Caveat, Level, Marking, Onward, SubjectCategory, UseCode
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES
from policy.attributes import QuestionAttributes, RecordAttributes

NATIONAL = Path(__file__).resolve().parents[2] / "policy" / "national"
BASE = NATIONAL.parent / "base"
TH, VN, KH = MemberId("th"), MemberId("vn"), MemberId("kh")
MEMBERS = (TH, VN, KH)
NOW_US = to_us(datetime(2026, 11, 24, 9, 30, tzinfo=UTC))

QUESTION = QuestionAttributes(
    counterpart=TH,
    role="officer",
    agency="police",
    office="th.blo.aranyaprathet",
    query="document",
    purpose="BORDER_CHECK",
    offence="DOCFRAUD",
    agreement="gms-border-2026",
    has_case=False,
    has_ticket=True,
)
DOCUMENT = RecordAttributes(
    QUESTION, "TravelDocument", "immigration", Marking(releasable_to=frozenset({"th"})), SubjectCategory.TRAVELLER
)

markings = st.builds(
    Marking,
    level=st.sampled_from(Level),
    use=st.frozensets(st.sampled_from(UseCode)),
    caveats=st.frozensets(st.sampled_from(Caveat), max_size=2),
    releasable_to=st.frozensets(st.sampled_from(["th", "vn", "kh", "th.police", "th.immigration"]), min_size=1),
    withhold_from=st.frozensets(st.sampled_from(["th", "vn", "th.police"]), max_size=1),
    onward=st.sampled_from(Onward),
    evaluation=st.sampled_from(["A1", "B3", "C2", "X4"]),
    purposes=st.none() | st.frozensets(st.sampled_from(Purpose), max_size=3),
    offences=st.none() | st.frozensets(st.sampled_from(Offence), max_size=3),
    keep_hours=st.none() | st.integers(0, 5000),
    delete_after_use=st.booleans(),
)
ordinary_markings = st.builds(
    Marking, level=st.sampled_from(Level), releasable_to=st.just(frozenset({"th", "kh", "th.police"}))
)
any_questions = st.builds(
    QuestionAttributes,
    counterpart=st.sampled_from([TH, VN, KH]),
    role=st.sampled_from(["officer", "border-officer", "supervisor", "nobody"]),
    agency=st.sampled_from(["police", "immigration", "customs", "navy"]),
    office=st.sampled_from(["th.blo.aranyaprathet", "kh.blo.poipet"]),
    query=st.sampled_from([kind.value for kind in QueryKind]),
    purpose=st.sampled_from([*[purpose.value for purpose in Purpose], "IMMIGRATION_ADMIN"]),
    offence=st.sampled_from([*[offence.value for offence in Offence][:4], "HERESY"]),
    agreement=st.sampled_from(["gms-border-2026", ""]),
    has_case=st.booleans(),
    has_ticket=st.booleans(),
)
covered_questions = st.builds(
    structs.replace,
    st.just(QUESTION),
    query=st.sampled_from([kind.value for kind in QueryKind]),
    purpose=st.sampled_from(["BORDER_CHECK", "INVESTIGATION", "CUSTOMS_CONTROL", "VICTIM_PROTECTION"]),
    has_case=st.booleans(),
)
questions = any_questions | covered_questions
any_records = st.builds(
    RecordAttributes,
    question=questions,
    record_type=st.sampled_from(sorted(RECORD_TYPES)),
    owner=st.sampled_from(["immigration", "customs"]),
    marking=markings | ordinary_markings,
    category=st.sampled_from(SubjectCategory),
)
covered_records = st.builds(
    RecordAttributes,
    question=covered_questions,
    record_type=st.sampled_from(["Person", "TravelDocument", "BorderCrossing"]),
    owner=st.just("immigration"),
    marking=ordinary_markings,
    category=st.sampled_from([SubjectCategory.TRAVELLER, SubjectCategory.SUSPECT, SubjectCategory.VICTIM]),
)
records = any_records | covered_records
"""Any values, with enough of them that every seventh is released by Viet Nam."""
