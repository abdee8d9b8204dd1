"""The table of methods: it is that of the proto files, its rows say what they leave in a log, and all are served."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from liaison.exchange.v1 import exchange_pb2
from liaison.gossip.v1 import gossip_pb2
from liaison.source.v1 import source_pb2
from liaison.witness.v1 import witness_pb2

from gateway.errors import Malformed, Reason, TooLarge
from gateway.model.desk.attachments import FetchWanted
from gateway.model.desk.delivered import FetchMessage, NoticeMessage, NoticesPart, NoticesWanted
from gateway.model.exchange import AnswerMessage, LogProof
from gateway.model.names import ExchangeId
from gateway.ports.journal import LogName
from gateway.rpc import methods
from gateway.rpc.contract import (
    Call,
    CallerCheck,
    Door,
    Limit,
    Method,
    Quota,
    Shape,
    Signer,
    WhenSuspended,
    by_path,
    largest_request,
)
from gateway.rpc.status import STATUS
from tests.support.tables import table

EXCHANGE = exchange_pb2.DESCRIPTOR.services_by_name["ExchangeService"]
GOSSIP = gossip_pb2.DESCRIPTOR.services_by_name["GossipService"]
WITNESS = witness_pb2.DESCRIPTOR.services_by_name["WitnessService"]
REMEMBERING = witness_pb2.DESCRIPTOR.services_by_name["RememberingService"]
SOURCE = source_pb2.DESCRIPTOR.services_by_name["SourceService"]
TAKEN = AnswerMessage(b"a receipt", b"an entry", LogProof(7, (b"h" * 32,), b"a head"))
HEALTH = {"/grpc.health.v1.Health/Check"}
TABLES = {
    "node": (
        methods.NODE_METHODS,
        (EXCHANGE, WITNESS, GOSSIP),
        {"/grpc.health.v1.Health/Check"},
        CallerCheck.ACTIVE_MEMBER,
    ),
    "waiting": (methods.WAITING_METHODS, (REMEMBERING,), set(), CallerCheck.ACTIVE_MEMBER),
    "witness": (methods.DOMESTIC_METHODS, (WITNESS,), set(), CallerCheck.OWN_NODE),
    "source": (methods.SOURCE_METHODS, (SOURCE,), set(), CallerCheck.ACCEPTED_NODE),
}
ROWS = [pytest.param(name, row, id=f"{name} {row.name}") for name, (rows, *_) in TABLES.items() for row in rows]


@pytest.mark.parametrize("server", TABLES)
def test_the_table_is_that_of_the_proto_files(server: str) -> None:
    rows, services, more, _ = TABLES[server]
    declared = {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}
    assert [row.path for row in rows] == list(dict.fromkeys(row.path for row in rows))
    assert {row.path for row in rows} == declared | more


@table(("server", "row"), ROWS)
def test_a_row_has_the_shape_of_its_rpc(server: str, row: Method[Any, Any]) -> None:
    for service in TABLES[server][1]:
        if service.full_name == row.service:
            rpc = service.methods_by_name[row.name]
            streams = rpc.client_streaming and rpc.server_streaming
            assert (row.shape is Shape.STREAM) == streams


@table(("server", "row"), ROWS)
def test_a_row_says_which_entries_a_call_leaves_or_why_none(server: str, row: Method[Any, Any]) -> None:
    logs = {event.log for event in row.events}
    assert bool(logs) != bool(row.no_entry)
    assert logs <= ({LogName.SOURCE} if server == "source" else {LogName.EXCHANGE, LogName.OPERATIONS})


GIVES_NO_CONTENT = {
    "AcknowledgeExchanges": "a number",
    "CompareDay": "numbers and hashes of what both hold",
    "DeliverNotice": "that a notice was taken",
    "AddCheckpoint": "a cosignature",
    "GetLargestHead": "a head that its caller signed",
    "GetRememberedHead": "a head that its caller signed",
    "ListDocuments": "names and hashes of documents of the federation",
    "FetchDocuments": "documents of the federation, which all members hold",
    "Check": "whether the node serves",
    "Describe": "what a source is",
    "Changes": "a hash of its state",
    "Health": "whether it can be asked",
    "Classes": "the markings that it knows",
    "Scope": "what a search of it covers",
}
"""Methods whose answers bring no correspondence, stored answer, record or file; each other one has to say its terms."""


@table(("server", "row"), ROWS)
def test_a_row_gives_content_unless_it_is_known_to_give_none(server: str, row: Method[Any, Any]) -> None:
    assert row.terms.gives_content == (row.name not in GIVES_NO_CONTENT)


@table(("server", "row"), [each for each in ROWS if each.values[1].terms.gives_content])  # type: ignore[union-attr]
def test_content_has_a_signer_an_entry_a_refusal_of_the_suspended_and_a_quota(
    server: str, row: Method[Any, Any]
) -> None:
    assert row.events
    assert not row.no_entry
    assert row.terms.signer is (Signer.NODE if server == "source" else Signer.SENDER)
    assert row.terms.suspended is (WhenSuspended.NOT_ASKED if server == "source" else WhenSuspended.REFUSED)
    assert row.terms.quota is not Quota.CALLS


LACKING: dict[str, dict[str, Any]] = {
    "an entry": {"events": (), "no_entry": "it gives what both have logged"},
    "a signer": {"terms": replace(methods.FETCH_NOTICES.terms, signer=Signer.TLS)},
    "a refusal of suspended members": {"terms": replace(methods.FETCH_NOTICES.terms, suspended=WhenSuspended.ANSWERED)},
    "a quota": {"terms": replace(methods.FETCH_NOTICES.terms, quota=Quota.CALLS)},
}


@table("lacking", LACKING)
def test_n240_a_row_that_gives_content_without_one_of_its_terms_cannot_be_made(lacking: str) -> None:
    for row in (methods.FETCH_NOTICES, methods.SUBMIT):
        with pytest.raises(ValueError, match=f"gives content without {lacking}"):
            replace(row, **LACKING[lacking])


@table(("server", "row"), ROWS)
def test_a_row_is_for_the_callers_of_its_server_and_counts_them(server: str, row: Method[Any, Any]) -> None:
    known = row in (methods.LIST_DOCUMENTS, methods.FETCH_DOCUMENTS)  # a removed member may learn why it was removed
    assert row.caller is (CallerCheck.KNOWN_MEMBER if known else TABLES[server][3])
    limit = {Shape.STREAM: Limit.STREAMS, Shape.DOWNLOAD: Limit.DOWNLOADS}.get(row.shape, Limit.CALLS)
    assert row.limit is (limit if server in ("node", "waiting") else Limit.SERVER)


@table(("server", "row"), ROWS)
def test_a_message_over_the_size_of_its_row_is_too_large(server: str, row: Method[Any, Any]) -> None:
    row.check_size(bytes(row.max_request_bytes))
    with pytest.raises(TooLarge):
        row.check_size(bytes(row.max_request_bytes + 1))
    assert row.max_request_bytes <= largest_request(TABLES[server][0])


@table(("server", "row"), [each for each in ROWS if "Check" not in str(each.id)[-7:]])
def test_bytes_that_do_not_parse_are_malformed(server: str, row: Method[Any, Any]) -> None:
    with pytest.raises(Malformed):
        row.request.read(b"\x0a\xff\xff\xff\xff\x0f")


@table(
    ("row", "request_", "answer"),
    [
        (methods.COMPARE_DAY, b"an account", b"a word"),
        (methods.DELIVER_NOTICE, NoticeMessage(b"a notice", "00-aa-bb-01"), TAKEN),
        (methods.ADD_CHECKPOINT, (b"a body", b"a head"), b"lines"),
        (methods.LARGEST_HEAD, "th.liaison.internal/exchange/1", b"a head"),
        (methods.REMEMBERED_HEAD, "th.liaison.internal/exchange/1", b"a head"),
        (
            methods.FETCH_NOTICES,
            FetchMessage(b"a fetch"),
            NoticesPart((b"a notice",), "7/ab", ((b"asked", b"answered"),)),
        ),
        (methods.HEALTH_CHECK, None, True),
        (methods.HEALTH_CHECK, None, False),
    ],
)
def test_what_is_written_is_read(row: Method[Any, Any], request_: Any, answer: Any) -> None:
    assert row.request.read(row.request.write(request_)) == request_
    assert row.answer.read(row.answer.write(answer)) == answer


@table(
    ("row", "unsigned"),
    [
        (methods.FETCH_NOTICES, NoticesWanted(1_700_000_000_000_000, "7/ab")),
        (methods.FETCH_ATTACHMENT, FetchWanted(ExchangeId("ab" * 16), b"r" * 32, 3)),
    ],
)
def test_what_a_member_of_an_earlier_version_fetches_is_written_to_it_and_never_read(
    row: Method[Any, Any], unsigned: Any
) -> None:
    earlier, signed = row.request.write(FetchMessage(unsigned=unsigned)), row.request.write(FetchMessage(b"a fetch"))
    assert row.request.read(earlier) == FetchMessage()
    assert row.request.read(earlier + signed) == FetchMessage(b"a fetch")


async def _serve(_call: Call[str], request: Any) -> Any:
    return request


def _door(row: Method[Any, Any]) -> Door[str]:
    return row.door(_serve)


def test_a_server_has_one_door_for_each_row_and_no_other() -> None:
    rows = methods.NODE_METHODS
    doors = [_door(row) for row in rows]
    assert list(by_path(rows, doors)) == [row.path for row in rows]
    for wrong in (doors[1:], [*doors, doors[0]], [*doors, _door(methods.SEARCH)], [*doors[1:], _door(methods.SEARCH)]):
        with pytest.raises(ValueError, match="differ"):
            by_path(rows, wrong)


def test_a_door_of_another_server_s_row_is_no_door() -> None:
    """The rows of a domestic witness have the paths of a node's, and other callers."""
    doors = [_door(methods.ADD_CHECKPOINT), _door(methods.LARGEST_HEAD)]
    with pytest.raises(ValueError, match="differ"):
        by_path(methods.DOMESTIC_METHODS, doors)


def test_every_reason_has_a_status() -> None:
    assert set(STATUS) == set(Reason)


@pytest.mark.process
def test_the_table_is_read_without_grpc() -> None:
    code = "import sys, gateway.rpc.methods; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["server", "threads", "transport", "status"])
@pytest.mark.process
def test_a_module_that_loads_grpc_sets_the_floor_of_tls_first(module: str) -> None:
    code = f"import os, gateway.rpc.{module}, grpc; assert 'AES256' in os.environ['GRPC_SSL_CIPHER_SUITES']"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
