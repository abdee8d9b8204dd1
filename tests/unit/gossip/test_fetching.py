"""What a hostile member can make of gossip: few questions, few bytes, and nothing taken that does not verify."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.errors import Malformed, TooLarge, Unavailable
from gateway.gossip.fetching import Fetching
from gateway.gossip.greetings import Greetings, ThirdHeads
from gateway.gossip.holdings import MAX_EVIDENCE, holdings
from gateway.gossip.serving import MAX_BYTES, PART
from gateway.gossip.taking import Taken
from gateway.model.documents import Held, Kind, Part, Wanted
from gateway.model.evidence.witness import HeadEvidence
from gateway.model.names import MemberId
from gateway.ports.gossip import Farewell, Greeting
from gateway.rpc import methods
from gateway.rpc.document_forms import MAX_HELD
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from gateway.trust.documents.kept_lines import MAX_KEPT
from gateway.trust.documents.status import parse_status, sign_status
from gateway.trust.keeper import TrustKeeper
from gateway.witness.seen_heads import SeenHeads
from tests.support.federation import Federation, make_federation
from tests.support.loop_watch import HELD_S, loop_watch
from tests.support.tables import table

pytestmark = pytest.mark.asyncio(loop_scope="function")

VN = MemberId("vn")


class NoStore:
    """A store of witnessed heads that is empty."""

    def seen(self, _origin: str) -> None:
        return None

    def evidence(self) -> list[HeadEvidence]:
        return []

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


@dataclass
class Hostile:
    """A member that answers our calls as a test says, and counts them."""

    lines: Callable[[], Sequence[Held]]
    documents: Callable[[Wanted], Part]
    asked: Counter[str] = field(default_factory=Counter)

    async def call(self, _member: MemberId, method: Any, request: Any) -> Any:
        self.asked[method.name] += 1
        await asyncio.sleep(0)
        return self.lines() if method is methods.LIST_DOCUMENTS else self.documents(request)


@dataclass
class Node:
    """The gossip of one member, with a hostile counterpart."""

    fetching: Fetching
    trust: TrustKeeper
    greetings: Greetings
    clock: ManualClock
    taken: list[Taken]
    fatal: list[BaseException]

    async def hear(self, digest: bytes, after_s: float = 3.0) -> None:
        """Hear a greeting some seconds later, and let what follows end."""
        self.clock.advance(timedelta(seconds=after_s))
        self.greetings.heard(VN, Greeting(digest))
        while self.fetching._tasks:
            await asyncio.sleep(0)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("gossip"), ("th", "vn"))


def node(federation: Federation, hostile: Hostile) -> Node:
    keeper = federation["th"].keeper()
    clock = ManualClock(SystemClock().now())
    heads = ThirdHeads(SeenHeads(NoStore(), clock), lambda: keeper.view, clock, MemberId("th"))
    greetings = Greetings(MemberId("th"), heads, lambda: keeper.view)
    greetings.show(holdings(keeper.view, [], []))
    taken: list[Taken] = []
    fatal: list[BaseException] = []

    async def changed() -> None:
        keeper.refresh()
        greetings.show(holdings(keeper.view, keeper.documents.evidence.hashes(), []))

    async def note(_member: MemberId, items: Sequence[Taken]) -> None:
        taken.extend(items)

    fetching = Fetching(keeper, greetings, heads, hostile, clock, changed, note, fatal.append)
    return Node(fetching, keeper, greetings, clock, taken, fatal)


def line(kind: Kind, member: str, version: int, seed: object = "") -> Held:
    return Held(kind, member, version, hashlib.sha256(f"{kind}{member}{version}{seed}".encode()).digest())


def nothing(_wanted: Wanted) -> Part:
    raise AssertionError("nothing was to be fetched")


@pytest.mark.long
async def test_a_new_status_is_fetched_and_in_force(founded: Federation, tmp_path: Path) -> None:
    federation = founded.copy(tmp_path, SystemClock())
    data = publish_status(federation["vn"].home, SystemClock()) + b"\n"
    member = Hostile(lambda: [line(Kind.STATUS, "vn", 9)], lambda wanted: Part(data[wanted.offset :], len(data)))
    made = node(federation, member)
    await made.hear(b"1" * 32)
    assert [item.changed for item in made.taken] == [True]


async def test_hashes_that_change_with_each_greeting_make_one_question_a_second(founded: Federation) -> None:
    member = Hostile(list, nothing)
    made = node(founded, member)
    for number in range(400):
        await made.hear(hashlib.sha256(str(number).encode()).digest(), 0.01)
    assert member.asked["ListDocuments"] <= 5


async def test_one_hash_that_brings_nothing_is_not_asked_about_again_for_a_while(founded: Federation) -> None:
    member = Hostile(list, nothing)
    made = node(founded, member)
    for _ in range(10):
        await made.hear(b"1" * 32, 2.0)
    assert member.asked["ListDocuments"] == 1


async def test_documents_that_do_not_verify_are_asked_for_ever_more_rarely(founded: Federation) -> None:
    seeds = iter(range(10**6))
    member = Hostile(lambda: [line(Kind.DESCRIPTOR, "vn", 10**6, next(seeds))], lambda _wanted: Part(b"{}\n", 3))
    made = node(founded, member)
    for number in range(300):
        await made.hear(hashlib.sha256(str(number).encode()).digest(), 2.0)
    assert member.asked["FetchDocuments"] < 25
    assert (made.taken, made.fatal) == ([], [])


@pytest.mark.parametrize("total", [MAX_BYTES + 1, 2**50])
async def test_documents_without_end_are_cut_off(founded: Federation, total: int) -> None:
    member = Hostile(lambda: [line(Kind.CHARTER, "", 2)], lambda _wanted: Part(b"x" * PART, total))
    made = node(founded, member)
    await made.hear(b"1" * 32)
    assert member.asked["FetchDocuments"] == 1


async def test_a_chain_may_have_as_many_parts_as_fit(founded: Federation) -> None:
    data = b"x" * (PART * 5 + 1)
    member = Hostile(
        lambda: [line(Kind.CHARTER, "", 2)],
        lambda wanted: Part(data[wanted.offset : wanted.offset + PART], len(data)),
    )
    made = node(founded, member)
    await made.hear(b"1" * 32)
    assert member.asked["FetchDocuments"] == 6


def other_statuses(federation: Federation, count: int) -> dict[bytes, bytes]:
    """Sign statuses with the number of the one in force, which contradict it; return them by their hashes."""
    held, key = federation.view("th").status("vn"), federation["vn"].key("status")
    assert held is not None
    made = {}
    for second in range(1, count + 1):
        data = sign_status(replace(held, expires_us=held.expires_us - second * 1_000_000), key)
        made[parse_status(data)[0].hash] = data + b"\n"
    return made


def evidence_of(documents: Mapping[bytes, bytes]) -> Hostile:
    return Hostile(
        lambda: [Held(Kind.CONFLICT, "", 0, digest) for digest in documents],
        lambda wanted: Part(documents[wanted.hash], len(documents[wanted.hash])),
    )


@pytest.mark.long
async def test_a_long_list_is_fetched_in_turns(founded: Federation, tmp_path: Path) -> None:
    federation = founded.copy(tmp_path, SystemClock())
    member = evidence_of(other_statuses(federation, 300))
    made = node(federation, member)
    await made.hear(b"1" * 32)
    assert member.asked["FetchDocuments"] == 256


@pytest.mark.long
async def test_evidence_without_end_is_kept_and_told_a_few_times(founded: Federation, tmp_path: Path) -> None:
    federation = founded.copy(tmp_path, SystemClock())
    member = evidence_of(other_statuses(federation, 200))
    made = node(federation, member)
    for number in range(5):
        await made.hear(bytes([number]) * 32)
    assert len(federation["th"].keeper().documents.evidence.hashes()) == MAX_KEPT
    assert sum(item.contradicts for item in made.taken) == MAX_KEPT
    assert member.asked["FetchDocuments"] == 200


@pytest.mark.long
async def test_evidence_under_other_signatures_is_the_same(founded: Federation, tmp_path: Path) -> None:
    federation = founded.copy(tmp_path, SystemClock())
    (digest,) = other_statuses(federation, 1)
    forms = [data for _ in range(20) for data in other_statuses(federation, 1).values()]
    assert len(set(forms)) > 1
    pages = iter(forms)
    member = Hostile(lambda: [Held(Kind.CONFLICT, "", 0, digest)], lambda _wanted: Part(data := next(pages), len(data)))
    made = node(federation, member)
    for number in range(20):
        made.fetching._tried.drop(VN, (VN, Held(Kind.CONFLICT, "", 0, digest)))
        await made.hear(bytes([number]) * 32)
    assert sum(item.contradicts for item in made.taken) == 1
    assert federation["th"].keeper().documents.evidence.hashes() == {digest}


async def test_a_member_that_does_not_give_what_it_lists_is_left_at_the_first(founded: Federation) -> None:
    lines = [line(Kind.CONFLICT, "", 0, number) for number in range(4_000)]
    member = Hostile(lambda: lines, lambda _wanted: Part(b"", 0))
    made = node(founded, member)
    await made.hear(b"1" * 32)
    assert member.asked["FetchDocuments"] == 1


async def test_documents_of_another_kind_or_member_than_the_list_says_are_not_taken(
    founded: Federation, tmp_path: Path
) -> None:
    federation = founded.copy(tmp_path, SystemClock())
    data = publish_status(federation["vn"].home, SystemClock()) + b"\n"
    for told in (line(Kind.STATUS, "th", 9), line(Kind.DESCRIPTOR, "vn", 9), line(Kind.CONFLICT, "", 0)):
        made = node(federation, Hostile(lambda told=told: [told], lambda _wanted: Part(data, len(data))))  # type: ignore[misc]
        await made.hear(b"1" * 32)
        assert made.taken == []


async def test_parts_of_a_byte_each_are_not_fetched_for_ever(founded: Federation) -> None:
    member = Hostile(lambda: [line(Kind.CHARTER, "", 2)], lambda _wanted: Part(b"x", MAX_BYTES))
    made = node(founded, member)
    await made.hear(b"1" * 32)
    assert member.asked["FetchDocuments"] == 1


@pytest.mark.long
async def test_a_member_that_signs_without_end_is_news_for_a_while_and_its_removals_always_are(
    founded: Federation, tmp_path: Path
) -> None:
    federation = founded.copy(tmp_path, SystemClock())
    vietnam = federation["vn"]
    newest, key = [b""], vietnam.key("status")
    member = Hostile(lambda: [line(Kind.STATUS, "vn", 9, newest[0])], lambda _wanted: Part(newest[0], len(newest[0])))
    made = node(federation, member)
    first = federation.view("vn").status("vn")
    assert first is not None

    async def tell(number: int, *removed: str) -> None:
        status = replace(first, sequence=first.sequence + number, removed=removed)
        newest[0] = sign_status(status, key) + b"\n"
        await made.hear(hashlib.sha256(newest[0]).digest(), 1.1)

    slowed: list[MemberId] = []
    made.fetching.slowed = slowed.append
    for number in range(1, 400):
        await tell(number)
    newest[0] = vietnam.home.joinpath("trust", "descriptors", "vn.jsonl").read_bytes()
    member.lines = lambda: [line(Kind.DESCRIPTOR, "vn", 9)]
    await made.hear(b"d" * 32, 1.1)
    assert slowed == ["vn"]
    member.lines = lambda: [line(Kind.STATUS, "vn", 9, newest[0])]
    assert 256 <= sum(item.changed for item in made.taken) <= 320
    for number in (401, 402):  # a turn comes every ten seconds, and may have come with the first
        changed = len(made.taken)
        await tell(number, "0" * 64)
    assert len(made.taken) == changed
    key_id = vietnam.key("statement").key_id
    await tell(403, key_id)
    assert key_id in made.trust.view.status("vn").removed  # type: ignore[union-attr]


async def test_a_long_list_holds_the_loop_for_a_moment_only(founded: Federation) -> None:
    """CASE-J15: 4,096 lines against 4,096 held ones."""
    lines = [line(Kind.CONFLICT, "", 0, number) for number in range(MAX_HELD)]
    data = methods.LIST_DOCUMENTS.answer.write(lines)
    member = Hostile(lambda: methods.LIST_DOCUMENTS.read_answer(data), lambda _wanted: Part(b"", 0))
    held = [hashlib.sha256(str(number).encode()).digest() for number in range(MAX_EVIDENCE)]
    longest = []
    for _ in range(3):  # what a list costs comes each time; what a busy machine adds does not
        made = node(founded, member)
        made.greetings.show(holdings(founded.view("th"), held, []))
        with loop_watch() as watch:
            await made.hear(b"1" * 32)
            await asyncio.sleep(0.01)
        longest.append(watch.longest)
    assert min(longest) < HELD_S


async def test_older_documents_are_not_fetched(founded: Federation) -> None:
    member = Hostile(lambda: [line(Kind.CHARTER, "", 0), line(Kind.DESCRIPTOR, "vn", 0)], nothing)
    made = node(founded, member)
    await made.hear(b"1" * 32)
    assert member.asked == {"ListDocuments": 1}


async def test_a_farewell_with_nonsense_changes_nothing(founded: Federation) -> None:
    made = node(founded, Hostile(list, nothing))
    for number in range(50):
        made.greetings.dismissed(VN, Farewell("unknown-peer", f"nonsense {number}\n".encode() * 1_000))
        while made.fetching._tasks:
            await asyncio.sleep(0)
    assert (made.taken, made.fatal) == ([], [])


async def test_a_member_that_cannot_be_asked_is_asked_again_with_a_later_greeting(founded: Federation) -> None:
    def lines() -> Sequence[Held]:
        raise Unavailable("gone")

    member = Hostile(lines, nothing)
    made = node(founded, member)
    await made.hear(b"1" * 32)
    await made.hear(b"1" * 32, 31.0)
    assert member.asked["ListDocuments"] == 2


@table(
    "data",
    [
        b"\x0a\x02\x0a\x00" * (MAX_HELD + 1),
        methods.LIST_DOCUMENTS.answer.write([Held("nonsense", "vn", 1, bytes(32))]),  # type: ignore[arg-type]
        methods.LIST_DOCUMENTS.answer.write([Held(Kind.STATUS, "VIETNAM", 1, bytes(32))]),
        methods.LIST_DOCUMENTS.answer.write([Held(Kind.STATUS, "vn", 2**60, bytes(32))]),
        methods.LIST_DOCUMENTS.answer.write([Held(Kind.STATUS, "vn", 1, bytes(31))]),
        b"\xff" * 100,
    ],
)
async def test_a_list_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        methods.LIST_DOCUMENTS.read_answer(data)


async def test_a_list_of_more_bytes_than_it_may_have_is_refused() -> None:
    with pytest.raises(TooLarge):
        methods.LIST_DOCUMENTS.read_answer(bytes(321 * 1024))


# ---------------------------------------------------------------- documents that are newer than a list


def giving(federation: Federation, member: str) -> Callable[[Wanted], Part]:
    """The documents of a member's own home, as it gives them now, whatever its list says."""
    trust = federation[member].home / "trust"

    def give(wanted: Wanted) -> Part:
        if wanted.kind is Kind.STATUS:
            data = (trust / "statuses" / f"{wanted.member}.json").read_bytes()
        elif wanted.kind is Kind.DESCRIPTOR:
            lines = (trust / "descriptors" / f"{wanted.member}.jsonl").read_bytes().splitlines(keepends=True)
            data = b"".join(lines[wanted.after :])
        else:
            data = b""
        if not data:
            raise Unavailable("`vn` cannot be reached (NOT_FOUND)")
        return Part(data[wanted.offset :], len(data))

    return give


