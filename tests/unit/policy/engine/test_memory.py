"""What is kept of earlier decisions changes none: it says what Cedar says, and knows only what Cedar accepted."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cedarpy
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.model.marking import Caveat, Level, Marking, SubjectCategory, UseCode
from gateway.model.names import MemberId
from gateway.records.types import RECORD_TYPES
from policy.attributes import (
    AskAttributes,
    Attributes,
    DeskAttributes,
    LearnAttributes,
    QuestionAttributes,
    RecordAttributes,
)
from policy.bundle.bundle import File, check_bundle, load_bundle, read_files
from policy.engine import memory
from policy.engine.ahead import requests_ahead
from policy.engine.engine import PolicyEngine
from policy.engine.evaluate import Evaluator, Verdict
from policy.engine.memory import PRINCIPAL, RESOURCE, Accepted, Memory, Shared, reads, slices_of, touches
from policy.engine.request import (
    LISTED,
    Request,
    ask_request,
    desk_request,
    learn_request,
    question_request,
    record_request,
)
from tests.support.policies import BASE, DOCUMENT, KH, NATIONAL, NOW_US, QUESTION, TH, VN, records
from tests.support.tables import table

MEMBERS = sorted(path.name for path in NATIONAL.iterdir() if path.is_dir())
BY_AGENCY = (
    '@id("more-{0}")\n@fields("*")\npermit (principal, action == Action::"release", resource)\n'
    'when {{ context.requester.agency == "agency-{0}" && context.{1} }};\n'
)
RECORDS = """
@id("whole-record")
forbid (principal, action == Action::"answer", resource)
when { context.covers == {known: true, current: true, agency: true, purpose: true, offence: false, query: true} };
@id("has")
forbid (principal, action == Action::"answer", resource)
when { context has law && context.law has death && (if context.night then context.law else context.law).death };
@id("member")
forbid (principal == Member::"kh", action == Action::"answer", resource)
when { context.requester.office like "kh.blo.*" };
"""


@cache
def engine(member: str) -> PolicyEngine:
    return PolicyEngine.load(NATIONAL / member, MemberId(member))


def requests(engine: PolicyEngine, record: RecordAttributes) -> Iterator[Request]:
    """Every question that a record's attributes can be asked in."""
    question, own = record.question, engine.member
    covers = engine.agreements.covers(question, question.counterpart, NOW_US)
    covered = engine.agreements.covers_record(question.agreement, record.record_type, record.owner)
    setting = engine.setting(question.counterpart, question.offence, NOW_US)
    yield ask_request(_ask(question), own)
    yield question_request("send", question, own, question.counterpart, covers, setting)
    yield question_request("answer", question, question.counterpart, own, covers, setting)
    yield learn_request(LearnAttributes.of(record))
    yield record_request(record, own, covers, covered, setting)


def notices(engine: PolicyEngine, record: RecordAttributes) -> Iterator[Request]:
    """Notices of the officer who asks for a record."""
    question, own = record.question, engine.member
    covers = engine.agreements.covers(question, question.counterpart, NOW_US)
    setting = engine.setting(question.counterpart, question.offence, NOW_US)
    for kind, says in (("ask", "hit"), ("change", "WITHDRAWN")):
        notice = DeskAttributes(
            counterpart=question.counterpart, ours=question.has_case, type=kind, says=says, urgency="FLASH",
            to_office=question.office, to_life=question.has_ticket, agreement=question.agreement,
            has_hit=question.has_ticket, **_shared(question),
        )  # fmt: skip
        yield desk_request(notice, own, covers, setting)


def _ask(q: QuestionAttributes) -> AskAttributes:
    return AskAttributes(query=q.query, purpose_in_token=True, **_shared(q))


def _shared(q: QuestionAttributes) -> dict[str, Any]:
    return {name: getattr(q, name) for name in Attributes.__struct_fields__}


def told(verdicts: tuple[Verdict, Verdict]) -> list[object]:
    return [(one.allow, one.names, [policy.id for policy in one.withholding], one.codes) for one in verdicts]


