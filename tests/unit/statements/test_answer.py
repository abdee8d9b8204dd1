"""Building, padding and verifying answers; one test for each number in the docstring of `Kind.verify`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liaison.exchange.v1 import envelope_pb2
from liaison.exchange.v1 import statements_pb2 as pb
from msgspec.structs import replace

from gateway.errors import BadSignature, Forbidden, Malformed, Reason, Stale, TooLarge
from gateway.model.exchange import Answer, Outcome, Refusal, Searched, Verified
from gateway.model.hit import Quality
from gateway.statements.answer import (
    ANSWER_KIND,
    ANSWER_V2_KIND,
    ANSWER_V3_KIND,
    ANSWER_V4_KIND,
    LATELY_US,
    MAX_HITS,
    MAX_MISSING,
    MAX_RULES,
    SIZES,
    pad,
    read_signed,
    verify_answer,
)
from gateway.statements.envelope import ANSWER, ANSWER_V2, ANSWER_V3, ANSWER_V4, ENVELOPE_OVERHEAD, REQUEST, parse
from gateway.statements.kind import Kind
from tests.support import sealing
from tests.support.sealing import EXCHANGE, HIT, NOW, REQUEST_HASH, SECOND, TH, VN, ListedKeys, envelope_of, new_key
from tests.support.sealing import payload_of as payload
from tests.support.tables import table

KEY = new_key()
KEYS = ListedKeys()
KEYS.add(VN, KEY)
REFUSAL = Refusal(Reason.PERMISSION_DENIED, "purpose-not-covered", "The agreement does not cover this purpose.")


def verify(envelope: bytes, **changes: object) -> Verified[Answer]:
    values: dict[str, object] = {
        "keys": KEYS,
        "member": VN,
        "me": TH,
        "request_hash": REQUEST_HASH,
        "exchange_id": EXCHANGE,
        "now_us": NOW,
    }
    return verify_answer(envelope, **(values | changes))  # type: ignore[arg-type]


def built(**changes: object) -> bytes:
    return ANSWER_KIND.build(replace(sealing.ANSWER, **changes), KEY).envelope


def signed(message: pb.Answer, size: int = 2048) -> bytes:
    """A properly signed answer, padded to `size` whatever it says."""
    message.padding = b""
    message.padding = bytes(size - message.ByteSize() - 3)
    return envelope_of(message.SerializeToString(), ANSWER, KEY)


def message() -> pb.Answer:
    return pb.Answer.FromString(payload(built()))


EXAMPLES = [
    sealing.ANSWER,
    replace(sealing.ANSWER, outcome=Outcome.HIT, hits=(HIT, replace(HIT, quality=Quality.EXACT_ID)), capped=True),
    replace(sealing.ANSWER, outcome=Outcome.HIT, hits=(replace(HIT, record="a.b.c~"),), withheld_count=0),
    replace(sealing.ANSWER, outcome=Outcome.HIT, hits=(replace(HIT, action="do not detain"),), withheld_count=5),
    replace(sealing.ANSWER, outcome=Outcome.REFUSED, refusal=REFUSAL),
    replace(sealing.ANSWER, outcome=Outcome.SUSPENDED, refusal=Refusal(Reason.SUSPENDED, "suspended")),
    replace(sealing.ANSWER, outcome=Outcome.NOT_SEARCHED),
    replace(sealing.ANSWER, outcome=Outcome.NOT_SEARCHED, missing=("police records",)),
]


@table("answer", EXAMPLES, ids=lambda answer: answer.outcome)
def test_an_answer_arrives_as_it_was_built(answer: Answer) -> None:
    sealed = ANSWER_KIND.build(answer, KEY)
    verified = verify(sealed.envelope)
    assert verified.value == answer
    assert verified.payload_hash == sealed.payload_hash
    assert (verified.signer, verified.key_id) == (VN, KEY.key_id)
    assert ANSWER_KIND.parse(payload(sealed.envelope)) == answer


@given(st.integers(0, 62_000))
def test_every_answer_has_exactly_one_of_the_sizes(length: int) -> None:
    """Lengths between which the padding's own length jumps are among them."""
    records = [replace(HIT, record="x" * min(20_000, left)) for left in range(length, 0, -20_000)]
    envelope = built(outcome=Outcome.HIT, hits=tuple(records or [HIT]))
    assert len(payload(envelope)) in SIZES
    assert verify(envelope)


