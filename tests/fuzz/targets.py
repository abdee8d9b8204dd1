"""The parsers that read bytes from outside: whatever comes in, they give a value or one of our errors.

Each target takes bytes and returns; any other exception is a finding. `tests/unit/house/test_fuzz_targets.py` runs all
of them on a few inputs, so that none rots between two campaigns.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date

from adapters.files.elements import parse
from adapters.mapping.file import read_mapping
from gateway.audit.entries.entry import decode_private, parse_entry
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.errors import LiaisonError
from gateway.matching.keys import name_keys, query_keys
from gateway.matching.normal import normal_name
from gateway.model.marking import Marking
from gateway.node import wire
from gateway.records.identifiers.conveyances import read_container, read_imo, read_plate
from gateway.records.identifiers.mrz import read_mrz
from gateway.records.identifiers.national_ids import read_national_id
from gateway.rpc import methods
from gateway.signing import strict_json
from gateway.signing.keys import VerifyKey
from gateway.statements.answer import ANSWER_KIND
from gateway.statements.fetch import FETCH_KIND
from gateway.statements.notices.notice import NOTICE_KINDS
from gateway.statements.notices.receipt import NOTICE_RECEIPT_KIND
from gateway.statements.request import REQUEST_KIND
from gateway.trust.documents.charter import parse_charter
from gateway.trust.documents.descriptor import parse_descriptor
from gateway.trust.documents.policy_approval import parse_policy

Target = Callable[[bytes], object]

_TODAY = date(2026, 11, 24)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _marking(data: bytes) -> object:
    value = json.loads(data)
    return Marking.from_json(value) if isinstance(value, dict) else None


def _names(data: bytes) -> object:
    text = _text(data)
    return name_keys(text), query_keys(text), normal_name(text)


TARGETS: dict[str, Target] = {
    "answer": ANSWER_KIND.parse,
    "charter": parse_charter,
    "checkpoint": parse_checkpoint,
    "container": lambda data: read_container(_text(data)),
    "descriptor": parse_descriptor,
    "entry": parse_entry,
    "fetch": FETCH_KIND.parse,
    "frames": wire.parse_frames,
    "imo": lambda data: read_imo(_text(data)),
    "json": lambda data: strict_json.loads(data, 1 << 16),
    "key": VerifyKey.admit,
    "mapping": lambda data: read_mapping("fuzz.toml", data),
    "marking": _marking,
    "mrz": lambda data: read_mrz(_text(data), _TODAY),
    "names": _names,
    "national-id": lambda data: read_national_id(_text(data), "THA-PIN", _TODAY),
    **{f"notice-{each}": kind.parse for each, kind in NOTICE_KINDS.items()},
    "notice-receipt": NOTICE_RECEIPT_KIND.parse,
    "plate": lambda data: read_plate(_text(data), "TH"),
    "policy": parse_policy,
    "private": decode_private,
    "request": REQUEST_KIND.parse,
    "submission": methods.SUBMIT.request.read,
    "xml": lambda data: parse(io.BytesIO(data), frozenset()),
}
"""All targets, by the name that `make fuzz` takes."""


def run(name: str, data: bytes) -> None:
    """One input; whatever is neither a value nor one of our errors is raised."""
    try:
        TARGETS[name](data)
    except LiaisonError:
        return
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        # Only where the target itself decodes its input.
        if name != "marking":
            raise