@cache
def _unasked(engine: PolicyEngine) -> Evaluator:
    return Evaluator(engine.bundle)


def fresh(engine: PolicyEngine) -> Evaluator:
    """Return an evaluator that was never asked; what its policies read is worked out once for each engine."""
    return _unasked(engine).copy()


class Counted(Evaluator):
    """Counts how often Cedar is asked."""

    asked = 0

    def _matching(self, *args: Any) -> Any:
        self.asked += 1
        return super()._matching(*args)


@pytest.mark.parametrize("member", MEMBERS)
@given(drawn=st.lists(records, min_size=2, max_size=8))
@pytest.mark.long
def test_a_warm_evaluator_says_what_a_fresh_one_says(member: str, drawn: list[RecordAttributes]) -> None:
    warm = engine(member)._evaluator
    for record in drawn:
        for request in (*requests(engine(member), record), *notices(engine(member), record)):
            assert told(warm.verdicts(request)) == told(fresh(engine(member)).verdicts(request))


@given(first=records, second=records)
@example(first=DOCUMENT, second=structs.replace(DOCUMENT, question=structs.replace(QUESTION, has_case=True)))
@example(
    first=DOCUMENT,
    second=structs.replace(DOCUMENT, question=structs.replace(QUESTION, office="kh.blo.poipet")),
)
@example(
    first=DOCUMENT,
    second=structs.replace(DOCUMENT, question=structs.replace(QUESTION, counterpart=MemberId("kh"))),
)
@pytest.mark.long
def test_policies_that_read_records_and_texts_are_kept_rightly(
    first: RecordAttributes, second: RecordAttributes
) -> None:
    made = hostile_engine()
    warm = Evaluator(made.bundle)
    for record in (first, second, first):
        for request in requests(made, record):
            assert told(warm.verdicts(request)) == told(fresh(made).verdicts(request))


ATOMS = (
    'context.purpose == Purpose::"BORDER_CHECK"',
    '[Purpose::"AUDIT", Purpose::"INVESTIGATION"].contains(context.purpose)',
    'context.purpose != Purpose::"VICTIM_PROTECTION"',
    '[Purpose::"AUDIT"].contains(if context.hasCase then context.purpose else Purpose::"AUDIT")',
    'context.offence in [Offence::"NARC", Offence::"TIP"]',
    'context.requester.role == Role::"officer"',
    'context.requester.agency == "police" || "customs" == context.requester.agency',
    'context.requester.office like "th.blo.*"',
    "context.requester has office",
    'context.requester == {role: Role::"officer", agency: "police", office: "th.blo.aranyaprathet"}',
    "context.requester.agency == context.owner",
    'context.owner == "vn.immigration"',
    'context.marking.caveats.contains(Caveat::"SRC")',
    'context.marking.caveats.containsAny([Caveat::"JUV", Caveat::"SAFE"])',
    'context.marking.caveats.containsAll([Caveat::"NOTIP", Caveat::"SRC"])',
    '[Caveat::"SRC", Caveat::"JUV"].containsAll(context.marking.caveats)',
    "context.marking.caveats.isEmpty()",
    'context.marking.use == [Use::"U1"]',
    'context.marking.use.contains(Use::"U0")',
    'context.marking.level == Level::"OPEN"',
    'context.category == Category::"VICTIM"',
    'principal == Member::"kh"',
    '[Member::"kh", Member::"vn"].contains(principal)',
    'principal in Member::"th"',
    'resource == RecordType::"Person"',
    "context.covers.known == true",
    "context.night",
    "context.named.unit != context.named.member",
    "context.law == {known: true, minimum: true, serious: false, death: false, assured: false}",
)
conditions = st.recursive(
    st.sampled_from(ATOMS).map(lambda atom: f"({atom})"),
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        inner.map("(!{})".format),
        st.builds("(if {} then {} else {})".format, inner, inner, inner),
    ),
    max_leaves=4,
)
known_records = st.builds(
    RecordAttributes,
    question=st.builds(
        structs.replace,
        st.just(QUESTION),
        counterpart=st.sampled_from([TH, KH]),
        role=st.sampled_from(["officer", "supervisor"]),
        agency=st.sampled_from(["police", "customs", "vn.immigration"]),
        office=st.sampled_from(["th.blo.aranyaprathet", "kh.blo.poipet"]),
        purpose=st.sampled_from(["BORDER_CHECK", "INVESTIGATION", "VICTIM_PROTECTION", "PREVENTION"]),
        offence=st.sampled_from(["NARC", "WILD", "DOCFRAUD"]),
        has_case=st.booleans(),
    ),
    record_type=st.sampled_from(["Person", "TravelDocument"]),
    owner=st.sampled_from(["immigration", "police"]),
    marking=st.builds(
        Marking,
        level=st.sampled_from([Level.OPEN, Level.OFFICIAL]),
        use=st.frozensets(st.sampled_from([UseCode.LAW_ENFORCEMENT, UseCode.NOT_EVIDENCE])),
        caveats=st.frozensets(st.sampled_from(Caveat), max_size=2),
        releasable_to=st.sampled_from([frozenset({"th"}), frozenset({"th.police", "kh"})]),
    ),
    category=st.sampled_from([SubjectCategory.VICTIM, SubjectCategory.SUSPECT]),
)
scopes = st.sampled_from(["resource", 'resource == RecordType::"Person"', 'resource == RecordType::"TravelDocument"'])


