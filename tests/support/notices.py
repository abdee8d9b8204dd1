"""Notices of every type, and strategies for them, for tests of the desk and of its statements."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.model.desk.consent import OnwardUse, Place, Use
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.desk.notices import (
    ONWARD_REASONS,
    About,
    Alert,
    Ask,
    Body,
    Change,
    ChangeCode,
    Head,
    Note,
    Notice,
    OutcomeCode,
    OutcomeReport,
    RecordPlace,
    Reply,
    ReplyCode,
    Service,
    ServiceCode,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.reports import Report
from gateway.model.desk.rooms import Room, RoomCode, RoomMember, RoomRole, Standing
from gateway.model.desk.watches import Goods, Watch, Watched
from gateway.model.hit import Hit, Quality
from gateway.model.marking import SubjectCategory
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    PhoneQuery,
    Query,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.requester import Requester
from gateway.model.values import NameForm, PartialDate
from tests.support.sealing import HOUR, NOW, SECOND, TH, VN

DAY = 24 * HOUR
FIRST, NEXT = ExchangeId("0a" * 16), ExchangeId("0b" * 16)
JTI = "cd" * 16
OFFICER = Requester("blo-officer", "th.blo.aranyaprathet", "police", "o-5f2a")
SUPERVISOR = Requester("supervisor", "th.blo.aranyaprathet", "police", "o-77aa")

HEAD = Head(
    notice_id=FIRST,
    thread_id=FIRST,
    seq=1,
    previous=b"",
    seen=0,
    sender=TH,
    recipient=VN,
    issued_us=NOW,
    expires_us=NOW + 48 * HOUR,
    urgency=Urgency.PRIORITY,
    purpose=Purpose.INVESTIGATION,
    offence=Offence.TIP,
    case="TH/2026-0042",
    ticket="",
    agreement="gms-border-2026",
    requester=OFFICER,
    trust_hash=b"\2" * 32,
    policy_hash=b"\3" * 32,
)
"""The head of a notice that opens a thread."""

LATER = replace(HEAD, notice_id=NEXT, seq=2, previous=b"\4" * 32, seen=1, expires_us=0, approver=SUPERVISOR)
"""The head of a later notice of the same author."""

PLACE = RecordPlace(ExchangeId("0c" * 16), b"\5" * 32, 1, 12, "r-1_x", JTI)
USE = OnwardUse(Place(TH, "customs", "th.blo.mae-sot"), Purpose.CUSTOMS_CONTROL, Use.PASS_ON)

ASK = Notice(
    HEAD,
    Ask(
        About.HIT,
        facts="ผู้ต้องสงสัยถูกควบคุมตัวที่ด่าน",
        why_you="the passport is theirs",
        category=SubjectCategory.SUSPECT,
        hit=PLACE,
        fields=("names", "birth"),
        held_until_us=NOW + HOUR,
    ),
)
REPLY = Notice(LATER, Reply(ReplyCode.PARTLY, "field-rule", "ខ្លះ\u200bៗ", ("a.b.c~d~",), b"\6" * 32))
ALERT = Notice(HEAD, Alert("a.b.c~d~", "STOP_AND_HOLD", NOW + 72 * HOUR, ("vn.blo.moc-bai",), 120, True))
STATUS = Notice(LATER, Status(FIRST, StatusCode.NOT_EXECUTED, "no-staff", "ບໍ່ມີ", JTI))
CHANGE = Notice(
    replace(HEAD, expires_us=0),
    Change(ChangeCode.CORRECTED, (JTI,), record="a.b.c~d~", reason="wrong-birth", erase_by_us=NOW + 24 * HOUR),
)
OUTCOME = Notice(LATER, OutcomeReport(OutcomeCode.SEIZED, "methamphetamine", grams=14_000, text="in the boot"))
NOTE = Notice(LATER, Note("my", "မင်္ဂလာပါ", (("plate", "2กข 4471"),)))
SERVICE = Notice(HEAD, Service(ServiceCode.OUTAGE, "", ("Person",), NOW, NOW + HOUR))
REPORT = Notice(HEAD, Report("a.b.c~d~", NOW + 700 * 24 * HOUR, "th"))
ROOM_ID = f"{TH}.{'0d' * 16}"
ROOM = Notice(
    replace(HEAD, group_id=ROOM_ID),
    Room(
        RoomCode.INVITE,
        "Mekong night",
        "joint-operation",
        (
            RoomMember(TH, RoomRole.LEAD, ("th.blo.aranyaprathet",), Standing.JOINED),
            RoomMember(VN, RoomRole.OBSERVER, ("vn.blo.moc-bai",)),
        ),
        NOW,
        NOW + 30 * 24 * HOUR,
    ),
)
WATCH = Notice(HEAD, Watch(VehicleQuery("2กข 4471", "เชียงราย"), NOW + 60 * DAY, NOW + 30 * DAY))
HIT = Hit("r-1_x", Quality.EXACT_ID, "Vehicle", ("plate", "unreleased-needs-human"))
WATCHED = Watched(("police records",), ("land records",), NOW)
SAMPLES = (ASK, REPLY, ALERT, STATUS, CHANGE, OUTCOME, NOTE, SERVICE, REPORT, ROOM, WATCH)
"""One notice of each type."""

RECEIPT = NoticeReceipt(FIRST, VN, TH, b"\7" * 32, NOW, NOW + 15 * 60 * SECOND)

_texts = st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S")), min_size=1, max_size=2_000)
_maybe = st.one_of(st.just(""), _texts)
_codes = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", fullmatch=True)
_maybe_code = st.one_of(st.just(""), _codes)
_ids = st.from_regex(r"[0-9a-f]{32}", fullmatch=True).map(ExchangeId)
_hashes = st.binary(min_size=32, max_size=32)
_later = st.integers(NOW + 1, NOW + 365 * 24 * HOUR)
_counts = st.integers(0, 10**12)
_records = st.from_regex(r"[A-Za-z0-9._~-]{1,400}", fullmatch=True)
_values = st.dictionaries(_codes, _texts, max_size=3).map(lambda found: tuple(found.items()))
_names = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?", fullmatch=True)


def _several(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=3, unique=True).map(tuple)


_places = st.builds(RecordPlace, _ids, _hashes, st.integers(0, 2**32 - 1), st.integers(0, 2**63 - 1), st.just("r-1"))


@st.composite
def _asks(draw: st.DrawFn) -> Ask:
    about = draw(st.sampled_from(About))
    return Ask(
        about=about,
        facts=draw(_texts),
        why_you=draw(_maybe),
        link=draw(_maybe),
        topic=draw(_codes) if about in (About.QUESTION, About.FORM) else "",
        category=draw(st.sampled_from(SubjectCategory)),
        hit=None if about in (About.QUESTION, About.FORM) else draw(_places),
        use=USE if about is About.CONSENT else None,
        fields=draw(_several(_codes)),
        values=draw(_values),
        held_until_us=draw(st.one_of(st.just(0), _later)),
    )


@st.composite
def _changes(draw: st.DrawFn) -> Change:
    code = draw(st.sampled_from(ChangeCode))
    return Change(
        code,
        tuple(draw(st.lists(_ids.map(str), min_size=1, max_size=3, unique=True))),
        draw(st.one_of(st.just(""), _ids.map(str))),
        draw(_records) if code in (ChangeCode.CORRECTED, ChangeCode.RECLASSIFIED) else "",
        draw(_names) if code is ChangeCode.CUT else "",
        draw(_maybe_code),
        draw(_maybe),
        draw(st.one_of(st.just(0), _later)),
    )


@st.composite
def _replies(draw: st.DrawFn) -> Reply:
    code = draw(st.sampled_from(ReplyCode))
    gives = code in (ReplyCode.RELEASED, ReplyCode.PARTLY)
    return Reply(
        code,
        draw(_maybe_code),
        draw(_maybe),
        draw(_several(_records)) if gives else (),
        draw(st.one_of(st.just(b""), _hashes)),
        draw(st.one_of(st.just(0), _later)) if gives else 0,
        (HIT,) if code is ReplyCode.HIT else (),
    )


_QUERIES: list[Query] = [
    PersonQuery((NameForm("ສົມໄຊ ໃຈດີ", "Laoo"),), PartialDate("1985-03-14")),
    DocumentQuery("P4471209", "THA"),
    NationalIdQuery("1101700203451", "THA-PIN"),
    VehicleQuery("2กข 4471", "เชียงราย", "THA"),
    ContainerQuery("MSCU1234566"),
    VesselQuery("แม่โขง 7", local_reg="ชร-ข 0417", flag="TH"),
    PhoneQuery("081-234 5678", "TH"),
]


_GOODS = [Goods("MSCU1234566"), Goods(heading="2933", consignee="บริษัท โกลเดนสตาร์", route="ແມ່ສອດ")]


@st.composite
def _watches(draw: st.DrawFn) -> Watch:
    until_us = draw(st.integers(NOW + 1, NOW + 90 * DAY))
    return Watch(
        draw(st.sampled_from([*_QUERIES, *_GOODS])), until_us, draw(st.integers(NOW + 1, until_us)), draw(st.booleans())
    )


_opening: st.SearchStrategy[Body] = st.one_of(
    _asks(),
    _changes(),
    st.builds(Alert, _records, _codes, _later, _several(_names), st.integers(1, 86_400), st.booleans()),
    st.builds(Service, st.sampled_from(ServiceCode), _maybe, _several(st.just("Person")), st.just(0), _later),
    st.builds(
        OutcomeReport,
        st.sampled_from([code for code in OutcomeCode if code is not OutcomeCode.SEIZED]),
        persons=_counts,
        text=_maybe,
        hit=_places,
    ),
    st.builds(Report, _records, _later, st.just("lo")),
    _watches(),
)
_of_two = st.sampled_from([code for code in StatusCode if code is not StatusCode.ONWARD])
_there = st.sampled_from(sorted(ONWARD_REASONS))
_following: st.SearchStrategy[Body] = st.one_of(
    _replies(),
    st.builds(
        Status,
        _ids,
        st.sampled_from([code for code in StatusCode if code is not StatusCode.ONWARD]),
        _maybe_code,
        _maybe,
    ),
    st.builds(
        Status,
        _ids,
        st.just(StatusCode.ONWARD),
        st.sampled_from(sorted(ONWARD_REASONS)),
        _maybe,
        st.just(JTI),
        st.just("kh"),
    ),
    st.builds(Status, _ids, st.just(StatusCode.ACKNOWLEDGED), watched=st.just(WATCHED)),
    st.builds(OutcomeReport, st.just(OutcomeCode.SEIZED), st.just("heroin"), _counts, _counts, _counts, _maybe),
    st.builds(Note, st.just("km"), _texts, _values, st.sampled_from((0, NOW))),
)


@st.composite
def _rooms(draw: st.DrawFn, sender: MemberId, recipient: MemberId) -> Room:
    """Any word about a room of the sender, or about another one."""
    code = draw(st.sampled_from(RoomCode))
    text, end_us = draw(_maybe), draw(st.integers(NOW + 1, NOW + 365 * 24 * HOUR))
    if code in (RoomCode.JOIN, RoomCode.LEAVE):
        return Room(code, start_us=NOW, end_us=end_us) if code is RoomCode.JOIN else Room(code, text=text)
    roles, standings = st.sampled_from((RoomRole.PARTNER, RoomRole.OBSERVER)), st.sampled_from(Standing)
    members = (
        RoomMember(sender, RoomRole.LEAD, draw(_several(_names))),
        RoomMember(recipient, draw(roles), draw(_several(_names)), draw(standings), draw(st.integers(0, 2**32 - 1))),
    )
    if code is not RoomCode.INVITE:
        return Room(code, members=members, text=text)
    title = draw(st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=200))
    return Room(code, title, draw(_maybe_code), members, NOW, end_us, text)


@st.composite
def notices(draw: st.DrawFn, sender: MemberId = TH, recipient: MemberId = VN) -> Notice:
    """Any notice that may be signed."""
    opens = draw(st.booleans())
    head = replace(
        HEAD if opens else LATER,
        sender=sender,
        recipient=recipient,
        urgency=draw(st.sampled_from(Urgency)),
        purpose=draw(st.sampled_from(Purpose)),
        group_id=draw(st.one_of(st.just(""), _names)),
        to_office=draw(st.one_of(st.just(""), _names)),
        expires_us=draw(st.one_of(st.just(0), _later)),
    )
    if not opens:
        head = replace(head, seq=draw(st.integers(2, 2**31 - 1)), seen=draw(st.integers(0, 2**31 - 1)))
    if draw(st.integers(0, 8)) == 0:
        return Notice(replace(head, group_id=ROOM_ID), draw(_rooms(sender, recipient)))
    return Notice(head, draw(_opening if opens else st.one_of(_opening, _following)))
