"""Documents are told, served and taken by the rules of their kind, whatever brings them and in whatever order."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.errors import Malformed, Unknown
from gateway.gossip.endings import Endings, charter_left_s, statuses_left_s
from gateway.gossip.greetings import Greetings, ThirdHeads
from gateway.gossip.holdings import FORK, fork_hash, fork_lines, holdings
from gateway.gossip.renewal import Renewal
from gateway.gossip.serving import PART, Serving, wanted_after
from gateway.gossip.taking import take
from gateway.model.documents import Held, Kind, Wanted
from gateway.model.evidence.witness import HeadEvidence
from gateway.model.names import MemberId
from gateway.ports.gossip import Farewell, Greeting
from gateway.trust.ceremony.ceremony import draft, publish_descriptor, publish_status, sign
from gateway.trust.contradictions import NOTHING, withheld_by
from gateway.trust.documents.charter import draft_charter
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.members import MemberStatus
from gateway.trust.keeper import TrustKeeper
from gateway.witness.seen_heads import SeenHeads
from tests.support.federation import Federation, make_federation
from tests.unit.gossip.test_fetching import NoStore

VN = MemberId("vn")


class Forks:
    """Evidence that is kept: one fork, and one pair of heads that proves nothing to others."""

    def __init__(self) -> None:
        self.found = [HeadEvidence("vn.exchange", code, b"one", b"two", 1) for code in (FORK, "behind")]

    def keep_evidence(self, _evidence: HeadEvidence, _most: int, /) -> bool:
        return False

    def evidence(self) -> list[HeadEvidence]:
        return self.found


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("documents"), ("th", "vn"))


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path, ManualClock(SystemClock().now()))


def next_descriptor(federation: Federation, office: str) -> bytes:
    vietnam = federation["vn"]
    return publish_descriptor(
        vietnam.home,
        vietnam.authority,
        federation.clock,
        endpoints=("127.0.0.1:1",),
        offices=(office,),
        agencies=vietnam.agencies,
    )


def documents(federation: Federation, member: str) -> TrustDocuments:
    return TrustDocuments(federation[member].home / "trust")


# ---------------------------------------------------------------- taking


@pytest.mark.long
def test_a_chain_is_taken_in_its_order_and_nonsense_keeps_nothing_out(federation: Federation) -> None:
    chain = [next_descriptor(federation, f"vn.blo.{place}") for place in "abc"]
    status = publish_status(federation["vn"].home, federation.clock)
    lines = [status, b'{"signed": 1}', *reversed(chain), b"nonsense", b"\xff"]
    taken = take(documents(federation, "th"), lines, federation.clock)
    assert [item.accepted.kind for item in taken if item.accepted] == ["descriptor"] * 3 + ["status"]
    assert sum(isinstance(item.refusal, Malformed) for item in taken) == 3
    held = federation.view("th").descriptor("vn")
    assert held.version == federation.view("vn").descriptor("vn").version
    again = take(documents(federation, "th"), lines[2:5], federation.clock)
    assert not any(item.changed or item.contradicts for item in again)


# ---------------------------------------------------------------- what is held


def test_two_nodes_with_the_same_documents_tell_one_hash(federation: Federation) -> None:
    both = [holdings(federation.view(member), [], []) for member in ("th", "vn")]
    assert both[0].hash == both[1].hash
    publish_status(federation["vn"].home, federation.clock)
    assert holdings(federation.view("vn"), [], []).hash != both[0].hash
    assert holdings(federation.view("th"), [b"x"], []).hash != both[0].hash


def test_a_fork_has_one_hash_whichever_head_was_seen_first() -> None:
    one = HeadEvidence("vn.exchange", FORK, b"one", b"two", 1)
    other = HeadEvidence("vn.exchange", FORK, b"two", b"one", 2)
    assert fork_hash(one) == fork_hash(other) == hashlib.sha256(fork_lines(one)).digest()


# ---------------------------------------------------------------- serving


def served(federation: Federation, wanted: Wanted) -> bytes:
    serving, data = Serving(documents(federation, "vn"), Forks(), lambda: federation.view("vn")), b""
    while True:
        part = serving.fetch(Wanted(wanted.kind, wanted.member, wanted.after, wanted.hash, len(data)))
        data += part.data
        assert len(part.data) <= PART
        if len(data) >= part.total:
            return data


def test_what_is_missing_is_served_whole_and_nothing_before_it(federation: Federation) -> None:
    held = federation.view("vn").descriptor("vn").version
    chain = [next_descriptor(federation, f"vn.blo.{place}") for place in "abc"]
    line = Held(Kind.DESCRIPTOR, "vn", held + 3, bytes(32))
    mine = Held(Kind.DESCRIPTOR, "vn", held + 1, bytes(32))
    assert served(federation, wanted_after(line, mine)).splitlines() == [each.strip() for each in chain[1:]]
    assert len(served(federation, wanted_after(line, None)).splitlines()) == held + 3
    assert served(federation, wanted_after(line, line)).splitlines() == [chain[2].strip()]


def test_only_a_fork_is_served_as_evidence_and_only_members_have_documents(federation: Federation) -> None:
    fork, behind = Forks().found
    wanted = Wanted(Kind.FORK, "", 0, fork_hash(fork))
    assert served(federation, wanted) == fork_lines(fork)
    serving = Serving(documents(federation, "vn"), Forks(), lambda: federation.view("vn"))
    for unknown in (
        Wanted(Kind.CONFLICT, "", 0, bytes(32)),
        Wanted(Kind.STATUS, "kh", 0, bytes(32)),
        Wanted(Kind.DESCRIPTOR, "../vn", 0, bytes(32)),
        Wanted(Kind.CHARTER, "", 99, bytes(32)),
        Wanted(Kind.FORK, "", 0, hashlib.sha256(behind.known).digest()),
    ):
        with pytest.raises(Unknown):
            serving.fetch(unknown)
    with pytest.raises(Malformed):
        serving.fetch(Wanted(Kind.CHARTER, "", 0, bytes(32), 2**40))


# ---------------------------------------------------------------- our own status


def test_a_status_is_renewed_once_half_of_its_life_is_over_and_under_a_newer_descriptor(
    federation: Federation,
) -> None:
    vietnam, clock = federation["vn"], federation.clock
    assert isinstance(clock, ManualClock)
    publish_status(vietnam.home, clock)
    keeper = TrustKeeper(vietnam.home / "trust", clock)
    renewal = Renewal(vietnam.home, keeper, clock, VN)
    clock.advance(timedelta(hours=35))
    assert not renewal.renew()
    clock.advance(timedelta(hours=2))
    assert renewal.renew()
    keeper.refresh()
    assert not renewal.renew()
    next_descriptor(federation, "vn.blo.new")
    keeper.refresh()
    assert renewal.renew()


def test_an_end_is_told_once_at_each_step_and_anew_for_the_next_status(federation: Federation) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    publish_status(federation["vn"].home, clock)
    endings, view = Endings(), federation.view("vn")
    hours = []
    for passed in range(74):
        told = [draft for draft in endings.drafts(view, clock.now_us()) if "`vn`" in str(draft.private)]
        hours += [passed] * len(told)
        clock.advance(timedelta(hours=1))
    assert hours == [48, 60, 70]
    left = statuses_left_s(view, clock.now_us())
    assert left["vn"] < 0 < charter_left_s(view, clock.now_us())


# ---------------------------------------------------------------- who holds what


def test_what_a_member_holds_is_known_from_its_own_word_alone(federation: Federation) -> None:
    keeper = federation["th"].keeper()
    heads = ThirdHeads(SeenHeads(NoStore(), federation.clock), lambda: keeper.view, federation.clock, MemberId("th"))
    greetings = Greetings(MemberId("th"), heads, lambda: keeper.view)
    held = holdings(keeper.view, [], [])
    greetings.show(held)
    assert greetings.holds_ours(VN) is None
    greetings.heard(VN, Greeting(held.hash))
    assert greetings.holds_ours(VN) == {"charter": True, "descriptor": True, "status": True}
    greetings.heard(VN, Greeting(bytes(32)))
    assert greetings.holds_ours(VN) is None  # another hash, and no list yet
    greetings.listed(VN, frozenset(line for line in held.lines if line.kind is not Kind.STATUS))
    assert greetings.holds_ours(VN) == {"charter": True, "descriptor": True, "status": False}
    greetings.dismissed(VN, Farewell("key-removed", b""))
    assert greetings.dismissed_by(VN) == "key-removed"
    greetings.heard(VN, Greeting(held.hash))
    assert greetings.dismissed_by(VN) == ""


# ---------------------------------------------------------------- contradictions


def test_nonsense_and_forged_documents_take_nothing_away(federation: Federation, tmp_path: Path) -> None:
    view, folder = federation.view("th"), documents(federation, "th")
    assert view.charter is not None
    descriptors = {name: view.descriptor(name) for name in ("th", "vn")}
    versions = folder.charter_versions()
    other = federation.copy(tmp_path / "other", federation.clock)
    forged = next_descriptor(other, "vn.blo.a").replace(b'"sig":"', b'"sig":"AAAA')
    for lines in ([b""], [b"{}"], [b'{"signed": {}}'], [forged], versions, [descriptors["vn"].data]):
        assert withheld_by(lines, versions, view.charter, descriptors) == NOTHING


def test_a_key_that_another_document_of_its_version_marks_is_taken_away(federation: Federation, tmp_path: Path) -> None:
    other = federation.copy(tmp_path / "other", federation.clock)
    gone = federation.view("vn").peer(federation["vn"].certificate("tls")).key_id
    next_descriptor(federation, "vn.blo.a")
    vietnam = other["vn"]
    twin = publish_descriptor(
        vietnam.home,
        vietnam.authority,
        federation.clock,
        endpoints=("127.0.0.1:1",),
        offices=("vn.blo.b",),
        agencies=vietnam.agencies,
        compromised={gone: federation.clock.now_us()},
    )
    view = federation.view("vn")
    assert view.charter is not None
    descriptors = {name: view.descriptor(name) for name in ("th", "vn")}
    found = withheld_by([twin], documents(federation, "vn").charter_versions(), view.charter, descriptors)
    assert found.keys["vn"] == {gone}


def test_a_member_that_another_charter_of_its_version_suspends_is_taken_away(federation: Federation) -> None:
    view, folder = federation.view("th"), documents(federation, "th")
    assert view.charter is not None
    members = dict(view.charter.members)
    members["vn"] = replace(members["vn"], status=MemberStatus.SUSPENDED)
    twin = draft_charter("gms", members, 1, version=2, issued=federation.clock.now())
    held = draft([], "gms", 2, federation.clock, previous=federation.charter)
    unsigned = twin
    for member in ("th", "vn"):
        twin, held = sign(twin, federation[member].authority), sign(held, federation[member].authority)
    folder.accept_charter(held, federation.clock)
    charter, versions = folder.charter(federation.clock), folder.charter_versions()
    found = withheld_by([twin], versions, charter, {})
    assert found.members == {"vn"}
    assert dict(found.keys) == {}
    assert withheld_by([unsigned], versions, charter, {}) == NOTHING
    (folder.folder / "conflicts").mkdir()
    (folder.folder / "conflicts" / f"{hashlib.sha256(twin).hexdigest()}.json").write_bytes(twin)
    after = TrustKeeper(folder.folder, federation.clock).view
    assert not after.active("vn")
    assert after.active("th")