@settings(deadline=None)
@given(
    written=st.lists(st.tuples(scopes, conditions), min_size=1, max_size=5),
    drawn=st.lists(known_records, min_size=6, max_size=12),
)
@pytest.mark.long
def test_whatever_policies_compare_is_kept_rightly(
    written: list[tuple[str, str]], drawn: list[RecordAttributes]
) -> None:
    """Cedar's reading of any policy stands against ours of what it can tell apart."""
    more = "".join(
        f'@id("more-{n}")\nforbid (principal, action == Action::"release", {scope}) when {{ {condition} }};\n'
        for n, (scope, condition) in enumerate(written)
    )
    files = {**read_files(NATIONAL / "vn"), "more.cedar": File(Path("more.cedar"), more.encode())}
    bundle, problems = check_bundle(read_files(BASE), files, VN)
    assume(bundle is not None)  # Cedar refuses conditions that can only come out one way
    assert bundle is not None, problems
    made = PolicyEngine(bundle, VN)
    for sample, domains in requests_ahead(bundle, VN):
        if (sample.action, sample.resource) in {("release", "Person"), ("release", "TravelDocument")}:  # those drawn
            deque(made._evaluator.fill(sample, domains), maxlen=0)
    for record in drawn:
        *_, release = requests(made, record)
        assert told(made._evaluator.verdicts(release)) == told(fresh(made).verdicts(release))


@cache
def hostile_engine() -> PolicyEngine:
    """Viet Nam's policy with policies that read in all the ways there are."""
    more = RECORDS + "".join(
        BY_AGENCY.format(n, name) for n, name in enumerate(["hasCase", "covers.offence", "named.unit"])
    )
    files = {**read_files(NATIONAL / "vn"), "more.cedar": File(Path("more.cedar"), more.encode())}
    return PolicyEngine(load_bundle(read_files(BASE), files, VN), VN)


def test_what_is_known_is_not_asked_again_and_what_is_new_is() -> None:
    made = engine("vn")
    evaluator = Counted(made.bundle)
    (*_, release) = requests(made, DOCUMENT)
    first = told(evaluator.verdicts(release))
    other = Request(
        release.principal, "release", release.kind, release.resource, {**release.context, "requester.office": "x"}
    )
    assert told(evaluator.verdicts(other)) == first
    assert evaluator.asked == 1
    evaluator.verdicts(replace_in(release, "hasCase", True))
    evaluator.verdicts(replace_in(release, "purpose", "INVESTIGATION"))
    assert evaluator.asked == 3