@table("gap", [*range(6), *range(126, 136), 2000])
def test_padding_reaches_the_size_exactly_or_takes_the_next(gap: int) -> None:
    """Gaps of 0 to 2 and of 130 bytes cannot be filled by one field with a length of its own."""
    padded = pad(pb.Answer(blind=bytes(2048 - gap - 3)).SerializeToString())
    assert len(padded) == (2048 if gap > 2 and gap != 130 else 4096)
    assert not parse(pb.Answer, padded, "answer").padding.strip(b"\0")


def test_no_hit_and_hit_without_a_record_have_the_same_size() -> None:
    """A suppressed hit is built as no hit; a small hit is no longer than it."""
    assert len(built()) == len(built(outcome=Outcome.HIT, hits=(HIT,)))


def test_two_no_hits_share_nothing_but_their_addresses() -> None:
    first, second = message(), message()
    assert first.blind != second.blind


def test_an_answer_that_cannot_fit_is_not_signed() -> None:
    hits = tuple(replace(HIT, record="x" * 20_000) for _ in range(4))
    with pytest.raises(TooLarge):
        built(outcome=Outcome.HIT, hits=hits)


@table(
    "changes",
    [
        {"withheld_commitment": b""},
        {"request_hash": b"short"},
        {"outcome": Outcome.HIT},
        {"hits": (HIT,)},
        {"outcome": Outcome.REFUSED},
        {"outcome": Outcome.REFUSED, "refusal": REFUSAL, "hits": (HIT,)},
        {"outcome": Outcome.SUSPENDED},
        {"refusal": REFUSAL},
        {"outcome": Outcome.REFUSED, "refusal": replace(REFUSAL, code="No!")},
        {"outcome": Outcome.REFUSED, "refusal": replace(REFUSAL, text="x" * 257)},
        {"outcome": Outcome.HIT, "hits": (HIT,) * (MAX_HITS + 1)},
        {"outcome": Outcome.HIT, "hits": (replace(HIT, rules=("r",) * (MAX_RULES + 1)),)},
        {"outcome": Outcome.HIT, "hits": (replace(HIT, rules=("\0",)),)},
        {"outcome": Outcome.HIT, "hits": (replace(HIT, reference="a b"),)},
        {"outcome": Outcome.HIT, "hits": (replace(HIT, reference=""),)},
        {"outcome": Outcome.HIT, "hits": (replace(HIT, record_type="Prophecy"),)},
        {"outcome": Outcome.HIT, "hits": (replace(HIT, record="<html>"),)},
        {"outcome": Outcome.HIT, "hits": (replace(HIT, record="x" * 24_577),)},
        {"missing": ("police records",) * (MAX_MISSING + 1)},
        {"missing": ("",)},
    ],
)
def test_we_sign_nothing_that_the_other_side_would_refuse(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        built(**changes)


# ---------------------------------------------------------------- the numbered checks


def test_check_1_size_form_and_kind_of_the_envelope() -> None:
    limit = ANSWER.largest + ENVELOPE_OVERHEAD
    with pytest.raises(TooLarge):
        verify(b"\0" * (limit + 1))
    with pytest.raises(Malformed):
        verify(b"\xff" * 10)
    with pytest.raises(BadSignature):
        verify(envelope_of(payload(built()), REQUEST, KEY))


def test_check_2_an_unknown_field_is_refused() -> None:
    with pytest.raises(Malformed):
        verify(envelope_of(payload(built()) + b"\xf8\x07\x01", ANSWER, KEY))


def test_check_3_an_answer_of_another_member_is_refused() -> None:
    """CASE-A15: the answer's signer is the member that was asked."""
    with pytest.raises(BadSignature):
        verify(built(), member="kh")


def test_check_4_an_answer_to_somebody_else_is_refused() -> None:
    with pytest.raises(Forbidden) as refusal:
        verify(built(), me="kh")
    assert refusal.value.code == "wrong-audience"


@pytest.mark.parametrize("changes", [{"request_hash": b"\0" * 32}, {"exchange_id": "f" * 32}])
def test_check_5_an_answer_to_another_request_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Forbidden) as refusal:
        verify(built(), **changes)
    assert refusal.value.code == "wrong-request"


def test_check_6_a_signer_that_is_not_listed_is_refused() -> None:
    with pytest.raises(BadSignature):
        verify(ANSWER_KIND.build(sealing.ANSWER, new_key()).envelope)


