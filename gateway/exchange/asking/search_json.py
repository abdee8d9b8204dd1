"""A search as JSON and back, for the 48 hours that it is kept."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from gateway.errors import Reason
from gateway.model.exchange import Outcome, Refusal
from gateway.model.hit import Quality
from gateway.model.names import MemberId
from gateway.model.search import Line, Search, ShownHit, ShownRecord


def encode_search(search: Search) -> bytes:
    """Return the JSON of a search."""
    return json.dumps(msgspec.to_builtins(search), ensure_ascii=False, separators=(",", ":")).encode()


def decode_search(data: bytes) -> Search:
    """Return the search that `encode_search` wrote."""
    value = json.loads(data)
    lines = tuple(_line(line) for line in value.pop("lines"))
    waiting = tuple(MemberId(member) for member in value.pop("waiting_for"))
    return Search(**value, lines=lines, waiting_for=waiting)


def _line(value: dict[str, Any]) -> Line:
    refusal = value.pop("refusal")
    return Line(
        member=MemberId(value.pop("member")),
        outcome=Outcome(value.pop("outcome")),
        hits=tuple(_hit(hit) for hit in value.pop("hits")),
        refusal=Refusal(Reason(refusal["reason"]), refusal["code"], refusal["text"]) if refusal else None,
        missing=tuple(value.pop("missing")),
        **value,
    )


def _hit(value: dict[str, Any]) -> ShownHit:
    record = value.pop("record")
    return ShownHit(
        reference=value["reference"],
        quality=Quality(value["quality"]),
        record_type=value["record_type"],
        rules=tuple(value["rules"]),
        action=value["action"],
        record=ShownRecord(**record) if record else None,
    )
