"""What a review found, held by tests: replays, repeats, caps, foreign records, turns of urgent requests."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec import structs

from certs.tls import TlsIdentity
from gateway.errors import Misconfigured, Replayed
from gateway.exchange.answering.draft import is_capped
from gateway.exchange.answering.job import Findings, Job
from gateway.exchange.asking.ask import LateAnswers
from gateway.exchange.asking.inquiry import Inquiry
from gateway.exchange.stages import MAX_BATCH, Stage
from gateway.model.exchange import Outcome
from gateway.model.handed.searches import SearchCommand
from gateway.model.hit import Hit, Quality
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery
from gateway.model.search import Line
from gateway.ports.journal import EntryDraft, Logged
from tests.support.inbound import inbound
from tests.support.nodes import World, build_world, officer
from tests.support.simulator import simulated
from tests.support.waiting import MOST_S

ASKED = SearchCommand(
    DocumentQuery("C0000001"), (MemberId("vn"),), Purpose.BORDER_CHECK, Offence.NARC, ticket="T-1", idempotency_key="k1"
)


@pytest.fixture
def own_world(tmp_path: Path) -> World:
    return build_world(tmp_path, {}, ("th", "vn"))


async def test_an_idempotency_key_stands_for_one_question_only(own_world: World) -> None:
    async with simulated(own_world) as own_world:
        searches = own_world.nodes["th"].asking.searches
        first = await searches.start(officer(), ASKED)
        assert (await searches.start(officer(), ASKED)).id == first.id
        with pytest.raises(Replayed):
            await searches.start(officer(), structs.replace(ASKED, query=DocumentQuery("C0000002")))


async def test_a_search_that_the_node_lost_is_silent_and_not_unknown(own_world: World) -> None:
    async with simulated(own_world, ("th",)) as own_world:
        node = own_world.nodes["th"]
        searches = node.asking.searches
        started = asyncio.Event()

        async def never(inquiry: Inquiry, added: Callable[[Line], None]) -> LateAnswers:
            started.set()
            await asyncio.Event().wait()
            return {}

        node.asking.asker.run = never  # type: ignore[method-assign]  # the moment in which the node dies
        task = asyncio.create_task(searches.start(officer(), ASKED))
        await started.wait()
        search_id = next(iter(searches._running))
        searches._running.clear()
        lost = await searches.get(officer(), search_id)
        assert lost.done
        assert [line.outcome for line in lost.lines] == [Outcome.SILENT]
        task.cancel()
        for running_task in list(searches._tasks):
            running_task.cancel()


async def test_the_token_commitment_opens_with_the_salt_in_the_entry(own_world: World) -> None:
    async with simulated(own_world) as own_world:
        node = own_world.nodes["th"]
        salts: list[EntryDraft] = []
        write = node.core.writers.exchange.write

        async def watched(draft: EntryDraft) -> Logged:
            if draft.kind == "asked":
                salts.append(draft)
            return await write(draft)

        node.core.writers.exchange.write = watched  # type: ignore[method-assign]
        await node.asking.searches.start(officer(), structs.replace(ASKED, idempotency_key=""))
    from gateway.statements.envelope import REQUEST, unseal
    from gateway.statements.request import REQUEST_KIND

    request = REQUEST_KIND.parse(unseal(salts[0].request, REQUEST).payload)
    salt = bytes.fromhex(str(salts[0].private["token_salt"]))
    assert request.token_commitment == hashlib.sha256(salt + officer().token_hash).digest()


def test_a_tls_key_that_others_can_read_is_refused(own_world: World) -> None:
    keys = own_world.home("th") / "keys"
    TlsIdentity.load(keys / "tls.key", keys / "tls.pem")
    (keys / "tls.key").chmod(0o644)
    with pytest.raises(Misconfigured):
        TlsIdentity.load(keys / "tls.key", keys / "tls.pem")


async def test_a_node_refuses_any_key_in_its_home_that_others_can_read(own_world: World) -> None:
    (own_world.home("th") / "keys" / "witness.key").chmod(0o640)
    with pytest.raises(Misconfigured, match="witness"):
        await own_world.start("th")


@dataclass(frozen=True)
class _Item:
    number: int
    rank: int
    line: str = "th"


def _served(items: Sequence[_Item]) -> list[int]:
    """The numbers of items that all wait when the stage starts, in the order in which it serves them."""
    served: list[int] = []
    gate, done = threading.Event(), threading.Event()

    def work(batch: list[_Item]) -> None:
        gate.wait(MOST_S)
        served.extend(item.number for item in batch)
        if len(served) == len(items):
            done.set()

    stage = Stage[_Item]("test", work, lambda error: pytest.fail(str(error)))
    stage.put_all(items)
    stage.start()
    gate.set()
    assert done.wait(MOST_S)
    stage.stop(5)
    return served


def test_urgent_items_go_first_and_in_the_order_in_which_they_came() -> None:
    assert _served([_Item(n, rank=0 if n in (3, 5, 7) else 1) for n in range(1, 8)]) == [3, 5, 7, 1, 2, 4, 6]


def test_what_is_done_leaves_before_all_that_waits_to_come_in() -> None:
    """However much that is: one member's flood does not hold up its own answers."""
    coming = [_Item(n, rank=2) for n in range(MAX_BATCH * 3)]
    assert _served([*coming, _Item(1000, rank=1), _Item(1001, rank=0)]) == [1001, 1000, *range(MAX_BATCH * 3)]


