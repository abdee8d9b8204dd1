"""Describe an entry of a log in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.audit.reading.show import Shown
from gateway.clock import rfc3339_s
from gateway.language.dates import with_zones
from gateway.views.lines import Exact
from gateway.views.words.reason_words import reason

_SAID = (
    *("officer", "case", "ticket", "purpose", "outcome", "refusal", "code", "count", "detail"),
    *("scope", "target", "by", "reason"),
)
_TIMES = {"first_us": "first", "last_us": "last"}


def entry_line(name: str, shown: Shown, why: str = "") -> Exact:
    """Return an entry in one line; `why` is the reason why its private part is closed, or empty."""
    entry = shown.entry
    place = f"{name} {entry.index:>6}  {_time(entry.time_us)}  {entry.kind:<12} {entry.peer or '-':<3}"
    exchange = f", exchange {entry.exchange_id}" if entry.exchange_id else ""
    if shown.erased:
        return Exact(f"{place} ({_gone(shown)}){exchange}")
    if why:
        return Exact(f"{place} {exchange.removeprefix(', ')}".rstrip())
    private = shown.private
    words = [f"{key} {private[key]}" for key in _SAID if private.get(key) and not isinstance(private[key], dict)]
    if not private.get("detail") and (told := reason(str(private.get("code") or private.get("refusal") or ""))):
        words.append(f"that is: {told}")
    words += [f"{word} {_time(private[key])}" for key, word in _TIMES.items() if private.get(key)]
    requester = private.get("requester")
    if isinstance(requester, list) and len(requester) > 3:
        words.insert(0, f"for {requester[1]} {requester[3]}")
    return Exact(f"{place} {(', '.join(words) + exchange).removeprefix(', ')}".rstrip())


_BULKY = frozenset({"reference", "request_hash", "marking"})
"""Parts left out in words; `--json` has them."""


def source_line(shown: Shown) -> Exact:
    """Return an entry of an agency's own log in one line."""
    entry, private = shown.entry, {key: value for key, value in shown.private.items() if key not in _BULKY}
    told = ", ".join(f"{key} {' '.join(_words(value))}" for key, value in private.items())
    place = f"{_time(entry.time_us)} {entry.kind:16} {entry.peer or '-':3} {entry.exchange_id or '-'}"
    return Exact(f"{place}  {told or _gone(shown)}")


def _gone(shown: Shown) -> str:
    return f"{'its key is lost' if shown.is_lost else 'erased'}: {shown.erased}"


def _time(time_us: int) -> str:
    return with_zones(rfc3339_s(time_us))


def _words(value: Any) -> Iterator[str]:
    """Yield the parts of a value, without their names."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _words(part)
    elif value != "":
        yield str(value)
