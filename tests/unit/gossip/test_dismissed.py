"""Who calls although it is not accepted, and which documents it may have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.errors import Unauthenticated
from gateway.gossip.dismissed import dismissed_member, explaining, known_caller
from gateway.gossip.holdings import holdings
from gateway.model.documents import Held, Kind
from gateway.trust.ceremony.ceremony import import_document, publish_status, sign
from gateway.trust.documents.charter import draft_charter, parse_charter
from gateway.trust.documents.members import MemberStatus
from tests.support.federation import Federation, make_federation

CLOCK = SystemClock()


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    return make_federation(tmp_path, ("th", "vn", "kh"))


def changed(federation: Federation, status: MemberStatus) -> bytes:
    before = parse_charter(federation.charter).charter
    members = dict(before.members) | {"kh": replace(before.members["kh"], status=status)}
    data = draft_charter(before.federation, members, before.threshold, version=2, issued=CLOCK.now())
    for item in federation.members.values():
        data = sign(data, item.authority)
    return data


@pytest.mark.long
def test_an_accepted_node_is_its_member(federation: Federation) -> None:
    caller = known_caller(federation.view("th"), federation["kh"].certificate("tls"))
    assert (caller, dismissed_member(caller)) == ("kh", "")


@pytest.mark.long
@pytest.mark.parametrize("status", [MemberStatus.SUSPENDED, MemberStatus.LEFT])
def test_a_node_of_a_member_that_is_not_active_is_another_caller_than_its_member(
    federation: Federation, status: MemberStatus
) -> None:
    import_document(federation["th"].home / "trust", changed(federation, status), CLOCK)
    caller = known_caller(federation.view("th"), federation["kh"].certificate("tls"))
    assert caller != "kh"
    assert dismissed_member(caller) == "kh"


def test_a_node_with_a_removed_key_is_another_caller_than_its_member(federation: Federation) -> None:
    gone = federation.view("th").peer(federation["kh"].certificate("tls")).key_id
    revoked = publish_status(federation["kh"].home, CLOCK, removed=[gone])
    import_document(federation["th"].home / "trust", revoked, CLOCK)
    assert dismissed_member(known_caller(federation.view("th"), federation["kh"].certificate("tls"))) == "kh"


@pytest.mark.long
def test_a10_a_certificate_that_was_never_listed_for_a_node_is_nobodys(federation: Federation) -> None:
    view, other = federation.view("th"), make_federation(federation.folder / "other", ("th", "kh"))
    for certificate in (federation["kh"].certificate("statement"), other["kh"].certificate("tls")):
        with pytest.raises(Unauthenticated):
            known_caller(view, certificate)


def test_it_may_have_what_explains_its_removal(federation: Federation) -> None:
    lines = [*holdings(federation.view("th"), [bytes(32)], []).lines, Held(Kind.FORK, "", 0, bytes(32))]
    assert {(line.kind, line.member) for line in explaining(lines, "kh")} == {
        (Kind.CHARTER, ""), (Kind.CONFLICT, ""), (Kind.DESCRIPTOR, "kh"), (Kind.STATUS, "kh"),
    }  # fmt: skip
