"""What is kept of earlier decisions changes none: it says what Cedar says, and knows only what Cedar accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cedarpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model.names import MemberId
from policy import memory
from policy.attributes import AskAttributes, LearnAttributes, QuestionAttributes, RecordAttributes
from policy.bundle import File, load_bundle, read_files
from policy.engine import PolicyEngine
from policy.evaluate import Evaluator, Verdict
from policy.memory import Memory
from policy.reads import reads, touches
from policy.request import LISTED, Request, ask_request, learn_request, question_request, record_request
from tests.support.policies import BASE, DOCUMENT, NATIONAL, NOW_US, QUESTION, VN, records

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


def _ask(q: QuestionAttributes) -> AskAttributes:
    return AskAttributes(q.role, q.agency, q.office, q.query, q.purpose, q.offence, q.has_case, q.has_ticket, True)


def told(verdicts: tuple[Verdict, Verdict]) -> list[object]:
    return [(one.allow, one.names, [policy.id for policy in one.withholding], one.codes) for one in verdicts]


class Counted(Evaluator):
    """Counts how often Cedar is asked."""

    asked = 0

    def _matching(self, *args: Any) -> Any:
        self.asked += 1
        return super()._matching(*args)


@pytest.mark.parametrize("member", MEMBERS)
@given(drawn=st.lists(records, min_size=2, max_size=8))
def test_a_warm_evaluator_says_what_a_fresh_one_says(member: str, drawn: list[RecordAttributes]) -> None:
    warm = engine(member)._evaluator
    for record in drawn:
        for request in requests(engine(member), record):
            fresh = Evaluator(engine(member).bundle)
            assert told(warm.verdicts(request)) == told(fresh.verdicts(request))


@given(first=records, second=records)
@example(first=DOCUMENT, second=replace(DOCUMENT, question=replace(QUESTION, has_case=True)))
@example(first=DOCUMENT, second=replace(DOCUMENT, question=replace(QUESTION, office="kh.blo.poipet")))
@example(first=DOCUMENT, second=replace(DOCUMENT, question=replace(QUESTION, counterpart=MemberId("kh"))))
def test_policies_that_read_records_and_texts_are_kept_rightly(
    first: RecordAttributes, second: RecordAttributes
) -> None:
    made = hostile_engine()
    warm = Evaluator(made.bundle)
    for record in (first, second, first):
        for request in requests(made, record):
            assert told(warm.verdicts(request)) == told(Evaluator(made.bundle).verdicts(request))


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
    evaluator.verdicts(Request(MemberId("kh"), "release", release.kind, release.resource, release.context))
    evaluator.verdicts(replace_in(release, "hasCase", True))
    assert evaluator.asked == 3


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
    made = Memory({"a": frozenset({"x"})}, ("x",))
    for value in ("p", "q", "r", "s"):
        made.keep("th", {"x": value}, ["a"] if value == "s" else [])
    assert made.recall("th", {"x": "s"}) == ["a"]
    assert made.recall("th", {"x": "p"}) is None
    assert made.recall("vn", {"x": "s"}) is None
    assert made.recall("th", {"y": "s"}) is None


@pytest.mark.parametrize(
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
        ("principal == resource", set()),
        ('{context: true, Var: "context"}.context', set()),
    ],
)
def test_what_a_condition_reads(condition: str, expected: set[str]) -> None:
    text = f"permit (principal, action, resource) when {{ {condition} }};"
    (body,) = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    assert reads(body) == expected


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
            for read in made.bundle.matchers[request.action, request.resource].reads.values():
                assert all(any(touches(path, name) for name in request.context) for path in read), (member, read)