def with_another_office(federation: Federation, member: str) -> None:
    """Sign a member's next descriptor, and a status that speaks of it, at home only."""
    item, held = federation[member], federation.view(member).descriptor(member)
    publish_descriptor(
        item.home,
        item.authority,
        SystemClock(),
        endpoints=held.endpoints,
        offices=("vn.blo.a",),
        agencies=item.agencies,
    )
    publish_status(item.home, SystemClock())


async def test_a_status_that_is_newer_than_the_list_comes_with_the_descriptor_that_it_speaks_of(
    founded: Federation, tmp_path: Path
) -> None:
    """The list was written a moment before: without the descriptor we would refuse the member until the next list."""
    federation = founded.copy(tmp_path, SystemClock())
    member = Hostile(lambda: [line(Kind.STATUS, "vn", 9)], giving(federation, "vn"))
    made = node(federation, member)
    with_another_office(federation, "vn")
    await made.hear(b"1" * 32)
    view, status = made.trust.view, made.trust.view.status("vn")
    assert status is not None
    assert (view.descriptor("vn").version, status.descriptor_version) == (2, 2)
    view.freshness(VN, made.clock.now_us())
    assert [item.changed for item in made.taken] == [True, True]


@pytest.mark.parametrize(("version", "is_lie"), [(1, False), (2, True), (7, False)])
async def test_a_member_is_blamed_only_for_what_it_can_have_known(
    founded: Federation, tmp_path: Path, version: int, is_lie: bool
) -> None:
    """A status of another descriptor than ours may be signed by a key that only that one lists."""
    federation = founded.copy(tmp_path, SystemClock())
    with_another_office(federation, "vn")
    federation.share((federation["vn"].home / "trust" / "descriptors" / "vn.jsonl").read_bytes())
    held, ours = federation.view("th").status("vn"), federation.view("th").descriptor("vn")
    assert held is not None
    assert ours.version == 2
    named = {"descriptor_version": version, "descriptor_hash": ours.hash.hex() if version == 2 else "0" * 64}
    data = sign_status(replace(held, sequence=held.sequence + 9, **named), federation["th"].key("status")) + b"\n"  # type: ignore[arg-type]

    def give(wanted: Wanted) -> Part:
        if wanted.kind is not Kind.STATUS:
            raise Unavailable("`vn` cannot be reached (NOT_FOUND)")
        return Part(data[wanted.offset :], len(data))

    made = node(federation, Hostile(lambda: [line(Kind.STATUS, "vn", 9)], give))
    lied: list[MemberId] = []
    made.fetching.lied = lied.append
    await made.hear(b"1" * 32)
    assert lied == ([VN] if is_lie else [])
    assert made.taken == []
    assert made.trust.view.status("vn") == held
