"""The table: every RPC that a node, a domestic witness and a source process serve, and its demands on callers.

A method that is not listed is not served, a row without a door keeps its server from starting, and tests compare the
rows with the proto files and with the catalogue of entries.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from liaison.exchange.v1 import account_pb2
from liaison.exchange.v1 import exchange_pb2 as pb
from liaison.source.v1 import source_pb2
from liaison.witness.v1 import witness_pb2

from gateway.ports.entries import events
from gateway.rpc.contract import CallerCheck, Limit, Method, Quota, Shape, Signer, Terms, WhenSuspended
from gateway.rpc.document_forms import DOCUMENTS_PART, HELD_DOCUMENTS, NOTHING, WANTED_DOCUMENTS
from gateway.rpc.file_forms import FILE_CHUNK, WANTED_FILE
from gateway.rpc.forms import (
    ANSWER_MESSAGE,
    ANYTHING,
    HEAD_REQUEST,
    HEALTH,
    NOTICE_MESSAGE,
    RECEIPT_MESSAGE,
    TAKEN_MESSAGE,
    WRITTEN,
    envelope_form,
    field_form,
    message_form,
    strict_form,
)
from gateway.rpc.notice_forms import NOTICES_PART, WANTED_NOTICES

KIB = 1024
EXCHANGE = "liaison.exchange.v1.ExchangeService"
GOSSIP = "liaison.gossip.v1.GossipService"
WITNESS = "liaison.witness.v1.WitnessService"
REMEMBERING = "liaison.witness.v1.RememberingService"
SOURCE = "liaison.source.v1.SourceService"
_HEALTH = "grpc.health.v1.Health"

_MEMBER, _KNOWN = CallerCheck.ACTIVE_MEMBER, CallerCheck.KNOWN_MEMBER
_OWN, _ACCEPTED = CallerCheck.OWN_NODE, CallerCheck.ACCEPTED_NODE
_CALLS, _STREAMS, _SERVER = Limit.CALLS, Limit.STREAMS, Limit.SERVER
_UNARY, _STREAM, _DOWNLOAD = Shape.UNARY, Shape.STREAM, Shape.DOWNLOAD
_SENDER, _REFUSED, _TOLD = Signer.SENDER, WhenSuspended.REFUSED, WhenSuspended.ANSWERED
_OPEN = Terms(Signer.TLS, _TOLD, Quota.CALLS)
_ANSWERS = Terms(_SENDER, _REFUSED, Quota.QUESTIONS, gives_content=True)
_RECORDS = Terms(Signer.NODE, WhenSuspended.NOT_ASKED, Quota.REFERENCES, gives_content=True)
_ANSWERED = (events.ANSWERED, events.REFUSED, events.DUPLICATE, events.KEPT_BACK)

# ---------------------------------------------------------------- between nodes

SUBMIT = Method(
    EXCHANGE, "SubmitExchange", _UNARY, 64 * KIB, _MEMBER, _CALLS,
    message_form(pb.SubmitExchangeRequest), ANSWER_MESSAGE,
    _ANSWERS, _ANSWERED, max_answer_bytes=128 * KIB, paced=False,
)  # fmt: skip
STREAM: Method[Any, None] = Method(
    EXCHANGE, "StreamExchanges", _STREAM, 128 * KIB, _MEMBER, _STREAMS,
    message_form(pb.StreamExchangesRequest), ANYTHING,
    _ANSWERS, _ANSWERED, max_answer_bytes=320 * KIB,
)  # fmt: skip
ACKNOWLEDGE = Method(
    EXCHANGE, "AcknowledgeExchanges", _UNARY, 64 * KIB, _MEMBER, _CALLS,
    RECEIPT_MESSAGE, field_form(pb.AcknowledgeExchangesResponse, "through", int), Terms(_SENDER, _TOLD, Quota.RECEIPTS),
    (events.RECEIPT, events.RECEIPT_REFUSED), max_answer_bytes=KIB,
)  # fmt: skip
COMPARE_DAY = Method(
    EXCHANGE, "CompareDay", _UNARY, 32 * KIB, _MEMBER, _CALLS,
    envelope_form(account_pb2.CompareDayRequest), envelope_form(account_pb2.CompareDayResponse),
    Terms(_SENDER, _TOLD, Quota.ACCOUNTS), (events.DAY_COMPARED, events.DAY_DIFFERS), timeout_s=10.0,
)  # fmt: skip
DELIVER_NOTICE = Method(
    EXCHANGE, "DeliverNotice", _UNARY, 256 * KIB, _MEMBER, _CALLS, NOTICE_MESSAGE, TAKEN_MESSAGE,
    Terms(_SENDER, WhenSuspended.CHANGES, Quota.NOTICES), _ANSWERED, timeout_s=10.0, paced=False,
)  # fmt: skip
FETCH_NOTICES = Method(
    EXCHANGE, "FetchNotices", _UNARY, 2 * KIB, _MEMBER, _CALLS, WANTED_NOTICES, NOTICES_PART,
    Terms(_SENDER, _REFUSED, Quota.RECOVERIES, gives_content=True),
    (events.NOTICES_GIVEN, events.DESK_CLOCK, events.KEPT_BACK), timeout_s=10.0, max_answer_bytes=320 * KIB,
)  # fmt: skip
FETCH_ATTACHMENT = Method(
    EXCHANGE, "FetchAttachment", _DOWNLOAD, 2 * KIB, _MEMBER, Limit.DOWNLOADS, WANTED_FILE, FILE_CHUNK,
    Terms(_SENDER, _REFUSED, Quota.FILES, gives_content=True),
    (events.ATTACHMENT_GIVEN, events.KEPT_BACK), timeout_s=10.0, max_answer_bytes=1024 * KIB + KIB,
)  # fmt: skip
ADD_CHECKPOINT = Method(
    WITNESS, "AddCheckpoint", _UNARY, 72 * KIB, _MEMBER, _CALLS,
    HEAD_REQUEST, field_form(witness_pb2.AddCheckpointResponse, "signatures", bytes),
    _OPEN, (events.FORK_FOUND,),
)  # fmt: skip
LARGEST_HEAD = Method(
    WITNESS, "GetLargestHead", _UNARY, KIB, _MEMBER, _CALLS,
    field_form(witness_pb2.GetLargestHeadRequest, "origin", str),
    field_form(witness_pb2.GetLargestHeadResponse, "checkpoint", bytes), _OPEN,
    no_entry="a member is shown a head that it signed itself",
)  # fmt: skip
REMEMBERED_HEAD = Method(
    REMEMBERING, "GetRememberedHead", _UNARY, KIB, _MEMBER, _CALLS,
    field_form(witness_pb2.GetRememberedHeadRequest, "origin", str),
    field_form(witness_pb2.GetRememberedHeadResponse, "checkpoint", bytes), _OPEN,
    no_entry="a node that waits for its witnesses writes nothing, and shows a member a head that it signed itself",
)  # fmt: skip
LIST_DOCUMENTS = Method(
    GOSSIP, "ListDocuments", _UNARY, 64, _KNOWN, _CALLS, NOTHING, HELD_DOCUMENTS,
    _OPEN, no_entry="it says which signed documents are held, and changes nothing", max_answer_bytes=320 * KIB,
)  # fmt: skip
FETCH_DOCUMENTS = Method(
    GOSSIP, "FetchDocuments", _UNARY, KIB, _KNOWN, _CALLS, WANTED_DOCUMENTS, DOCUMENTS_PART,
    _OPEN, no_entry="it gives documents that all members hold; the taker writes what it takes",
)  # fmt: skip
HEALTH_CHECK = Method(
    _HEALTH, "Check", _UNARY, KIB, _MEMBER, _CALLS, ANYTHING, HEALTH,
    _OPEN, no_entry="it says whether the node serves, and changes nothing", timeout_s=3.0, max_answer_bytes=KIB,
)  # fmt: skip

# ---------------------------------------------------------------- a domestic witness

_NO_LOG = "a domestic witness has no log: its memory keeps what it cosigned and found"
DOMESTIC_ADD_CHECKPOINT = replace(ADD_CHECKPOINT, caller=_OWN, limit=_SERVER, events=(), no_entry=_NO_LOG)
DOMESTIC_LARGEST_HEAD = replace(LARGEST_HEAD, caller=_OWN, limit=_SERVER, no_entry=_NO_LOG)

# ---------------------------------------------------------------- a source process

DESCRIBE = Method(
    SOURCE, "Describe", _UNARY, 64, _ACCEPTED, _SERVER, strict_form(source_pb2.DescribeRequest), WRITTEN,
    _OPEN, no_entry="it says what the source is, and asks no system",
)  # fmt: skip
SEARCH = Method(
    SOURCE, "Search", _UNARY, 32 * KIB, _ACCEPTED, _SERVER, strict_form(source_pb2.SearchRequest), WRITTEN,
    _RECORDS, (events.SOURCE_SEARCHED,), max_answer_bytes=256 * KIB,
)  # fmt: skip
ISSUE = Method(
    SOURCE, "Issue", _UNARY, 8 * KIB, _ACCEPTED, _SERVER, strict_form(source_pb2.IssueRequest), WRITTEN,
    _RECORDS, (events.SOURCE_ISSUED,), max_answer_bytes=256 * KIB,
)  # fmt: skip
CHANGES = Method(
    SOURCE, "Changes", _UNARY, 4 * KIB, _ACCEPTED, _SERVER, strict_form(source_pb2.ChangesRequest), WRITTEN,
    _OPEN, no_entry="it gives a hash of the system's state, and no record",
)  # fmt: skip
SOURCE_HEALTH = Method(
    SOURCE, "Health", _UNARY, 64, _ACCEPTED, _SERVER, strict_form(source_pb2.HealthRequest), WRITTEN,
    _OPEN, no_entry="it says whether the system can be asked, and no record",
)  # fmt: skip
CLASSES = Method(
    SOURCE, "Classes", _UNARY, 64, _ACCEPTED, _SERVER, strict_form(source_pb2.ClassesRequest), WRITTEN,
    _OPEN, no_entry="it tells the markings that there are, and no record", max_answer_bytes=256 * KIB,
)  # fmt: skip
SCOPE = Method(
    SOURCE, "Scope", _UNARY, 64, _ACCEPTED, _SERVER, strict_form(source_pb2.ScopeRequest), WRITTEN,
    _OPEN, no_entry="it says as of when and by which questions the system is searched, and no record",
)  # fmt: skip

# ---------------------------------------------------------------- by server

NODE_METHODS: tuple[Method[Any, Any], ...] = (
    SUBMIT, STREAM, ACKNOWLEDGE, COMPARE_DAY, DELIVER_NOTICE, FETCH_NOTICES, FETCH_ATTACHMENT, ADD_CHECKPOINT,
    LARGEST_HEAD, LIST_DOCUMENTS, FETCH_DOCUMENTS, HEALTH_CHECK,
)  # fmt: skip
WAITING_METHODS: tuple[Method[Any, Any], ...] = (REMEMBERED_HEAD,)
"""The methods of a node whose log was restored, while it waits for a witness."""
DOMESTIC_METHODS: tuple[Method[Any, Any], ...] = (DOMESTIC_ADD_CHECKPOINT, DOMESTIC_LARGEST_HEAD)
SOURCE_METHODS: tuple[Method[Any, Any], ...] = (DESCRIBE, SEARCH, ISSUE, CHANGES, SOURCE_HEALTH, CLASSES, SCOPE)