@table(
    "change",
    [
        lambda m: setattr(m, "outcome", 0),
        lambda m: setattr(m, "outcome", 99),
        lambda m: setattr(m, "blind", b""),
        lambda m: setattr(m, "withheld_commitment", b"x"),
        lambda m: m.ClearField("issued_time"),
        lambda m: m.hits.add(reference="r", quality="SURE", record_type="Person"),
        lambda m: m.hits.add(reference="r", quality="STRONG", record_type="Person"),
        lambda m: m.hits.extend([pb.Hit()] * 33),
        lambda m: m.missing.extend(["a"] * 17),
        lambda m: m.refusal.SetInParent(),
        lambda m: setattr(m.refusal, "reason", "BECAUSE"),
    ],
)
def test_check_7_content_of_another_form_is_refused(change: object) -> None:
    changed = message()
    change(changed)  # type: ignore[operator]
    with pytest.raises(Malformed):
        verify(signed(changed))


def test_check_7_an_answer_that_is_not_padded_is_refused() -> None:
    bare = message()
    bare.padding = b""
    with pytest.raises(Malformed) as refusal:
        verify(envelope_of(bare.SerializeToString(), ANSWER, KEY))
    assert refusal.value.code == "bad-padding"


def test_check_7_padding_carries_nothing() -> None:
    sly = message()
    sly.padding = sly.padding[:-1] + b"\1"
    with pytest.raises(Malformed) as refusal:
        verify(envelope_of(sly.SerializeToString(), ANSWER, KEY))
    assert refusal.value.code == "bad-padding"


def test_check_8_an_answer_from_the_future_is_refused() -> None:
    envelope = built()
    assert verify(envelope, now_us=NOW - 30 * SECOND)
    with pytest.raises(Stale):
        verify(envelope, now_us=NOW - 31 * SECOND)


def test_a_late_answer_is_still_evidence() -> None:
    assert verify(built(), now_us=NOW + 3600 * SECOND)


# ---------------------------------------------------------------- version 2


POLICY = b"\7" * 32


@table("answer", EXAMPLES, ids=lambda answer: answer.outcome)
def test_an_answer_of_version_2_names_its_policy_and_is_read_beside_version_1(answer: Answer) -> None:
    named = replace(answer, policy_hash=POLICY)
    sealed = ANSWER_V2_KIND.build(named, KEY)
    assert verify(sealed.envelope).value == read_signed(sealed.envelope) == named
    assert read_signed(ANSWER_KIND.build(answer, KEY).envelope) == answer
    assert len(payload(sealed.envelope)) in SIZES
    assert pb.Answer.FromString(payload(sealed.envelope)).SerializeToString() == payload(sealed.envelope)


@table("gap", [*range(6), *range(126, 136), 2000])
def test_padding_of_version_2_reaches_the_size_exactly_or_takes_the_next(gap: int) -> None:
    written = pb.Answer(blind=bytes(2048 - gap - 3 - 34)).SerializeToString()
    padded = pad(written, b"\x7a\x20" + POLICY)
    assert len(padded) == (2048 if gap > 2 and gap != 130 else 4096)
    assert parse(pb.Answer, padded, "answer").policy_hash == POLICY


@table(("payload_type", "policy_hash"), [(ANSWER, POLICY), (ANSWER_V2, b""), (ANSWER_V2, POLICY[1:]), (ANSWER_V3, b"")])
def test_a_version_has_its_own_fields_and_no_others(payload_type: str, policy_hash: bytes) -> None:
    mixed = message()
    mixed.policy_hash = policy_hash
    mixed.padding = b""
    mixed.padding = bytes(2048 - mixed.ByteSize() - 3)
    envelope = envelope_of(mixed.SerializeToString(), payload_type, KEY)
    for read in (verify, read_signed):
        with pytest.raises(Malformed) as refusal:
            read(envelope)
        assert refusal.value.where == "policy_hash"


def test_the_signature_covers_the_version() -> None:
    named = replace(sealing.ANSWER, policy_hash=POLICY)
    older = envelope_pb2.Envelope.FromString(ANSWER_V2_KIND.build(named, KEY).envelope)
    older.payload_type = ANSWER
    with pytest.raises(Malformed):
        verify(older.SerializeToString())
    newer = envelope_pb2.Envelope.FromString(built())
    newer.payload_type = "application/vnd.liaison.answer.v5+protobuf"
    with pytest.raises(BadSignature):
        verify(newer.SerializeToString())
    second = envelope_pb2.Envelope.FromString(ANSWER_V2_KIND.build(named, KEY).envelope)
    second.payload_type = ANSWER_V3
    with pytest.raises(BadSignature):
        verify(second.SerializeToString())


# ---------------------------------------------------------------- version 3


UNSEARCHED = replace(sealing.ANSWER, outcome=Outcome.NOT_SEARCHED, missing=("police records",), policy_hash=POLICY)