def test_who_asks_counts_where_a_policy_reads_it_and_nowhere_else() -> None:
    made = hostile_engine()
    (_, _, answer, learn, _) = requests(made, DOCUMENT)
    for request, asked in ((learn, 1), (answer, 2)):
        evaluator = Counted(made.bundle)
        for member in (VN, KH, VN):
            other = replace(request, principal=member)
            assert told(evaluator.verdicts(other)) == told(Evaluator(made.bundle).verdicts(other))
        assert evaluator.asked == asked, request.action


def test_a_value_that_no_policy_names_is_as_good_as_another_one() -> None:
    made = engine("vn")
    evaluator = Counted(made.bundle)
    (*_, release) = requests(made, DOCUMENT)
    for purpose in ("PREVENTION", "MLA_PREPARATION"):
        evaluator.verdicts(replace_in(release, "purpose", purpose))
    other = replace_in(replace_in(release, "purpose", "PREVENTION"), "category", "ASSOCIATE")
    assert evaluator.asked == 2  # the word is on no list that Cedar has seen; what it decides is known
    assert told(evaluator.verdicts(other)) == told(Evaluator(made.bundle).verdicts(other))


def test_policies_that_say_nothing_of_the_record_type_are_kept_for_all_of_them() -> None:
    made = engine("vn")
    evaluator = Counted(made.bundle)
    for record_type in RECORD_TYPES:
        (_, _, _, learn, _) = requests(made, structs.replace(DOCUMENT, record_type=record_type))
        assert told(evaluator.verdicts(learn)) == told(Evaluator(made.bundle).verdicts(learn))
    assert evaluator.asked == 1


def replace_in(request: Request, path: str, value: object) -> Request:
    return Request(request.principal, request.action, request.kind, request.resource, {**request.context, path: value})


def test_a_value_that_the_schema_does_not_know_is_denied_by_a_warm_evaluator() -> None:
    for request in requests(engine("vn"), DOCUMENT):
        evaluator = Evaluator(engine("vn").bundle)
        evaluator.verdicts(request)
        for path, value in request.context.items():
            if LISTED.get(path) != "Member":
                assert _denied_by_error(evaluator, replace_in(request, path, _wrong(path, value))), path
        assert _denied_by_error(evaluator, replace_in(request, "more", True))
        assert _denied_by_error(evaluator, without(request, next(iter(request.context))))


def _wrong(path: str, value: object) -> object:
    """A value that the attribute cannot have: not on its list, or of another type."""
    if isinstance(value, frozenset):
        return frozenset({"HERESY"})
    return "HERESY" if path in LISTED or isinstance(value, bool) else True


def without(request: Request, path: str) -> Request:
    context = {name: value for name, value in request.context.items() if name != path}
    return Request(request.principal, request.action, request.kind, request.resource, context)


def _denied_by_error(evaluator: Evaluator, request: Request) -> bool:
    """Denied by both layers since it is no valid request, and not because a policy says so; not kept either."""
    names = [verdict.names for _ in range(2) for verdict in evaluator.verdicts(request)]
    return names == 2 * [("base/error",), ("national/error",)]


def test_a_memory_that_is_full_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LIMIT", 3)
    made = Memory([], Shared(slices_of({"a": {"x": None, PRINCIPAL: None}}, {"x": ""}), Accepted({"x": ""})))
    for value in ("p", "q", "r", "s"):
        made.keep("th", {"x": value}, ["a"] if value == "s" else [])
    assert made.recall("th", {"x": "s"}) == ["a"]
    assert made.recall("th", {"x": "p"}) is None
    assert made.recall("vn", {"x": "s"}) is None
    assert made.recall("th", {"y": "s"}) is None


