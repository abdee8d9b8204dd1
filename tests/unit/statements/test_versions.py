"""Statements are written in the newest version that the other side reads, and read in all (decision 0104)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from msgspec.structs import replace as replace_struct

from gateway.errors import BadSignature, Unsupported
from gateway.model.desk.attachments import Attachment, MediaType
from gateway.model.desk.notices import Notice, OutcomeCode, OutcomeReport, RecordPlace
from gateway.model.desk.watches import Goods, Watch
from gateway.model.query import QUERIES, PhoneQuery, ReportQuery, VesselQuery
from gateway.statements.account import ACCOUNT_ANSWER_VERSIONS, ACCOUNT_VERSIONS
from gateway.statements.answer import ANSWER_VERSIONS
from gateway.statements.envelope import PayloadType, check_signature, signer_of, unseal_evidence
from gateway.statements.fetch import FETCH_VERSIONS
from gateway.statements.notices.notice import NOTICE_VERSIONS, write_notice
from gateway.statements.notices.receipt import NOTICE_RECEIPT_VERSIONS
from gateway.statements.receipt import RECEIPT_KIND, RECEIPT_VERSIONS
from gateway.statements.request import REQUEST_VERSIONS, build_request
from gateway.statements.versions import Versions
from gateway.trust.documents.statement_versions import (
    ATTACHMENT,
    OUTCOME_OF_HIT,
    PARTS,
    READ,
    READS,
    TAKES,
    WATCHED_GOODS,
)
from tests.support import sealing
from tests.support.notices import NOTE
from tests.support.sealing import HOUR, NOW, TH, ListedKeys, envelope_of, new_key, payload_of
from tests.support.tables import table

ALL: list[Versions[Any, Any]] = [
    REQUEST_VERSIONS,
    ANSWER_VERSIONS,
    RECEIPT_VERSIONS,
    ACCOUNT_VERSIONS,
    ACCOUNT_ANSWER_VERSIONS,
    NOTICE_RECEIPT_VERSIONS,
    FETCH_VERSIONS,
    *NOTICE_VERSIONS.values(),
]

KEY = new_key()
SECOND = replace(RECEIPT_KIND, payload_type=PayloadType("receipt", 2, 16 * 1024))
BOTH = Versions(RECEIPT_KIND, SECOND)


@dataclass(frozen=True)
class Listed:
    """What a descriptor lists."""

    reads: tuple[str, ...]
    takes: tuple[str, ...] = ()


class Members:
    """A member that reads these versions of a receipt."""

    def __init__(self, *read: int) -> None:
        self._listed = Listed(tuple(f"receipt.v{each}" for each in read))

    def descriptor(self, member: str) -> Listed:
        assert member == "vn"
        return self._listed


def test_what_is_listed_is_what_is_read() -> None:
    found = {versions.types[0].kind: tuple(each.version for each in versions.types) for versions in ALL}
    assert found == READ
    for versions in ALL:
        assert len({each.kind for each in versions.types}) == 1
        assert all(
            str(each) == f"application/vnd.liaison.{each.kind}.v{each.version}+protobuf" for each in versions.types
        )


@table(("read", "version"), [((1,), 1), ((2,), 2), ((1, 2), 2), ((1, 2, 3), 2), ((1, 3), 1)])
def test_the_newest_version_that_both_know_is_written(read: tuple[int, ...], version: int) -> None:
    assert BOTH.newest(Members(*read), "vn").payload_type.version == version


def test_a_member_that_reads_no_version_of_ours_gets_none() -> None:
    with pytest.raises(Unsupported, match="reads no version") as refused:
        BOTH.newest(Members(3), "vn")
    assert refused.value.code == "no-common-version"


@pytest.mark.parametrize("part", sorted(set(PARTS).difference(each.part for each in QUERIES.values())))
def test_a_part_of_a_notice_that_0_2_0_does_not_read_is_written_to_those_who_list_it(part: str) -> None:
    file = Attachment("photo.jpg", MediaType.JPEG, 5, b"r" * 32)
    hit = RecordPlace(NOTE.head.thread_id, b"h" * 32, 1, 7, "r-1")
    notice = {
        ATTACHMENT: replace_struct(NOTE, head=replace_struct(NOTE.head, attachments=(file,))),
        OUTCOME_OF_HIT: Notice(NOTE.head, OutcomeReport(OutcomeCode.NO_ACTION, hit=hit)),
        WATCHED_GOODS: Notice(NOTE.head, Watch(Goods(heading="2933"), NOW + HOUR, NOW + HOUR)),
    }[part]
    member = notice.head.recipient
    with pytest.raises(Unsupported, match=f"`{member}` does not read `{part}` yet") as refused:
        write_notice(notice, Holding(Listed(("receipt.v1",))))
    assert refused.value.code == "part-not-read"
    assert write_notice(notice, Holding(Listed(READS, TAKES))).notice == notice
    assert write_notice(NOTE, Holding(Listed(("receipt.v1",)))).notice == NOTE, "other notices go as they did"


@pytest.mark.parametrize(
    "query", [VesselQuery(local_reg="LA-VTE 0417", flag="LA"), PhoneQuery("0812345678", "TH")], ids=["vessel", "phone"]
)
def test_a_question_that_came_later_goes_to_those_who_list_it_and_so_does_a_watch(
    query: VesselQuery | PhoneQuery,
) -> None:
    request = replace_struct(sealing.REQUEST, query=query)
    watch = Notice(NOTE.head, Watch(query, NOW + HOUR, NOW + HOUR))
    before = tuple(each for each in READS if not each.startswith(query.part))
    older, newer = Holding(Listed(before, TAKES)), Holding(Listed(READS, TAKES))
    for write in (lambda: build_request(request, older, KEY), lambda: write_notice(watch, older)):
        with pytest.raises(Unsupported) as refused:
            write()
        assert refused.value.code == "part-not-read"
    assert REQUEST_VERSIONS.parse(build_request(request, newer, KEY).envelope) == request
    assert write_notice(watch, newer).notice == watch
    assert build_request(sealing.REQUEST, older, KEY), "other questions go as they did"


def test_a_question_for_reports_goes_to_those_who_list_it_and_no_watch_is_one() -> None:
    reports = ReportQuery("false floor", period="2026-03")
    request = replace_struct(sealing.REQUEST, query=reports)
    before = tuple(each for each in READS if not each.startswith(ReportQuery.part))
    older, newer = Holding(Listed(before, TAKES)), Holding(Listed(READS, TAKES))
    with pytest.raises(Unsupported) as refused:
        build_request(request, older, KEY)
    assert refused.value.code == "part-not-read"
    assert REQUEST_VERSIONS.parse(build_request(request, newer, KEY).envelope) == request
    with pytest.raises(Unsupported, match="not watched"):
        write_notice(Notice(NOTE.head, Watch(reports, NOW + HOUR, NOW + HOUR)), newer)


class Holding:
    """Members that all list the same."""

    def __init__(self, listed: Listed) -> None:
        self._listed = listed

    def descriptor(self, _member: str) -> Listed:
        return self._listed


@pytest.mark.parametrize("kind", [RECEIPT_KIND, SECOND])
def test_each_version_is_read_as_what_it_says(kind: Any) -> None:
    envelope = kind.build(sealing.RECEIPT, KEY).envelope
    assert BOTH.open(envelope).kind is kind
    assert BOTH.parse(envelope) == sealing.RECEIPT


def test_a_version_that_is_not_known_is_refused() -> None:
    with pytest.raises(BadSignature) as refused:
        RECEIPT_VERSIONS.open(SECOND.build(sealing.RECEIPT, KEY).envelope)
    assert refused.value.code == "wrong-payload-type"


def test_evidence_of_a_newer_version_has_a_hash_and_a_signature_to_check() -> None:
    keys = ListedKeys()
    keys.add(TH, KEY)
    newer = SECOND.build(sealing.RECEIPT, KEY)
    unsealed = unseal_evidence(newer.envelope, *RECEIPT_VERSIONS.types)
    assert (unsealed.payload_type.version, unsealed.payload_hash) == (2, newer.payload_hash)
    check_signature(unsealed, keys, TH, NOW)
    changed = envelope_of(payload_of(newer.envelope), PayloadType("receipt", 3, 16 * 1024), new_key())
    with pytest.raises(BadSignature):
        check_signature(unseal_evidence(changed, *RECEIPT_VERSIONS.types), keys, TH, NOW)


def test_an_envelope_of_any_kind_names_its_signer_and_other_bytes_name_none() -> None:
    envelope = SECOND.build(sealing.RECEIPT, KEY).envelope
    assert signer_of(envelope) == KEY.key_id
    assert [signer_of(data) for data in (b"", b"\xff", envelope[:-1])] == [""] * 3


@table("kind", ["receipt-book", "day-account", "notice.receipt", "receipt.v2"])
def test_evidence_of_another_statement_is_no_newer_version(kind: str) -> None:
    envelope = envelope_of(b"", PayloadType(kind, 2, 16 * 1024), KEY)
    with pytest.raises(BadSignature, match="another kind of statement"):
        unseal_evidence(envelope, *RECEIPT_VERSIONS.types)
