"""Notices as statements: each comes back as it was signed, and nothing else is signed or taken."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liaison.exchange.v1 import notices_pb2 as pb
from msgspec.structs import replace

from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Stale, TooLarge, Unsupported
from gateway.model.desk.attachments import Attachment, MediaType
from gateway.model.desk.consent import OnwardUse
from gateway.model.desk.notices import (
    About,
    Alert,
    Ask,
    Change,
    ChangeCode,
    Note,
    Notice,
    NoticeType,
    OutcomeCode,
    OutcomeReport,
    Reply,
    ReplyCode,
    Service,
    ServiceCode,
    Status,
    StatusCode,
)
from gateway.model.desk.reports import Report
from gateway.model.desk.rooms import Room, RoomCode, RoomRole
from gateway.model.desk.watches import Watch
from gateway.model.exchange import Verified
from gateway.model.names import ExchangeId
from gateway.model.query import DocumentQuery, VehicleQuery
from gateway.model.requester import Requester
from gateway.records.verify import MAX_COMPACT
from gateway.statements.envelope import ENVELOPE_OVERHEAD, NOTICES, REQUEST
from gateway.statements.notices.notice import (
    NOTICE_KINDS,
    SIZES,
    build_notice,
    check_unexpired,
    notice_reference,
    parse_notice,
    resealed,
    unsealed_notice,
    verify_notice,
)
from gateway.statements.notices.reports import REPORT_LIFE_US
from gateway.statements.notices.texts import MAX_RECORD
from tests.support import notices as samples
from tests.support.load import effort
from tests.support.notices import ASK, DAY, HEAD, LATER, NEXT, PLACE, SAMPLES, USE
from tests.support.sealing import HOUR, KH, NOW, SECOND, TH, VN, ListedKeys, envelope_of, new_key, payload_of
from tests.support.tables import table

KEY, OTHER = new_key(), new_key()
KEYS = ListedKeys()
KEYS.add(TH, KEY)
KEYS.add(KH, OTHER)


def verify(envelope: bytes, **changes: Any) -> Verified[Notice]:
    values: dict[str, Any] = {"keys": KEYS, "peer": TH, "me": VN, "now_us": NOW}
    return verify_notice(envelope, **(values | changes))


def padded(message: Any, payload_type: str, size: int = 4_096) -> bytes:
    """A properly signed notice, padded to `size` whatever it says."""
    message.padding = b""
    message.padding = bytes(size - message.ByteSize() - 3)
    return envelope_of(message.SerializeToString(), payload_type, KEY)


def message_of(notice: Notice = ASK) -> Any:
    kind = NOTICE_KINDS[notice.type]
    return kind.message.FromString(payload_of(build_notice(notice, KEY).envelope))


# ---------------------------------------------------------------- there and back


@settings(max_examples=200, deadline=None)
@given(samples.notices())
@pytest.mark.long
def test_a_notice_comes_back_as_it_was_signed(notice: Notice) -> None:
    sealed = build_notice(notice, KEY)
    found = verify(sealed.envelope)
    assert found.value == parse_notice(sealed.envelope) == notice
    assert found.payload_hash == sealed.payload_hash
    assert (found.signer, found.key_id) == (TH, KEY.key_id)
    assert len(payload_of(sealed.envelope)) in SIZES


def test_there_is_a_sample_and_a_kind_of_each_type() -> None:
    assert {notice.type for notice in SAMPLES} == set(NoticeType) == set(NOTICE_KINDS) == set(NOTICES)
    assert NOTICES[NoticeType.ASK] == "application/vnd.liaison.notice.ask.v1+protobuf"


def test_two_notices_of_one_content_have_different_hashes() -> None:
    first, other = (build_notice(ASK, KEY) for _ in range(2))
    assert first.payload_hash != other.payload_hash


def test_a_record_has_the_limit_of_records() -> None:
    assert MAX_RECORD == MAX_COMPACT


@pytest.mark.parametrize(("records", "size"), [(1, 4_096), (2, 65_536), (8, 245_760)])
def test_a_payload_has_one_of_four_lengths(records: int, size: int) -> None:
    length = 2_000 if records == 1 else MAX_RECORD
    found = tuple(f"{at}.".ljust(length, "x") for at in range(records))
    envelope = build_notice(replace(samples.REPLY, body=Reply(ReplyCode.RELEASED, records=found)), KEY).envelope
    assert len(payload_of(envelope)) == size
    assert verify(envelope).value.records == found


def test_what_is_over_the_largest_length_is_not_signed() -> None:
    found = tuple(f"{at}.".ljust(MAX_RECORD, "x") for at in range(11))
    with pytest.raises(TooLarge):
        build_notice(replace(samples.REPLY, body=Reply(ReplyCode.RELEASED, records=found)), KEY)


# ---------------------------------------------------------------- who signed what, for whom


@pytest.mark.long
@table("notice", SAMPLES, ids=lambda notice: notice.type)
def test_no_changed_byte_is_taken(notice: Notice) -> None:
    envelope = build_notice(notice, KEY).envelope
    chance = random.Random(notice.type)
    end = envelope.index(bytes(64))  # what the notice says stands before its padding
    places = [*chance.sample(range(end), 150), *chance.sample(range(end, len(envelope)), 50), *range(-80, 0)]
    for at in places:
        changed = bytearray(envelope)
        changed[at] ^= 1 << chance.randrange(8)
        with pytest.raises(LiaisonError):
            verify(bytes(changed))


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(st.integers(0, 4_600), st.binary(max_size=8))
def test_no_envelope_that_lost_or_won_bytes_is_taken(at: int, more: bytes) -> None:
    envelope = build_notice(ASK, KEY).envelope
    changed = envelope[:at] + more + envelope[at + 1 :]
    if changed != envelope:
        with pytest.raises(LiaisonError):
            verify(changed)


def test_another_sender_recipient_or_key_is_refused() -> None:
    envelope = build_notice(ASK, KEY).envelope
    with pytest.raises(BadSignature, match="sender"):
        verify(envelope, peer=KH)
    with pytest.raises(Forbidden, match="somebody else"):
        verify(envelope, me=KH)
    with pytest.raises(BadSignature):
        verify(envelope_of(payload_of(envelope), NOTICES[NoticeType.ASK], OTHER))


@table("other", [each for each in NoticeType if each is not NoticeType.ASK])
def test_a_notice_is_not_one_of_another_type(other: NoticeType) -> None:
    envelope = envelope_of(payload_of(build_notice(ASK, KEY).envelope), NOTICES[other], KEY)
    with pytest.raises(LiaisonError):
        verify(envelope)


def test_a_type_that_is_not_known_is_unsupported() -> None:
    payload = payload_of(build_notice(ASK, KEY).envelope)
    for name in ("quorum.v1", "ask.v2", ""):
        with pytest.raises(Unsupported) as refused:
            verify(envelope_of(payload, f"application/vnd.liaison.notice.{name}+protobuf", KEY))
        assert refused.value.code == "unsupported"
    with pytest.raises(BadSignature, match="another kind"):
        verify(envelope_of(payload, REQUEST, KEY))


def test_a_refused_notice_is_named_by_its_id_and_hash() -> None:
    sealed = build_notice(ASK, KEY)
    found = notice_reference(sealed.envelope)
    assert found is not None
    assert (found.notice_id, found.notice_hash) == (ASK.exchange_id, sealed.payload_hash)
    assert notice_reference(b"") is notice_reference(sealed.envelope[:-1]) is None


def test_the_time_of_issue_is_ours_and_an_end_is_checked_apart() -> None:
    envelope = build_notice(ASK, KEY).envelope
    verify(envelope, now_us=NOW - 30 * SECOND)
    with pytest.raises(Stale):
        verify(envelope, now_us=NOW - 31 * SECOND)
    late = verify(envelope, now_us=ASK.head.expires_us).value
    check_unexpired(late, ASK.head.expires_us - 1)
    check_unexpired(samples.CHANGE, 2**62)
    with pytest.raises(Stale) as refused:
        check_unexpired(late, ASK.head.expires_us)
    assert refused.value.code == "expired"


# ---------------------------------------------------------------- content


def refused_at_both_ends(notice: Notice, code: str = "") -> None:
    """Nothing is signed that the taker would refuse."""
    with pytest.raises(LiaisonError) as refused:
        build_notice(notice, KEY)
    assert code in ("", refused.value.code)
    assert isinstance(refused.value, Malformed | Stale)


@table(
    ("change", "code"),
    [
        ({"seq": 0}, "bad-place"),
        ({"seq": 2**31}, "bad-place"),
        ({"seen": 2**31}, "bad-place"),
        ({"seen": 1}, "bad-place"),
        ({"seq": 2}, "bad-hash"),
        ({"previous": b"\1" * 32}, "bad-place"),
        ({"thread_id": NEXT}, "bad-place"),
        ({"notice_id": ExchangeId("AB" * 16)}, "bad-exchange-id"),
        ({"expires_us": NOW}, "bad-validity"),
        ({"expires_us": NOW + 367 * 24 * HOUR}, "bad-validity"),
        ({"case": "a b"}, "bad-reference"),
        ({"ticket": "\u202e"}, "bad-reference"),
        ({"agreement": "A"}, "bad-identifier"),
        ({"group_id": "a b"}, "bad-identifier"),
        ({"to_office": "A"}, "bad-identifier"),
        ({"requester": Requester("", "a", "b", "c")}, "bad-identifier"),
        ({"approver": Requester("a", "b", "c", "D")}, "bad-identifier"),
        ({"trust_hash": b""}, "bad-hash"),
        ({"policy_hash": b"1" * 31}, "bad-hash"),
    ],
)
def test_a_head_that_cannot_be_is_refused(change: dict[str, Any], code: str) -> None:
    refused_at_both_ends(replace(ASK, head=replace(HEAD, **change)), code)


def test_a_notice_that_its_author_approved_is_refused_at_both_ends() -> None:
    own = Requester("supervisor", "th.blo.other", "customs", HEAD.requester.pseudonym)
    refused_at_both_ends(replace(ASK, head=replace(HEAD, approver=own)), "own-approval")
    message = message_of(replace(ASK, head=replace(HEAD, approver=samples.SUPERVISOR)))
    assert verify(padded(message, NOTICES[NoticeType.ASK])).value.head.approver == samples.SUPERVISOR
    message.head.approver.pseudonym = HEAD.requester.pseudonym
    with pytest.raises(Malformed) as refused:
        verify(padded(message, NOTICES[NoticeType.ASK]))
    assert refused.value.code == "own-approval"


@table("notice", [samples.REPLY, samples.STATUS, samples.NOTE, samples.OUTCOME])
def test_what_answers_opens_no_thread(notice: Notice) -> None:
    refused_at_both_ends(replace(notice, head=HEAD), "bad-place")


def test_the_other_side_begins_with_its_first_notice_after_one_of_the_opener() -> None:
    head = replace(LATER, seq=1, previous=b"", seen=1)
    assert verify(build_notice(replace(samples.REPLY, head=head), KEY).envelope).value.head == head
    refused_at_both_ends(replace(samples.REPLY, head=replace(head, seen=0)), "bad-place")
    refused_at_both_ends(replace(samples.REPLY, head=replace(head, previous=b"\1" * 32)), "bad-place")
    refused_at_both_ends(replace(samples.REPLY, head=replace(LATER, notice_id=LATER.thread_id)), "bad-place")


PLATE = VehicleQuery("2กข 4471")
ASKED = Ask(About.HIT, facts="f", hit=PLACE)
BODIES = [
    Ask(About.HIT, facts="f"),
    Ask(About.QUESTION, facts="f", topic="t", hit=PLACE),
    Ask(About.QUESTION, facts="f"),
    Ask(About.HIT, facts="f", hit=PLACE, topic="t"),
    Ask(About.CONSENT, facts="f", hit=PLACE),
    Ask(About.HIT, facts="f", hit=PLACE, use=USE),
    Ask(About.HIT, facts="", hit=PLACE),
    replace(ASKED, facts="x" * 2_001),
    replace(ASKED, why_you="x" * 2_001),
    replace(ASKED, link="\x1b[2J"),
    replace(ASKED, fields=("a b",)),
    replace(ASKED, fields=("a", "a")),
    replace(ASKED, fields=tuple(f"f{at}" for at in range(65))),
    replace(ASKED, values=(("a", "1"), ("a", "2"))),
    replace(ASKED, values=(("a", ""),)),
    replace(ASKED, values=tuple((f"f{at}", "1") for at in range(65))),
    replace(ASKED, hit=replace(PLACE, answer_hash=b"")),
    replace(ASKED, hit=replace(PLACE, reference="a b")),
    replace(ASKED, hit=replace(PLACE, record="a")),
    replace(ASKED, hit=replace(PLACE, entry_index=2**63)),
    Alert("", "STOP", NOW + HOUR),
    Alert("a b", "STOP", NOW + HOUR),
    Alert("x" * (MAX_RECORD + 1), "STOP", NOW + HOUR),
    Alert("a.b.c", "", NOW + HOUR),
    Alert("a.b.c", "stop him", NOW + HOUR),
    Alert("a.b.c", "STOP", NOW),
    Alert("a.b.c", "STOP", NOW + HOUR, ("A",)),
    Alert("a.b.c", "STOP", NOW + HOUR, tuple(f"o{at}" for at in range(257))),
    Alert("a.b.c", "STOP", NOW + HOUR, repeat_s=0),
    Alert("a.b.c", "STOP", NOW + HOUR, repeat_s=86_401),
    Change(ChangeCode.WITHDRAWN),
    Change(ChangeCode.WITHDRAWN, ("x",)),
    Change(ChangeCode.WITHDRAWN, (samples.JTI,) * 2),
    Change(ChangeCode.WITHDRAWN, (samples.JTI,), record="a.b.c"),
    Change(ChangeCode.WITHDRAWN, of="x"),
    Change(ChangeCode.CORRECTED, (samples.JTI,)),
    Change(ChangeCode.CUT, (samples.JTI,)),
    Change(ChangeCode.WITHDRAWN, (samples.JTI,), office="a.b"),
    Change(ChangeCode.WITHDRAWN, tuple(f"{at:032x}" for at in range(1_025))),
    Change(ChangeCode.WITHDRAWN, owner="kh", of=samples.FIRST),
    Change(ChangeCode.WITHDRAWN, (samples.JTI,), owner="cambodia"),
    Change(ChangeCode.CORRECTED, (samples.JTI,), record="a.b.c", owner="kh"),
    Change(ChangeCode.CORRECTED, (samples.JTI,), reason="ask-them"),
    Report("a.b.c~d~", NOW, "th"),
    Report("a.b.c~d~", NOW + REPORT_LIFE_US + SECOND, "th"),
    Service(ServiceCode.OUTAGE, types=("person",)),
    Service(ServiceCode.OUTAGE, since_us=NOW, until_us=NOW),
    Watch(PLATE, NOW + 91 * DAY, NOW + DAY),
    Watch(PLATE, NOW + DAY, NOW + 2 * DAY),
    Watch(PLATE, NOW, NOW),
    Watch(PLATE, NOW + DAY, NOW),
    Watch(DocumentQuery("P1", "thailand"), NOW + DAY, NOW + DAY),
]
LATER_BODIES = [
    OutcomeReport(OutcomeCode.NO_ACTION, hit=replace(PLACE, reference="a b")),
    OutcomeReport(OutcomeCode.NO_ACTION, hit=replace(PLACE, answer_hash=b"1")),
    OutcomeReport(OutcomeCode.NO_ACTION, hit=replace(PLACE, entry_index=2**63)),
    OutcomeReport(OutcomeCode.NO_ACTION, hit=replace(PLACE, record="x")),
    OutcomeReport(OutcomeCode.NO_ACTION, hit=replace(PLACE, exchange_id=ExchangeId("x"))),
    Reply(ReplyCode.REFUSED, records=("a.b.c",)),
    Reply(ReplyCode.CLARIFY, until_us=NOW + HOUR),
    Reply(ReplyCode.RELEASED, records=("a.b.c", "a.b.c")),
    Reply(ReplyCode.RELEASED, records=tuple(f"a.b.{at}" for at in range(33))),
    Reply(ReplyCode.PARTLY, withheld_commitment=b"1"),
    Reply(ReplyCode.REFUSED, reason="a b"),
    Reply(ReplyCode.REFUSED, text="x" * 2_001),
    Status(ExchangeId("x"), StatusCode.READ),
    Status(samples.FIRST, StatusCode.READ, record="x"),
    Status(samples.FIRST, StatusCode.READ, text="a\nb"),
    Status(samples.FIRST, StatusCode.ONWARD, reason="erased"),
    Status(samples.FIRST, StatusCode.ERASED, reason="erased", holder="kh"),
    Status(samples.FIRST, StatusCode.ONWARD, reason="lost", holder="kh"),
    Status(samples.FIRST, StatusCode.ONWARD, reason="erased", holder="KH"),
    Reply(ReplyCode.HIT),
    Reply(ReplyCode.RELEASED, hits=(samples.HIT,)),
    Reply(ReplyCode.HIT, hits=(samples.HIT, samples.HIT)),
    Reply(ReplyCode.HIT, hits=tuple(replace(samples.HIT, reference=f"r{at}") for at in range(17))),
    Reply(ReplyCode.HIT, hits=(replace(samples.HIT, reference="a b"),)),
    Reply(ReplyCode.HIT, hits=(replace(samples.HIT, record_type="person"),)),
    Reply(ReplyCode.HIT, hits=(replace(samples.HIT, rules=("read\u202ethis",)),)),
    Status(samples.FIRST, StatusCode.READ, watched=samples.WATCHED),
    Status(samples.FIRST, StatusCode.ACKNOWLEDGED, watched=replace(samples.WATCHED, sources=("x" * 129,))),
    Status(samples.FIRST, StatusCode.ACKNOWLEDGED, watched=replace(samples.WATCHED, not_watched=("a\nb",))),
    OutcomeReport(OutcomeCode.ARRESTED, grams=1),
    OutcomeReport(OutcomeCode.SEIZED, substance="x" * 101),
    OutcomeReport(OutcomeCode.SEIZED, grams=10**12 + 1),
    OutcomeReport(OutcomeCode.NO_ACTION, at_us=NOW + SECOND),
    Note("km", "text", at_us=NOW + SECOND),
    Note("", "text"),
    Note("a b", "text"),
    Note("km", ""),
    Note("km", "x" * 2_001),
]


@table("body", BODIES)
def test_a_body_that_cannot_be_is_refused(body: Any) -> None:
    refused_at_both_ends(Notice(HEAD, body))


@table("body", LATER_BODIES)
def test_a_later_body_that_cannot_be_is_refused(body: Any) -> None:
    refused_at_both_ends(Notice(LATER, body))


@table("part", ["record", "action"])
def test_a_hit_of_a_watch_brings_neither_a_record_nor_what_to_do(part: str) -> None:
    met = Notice(LATER, Reply(ReplyCode.HIT, hits=(samples.HIT,)))
    message = message_of(met)
    assert verify(padded(message, NOTICES[NoticeType.REPLY])).value == met
    setattr(message.hits[0], part, "a.b.c~d~")
    with pytest.raises(Malformed) as refused:
        verify(padded(message, NOTICES[NoticeType.REPLY]))
    assert (refused.value.code, refused.value.where) == ("bad-reply", "hits")


INVITATION = samples.ROOM.body
assert isinstance(INVITATION, Room)
LEAD, OBSERVER = INVITATION.members
FILE = Attachment("truck.jpg", MediaType.JPEG, 1_000, b"\1" * 32)


@table(
    ("change", "code"),
    [
        ({"end_us": NOW}, "bad-time"),
        ({"end_us": NOW + 367 * DAY}, "bad-time"),
        ({"code": RoomCode.CLOSE}, "bad-room"),
        ({"code": RoomCode.LEAVE, "start_us": 0, "end_us": 0}, "bad-room"),
        ({"title": ""}, "bad-room"),
        ({"members": (LEAD, LEAD, OBSERVER)}, "listed-twice"),
        ({"members": (LEAD,)}, "bad-room"),
        ({"members": (replace(LEAD, role=RoomRole.PARTNER), OBSERVER)}, "bad-room"),
        ({"members": (LEAD, replace(OBSERVER, role=RoomRole.LEAD))}, "bad-room"),
        ({"members": (LEAD, *(replace(OBSERVER, member=f"m{at}") for at in range(64)))}, "too-many"),
    ],
)
def test_a_room_that_cannot_be_is_refused(change: dict[str, Any], code: str) -> None:
    refused_at_both_ends(replace(samples.ROOM, body=replace(INVITATION, **change)), code)


def test_a_room_is_named_by_its_owner() -> None:
    refused_at_both_ends(replace(samples.ROOM, head=replace(samples.ROOM.head, group_id="room-1")), "bad-room")


@table(
    ("files", "code"),
    [
        ((FILE, FILE), "listed-twice"),
        (tuple(replace(FILE, root=bytes([at]) * 32) for at in range(17)), "too-many"),
        ((replace(FILE, size=0),), "bad-size"),
        ((replace(FILE, size=2 * 1024**3 + 1),), "bad-size"),
        ((replace(FILE, name="truck.pdf"),), "name-and-type-differ"),
        ((replace(FILE, name="a/b.jpg"),), "bad-file-name"),
        ((replace(FILE, name="a∕b.jpg"),), "bad-file-name"),
        ((replace(FILE, root=b"1"),), "bad-hash"),
    ],
)
def test_files_that_cannot_be_are_refused(files: tuple[Attachment, ...], code: str) -> None:
    refused_at_both_ends(replace(ASK, head=replace(HEAD, attachments=files)), code)


def test_a_notice_whose_type_has_no_files_names_none() -> None:
    refused_at_both_ends(replace(samples.WATCH, head=replace(samples.WATCH.head, attachments=(FILE,))), "no-files-here")


THIRD = [
    (HEAD, Change(ChangeCode.CORRECTED, (samples.JTI,), owner="kh")),
    (HEAD, Change(ChangeCode.CORRECTED, (samples.JTI,), reason="ask-again")),
    (LATER, Status(samples.FIRST, StatusCode.ONWARD, reason="objected", holder="kh")),
]


@pytest.mark.parametrize(("head", "body"), THIRD)
def test_what_concerns_a_third_member_comes_back_as_it_was_signed(head: Any, body: Any) -> None:
    assert verify(build_notice(Notice(head, body), KEY).envelope).value.body == body


HIDING = ["\u202e", "\u2066", "\u200e", "\ufeff", "\u00ad", "\u2028", "\U000e0041", "\x00", "\x85", "\n"]


@table("mark", HIDING, ids=lambda mark: f"U+{ord(mark):04X}")
def test_no_character_that_hides_or_turns_text_is_taken(mark: str) -> None:
    for text in (f"release{mark} it", mark * 2_000):
        with pytest.raises(Malformed) as refused:
            build_notice(Notice(LATER, Note("en", text)), KEY)
        assert refused.value.code in ("bad-text", "missing")


def test_the_marks_that_scripts_of_the_region_need_are_taken() -> None:
    text = "ភាសា\u200bខ្មែរ ក\u200cក ด\u200dด \u2060 👮"
    assert verify(build_notice(Notice(LATER, Note("km", text)), KEY).envelope).value.body == Note("km", text)


def test_a_text_of_the_most_characters_fits_in_any_script() -> None:
    text = "ក" * 2_000
    ask = replace(ASKED, facts=text, why_you=text, link=text)
    assert verify(build_notice(Notice(HEAD, ask), KEY).envelope).value.body == ask


@table("name", ["urgency", "purpose", "offence"])
@table("value", ["", "SOMETHING", "flash"])
def test_an_unknown_code_of_the_head_is_refused(name: str, value: str) -> None:
    message = message_of()
    setattr(message.head, name, value)
    with pytest.raises(Malformed, match="unknown"):
        verify(padded(message, NOTICES[NoticeType.ASK]))


@table("notice", [each for each in SAMPLES if each.type not in ("alert", "note", "report", "watch")])
def test_an_unknown_code_of_the_body_is_refused(notice: Notice) -> None:
    message = message_of(notice)
    setattr(message, "about" if notice.type is NoticeType.ASK else "code", "SOMETHING")
    with pytest.raises(Malformed, match="unknown"):
        verify(padded(message, NOTICES[notice.type]))


@table("notice", SAMPLES, ids=lambda notice: notice.type)
def test_unknown_fields_are_refused_at_any_depth(notice: Notice) -> None:
    kind = NOTICES[notice.type]
    payload = payload_of(build_notice(notice, KEY).envelope)
    with pytest.raises(Malformed):
        verify(envelope_of(payload + b"\xf2\x07\x01x", kind, KEY))
    message = message_of(notice)
    message.padding = b""
    head = message.head.SerializeToString() + b"\xf2\x07\x01x"
    message.ClearField("head")
    body = message.SerializeToString()
    inside = b"\x0a" + bytes((len(head) & 0x7F | 0x80, len(head) >> 7)) + head + body
    inside += b"\x7a" + bytes((((4_096 - len(inside) - 3) & 0x7F) | 0x80, (4_096 - len(inside) - 3) >> 7))
    with pytest.raises(Malformed):
        verify(envelope_of(inside.ljust(4_096, b"\0"), kind, KEY))


def test_a_notice_without_a_head_or_a_blind_is_refused() -> None:
    message = message_of()
    message.head.blind = b""
    with pytest.raises(Malformed):
        verify(padded(message, NOTICES[NoticeType.ASK]))
    message.ClearField("head")
    with pytest.raises(LiaisonError):
        verify(padded(message, NOTICES[NoticeType.ASK]))


@pytest.mark.parametrize("size", [4_095, 5_000, 16_383])
def test_another_length_is_refused(size: int) -> None:
    with pytest.raises(Malformed, match="padded"):
        verify(padded(message_of(), NOTICES[NoticeType.ASK], size))


def test_padding_holds_no_message() -> None:
    message = message_of()
    message.padding = b"x" * len(message.padding)
    with pytest.raises(Malformed, match="padded"):
        verify(envelope_of(message.SerializeToString(), NOTICES[NoticeType.ASK], KEY))


def test_an_envelope_over_the_largest_size_is_not_parsed() -> None:
    with pytest.raises(TooLarge):
        verify(bytes(245_760 + ENVELOPE_OVERHEAD + 1))


def test_a_use_for_consent_is_read_whole() -> None:
    ask = Ask(About.CONSENT, facts="f", hit=PLACE, use=USE)
    found = verify(build_notice(Notice(HEAD, ask), KEY).envelope).value.body
    assert isinstance(found, Ask)
    assert isinstance(found.use, OnwardUse)
    message = message_of(Notice(HEAD, ask))
    message.use.use = "SELL"
    with pytest.raises(Malformed):
        verify(padded(message, NOTICES[NoticeType.ASK]))


@pytest.mark.timed
@pytest.mark.parametrize("name", ["fields", "values"])
def test_many_empty_items_are_refused_in_linear_time(name: str) -> None:
    """An empty item takes two bytes; the cost is CPU time of this thread, the least of five, taken in turns."""

    def envelope(items: int) -> bytes:
        message = message_of()
        for _ in range(items):
            getattr(message, name).add() if name == "values" else message.fields.append("")
        return padded(message, NOTICES[NoticeType.ASK], 245_760 if items > 100_000 else 122_880)

    def cost(data: bytes) -> float:
        with effort() as spent, pytest.raises(Malformed):
            verify(data)
        return spent.seconds

    half, whole = envelope(60_000), envelope(120_000)
    costs = [(cost(half), cost(whole)) for _ in range(5)]
    least_half, least_whole = map(min, zip(*costs, strict=True))
    assert least_whole < 0.2
    assert least_whole < max(0.004, 3 * least_half)


def test_every_message_has_its_head_and_padding_in_the_same_fields() -> None:
    for kind in NOTICE_KINDS.values():
        fields = kind.message.DESCRIPTOR.fields_by_number
        assert fields[1].message_type is pb.NoticeHead.DESCRIPTOR
        assert fields[15].name == "padding"
        assert max(fields) == 15


def test_a_notice_that_waited_is_signed_anew_with_the_key_of_today() -> None:
    old, new = new_key(), new_key()
    first = build_notice(samples.ASK, old)
    assert resealed(unsealed_notice(first.envelope), old) == first.envelope
    again = resealed(unsealed_notice(first.envelope), new)
    keys = ListedKeys()
    keys.add(TH, new)
    taken = verify_notice(again, keys=keys, peer=TH, me=VN, now_us=NOW)
    assert (taken.payload_hash, taken.key_id) == (first.payload_hash, new.key_id)
