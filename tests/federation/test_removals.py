"""A removed key ends to count at every node while all of them run: at the owner, and at each counterpart."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs.authority import issue, load_authority
from certs.profile import read_leaf
from gateway.agency.bodies.responses import search_response
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.language.languages import Language
from gateway.language.sentences import refusal
from gateway.matching.explain import explain
from gateway.model.exchange import AnswerMessage, Outcome
from gateway.model.names import MemberId
from gateway.model.search import Line, Search
from gateway.node import wire
from gateway.ops.keys.requests import KeyDesk
from gateway.ops.removals.revoke import Removal, revoke
from gateway.ports.journal import EntryDraft
from gateway.rpc import methods
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.statements.request import REQUEST_KIND
from gateway.trust.ceremony.ceremony import import_document, publish_descriptor, publish_status, sign
from gateway.trust.documents.charter import draft_charter, parse_charter
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.members import MemberStatus
from gateway.trust.keeper import TrustKeeper
from gateway.views.search.lines import headline
from tests.support.exchange import (
    TH,
    VN,
    answer_of,
    caller,
    command,
    entries,
    lines,
    request,
    sample_world,
    stopping,
    submission,
)
from tests.support.federation import FEDERATION
from tests.support.forger import eventually
from tests.support.load import waiting
from tests.support.nodes import World, officer
from tests.support.persons import person_key

pytestmark = pytest.mark.asyncio(loop_scope="function")


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = sample_world(tmp_path, ("th", "vn"))
    async with stopping(made):
        yield made


async def remove(world: World, member: str, name: str, **more: Any) -> Removal:
    """Remove a key beside the running node, as the command does; the documents go nowhere yet."""
    home = world.home(member)
    return await asyncio.to_thread(revoke, home, name, "laptop stolen", SystemClock(), **more)


def removals(world: World, member: str) -> list[dict[str, Any]]:
    found = entries(world.nodes[member], "operations")
    return [item.private for item in found if item.entry.kind == "key-removed"]


async def test_j11_the_entry_of_a_removal_names_the_person_with_the_node_running(own_world: World) -> None:
    await own_world.start("vn")
    key = load_signing_key(person_key(own_world.home("vn"), "adm"))
    done = await remove(own_world, "vn", "agency/immigration", keys=[key])
    assert done.is_logged
    (said,) = removals(own_world, "vn")
    assert said["keys"] == [done.keys[0].key_id]
    assert said["reason"] == "laptop stolen"
    assert said["proof"] == "signatures"
    assert [person["key_id"] for person in said["persons"]] == [key.key_id]


async def test_a_stopped_node_writes_the_entry_when_it_starts(own_world: World) -> None:
    done = await remove(own_world, "vn", "log")
    assert not done.is_logged
    await own_world.start("vn")
    await eventually(lambda: len(removals(own_world, "vn")) == 1)
    (said,) = removals(own_world, "vn")
    assert (said["proof"], said["keys"]) == ("unproved", [done.keys[0].key_id])
    assert said["account"]


async def asked(world: World, by: str = "th", to: MemberId = VN) -> Line:
    """The line that an officer gets."""
    node = world.nodes[by]
    found: Line = lines(await node.asking.searches.start(officer(by), command(to=(to,))))[to]
    return found


def said(line: Line) -> str:
    """The line in words, as an officer reads it."""
    search = Search("1", "th.o.1042", 0, done=True, lines=(line,))
    (told,) = search_response(search).model_dump()["lines"]
    return headline(told, "kh")[0]


def take(world: World, member: str, documents: bytes) -> None:
    """Put documents into a member's folder, as gossip or a person does."""
    import_document(world.home(member) / "trust", documents, SystemClock())


async def in_force(world: World, *members: str) -> None:
    """Wait for the round of each node that reads the folder."""
    for member in members:
        await eventually(partial(reads_its_folder, world, member))


def reads_its_folder(world: World, member: str) -> bool:
    held = TrustKeeper(world.home(member) / "trust", SystemClock()).view.hash
    return world.nodes[member].resources.trust.view.hash == held


def alarms(world: World, member: str) -> list[tuple[str, str]]:
    """The alarms in a node's operations log: whom they are about, and their codes."""
    found = entries(world.nodes[member], "operations")
    return [(item.entry.peer, item.private["code"]) for item in found if item.entry.kind == "alarm"]


