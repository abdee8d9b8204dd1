"""The one form of an act, and the table: what is not signed as its row says is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.audit.acts.act import ACT_TYPE, FUTURE_US, LIFE_US, Act, parse_act, sign_act, verify_act
from gateway.audit.acts.table import ACTS, ActKind, Proof, rule_of
from gateway.audit.retention import holds
from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Stale
from gateway.model.names import MemberId
from gateway.ports.entries.events import EVENTS
from gateway.signing import strict_json
from gateway.signing.dsse import _write, add_signature, parse_document, sign_document
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.trust.documents import policy_approval
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.documents.persons import Person
from tests.support.tables import table

TH, NOW = MemberId("th"), 1_800_000_000_000_000
ADM, ONE, TWO, APPROVER, AUDITOR, STRANGER = (SigningKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(6))


def person(role: KeyUse, key: SigningKey) -> Person:
    return Person(role, VerifyKey.admit(key.spki))


LISTED = [
    person(KeyUse.ADMINISTRATOR, ADM),
    person(KeyUse.DATA_OFFICER, ONE),
    person(KeyUse.DATA_OFFICER, TWO),
    person(KeyUse.APPROVER, APPROVER),
    person(KeyUse.AUDITOR, AUDITOR),
]
ACT = Act(ActKind.ERASE_AGE, TH, "gms", "end of retention", NOW, {"before": {"hit": 1}}, expires_us=NOW + LIFE_US)
RESUME = replace(ACT, kind=ActKind.RESUME, detail={"target": "peer:vn"})


def code(data: bytes, listed: list[Person] = LISTED, *, now_us: int = NOW) -> str:
    with pytest.raises(LiaisonError) as refused:
        verify_act(data, TH, "gms", listed, now_us)
    return refused.value.code


@pytest.mark.parametrize("keys", [[ONE, TWO], [ONE, APPROVER], [TWO, APPROVER, STRANGER]])
def test_two_persons_in_the_roles_of_the_row_sign_and_are_named(keys: list[SigningKey]) -> None:
    act, persons = verify_act(sign_act(ACT, keys), TH, "gms", LISTED, NOW)
    assert act == ACT
    assert {item.key.key_id for item in persons} == {key.key_id for key in keys if key is not STRANGER}


def payload(**changes: Any) -> bytes:
    value = strict_json.loads(parse_document(sign_act(ACT, [ONE]), ACT_TYPE).payload, 100_000) | changes
    return strict_json.dumps({name: item for name, item in value.items() if item is not None})


@table(
    "changes",
    [
        {"more": 1},
        {"reason": None},
        {"reason": " "},
        {"reason": "one\ntwo"},
        {"id": "../../etc"},
        {"detail": []},
        {"issued_us": "1"},
        {"member": "TH"},
        {"reference": "x" * 201},
    ],
)
def test_check_1_an_act_has_closed_fields(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        verify_act(sign_document(ACT_TYPE, payload(**changes), [ONE, TWO]), TH, "gms", LISTED, NOW)


def test_check_1_an_act_that_is_not_in_the_table_is_refused() -> None:
    assert code(sign_document(ACT_TYPE, payload(kind="open-the-door"), [ONE, TWO])) == "unknown-act"
    with pytest.raises(Forbidden):
        rule_of("")


def test_check_1_a_document_of_another_type_or_form_is_none() -> None:
    data = sign_act(ACT, [ONE, TWO])
    assert code(sign_document("application/vnd.liaison.hold.v1+json", payload(), [ONE, TWO])) == "bad-document"
    assert code(data.replace(b",", b", ", 1)) == "bad-document"


@pytest.mark.parametrize("changes", [{"member": MemberId("vn")}, {"federation": "another"}])
def test_check_2_an_act_for_another_member_or_federation_is_refused(changes: dict[str, Any]) -> None:
    assert code(sign_act(replace(ACT, **changes), [ONE, TWO])) == "other-member"


@table(
    ("issued", "expires", "now_us", "said"),
    [
        (NOW, NOW + LIFE_US, NOW + LIFE_US, "act-expired"),
        (NOW, NOW + LIFE_US + 1, NOW, "bad-act-time"),
        (NOW, NOW, NOW, "bad-act-time"),
        (NOW + FUTURE_US + 1, NOW + LIFE_US, NOW, "bad-act-time"),
    ],
)
def test_check_3_an_act_outside_its_time_window_is_refused(issued: int, expires: int, now_us: int, said: str) -> None:
    data = sign_act(replace(ACT, issued_us=issued, expires_us=expires), [ONE, TWO])
    assert code(data, now_us=now_us) == said
    with pytest.raises(Stale):
        verify_act(data, TH, "gms", LISTED, now_us)


@table(
    ("act", "keys"),
    [
        (ACT, [ONE]),
        (ACT, [ONE, ONE]),
        (ACT, [ONE, STRANGER]),
        (ACT, [ONE, ADM]),
        (ACT, [AUDITOR, ADM]),
        (RESUME, [ONE, TWO]),
        (RESUME, [AUDITOR]),
        (RESUME, [STRANGER]),
        (replace(ACT, kind=ActKind.POLICY), [ONE, APPROVER]),
        (replace(ACT, kind=ActKind.CONSENT), [ONE, TWO]),
        (replace(ACT, kind=ActKind.LOOK_UP), [ONE, TWO]),
    ],
)
def test_check_4_too_few_persons_or_a_wrong_use_are_refused(act: Act, keys: list[SigningKey]) -> None:
    assert code(sign_act(act, keys)) == "below-threshold"


def test_check_4_one_person_who_signs_twice_is_one_person() -> None:
    _, document = parse_act(sign_act(ACT, [ONE]))
    again = sign_document(ACT_TYPE, document.payload, [ONE, ONE])
    assert code(add_signature(document, ONE)) == code(again) == "below-threshold"


def test_check_4_a_removed_key_does_not_count() -> None:
    assert code(sign_act(ACT, [ONE, TWO]), [item for item in LISTED if item.key.key_id != TWO.key_id])


def test_check_4_what_is_signed_is_exactly_what_is_kept() -> None:
    """Altered details under the signatures of the original."""
    _, document = parse_act(sign_act(ACT, [ONE, TWO]))
    changed = replace(document, payload=document.payload.replace(b'"hit":1', b'"hit":9'))
    assert code(_write(changed)) == "below-threshold"


def test_nothing_that_demanded_two_persons_demands_one() -> None:
    two = {kind for kind, rule in ACTS.items() if rule.persons == 2}
    assert two == {
        ActKind.POLICY,
        ActKind.ERASE_AGE,
        ActKind.ERASE_ENTRIES,
        ActKind.HOLD,
        ActKind.LIFT,
        ActKind.PASSKEY_ENROL,
        ActKind.NEXT_LOG,
    }
    assert ACTS[ActKind.POLICY].persons == policy_approval.APPROVALS
    assert ACTS[ActKind.HOLD].persons == ACTS[ActKind.LIFT].persons == holds.APPROVALS
    unproved = {kind for kind, rule in ACTS.items() if rule.unproved}
    assert unproved == {ActKind.SUSPEND, ActKind.REVOKE, ActKind.LOOK_UP, ActKind.EXPLAIN, ActKind.REHEARSE}


@table("kind", ActKind)
def test_each_act_has_a_row_whose_entries_there_are(kind: ActKind) -> None:
    rule = ACTS[kind]
    assert rule.events
    assert all(event.kind in EVENTS for event in rule.events)
    assert (rule.proof is Proof.SIGNATURES) == bool(rule.roles)
    assert rule.persons or rule.unproved
    assert len(rule.why) > 30, "an act says why so many persons are enough"


def test_a_signature_of_another_act_does_not_fit() -> None:
    _, document = parse_act(sign_act(ACT, [ONE]))
    _, other = parse_act(sign_act(replace(ACT, reason="another"), [TWO]))
    mixed = replace(document, signatures=(*document.signatures, *other.signatures))
    with pytest.raises(BadSignature):
        verify_act(_write(mixed), TH, "gms", LISTED, NOW)
