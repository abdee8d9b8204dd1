"""What a member says that it reads: the optional field `reads` of its descriptor (decision 0043)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import Malformed
from gateway.model.desk.notices import NoticeType
from gateway.signing import strict_json
from gateway.signing.dsse import sign_document
from gateway.signing.keys import load_signing_key
from gateway.trust.ceremony.ceremony import publish_descriptor
from gateway.trust.documents.descriptor import DESCRIPTOR_TYPE, parse_descriptor, sign_descriptor
from gateway.trust.documents.statement_versions import NOTICE, READ, READ_BY_DEFAULT, READS, versions_in, versions_read
from tests.support.federation import Federation, make_federation
from tests.support.tables import table


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("reads"), ("th", "vn"))


def test_a_new_descriptor_lists_what_this_program_reads(founded: Federation) -> None:
    reads = founded.view().descriptor("th").reads
    assert reads == READS
    assert {"request.v1", "answer.v1", "answer.v2", "answer.v3", "receipt.v1", "notice-receipt.v1"} <= {*reads}


def test_a_view_tells_which_versions_a_member_reads(founded: Federation) -> None:
    view = founded.view()
    assert all(versions_read(view, "vn", kind) == {*read} for kind, read in READ.items())


@table(
    ("listed", "kind", "read"),
    [
        ((), "answer", {1, 2, 3}),
        (("request.v1", "request.v2"), "answer", {1, 2, 3}),
        (("answer.v2",), "answer", {2}),
        (("answer.v3", "answer.v12", "answer-book.v7"), "answer", {3, 12}),
        ((), "ask", {1}),
        ((), "letter", set()),
    ],
)
def test_what_a_descriptor_does_not_name_is_read_as_by_0_2_0(
    listed: tuple[str, ...], kind: str, read: set[int]
) -> None:
    assert versions_in(listed, kind) == read


def test_what_0_2_0_reads_does_not_change() -> None:
    assert {kind: read for kind, read in READ_BY_DEFAULT.items() if not kind.startswith(NOTICE)} == {
        "request": (1,),
        "answer": (1, 2, 3),
        "receipt": (1,),
        "day-account": (1,),
        "day-account-answer": (1,),
        "notice-receipt": (1,),
    }


@pytest.mark.parametrize("reads", [(), ("answer.v2", "answer.v4", "notice.v11")])
def test_reads_may_be_absent_and_unknown_names_are_kept(founded: Federation, reads: tuple[str, ...]) -> None:
    key = load_signing_key(founded["th"].authority / "authority.key")
    data = sign_descriptor(replace(founded.view().descriptor("th"), reads=reads), [key])
    found, document = parse_descriptor(data)
    assert found.reads == reads
    assert (b"reads" in document.payload) is bool(reads)


@table("reads", [[], ["answer"], ["answer.v0"], ["answer.v2", "answer.v2"], "answer.v2", [2], ["A.v2"]])
def test_other_words_are_refused(founded: Federation, reads: object) -> None:
    key = load_signing_key(founded["th"].authority / "authority.key")
    payload = parse_descriptor(founded.view().descriptor("th").data)[1].payload
    value = strict_json.loads(payload, len(payload)) | {"reads": reads}
    with pytest.raises(Malformed):
        parse_descriptor(sign_document(DESCRIPTOR_TYPE, strict_json.dumps(value), [key]))


def test_a_new_descriptor_lists_the_notices_that_this_program_takes(founded: Federation) -> None:
    descriptor = founded.view().descriptor("th")
    assert descriptor.takes == tuple(f"{each}.v1" for each in NoticeType)
    assert all(descriptor.can_take(each) for each in NoticeType)


@pytest.mark.parametrize("takes", [(), ("ask.v1", "room.v1", "ask.v2")])
def test_takes_may_be_absent_and_unknown_types_are_kept(founded: Federation, takes: tuple[str, ...]) -> None:
    key = load_signing_key(founded["th"].authority / "authority.key")
    found, document = parse_descriptor(sign_descriptor(replace(founded.view().descriptor("th"), takes=takes), [key]))
    assert found.takes == takes
    assert (b"takes" in document.payload) is bool(takes)
    assert found.can_take(NoticeType.ASK) is bool(takes)
    assert not found.can_take(NoticeType.ALERT)


@table("takes", [[], ["ask"], ["ask.v1", "ask.v1"], "ask.v1", [1], ["Ask.v1"]])
def test_other_types_are_refused(founded: Federation, takes: object) -> None:
    key = load_signing_key(founded["th"].authority / "authority.key")
    payload = parse_descriptor(founded.view().descriptor("th").data)[1].payload
    value = strict_json.loads(payload, len(payload)) | {"takes": takes}
    with pytest.raises(Malformed):
        parse_descriptor(sign_document(DESCRIPTOR_TYPE, strict_json.dumps(value), [key]))


def test_a_home_of_an_earlier_version_says_so_with_its_next_descriptor_and_then_publishes_no_other(
    tmp_path: Path,
) -> None:
    member = make_federation(tmp_path, ("th",))["th"]
    held = member.view().descriptor("th")
    key = load_signing_key(member.authority / "authority.key")
    older = sign_descriptor(
        replace(held, version=held.version + 1, previous=held.hash.hex(), reads=(), hash=b"", data=b""), [key]
    )
    keeper = member.keeper()
    keeper.documents.accept_descriptor(older, member.view().descriptor("th").member, member.clock)
    assert member.view().descriptor("th").reads == ()

    def publish() -> bytes:
        return publish_descriptor(
            member.home,
            member.authority,
            member.clock,
            endpoints=held.endpoints,
            offices=held.offices,
            agencies=member.agencies,
        )

    newer = publish()
    assert parse_descriptor(newer)[0].reads == READS
    assert publish() == newer
