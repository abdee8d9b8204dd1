"""The engine: Cedar's own decisions, caching within time, the hash, agreements, and reasons in words."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cedarpy
import pytest
from hypothesis import given
from msgspec.structs import replace

from gateway.clock import to_us
from gateway.errors import Forbidden, Misconfigured
from gateway.model.marking import Caveat, Marking
from gateway.records.types import RECORD_TYPES
from policy.attributes import AskAttributes, LearnAttributes, QuestionAttributes, RecordAttributes
from policy.bundle.bundle import Bundle, Layer, load_bundle, read_files
from policy.bundle.rules import rules
from policy.cache import DecisionCache, Window
from policy.engine.engine import PolicyEngine
from policy.engine.request import Request, learn_request, record_request
from policy.explain import CODES, sentence
from tests.support.policies import BASE, DOCUMENT, KH, NATIONAL, NOW_US, QUESTION, TH, VN, records
from tests.support.tables import table

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def vn() -> PolicyEngine:
    return PolicyEngine.load(NATIONAL / "vn", VN)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(read_files(BASE), read_files(NATIONAL / "vn"), VN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "vn"
    shutil.copytree(NATIONAL / "vn", copy)
    return copy


def _cedar_allows(layer: Layer, schema: cedarpy.Schema, request: Request) -> bool:
    """What Cedar itself says of the policies of a layer that keep back records, and not only fields."""
    return _cedar(schema, request, {name: one.body for name, one in layer.by_name.items() if not one.withhold})


def _cedar_lets_out(layer: Layer, schema: cedarpy.Schema, request: Request, field: str) -> bool:
    """What Cedar says of one field, without a human: a permit with `@human` that names it is a forbid."""
    concerned = {
        name: {**one.body, "effect": "forbid"} if one.human else one.body
        for name, one in layer.by_name.items()
        if not one.withhold and (not one.permit or one.all_fields or field in one.fields)
    }
    return _cedar(schema, request, concerned)


def _human_matches(layer: Layer, schema: cedarpy.Schema, request: Request) -> bool:
    return _cedar(schema, request, {name: one.body for name, one in layer.by_name.items() if one.human})


def _cedar(schema: cedarpy.Schema, request: Request, bodies: dict[str, Any]) -> bool:
    text = json.dumps({"templates": {}, "staticPolicies": bodies, "templateLinks": []})
    result = cedarpy.is_authorized(request.as_cedar(), cedarpy.PolicySet.from_json_str(text), "[]", schema)
    return result.allowed and not result.diagnostics.errors


@given(record=records)
@pytest.mark.long
def test_decisions_are_those_of_cedar_for_each_layer_apart(
    vn: PolicyEngine, bundle: Bundle, record: RecordAttributes
) -> None:
    question = record.question
    covers = vn.agreements.covers(question, question.counterpart, NOW_US)
    covered = vn.agreements.covers_record(question.agreement, record.record_type, record.owner)
    setting = vn.setting(question.counterpart, question.offence, NOW_US)
    request = record_request(record, VN, covers, covered, setting)
    layers = bundle.base, bundle.national
    learn = learn_request(LearnAttributes.of(record))
    permitted = all(_cedar_allows(layer, bundle.schema, one) for layer in layers for one in (learn, request))
    kind = RECORD_TYPES.get(record.record_type)
    by_itself = [
        field
        for field in (kind.fields if kind and permitted else ())
        if all(_cedar_lets_out(layer, bundle.schema, request, field) for layer in layers)
    ]
    with_human = any(_human_matches(layer, bundle.schema, request) for layer in layers)
    release = vn.release(record, NOW_US)
    assert release.decision.allow == (permitted and (bool(by_itself) or not with_human))
    assert release.fields <= frozenset(by_itself)
    assert release.fields == frozenset(by_itself) - release.withheld.keys()


def test_a_decision_is_kept_and_names_hash_and_attributes(vn: PolicyEngine) -> None:
    first = vn.may_answer(QUESTION, NOW_US)
    assert vn.may_answer(replace(QUESTION), NOW_US + 1) is first
    assert first.policy_hash == vn.hash.hex()
    assert first.attributes["purpose"] == "BORDER_CHECK"
    json.dumps(vn.release(DOCUMENT, NOW_US).decision.attributes)


def test_a_kept_decision_does_not_outlive_the_agreement(vn: PolicyEngine) -> None:
    end_us = to_us(datetime(2029, 1, 1, tzinfo=UTC))
    assert vn.may_answer(QUESTION, end_us - 1).allow
    assert vn.may_answer(QUESTION, end_us).code == "agreement-expired"
    assert not vn.release(DOCUMENT, end_us).decision.allow
    assert vn.release(DOCUMENT, end_us - 1).decision.allow


def test_a_refusal_does_not_outlive_the_beginning_of_the_agreement(vn: PolicyEngine) -> None:
    start_us = to_us(datetime(2026, 1, 1, tzinfo=UTC))
    assert vn.may_answer(QUESTION, start_us - 1).code == "agreement-expired"
    assert vn.may_answer(QUESTION, start_us).allow


def test_the_cache_drops_what_was_not_used_for_longest_and_what_is_out_of_time() -> None:
    cache: DecisionCache[str, str] = DecisionCache(2)
    for key in ("a", "b"):
        cache.put(key, key, Window(0, 10))
    assert cache.get("a", 1) == "a"
    cache.put("c", "c", Window(5, 10))
    assert cache.get("b", 1) is None
    assert cache.get("c", 4) is None
    assert cache.get("a", 10) is None
    assert len(cache) == 0


def test_the_hash_changes_with_each_byte_of_what_decides_and_with_nothing_else(folder: Path) -> None:
    before = PolicyEngine.load(folder, VN).hash
    shutil.rmtree(folder / "cases")
    assert PolicyEngine.load(folder, VN).hash == before
    agreement = folder / "agreements" / "gms-border-2026.toml"
    agreement.write_bytes(agreement.read_bytes() + b"\n")
    assert PolicyEngine.load(folder, VN).hash != before


def test_an_agreement_is_found_for_purpose_and_recipient(vn: PolicyEngine) -> None:
    assert vn.agreement_for("INVESTIGATION", KH, NOW_US) == "gms-border-2026"
    assert vn.agreement_for("PREVENTION", KH, NOW_US) == ""
    assert vn.agreement_for("INVESTIGATION", VN, NOW_US) == ""
    assert vn.agreement_for("INVESTIGATION", KH, NOW_US + 3000 * DAY_US) == ""


def test_a_release_marking_keeps_internal_parts_at_home(vn: PolicyEngine) -> None:
    marking = Marking(caveats=frozenset({Caveat.PROTECT_SOURCE, Caveat.NO_TIP_OFF}), releasable_to=frozenset({"th"}))
    released = vn.release_marking(marking, "Person", "INVESTIGATION", NOW_US).as_json()
    assert released["caveats"] == ["NOTIP"]
    assert released["not_after"] == "2026-12-24T09:30:00Z"
    assert "th" not in json.dumps(released).replace("not_after", "")


def test_national_retention_shortens_and_never_lengthens(folder: Path) -> None:
    (folder / "retention.toml").write_text("[purpose]\nINVESTIGATION = 24\nBORDER_CHECK = 900\n", encoding="utf-8")
    engine = PolicyEngine.load(folder, VN)
    shorter = engine.release_marking(Marking(), "Person", "INVESTIGATION", NOW_US)
    same = engine.release_marking(Marking(), "Person", "BORDER_CHECK", NOW_US)
    assert (shorter.not_after.day, same.not_after.day) == (25, 26)


def test_a_purpose_without_retention_has_no_release_marking(vn: PolicyEngine) -> None:
    with pytest.raises(Forbidden, match="retention"):
        vn.release_marking(Marking(), "Person", "STATISTICS", NOW_US)


def test_all_withheld_fields_stand_with_the_policy_that_keeps_them_back() -> None:
    engine = PolicyEngine.load(NATIONAL / "kh", KH)
    release = engine.release(replace(DOCUMENT, record_type="Person", owner="customs"), NOW_US)
    assert len(release.fields) == 4
    assert len(release.fields) + len(release.withheld) == len(RECORD_TYPES["Person"].fields)
    assert set(release.withheld.values()) == {"national/default"}
    assert release.show_withheld_count


def test_a_withholding_policy_is_named_for_its_field(vn: PolicyEngine) -> None:
    record = replace(DOCUMENT, question=replace(QUESTION, purpose="CUSTOMS_CONTROL"))
    assert vn.release(record, NOW_US).withheld == {"last_crossing": "national/vn-document-movement"}


@table("code", sorted(CODES))
def test_each_code_has_a_sentence(code: str) -> None:
    ask = AskAttributes(
        role="officer", agency="police", office="th.x", query="person", purpose="PREVENTION", offence="NARC",
        has_case=False, has_ticket=False, purpose_in_token=True,
    )  # fmt: skip
    for attributes in (ask, QUESTION, DOCUMENT):
        words = sentence(code, attributes)
        assert words[0].isupper()
        assert words.endswith(".")
        assert code not in words


def test_a_refused_purpose_is_told_in_words() -> None:
    prevention = replace(QUESTION, purpose="PREVENTION")
    words = sentence("purpose-not-covered", prevention)
    assert words == "The agreement `gms-border-2026` does not cover the purpose `prevention`."


def test_a_purpose_that_no_shared_agreement_covers_is_told_though_none_is_cited(vn: PolicyEngine) -> None:
    uncited = replace(QUESTION, purpose="PREVENTION", agreement=vn.agreement_for("PREVENTION", TH, NOW_US))
    decision = vn.may_answer(uncited, NOW_US)
    assert (decision.allow, decision.code) == (False, "purpose-not-covered")
    assert sentence(decision.code, uncited).startswith("No agreement between the two countries")
    covered = vn.may_answer(replace(QUESTION, agreement=""), NOW_US)
    assert (covered.allow, covered.code) == (False, "agreement-unknown")
    expired = vn.may_answer(uncited, NOW_US + 3000 * DAY_US)
    assert (expired.allow, expired.code) == (False, "agreement-unknown")


def test_all_problems_are_counted_and_the_first_is_shown(folder: Path) -> None:
    path = folder / "records.cedar"
    text = path.read_text(encoding="utf-8").replace("context.hasCase", "context.hasCaze")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"records\.cedar:\d+: attribute `hasCaze`.*\(and 5 more\)"):
        PolicyEngine.load(folder, VN)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such policy folder"):
        PolicyEngine.load(tmp_path / "nowhere", VN)


def test_semicolons_in_comments_and_strings_end_no_policy() -> None:
    text = '// a; b\n@id("x;y")\npermit (principal, action, resource); // c;\n// d;\n\npermit (principal);\n'
    found = list(rules("file", text))
    assert [statement.line for statement in found] == [2, 6]


def test_a_question_of_ours_is_decided_for_our_own_officer() -> None:
    th = PolicyEngine.load(NATIONAL / "th", TH)
    ours = replace(QUESTION, counterpart=VN)
    assert th.may_send(ours, NOW_US).allow
    assert th.may_send(replace(ours, agency="navy"), NOW_US).code == "not-a-party"
    assert th.may_send(replace(ours, counterpart=TH), NOW_US).code == "not-a-party"


def test_attributes_are_equal_and_hash_alike_when_their_values_are() -> None:
    assert hash(replace(DOCUMENT)) == hash(DOCUMENT)
    assert isinstance(QUESTION, QuestionAttributes)
