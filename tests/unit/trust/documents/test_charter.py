"""The charter: founding, thresholds, the chain, the fingerprint (CASE-J1, CASE-J2, CASE-J5, CASE-J7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.errors import BadSignature, Contradicted, LiaisonError, Malformed, Stale
from gateway.signing import strict_json
from gateway.trust.ceremony.ceremony import draft, sign
from gateway.trust.ceremony.member_card import MemberCard, read_card
from gateway.trust.documents.charter import (
    MEMBERS,
    Charter,
    charter_fingerprint,
    draft_charter,
    parse_charter,
    verify_charter_chain,
)
from gateway.trust.documents.members import CharterMember, MemberStatus
from tests.support.federation import Member, make_member
from tests.support.tables import table

CLOCK = ManualClock(SystemClock().now())


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> list[Member]:
    folder = tmp_path_factory.mktemp("members")
    return [make_member(folder, member, CLOCK) for member in ("th", "vn", "kh", "la")]


@pytest.fixture(scope="module")
def cards(members: list[Member]) -> list[MemberCard]:
    return [read_card(member.authority) for member in members]


@pytest.fixture(scope="module")
def first(cards: list[MemberCard]) -> bytes:
    return draft(cards[:3], "gms", 2, CLOCK)


def signed(data: bytes, *members: Member) -> bytes:
    for member in members:
        data = sign(data, member.authority)
    return data


def verify(*versions: bytes, fingerprint: str | None = None) -> Charter:
    return verify_charter_chain(versions, CLOCK.now(), fingerprint)


@pytest.mark.long
def test_a_charter_is_valid_with_enough_signatures(first: bytes, members: list[Member]) -> None:
    charter = verify(signed(first, *members[:2]))
    assert (charter.version, charter.federation, charter.threshold) == (1, "gms", 2)
    assert sorted(charter.members) == ["kh", "th", "vn"]
    assert charter.active("th")
    assert not charter.active("la")


def test_j1_one_signature_too_few(first: bytes, members: list[Member]) -> None:
    for data in (first, signed(first, members[0])):
        with pytest.raises(BadSignature, match="of the 2 signatures"):
            verify(data)


def test_j2_two_signatures_by_one_key_under_two_ids(first: bytes, members: list[Member]) -> None:
    value = json.loads(signed(first, members[0], members[1]))
    value["signatures"][1]["sig"] = value["signatures"][0]["sig"]
    with pytest.raises(BadSignature):
        verify(strict_json.dumps(value))
    value["signatures"][1] = value["signatures"][0]
    with pytest.raises(LiaisonError):
        verify(strict_json.dumps(value))


def test_a_stranger_cannot_sign(first: bytes, members: list[Member]) -> None:
    with pytest.raises(BadSignature, match="not in the charter"):
        sign(first, members[3].authority)


def test_the_fingerprint_does_not_change_with_signatures_and_changes_with_everything_else(
    first: bytes, cards: list[MemberCard], members: list[Member]
) -> None:
    fingerprint = charter_fingerprint(first)
    assert charter_fingerprint(signed(first, *members[:3])) == fingerprint
    assert charter_fingerprint(draft(cards[:2], "gms", 2, CLOCK)) != fingerprint
    assert verify(signed(first, *members[:2]), fingerprint=f"{fingerprint[:8]} {fingerprint[8:].upper()}")
    with pytest.raises(Contradicted, match="fingerprint"):
        verify(signed(first, *members[:2]), fingerprint="0" * 64)


def test_a_next_version_needs_the_old_and_the_new_thresholds(
    first: bytes, cards: list[MemberCard], members: list[Member]
) -> None:
    th, vn, kh, la = members
    one = signed(first, th, vn)
    # Four members, three must agree; two of the three old ones must be among them.
    two = draft([cards[3]], "gms", 3, CLOCK, previous=one)
    assert verify(one, signed(two, th, vn, kh)).version == 2
    assert verify(one, signed(two, th, vn, la)).active("la")
    with pytest.raises(BadSignature):
        verify(one, signed(two, th, vn))
    with pytest.raises(BadSignature):
        verify(one, signed(two, th, la))


def test_newcomers_who_are_enough_by_the_new_version_do_not_put_it_in_force_without_the_old_ones(
    cards: list[MemberCard], members: list[Member]
) -> None:
    th, vn, kh, la = members
    one = signed(draft(cards[:2], "gms", 2, CLOCK), th, vn)
    two = draft(cards[2:], "gms", 3, CLOCK, previous=one)
    assert verify(one, signed(two, th, vn, kh)).version == 2
    with pytest.raises(BadSignature, match="1 of the 2 signatures") as caught:
        verify(one, signed(two, th, kh, la))
    assert caught.value.where == "the old authorities"


def test_versions_follow_each_other_exactly(first: bytes, cards: list[MemberCard], members: list[Member]) -> None:
    one = signed(first, *members[:3])
    two = signed(draft([], "gms", 2, CLOCK, previous=one), *members[:3])
    three = signed(draft([], "gms", 2, CLOCK, previous=two), *members[:3])
    assert verify(one, two, three).version == 3
    for chain in ((one, three), (two, one), (one, one), (one, two, two)):
        with pytest.raises(Malformed, match="does not follow"):
            verify(*chain)
    with pytest.raises(Malformed):
        verify()


def test_j7_a_charter_of_another_federation_does_not_follow(first: bytes, members: list[Member]) -> None:
    one = signed(first, *members[:3])
    charter = parse_charter(one).charter
    other = draft_charter("other", charter.members, 2, version=2, issued=CLOCK.now())
    with pytest.raises(BadSignature, match="another federation"):
        verify(one, signed(other, *members[:3]))


def test_j5_an_expired_charter_is_stale_and_can_still_be_followed(
    cards: list[MemberCard], members: list[Member]
) -> None:
    clock = ManualClock(CLOCK.now())
    one = signed(draft(cards[:3], "gms", 2, clock, days=30), *members[:3])
    clock.advance(timedelta(days=31))
    with pytest.raises(Stale, match="expired"):
        verify_charter_chain([one], clock.now())
    assert verify_charter_chain([one], clock.now(), allow_expired=True).version == 1
    two = signed(draft([], "gms", 2, clock, previous=one), *members[:3])
    assert verify_charter_chain([one, two], clock.now()).version == 2


def test_a_charter_lives_twelve_months_at_most(cards: list[MemberCard]) -> None:
    draft(cards[:3], "gms", 2, CLOCK, days=366)
    for days in (367, 0, -1):
        with pytest.raises(Malformed, match="12 months"):
            draft(cards[:3], "gms", 2, CLOCK, days=days)


@table("threshold", [0, 1, 4, 100])
def test_a_threshold_is_a_majority_that_exists(cards: list[MemberCard], threshold: int) -> None:
    with pytest.raises(Malformed):
        draft(cards[:3], "gms", threshold, CLOCK)


def test_a_suspended_member_has_no_vote(first: bytes, members: list[Member]) -> None:
    th, vn, kh, _ = members
    one = signed(first, th, vn, kh)
    table = dict(parse_charter(one).charter.members)
    old = table["kh"]
    table["kh"] = CharterMember(old.member, MemberStatus.SUSPENDED, old.ca_certificates, old.authority_keys)
    two = draft_charter("gms", table, 2, version=2, issued=CLOCK.now())
    assert not verify(one, signed(two, th, vn)).active("kh")
    with pytest.raises(BadSignature):
        verify(one, signed(two, th, kh))


def _edit(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        value = json.loads(data)
        change(value)
        return strict_json.dumps(value)

    return edit


@table(
    "edit",
    [
        pytest.param(lambda data: json.dumps(json.loads(data)).encode(), id="CASE-C12-spaces"),
        pytest.param(lambda data: json.dumps(json.loads(data), indent=2).encode(), id="CASE-C12-indented"),
        pytest.param(lambda data: b"\xef\xbb\xbf" + data, id="CASE-C12-byte-order-mark"),
        pytest.param(lambda data: data.replace(b'"version":1', b'"version":1,"version":1'), id="CASE-B9-duplicate"),
        pytest.param(_edit(lambda value: value.update(more=1)), id="unknown-outside"),
        pytest.param(_edit(lambda value: value["signed"].update(more=1)), id="CASE-B10-unknown-inside"),
        pytest.param(_edit(lambda value: value["signed"].pop("x-liaison-issued")), id="missing"),
        pytest.param(_edit(lambda value: value["signed"].update(version="1")), id="version-as-text"),
        pytest.param(_edit(lambda value: value["signed"].update(_type="targets")), id="other-type"),
        pytest.param(_edit(lambda value: value["signed"][MEMBERS].update(la={})), id="empty-member"),
        pytest.param(_edit(lambda value: value["signed"][MEMBERS]["th"].update(status="boss")), id="unknown-status"),
        pytest.param(_edit(lambda value: value["signed"][MEMBERS]["th"].update(ca=["x"])), id="no-ca"),
        pytest.param(
            _edit(lambda value: value["signed"][MEMBERS]["th"].update(ca=value["signed"][MEMBERS]["vn"]["ca"])),
            id="the-ca-of-another",
        ),
        pytest.param(
            _edit(
                lambda value: value["signed"][MEMBERS]["th"].update(
                    authority=value["signed"][MEMBERS]["vn"]["authority"]
                )
            ),
            id="the-authority-of-another",
        ),
        pytest.param(_edit(lambda value: value["signed"]["roles"]["root"]["keyids"].pop()), id="a-vote-less"),
        pytest.param(lambda data: b"[]", id="no-object"),
        pytest.param(lambda data: b"", id="empty"),
    ],
)
def test_what_is_not_exactly_a_charter_is_malformed(first: bytes, edit: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed):
        parse_charter(edit(first))


def test_c1_no_changed_byte_of_the_signed_part_is_accepted(first: bytes, members: list[Member]) -> None:
    data = signed(first, *members[:3])
    start = data.index(b'"signed"')
    for place in range(start, len(data), 211):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(LiaisonError):
            verify(bytes(changed))


def test_a_card_is_read_back_and_foreign_files_are_not(tmp_path: Path, members: list[Member]) -> None:
    card = read_card(members[0].authority)
    assert (card.member, read_card(members[0].authority / "member.json")) == ("th", card)
    (tmp_path / "member.json").write_bytes(b'{"member":"th"}')
    with pytest.raises(Malformed):
        read_card(tmp_path)
    with pytest.raises(LiaisonError, match="cannot be read"):
        read_card(tmp_path / "missing")
