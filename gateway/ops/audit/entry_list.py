"""List entries of a home, newest first; only an auditor's mandate opens their parts about persons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from certs.keyfiles import KeyPlace
from gateway.audit.log.succession import by_number
from gateway.audit.reading.mandate import NO_AUDITOR, Mandate
from gateway.audit.reading.show import Filter, Shown
from gateway.audit.reading.show import show as show_entries
from gateway.errors import Malformed, Misused
from gateway.model.exchange import Outcome
from gateway.model.names import exchange_id as check_exchange_id
from gateway.ops.acts.carry import look_up
from gateway.ops.audit.auditors import public_filters, search_mandate
from gateway.ops.audit.nearest import unlisted
from gateway.ops.audit.unknown_words import refuse_unknown_peers
from gateway.ops.homes.open_home import Evidence, open_home
from gateway.ports.entries.events import EVENTS


@dataclass(frozen=True, slots=True)
class Listed:
    """Entries, each with its log and the reason why its private part is closed, and whether there are more."""

    entries: list[tuple[str, Shown, str]]
    more: bool
    has_mandate: bool


def list_entries(
    home: Path, log: str, wanted: Filter, limit: int, key: KeyPlace | None = None, reason: str = ""
) -> Listed:
    """List the matching entries of `log`, newest first, with an auditor's key and reason or without.

    A search under a mandate, and one in private parts, has its entry before anything is found. Raises `Misused` for a
    filter that no entry can match, and for a key without a reason.
    """
    _check(log, wanted)
    if bool(key) != bool(reason.strip()) and (key or not wanted.private):
        raise Misused("--key and --reason belong together: say who looks, and why")
    with open_home(home) as evidence:
        _refuse_unknown_peer(evidence, wanted.peer)
    mandate = search_mandate(home, key, reason, log, wanted) if key else None
    if mandate is None and wanted.private:
        look_up(home, reason.strip(), {"log": log} | wanted.private | public_filters(wanted))
    with open_home(home) as evidence:
        items = find_entries(evidence, log, wanted, limit + 1, mandate)
        found = [(name, item, closed(item, mandate)) for name, item in items]
    return Listed(found[:limit], len(found) > limit, mandate is not None)


def _check(log: str, wanted: Filter) -> None:
    """Raise `Misused` for a filter that no entry of `log` can match, and name the known values."""
    kinds = [event.kind for event in EVENTS.values() if event.log == log]
    outcomes = [str(item) for item in Outcome]
    for option, value, known in (("--kind", wanted.kind, kinds), ("--outcome", wanted.outcome, outcomes)):
        if value and value not in known:
            raise unlisted(option, value, f"not one of the {log} log", known)
    try:
        if wanted.exchange_id:
            check_exchange_id(wanted.exchange_id)
    except Malformed as error:
        raise Misused(f"--exchange `{wanted.exchange_id}`: {error.message}") from error


def _refuse_unknown_peer(evidence: Evidence, peer: str) -> None:
    """Raise `Misused` for a counterpart that is not a member and that no entry has."""

    def seen(name: str) -> bool:
        return any(evidence.store.find(log, peer=name, limit=1) for log in evidence.store.logs())

    refuse_unknown_peers([peer] if peer else [], evidence.home.path, seen, is_export=False)


def find_entries(
    evidence: Evidence, log: str, wanted: Filter, limit: int, mandate: Mandate | None
) -> Iterator[tuple[str, Shown]]:
    """Yield entries of all numbers of `log`, the newest log and entry first, with the log's name.

    A search in private parts under a mandate finds only entries that the mandate opens.
    """

    def may(shown: Shown) -> bool:
        return not (mandate and wanted.private and closed(shown, mandate))

    names = [name for name in by_number(evidence.store.logs()) if name.partition("/")[0] == log]
    for name in reversed(names):
        for item in show_entries(evidence.store, evidence.keys, name, wanted, limit, may):
            yield name, item
            limit -= 1
        if limit <= 0:
            return


def closed(shown: Shown, mandate: Mandate | None) -> str:
    """Return why the private part of an entry is closed, or empty. Without a mandate no persons are shown."""
    if not EVENTS[shown.entry.kind].personal or shown.erased:
        return ""
    return NO_AUDITOR if mandate is None else mandate.withholds_private(shown.entry, shown.private)
