"""Time of each parser of foreign bytes grows linearly up to its limit, whatever the shape of the bytes.

A quadratic parser lets one document stop a loop, or keep an auditor for minutes. The cost is CPU
time of this thread, measured in turns until it fits, so that these tests may run beside others.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from adapters.files.delimited import DelimitedReader
from adapters.files.jsonlines import MAX_LINE, JsonLinesReader
from adapters.files.settings import Complete, Duplicates, Format, Table
from adapters.files.sheet import read_sheet
from adapters.http import pages
from adapters.values.cells import MAX_CELL, cleaner
from adapters.values.converters import CONVERTERS
from bridges.taxii.readers import _credentials
from bridges.taxii.server import _takes
from bridges.taxii.shelf import place_of
from bridges.wording import cell, flat
from certs.profile import MAX_CERTIFICATE, read_leaf
from gateway.agency.bodies.onward import ONWARD
from gateway.agency.bodies.requests import SEARCH
from gateway.agency.officer_tokens.tokens import OfficerTokens
from gateway.audit.export import layout
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.cosignature import read_lines
from gateway.clock import ManualClock
from gateway.config.suspensions import read_switches
from gateway.config.toml import parse_toml
from gateway.desk.misuse.statement import read_token
from gateway.errors import BadSignature, LiaisonError
from gateway.language.languages import accepted
from gateway.matching.identifiers import held_number
from gateway.model.desk.notices import NoticeType
from gateway.model.names import MemberId
from gateway.ports.gossip import MAX_HEAD
from gateway.records.verify import MAX_COMPACT, verify_record
from gateway.rpc import methods
from gateway.signing import strict_json
from gateway.signing.dsse import MAX_DOCUMENT, parse_document
from gateway.signing.jws import MAX_TOKEN
from gateway.signing.keys import VerifyKey
from gateway.telemetry import parse_traceparent
from gateway.trust.ceremony.ceremony import kind_of
from gateway.trust.documents.appointment import parse_appointment
from gateway.trust.documents.status import parse_status
from gateway.witness.service import MAX_BODY, parse_request
from policy.bundle.rules import rules
from tests.fuzz.shapes import SHAPES
from tests.fuzz.targets import TARGETS
from tests.support.growth import cost, cost_in_turns

KIB = 1024

FREE_S = 0.004
"""Seconds of CPU below which nothing is compared: noise is as large."""

PER_KIB_S = 0.004
"""Seconds of CPU for each KiB at most. The dearest parser takes a quarter of it."""

GROWTH = 3.0
"""Times the cost of half the size, at most; a quadratic parser costs four times as much."""


@dataclass(frozen=True, slots=True)
class Row:
    """A parser, and the number of bytes up to which it is fed: its own limit, or a large document."""

    parse: Callable[[bytes], object]
    limit: int = 64 * KIB


def text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    """Return a parser of text as one of bytes."""
    return lambda data: parse(data.decode("utf-8", "replace"))


def whole(read: Callable[[io.BytesIO], Iterable[object]]) -> Callable[[bytes], object]:
    """Return the reader of a file as a parser of its bytes."""
    return lambda data: sum(1 for _ in read(io.BytesIO(data)))


def whole_document(value: Any) -> Any:
    """Return a document itself: the way to the rows of a table that has none."""
    return value


def _csv(file: io.BytesIO) -> Iterable[object]:
    settle, doubles = next(iter(Complete)), next(iter(Duplicates))
    table = Table("t", "*", Format.CSV, "utf-8", ",", '"', "", whole_document, frozenset(), settle, 0, "", doubles)
    reader = DelimitedReader(table)
    return reader.scan(file, reader.columns(file))


def _json_lines(file: io.BytesIO) -> Iterable[object]:
    return JsonLinesReader(None).scan(file, ())  # type: ignore[arg-type]  # it uses nothing of the table


class _NoTokenKeys:
    def verify_key(self, member: str, key_id: str, use: str, at_us: int) -> VerifyKey:
        raise BadSignature("not listed", code="not-listed")


class _NoKeys:
    """Lists no key of an agency."""

    def record_key(self, *_: object) -> Any:
        """Find none."""
        raise LookupError


def _verify(data: str) -> object:
    return verify_record(data, _NoKeys(), member=MemberId("vn"), audience=MemberId("th"), request_hash=b"", now_us=0)


_TOKENS = OfficerTokens("th", {}, ManualClock(datetime(2026, 11, 24, tzinfo=UTC)))
_clean = cleaner("utf-8", frozenset(), repair=True)

FUZZED: dict[str, int] = {
    "answer": 256 * KIB,
    "charter": 256 * KIB,
    "checkpoint": 256 * KIB,
    "container": 64 * KIB,
    "descriptor": 256 * KIB,
    "entry": 256 * KIB,
    "fetch": 4 * KIB,
    "frames": 16 * KIB,
    "imo": 64 * KIB,
    "json": 64 * KIB,
    "key": 64 * KIB,
    "mapping": 16 * KIB,
    "marking": 64 * KIB,
    "mrz": 64 * KIB,
    "names": 64 * KIB,
    "national-id": 64 * KIB,
    **{f"notice-{each}": 240 * KIB for each in NoticeType},
    "notice-receipt": 4 * KIB,
    "plate": 64 * KIB,
    "policy": 256 * KIB,
    "private": 64 * KIB,
    "request": 64 * KIB,
    "submission": 64 * KIB,
    "xml": 256 * KIB,
}
"""Bytes for each target of `make fuzz`; a house test holds the two lists together."""

ROWS: dict[str, Row] = {
    **{name: Row(TARGETS[name], limit) for name, limit in FUZZED.items()},
    "token of a person": Row(text(lambda data: read_token(data, _NoTokenKeys(), 1)), 64 * KIB),
    "JSON of a manifest": Row(lambda data: strict_json.loads(data, 1024 * KIB), 1024 * KIB),
    "signed document": Row(lambda data: parse_document(data, "x"), min(MAX_DOCUMENT, 256 * KIB)),
    "status": Row(parse_status),
    "document that another member hands on": Row(kind_of, min(MAX_DOCUMENT, 256 * KIB)),
    "head that another member tells": Row(parse_checkpoint, MAX_HEAD),
    "appointment": Row(parse_appointment),
    "cosignatures": Row(read_lines),
    "head to cosign": Row(parse_request, MAX_BODY),
    "opening of an export": Row(layout.read_opening, 256 * KIB),
    "statement of an export": Row(layout.read_statement, 256 * KIB),
    "head of an export": Row(lambda data: layout.read_head(data, 256 * KIB), 256 * KIB),
    "record": Row(text(_verify), MAX_COMPACT),
    "token": Row(text(lambda data: _TOKENS.verify(data, "", "")), MAX_TOKEN),
    "body of a search": Row(lambda data: SEARCH.read(strict_json.loads(data, 64 * KIB), "bad-search")),
    "body of an onward use": Row(
        lambda data: ONWARD.read(strict_json.loads(data, 64 * KIB), "bad-onward", search_id="s")
    ),
    "accepted languages": Row(text(accepted), 32 * KIB),
    "trace": Row(text(parse_traceparent), 32 * KIB),
    "certificate": Row(read_leaf, MAX_CERTIFICATE),
    "settings": Row(partial(parse_toml, "node.toml"), 32 * KIB),
    "switches": Row(text(read_switches), 16 * KIB),
    "rules of a policy": Row(text(lambda data: list(rules("p.cedar", data)))),
    "rows of CSV": Row(whole(_csv)),
    "lines of JSON": Row(whole(_json_lines), min(MAX_LINE, 64 * KIB)),
    "sheet of a workbook": Row(lambda data: read_sheet(data, {}), 256 * KIB),
    "link of a page": Row(text(pages._link), 8 * KIB),
    "number of a record": Row(text(lambda data: held_number(data, "national_ids", {}))),
    "plate of a record": Row(text(lambda data: held_number(data, "plates", {}))),
    "cell": Row(_clean, MAX_CELL),
    "cell of a driver": Row(text(_clean), MAX_CELL),
    **{f"value of `{name}`": Row(text(kind.make(kind.example[1])), MAX_CELL) for name, kind in CONVERTERS.items()},
    **{
        f"{method.path} {side}": Row(form.read, min(method.max_request_bytes, 64 * KIB))
        for method in (*methods.NODE_METHODS, *methods.SOURCE_METHODS)
        for side, form in (("request", method.request), ("answer", method.answer))
    },
    "text that leaves by a bridge": Row(text(flat)),
    "cell that leaves by a bridge": Row(text(cell)),
    "place of a TAXII list": Row(text(place_of), 32 * KIB),
    "media types that a TAXII reader takes": Row(text(_takes), 32 * KIB),
    "credentials of a TAXII reader": Row(text(_credentials), 32 * KIB),
}
"""Each parser of bytes from outside."""


def tried(parse: Callable[[bytes], object], data: bytes) -> Callable[[], None]:
    """Return the parsing of the data as work, whether they are refused or not."""

    def parsing() -> None:
        with suppress(LiaisonError, ValueError, RecursionError, TypeError, AttributeError):
            parse(data)  # what it refuses, and how, is the matter of other tests

    return parsing


def grown(parse: Callable[[bytes], object], data: bytes, part: bytes) -> tuple[float, float]:
    """Return the seconds of CPU that `parse` takes for the data and for half of it."""
    most = FREE_S + PER_KIB_S * len(data) / KIB
    return cost_in_turns(
        tried(parse, data), tried(parse, part), lambda spent, half: spent <= min(FREE_S + GROWTH * half, most)
    )


@pytest.mark.parametrize("name", ROWS)
def test_a_parser_takes_linear_time_up_to_its_limit(name: str) -> None:
    row = ROWS[name]
    for told, shape in SHAPES.items():
        data = shape(row.limit)
        if cost(tried(row.parse, data)) <= FREE_S:
            continue
        spent, half = grown(row.parse, data, shape(row.limit // 2))
        assert spent <= FREE_S + GROWTH * half, f"{told}: {spent:.4f} s, and {half:.4f} s for half of it"
        assert spent <= FREE_S + PER_KIB_S * len(data) / KIB, f"{told}: {spent:.4f} s for {len(data)} bytes"


def test_the_measure_finds_a_quadratic_parser() -> None:
    def quadratic(data: bytes) -> int:
        return sum(data.count(bytes([n % 256])) for n in range(len(data) // 4))

    spent, half = grown(quadratic, bytes(32 * KIB), bytes(16 * KIB))
    assert spent > FREE_S + GROWTH * half