@table(
    ("condition", "expected"),
    [
        ("context.hasCase", {"hasCase"}),
        ("context.law.death || !context.covers.known", {"law.death", "covers.known"}),
        ("context.covers == {known: true}", {"covers"}),
        ("context has law", {"law"}),
        ("context.law has death", {"law.death"}),
        ("(if context.night then context.law else context.law).death", {"night", "law"}),
        ("[context].contains(context)", {""}),
        ('{a: context.owner}.a == "x"', {"owner"}),
        ('context.requester.office like "th.*"', {"requester.office"}),
        ("principal == resource", {"principal", "resource"}),
        ('{context: true, Var: "context"}.context', set()),
    ],
)
def test_what_a_condition_reads(condition: str, expected: set[str]) -> None:
    text = f"permit (principal, action, resource) when {{ {condition} }};"
    (body,) = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    assert reads(body).keys() == expected
    assert set(reads(body).values()) <= {None}


@table(
    ("condition", "literals"),
    [
        ('context.purpose == Purpose::"AUDIT"', {"purpose": {"AUDIT"}}),
        ('Purpose::"AUDIT" != context.purpose', {"purpose": {"AUDIT"}}),
        ('[Purpose::"AUDIT", Purpose::"TRAINING"].contains(context.purpose)', {"purpose": {"AUDIT", "TRAINING"}}),
        ('context.marking.caveats.contains(Caveat::"SRC")', {"marking.caveats": {"SRC"}}),
        ('context.marking.caveats.containsAny([Caveat::"SRC", Caveat::"JUV"])', {"marking.caveats": {"SRC", "JUV"}}),
        ('context.marking.caveats.containsAll([Caveat::"SRC"])', {"marking.caveats": {"SRC"}}),
        ('[Caveat::"SRC"].containsAll(context.marking.caveats)', {"marking.caveats": None}),
        ("context.marking.caveats.isEmpty()", {"marking.caveats": None}),
        ('context.marking.caveats == [Caveat::"SRC"]', {"marking.caveats": None}),
        ('principal == Member::"kh"', {"principal": {"kh"}}),
        ('[Member::"kh", principal].contains(principal)', {"principal": None}),
        ("context.answerer == principal", {"answerer": None, "principal": None}),
        ('context.owner == "x" || context.owner like "y*"', {"owner": None}),
        ('context.owner == "x" || context.owner == "y"', {"owner": {"x", "y"}}),
        ('(if context.night then context.owner else "y") == "x"', {"night": None, "owner": None}),
        ("context.night == true", {"night": {True}}),
        ("(context has night) == true", {"night": None}),
    ],
)
def test_what_a_condition_only_compares(condition: str, literals: dict[str, set[object] | None]) -> None:
    text = f"permit (principal, action, resource) when {{ {condition} }};"
    (body,) = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    assert reads(body) == literals


@table(
    ("scope", "read"),
    [
        ("principal, action, resource", {}),
        ("principal is Member, action, resource is Query", {}),
        ('principal == Member::"kh", action, resource', {"principal": {"kh"}}),
        ('principal in Member::"kh", action, resource', {"principal": None}),
        ('principal, action, resource == Query::"person"', {"resource": {"person"}}),
    ],
)
def test_what_a_scope_reads(scope: str, read: dict[str, set[object] | None]) -> None:
    (body,) = json.loads(cedarpy.policies_to_json_str(f"permit ({scope});"))["staticPolicies"].values()
    assert reads(body) == read


def test_a_record_touches_its_attributes_and_the_whole_touches_all() -> None:
    assert touches("covers", "covers.known")
    assert touches("covers.known", "covers.known")
    assert touches("", "night")
    assert not touches("covers", "coversOwner")
    assert not touches("covers.known", "covers.current")


def test_every_attribute_that_the_policies_read_is_in_the_requests() -> None:
    """Otherwise a policy would count as one that reads everything, and nothing of it could be kept."""
    for member in MEMBERS:
        made = engine(member)
        for request in requests(made, DOCUMENT):
            matcher = made.bundle.matchers[request.action, request.resource]
            for read in (made._evaluator._reads[name] for name in matcher.names):
                names = (*request.context, PRINCIPAL, RESOURCE)
                assert all(any(touches(path, name) for name in names) for path in read), (member, read)