@table("answer", EXAMPLES, ids=lambda answer: answer.outcome)
def test_an_answer_of_version_3_arrives_as_it_was_built(answer: Answer) -> None:
    named = replace(answer, policy_hash=POLICY)
    sealed = ANSWER_V3_KIND.build(named, KEY)
    assert verify(sealed.envelope).value == read_signed(sealed.envelope) == named
    assert (
        pb.Answer.FromString(payload(sealed.envelope)).outcome
        == {
            Outcome.HIT: pb.OUTCOME_HIT,
            Outcome.NO_HIT: pb.OUTCOME_NO_HIT,
            Outcome.REFUSED: pb.OUTCOME_REFUSED,
            Outcome.SUSPENDED: pb.OUTCOME_SUSPENDED,
            Outcome.NOT_SEARCHED: pb.OUTCOME_NOT_SEARCHED,
        }[answer.outcome]
    )


@pytest.mark.parametrize("kind", [ANSWER_KIND, ANSWER_V2_KIND], ids=["1", "2"])
def test_an_older_reader_takes_not_searched_for_a_refusal_and_a_newer_one_for_what_it_is(
    kind: Kind[pb.Answer, Answer],
) -> None:
    answer = UNSEARCHED if kind is ANSWER_V2_KIND else replace(UNSEARCHED, policy_hash=b"")
    envelope = kind.build(answer, KEY).envelope
    told = pb.Answer.FromString(payload(envelope))
    assert (told.outcome, told.refusal.reason, told.refusal.code) == (pb.OUTCOME_REFUSED, "UNAVAILABLE", "not-searched")
    assert "does not mean no hit" in told.refusal.text
    assert list(told.missing) == ["police records"]
    assert verify(envelope).value == read_signed(envelope) == answer


@pytest.mark.parametrize("payload_type", [ANSWER, ANSWER_V2])
def test_an_older_version_does_not_have_the_outcome(payload_type: str) -> None:
    sly = pb.Answer.FromString(payload(ANSWER_V3_KIND.build(UNSEARCHED, KEY).envelope))
    if payload_type == ANSWER:
        sly.policy_hash = b""
    sly.padding = b""
    sly.padding = bytes(2048 - sly.ByteSize() - 3)
    with pytest.raises(Malformed) as refusal:
        verify(envelope_of(sly.SerializeToString(), payload_type, KEY))
    assert refusal.value.where == "outcome"