async def test_j9_a_removed_statement_key_ends_both_directions_with_the_reason_in_words(own_world: World) -> None:
    for member in ("th", "vn"):
        await own_world.start(member)
    assert (await asked(own_world)).outcome is Outcome.HIT
    old = own_world.federation["vn"].key("statement")
    done = await remove(own_world, "vn", "statement")
    await in_force(own_world, "vn")
    # Its own officers read what to do, and its node signs nothing: not for a counterpart that knows nothing yet either.
    mine = await asked(own_world, "vn", TH)
    assert (mine.outcome, mine.refusal and mine.refusal.code) == (Outcome.REFUSED, "own-key-removed")
    assert "liaison cert rotate statement" in said(mine)
    unaware = await asked(own_world)
    assert (unaware.outcome, unaware.refusal and unaware.refusal.code) == (Outcome.NOT_ACCEPTED, "key-removed")
    answered = [item for item in entries(own_world.nodes["vn"]) if item.entry.kind in ("answered", "refused")]
    assert len(answered) == 1, "nothing was signed after the removal"
    take(own_world, "th", done.documents)
    await in_force(own_world, "th")
    await eventually(lambda: alarms(own_world, "th") == [("vn", "member-key-removed")])
    before = len(entries(own_world.nodes["vn"]))
    line = await asked(own_world)
    assert (line.outcome, line.refusal and line.refusal.code) == (Outcome.NOT_ACCEPTED, "key-removed")
    assert "their key is no longer trusted" in said(line)
    assert len(entries(own_world.nodes["vn"])) == before, "nothing was asked"
    # A question that the thief signs gets a signed refusal in words.
    message = await caller(own_world, "vn", "th").submit(
        REQUEST_KIND.build(request(sender=VN, recipient=TH), old).envelope
    )
    refused = answer_of(message).refusal
    assert refused is not None
    assert (refused.code, "removed" in refusal(refused.code, refused.reason, Language.EN)) == ("not-listed", True)


async def test_a_removed_key_of_an_agency_signs_no_record_at_home_and_the_hit_says_why(own_world: World) -> None:
    for member in ("th", "vn"):
        await own_world.start(member)
    assert all(hit.record is not None for hit in (await asked(own_world)).hits)
    await remove(own_world, "vn", "agency/immigration")
    await in_force(own_world, "vn")
    # The counterpart knows nothing yet: the owner does not sign, and the hit itself goes on.
    line = await asked(own_world)
    assert (line.outcome, [hit.record for hit in line.hits]) == (Outcome.HIT, [None])
    assert line.hits[0].rules[-1] == "unreleased-agency-key-removed"
    assert "the key of the owner's agency was removed" in explain(line.hits[0].rules)[-1]
    home, authority = Home(own_world.home("vn")), own_world.federation["vn"].authority
    assert KeyDesk(home, SystemClock()).rotate(["agency-immigration"], authority, None).version
    held = TrustDocuments(home.trust).held_descriptor(VN)
    assert held is not None
    take(own_world, "th", held.data)
    await in_force(own_world, "th", "vn")

    async def signs() -> bool:
        return all(hit.record is not None for hit in (await asked(own_world)).hits)

    async with asyncio.timeout(30):
        while not await signs():
            await asyncio.sleep(0.1)


async def test_m9_an_answer_that_was_committed_is_not_shown_once_its_signer_is_removed(own_world: World) -> None:
    status = own_world.home("vn") / "trust" / "statuses" / "vn.json"
    held, key = status.read_bytes(), own_world.federation["vn"].key("statement")
    documents = publish_status(own_world.home("vn"), SystemClock(), removed=[key.key_id])
    status.write_bytes(held)  # its own node answers meanwhile
    for member in ("th", "vn"):
        await own_world.start(member)
    th = own_world.nodes["th"]
    writer: Any = th.core.writers.exchange
    write = writer.write

    async def removed_after(draft: EntryDraft) -> Any:
        logged = await write(draft)
        if draft.kind == "received":
            take(own_world, "th", documents)
            th.resources.trust.refresh()
        return logged

    writer.write = removed_after
    line = await asked(own_world)
    writer.write = write
    assert (line.outcome, line.hits) == (Outcome.NOT_ACCEPTED, ())
    assert line.refusal is not None
    assert line.refusal.code == "key-removed"
    received = [item for item in entries(th) if item.entry.kind == "received"]
    kept = [item for item in entries(th, "operations") if item.entry.kind == "kept-back"]
    assert [item.private["kept_index"] for item in kept] == [received[-1].entry.index]
    assert [item.entry.peer for item in kept] == ["vn"]