def test_a_members_flood_fills_no_whole_batch_while_others_ask() -> None:
    batches: list[list[str]] = []
    stage = Stage[_Item](
        "test", lambda batch: batches.append([item.line for item in batch]), lambda error: pytest.fail(str(error))
    )
    stage.put_all(_Item(n, rank=2, line="th") for n in range(MAX_BATCH))
    stage.put(_Item(1000, rank=2, line="vn"))
    stage.start()
    stage.stop(5)
    assert "vn" in batches[0]
    assert max(map(len, batches)) < MAX_BATCH / 2
    assert sum(map(len, batches)) == MAX_BATCH + 1


def _batches(waiting: dict[str, int]) -> list[list[str]]:
    """The batches in which a stage serves so many items of each member that all wait when it starts."""
    batches: list[list[str]] = []
    stage = Stage[_Item](
        "test", lambda batch: batches.append([item.line for item in batch]), lambda error: pytest.fail(str(error))
    )
    stage.put_all(_Item(n, rank=2, line=line) for line, count in waiting.items() for n in range(count))
    stage.start()
    stage.stop(5)
    return batches


def test_an_item_that_comes_alone_waits_for_few_of_another_member() -> None:
    batches = _batches({"th": MAX_BATCH, "vn": 1})
    assert "vn" in batches[0]
    assert max(map(len, batches)) <= 8


def test_members_that_all_have_much_waiting_share_large_batches() -> None:
    first = _batches({"th": MAX_BATCH, "vn": MAX_BATCH})[0]
    assert [first.count(line) for line in ("th", "vn")] == [16, 16]


def test_requests_come_in_behind_the_jobs_that_leave() -> None:
    coming = inbound("th")
    job = Job(coming, 0.0, 1.0)
    ranks = [coming.rank, job.rank]
    job.urgent = True
    assert [*ranks, job.rank] == [2, 1, 0]


def test_a_cap_that_hidden_records_helped_to_reach_is_not_told() -> None:
    hit = Hit("r", Quality.EXACT_ID, "Person")
    assert is_capped([Findings("s", "k", capped=True, hits=[hit])])
    assert not is_capped([Findings("s", "k", capped=True, hits=[hit], suppressed=[{"source": "s"}])])
    assert not is_capped([Findings("s", "k", capped=True)])
