"""The attributes that policy decided on, and nothing else of an entry: to explain a decision, or decide it again by a
draft.

Private parts are opened here and left here: only the attributes that a decision depends on (`policy.attributes`) come
out, with no officer, no person, no case and no reference. So they need no auditor's mandate; reading them has an entry
of its own first (`gateway.ops.acts.inspections`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.audit.reading.show import Filter, Shown, show, walk
from gateway.ports.content_keys import ContentKeys
from gateway.ports.entries.events import ANSWERS
from gateway.ports.log_store import LogStore

_EXCHANGE = "exchange/"


@dataclass(frozen=True, slots=True)
class Decided:
    """The attributes of a question, and those of each record that was decided on, with the time of the decisions.

    An entry of version 0.1.0 does not tell that time, and its own counts: it is later by the search.

    `policy_hash` names the policy that decided, in hexadecimal; `rules` are the policies in it that made the decision
    on the question.
    """

    time_us: int
    question: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...]
    policy_hash: str
    rules: tuple[str, ...]


def decided_since(store: LogStore, keys: ContentKeys, since_us: int) -> Iterator[Decided]:
    """Return the decisions since a time, log by log and the oldest first. Raises `Contradicted`, `Malformed`."""
    return _kept(store, lambda log: walk(store, keys, log, ANSWERS, since_us))


def decided_in(store: LogStore, keys: ContentKeys, exchange_id: str) -> Iterator[Decided]:
    """Return the decisions in an exchange that we answered. Raises `Contradicted`, `Malformed`."""
    wanted = [Filter(exchange_id=exchange_id, kind=kind) for kind in sorted(ANSWERS)]
    return _kept(store, lambda log: (one for each in wanted for one in show(store, keys, log, each)))


def _kept(store: LogStore, entries: Callable[[str], Iterator[Shown]]) -> Iterator[Decided]:
    for log in sorted(name for name in store.logs() if name.startswith(_EXCHANGE)):
        for shown in entries(log):
            decision = shown.private.get("decision")
            if decision:  # a refusal before policy, or erased content, has none
                sources = shown.private.get("sources", [])
                records = tuple(attributes for source in sources for attributes in source["attributes"])
                made = (str(decision["hash"]), tuple(decision["policies"]))
                at_us = int(decision.get("at_us", shown.entry.time_us))
                yield Decided(at_us, decision["attributes"], records, *made)
