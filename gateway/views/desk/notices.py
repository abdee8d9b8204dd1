"""Describe notices of opened exchanges, and their receipts, as JSON and in pairs of a name and a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.clock import rfc3339
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.desk.notices import Notice


def notice_value(notice: Notice) -> dict[str, Any]:
    """Return a notice as JSON: hashes in hexadecimal, times as text."""
    return {"type": notice.type.value, "head": _plain(notice.head), "body": _plain(notice.body)}


def receipt_value(receipt: NoticeReceipt) -> dict[str, Any]:
    """Return the receipt of a notice as JSON."""
    found: dict[str, Any] = _plain(receipt)
    return found


def notice_pairs(notice: Notice, language: Language) -> Iterator[tuple[str, str]]:
    """Yield what a notice says, apart from whose it is; records are counted."""
    head = notice.head
    yield "notice", f"{notice.type} {notice.code}".rstrip()
    yield "urgency", head.urgency.value
    yield "thread", head.thread_id
    yield "place", f"{head.seq}, after {head.seen} of the other side"
    for name, value in _plain(notice.body, lambda time_us: moment(rfc3339(time_us), language)).items():
        if name in ("record", "records") and notice.records:
            yield name, str(len(notice.records))
        elif name not in ("code", "about") and value not in ("", [], None, False):
            yield name.replace("_", " "), _text(value)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items() if part not in ("", None))
    return ", ".join(map(_text, value)) if isinstance(value, list) else str(value)


def _plain(value: Any, time: Callable[[int], str] = rfc3339) -> Any:
    """Return a value of the model as JSON; a time that is not given is left empty."""
    found = msgspec.to_builtins(value, builtin_types=(bytes,))
    return {name.removesuffix("_us"): _part(name, part, time) for name, part in found.items()}


def _part(name: str, value: Any, time: Callable[[int], str]) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if name.endswith("_us"):
        return time(value) if value else ""
    if isinstance(value, dict):
        return {inner.removesuffix("_us"): _part(inner, part, time) for inner, part in value.items()}
    return [_part("", part, time) for part in value] if isinstance(value, list | tuple) else value