@pytest.mark.parametrize("changes", [{"hits": (HIT,)}, {"refusal": REFUSAL}], ids=["hits", "refusal"])
def test_what_was_not_searched_has_neither_hits_nor_a_refusal(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        ANSWER_V3_KIND.build(replace(UNSEARCHED, **changes), KEY)


def test_a_refusal_for_another_reason_stays_one() -> None:
    other = Refusal(Reason.PERMISSION_DENIED, "not-searched")
    answer = replace(sealing.ANSWER, outcome=Outcome.REFUSED, refusal=other)
    assert verify(built(outcome=Outcome.REFUSED, refusal=other)).value == answer


# ---------------------------------------------------------------- version 4


LATELY = Searched("police records", NOW - NOW % SECOND - SECOND)
OF_NOW = replace(sealing.ANSWER, policy_hash=POLICY, searched=(LATELY,))
PARTIAL = replace(OF_NOW, outcome=Outcome.PARTIAL, missing=("customs records",))
OFF = replace(
    OF_NOW,
    searched=(),
    outcome=Outcome.SUSPENDED,
    refusal=Refusal(Reason.SUSPENDED, "suspended"),
    missing=("Person records",),
    suspended=("Person records",),
)
HIT_OF_PART = replace(OF_NOW, outcome=Outcome.HIT, hits=(HIT,), missing=("x", "y"), suspended=("y",))
NOT_TOLD = replace(OF_NOW, searched=(Searched("police records", 0),))
LONG_AGO = Searched("records of the sea", LATELY.as_of_us - LATELY_US)
OF_LONG_AGO = replace(OF_NOW, searched=(LATELY, LONG_AGO))


@table("answer", [OF_NOW, PARTIAL, OFF, HIT_OF_PART, NOT_TOLD, OF_LONG_AGO], ids=lambda answer: answer.outcome)
def test_an_answer_of_version_4_arrives_as_it_was_built(answer: Answer) -> None:
    sealed = ANSWER_V4_KIND.build(answer, KEY)
    assert verify(sealed.envelope).value == read_signed(sealed.envelope) == answer
    assert len(payload(sealed.envelope)) in SIZES
    assert pb.Answer.FromString(payload(sealed.envelope)).SerializeToString() == payload(sealed.envelope)


@pytest.mark.parametrize(
    ("answer", "changes", "where"),
    [
        (OF_NOW, {"searched": ()}, "searched"),
        (OF_NOW, {"searched": (LATELY, LATELY)}, "searched"),
        (OF_NOW, {"searched": (replace(LATELY, as_of_us=LATELY.as_of_us + 1),)}, "searched.as_of_time"),
        (OF_NOW, {"searched": (replace(LATELY, as_of_us=LATELY.as_of_us + 60 * SECOND),)}, "searched.as_of_time"),
        (OF_NOW, {"missing": ("customs records",)}, "missing"),
        (PARTIAL, {"missing": ()}, "missing"),
        (PARTIAL, {"searched": ()}, "searched"),
        (PARTIAL, {"suspended": ("police records",)}, "suspended"),
        (PARTIAL, {"outcome": Outcome.NOT_SEARCHED}, "searched"),
        (OFF, {"searched": (LATELY,)}, "searched"),
        (OFF, {"missing": ("Person records", "ships")}, "suspended"),
        (OFF, {"suspended": ()}, "suspended"),
        (HIT_OF_PART, {"searched": ()}, "searched"),
    ],
)
def test_an_answer_that_claims_what_cannot_be_is_neither_signed_nor_believed(
    answer: Answer, changes: dict[str, object], where: str
) -> None:
    sly = replace(answer, **changes)
    with pytest.raises(Malformed) as refusal:
        ANSWER_V4_KIND.build(sly, KEY)
    assert refusal.value.where == where
    forged = pb.Answer.FromString(payload(ANSWER_V4_KIND.build(answer, KEY).envelope))
    del forged.searched[:], forged.suspended[:], forged.missing[:]
    forged.outcome = {Outcome.NOT_SEARCHED: pb.OUTCOME_NOT_SEARCHED}.get(sly.outcome, forged.outcome)
    forged.missing.extend(sly.missing)
    forged.suspended.extend(sly.suspended)
    for one in sly.searched:
        forged.searched.add(kind=one.kind).as_of_time.FromMicroseconds(one.as_of_us)
    forged.padding = b""
    forged.padding = bytes(2048 - forged.ByteSize() - 3)
    with pytest.raises(Malformed):
        verify(envelope_of(forged.SerializeToString(), ANSWER_V4, KEY))


@pytest.mark.parametrize("kind", [ANSWER_V2_KIND, ANSWER_V3_KIND], ids=["2", "3"])
@pytest.mark.parametrize("answer", [PARTIAL, OF_LONG_AGO, NOT_TOLD], ids=["partial", "old", "not told"])
def test_n198_an_older_member_reads_what_it_cannot_be_told_as_not_searched(
    kind: Kind[pb.Answer, Answer], answer: Answer
) -> None:
    read = verify(kind.build(answer, KEY).envelope).value
    old = {one.kind for one in answer.searched if one != LATELY}
    assert (read.outcome, set(read.missing)) == (Outcome.NOT_SEARCHED, {*answer.missing, *old})
    assert read.searched == ()


@pytest.mark.parametrize("kind", [ANSWER_V2_KIND, ANSWER_V3_KIND], ids=["2", "3"])
def test_an_older_member_reads_no_hit_of_what_was_read_lately_and_what_is_switched_off(
    kind: Kind[pb.Answer, Answer],
) -> None:
    assert verify(kind.build(OF_NOW, KEY).envelope).value == replace(OF_NOW, searched=())
    assert verify(kind.build(OFF, KEY).envelope).value == replace(OFF, missing=(), suspended=())


def test_no_hit_of_an_older_member_that_lacks_something_reads_partial() -> None:
    older = pb.Answer.FromString(payload(ANSWER_V3_KIND.build(replace(OF_NOW, searched=()), KEY).envelope))
    older.missing.append("customs records")
    older.padding = b""
    older.padding = bytes(2048 - older.ByteSize() - 3)
    read = verify(envelope_of(older.SerializeToString(), ANSWER_V3, KEY)).value
    assert (read.outcome, read.missing) == (Outcome.PARTIAL, ("customs records",))


@pytest.mark.parametrize("field", ["searched", "suspended"])
def test_an_older_version_does_not_have_the_fields(field: str) -> None:
    sly = pb.Answer.FromString(payload(ANSWER_V4_KIND.build(HIT_OF_PART, KEY).envelope))
    sly.ClearField("searched" if field == "suspended" else "suspended")
    sly.padding = b""
    sly.padding = bytes(2048 - sly.ByteSize() - 3)
    with pytest.raises(Malformed) as refusal:
        verify(envelope_of(sly.SerializeToString(), ANSWER_V3, KEY))
    assert refusal.value.where == field