async def test_j8_j9_a_suspended_member_is_not_asked_and_reads_that_it_is_suspended(own_world: World) -> None:
    for member in ("th", "vn"):
        await own_world.start(member)
    assert (await asked(own_world)).outcome is Outcome.HIT
    federation = own_world.federation
    members = dict(parse_charter(federation.charter).charter.members)
    members["vn"] = replace(members["vn"], status=MemberStatus.SUSPENDED)
    charter = draft_charter(FEDERATION, members, 1, version=2, issued=SystemClock().now())
    for name in ("th", "vn"):
        charter = sign(charter, federation[name].authority)
    for name in ("th", "vn"):
        take(own_world, name, charter)
    await in_force(own_world, "th", "vn")
    line = await asked(own_world)
    assert (line.outcome, line.refusal and line.refusal.code) == (Outcome.NOT_ACCEPTED, "member-suspended")
    assert "suspended from the federation" in said(line)
    mine = await asked(own_world, "vn", TH)
    assert (mine.outcome, mine.refusal and mine.refusal.code) == (Outcome.REFUSED, "own-suspended")
    assert "our own country" in said(mine)


async def test_j9_removals_take_effect_on_an_open_stream_within_five_seconds(
    own_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the arrival of the status in the folder of the counterpart to the refusal on a stream that stays open."""
    await own_world.start("vn")
    who, home = caller(own_world), own_world.home("th")
    took = []
    for _ in range(5):
        key = load_signing_key(home / "keys" / "statement.key")
        async with who.channel() as channel:
            call: Any = channel.stream_stream(methods.STREAM.path)()
            assert isinstance(await by_frame(call, 1, key), AnswerMessage)
            documents = publish_status(home, SystemClock(), removed=[key.key_id])
            with waiting() as watch:
                take(own_world, "vn", documents)
                number = 2
                while answer_of_frame(await by_frame(call, number, key)) is None:
                    number += 1
                    assert watch.seconds < 20
                    await asyncio.sleep(0.01)  # asking without a pause takes the node's own time
            took.append(watch.seconds)
            call.cancel()
        take(own_world, "vn", next_statement_key(own_world))
        await in_force(own_world, "vn")
    with capsys.disabled():
        print(f"\n{len(took)} removals on open streams: p50 {statistics.median(took):.2f} s, max {max(took):.2f} s")
    assert max(took) < 5


async def by_frame(call: Any, number: int, key: SigningKey) -> Any:
    """The reply to one question on an open stream."""
    envelope = REQUEST_KIND.build(request(), key).envelope
    frame = wire.request_frame(number, methods.SUBMIT.request.read(submission(envelope)))
    for message in wire.pack_requests([frame]):
        await call.write(message)
    ((_, reply),) = wire.parse_replies(await call.read())
    return reply


def answer_of_frame(reply: Any) -> str | None:
    """The code of a refusal, or nothing."""
    if not isinstance(reply, AnswerMessage):
        return str(reply.code)
    found = answer_of(reply).refusal
    return found.code if found is not None else None


def next_statement_key(world: World) -> bytes:
    """Give Thailand a new statement key, certified and listed; return the documents."""
    home, authority = world.home("th"), world.federation["th"].authority
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = read_leaf(world.federation["th"].certificate("statement"))
    (home / "keys" / "statement.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (home / "keys" / "statement.pem").write_bytes(
        issue(load_authority(authority), key.public_key(), leaf.name, SystemClock())
    )
    held = world.federation["th"].view().descriptor("th")
    publish_descriptor(
        home, authority, SystemClock(), endpoints=held.endpoints, offices=held.offices, agencies=held.agencies
    )
    publish_status(home, SystemClock())
    (descriptor,) = (home / "trust" / "descriptors" / "th.jsonl").read_bytes().splitlines()[-1:]
    return descriptor + b"\n" + (home / "trust" / "statuses" / "th.json").read_bytes()
