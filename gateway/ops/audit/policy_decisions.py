"""Explain and rehearse decisions of a home; the entry that says who wants to know comes before anything is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.audit.acts.table import ActKind
from gateway.audit.reading.decision_inputs import Decided, decided_in, decided_since
from gateway.audit.reading.show import open_entry
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.errors import Contradicted, NotProved, Unknown
from gateway.language.languages import Language
from gateway.model.names import exchange_id as checked_id
from gateway.ops.acts.carry import announce_use
from gateway.ops.acts.mailbox import account_name
from gateway.ops.homes.open_home import OPERATIONS, Evidence, Written, open_home
from gateway.ops.policy.fetch import kept_engine
from gateway.ops.policy.folders import require_own
from gateway.ops.policy.keeper import PolicyKeeper
from policy.engine.engine import PolicyEngine
from policy.review.kept_attributes import question_from, record_from
from policy.review.reasons import Explanation, explain_decision
from policy.review.rehearse import Recorded, Rehearsal, rehearse

TRIED = "a draft of policy is tried before it is approved"
"""The default reason of a rehearsal, which is what the command is for."""


@dataclass(frozen=True, slots=True)
class User:
    """The person who wants to know, and why; both are in the entry, beside the account that the node itself finds."""

    by: str
    reason: str


def user(by: str, reason: str) -> User:
    """Return who wants to know: by default the account under which this runs."""
    return User(by or account_name(os.getuid()), reason)


@dataclass(frozen=True, slots=True)
class Explained:
    """The explained decisions on an exchange: each with its subject, by which policy, and the entry of this use."""

    entry: Written
    policy_hash: str
    decisions: list[tuple[str, Explanation]]


def explain_exchange(home: Path, exchange_id: str, who: User) -> Explained:
    """Explain the decisions on an exchange that this home answered: the question, then each record found.

    The policy that decided is asked, by its hash in the entry, at the time of the decision. The entry that says who
    wants to know comes first. Raises `Unknown` when there is no such decision or its policy was not kept,
    `Contradicted` when the decision comes out by other rules than those in the entry, and the
    error that hinders the entry.
    """
    detail = {"exchange": checked_id(exchange_id)}
    at = announce_use(home, ActKind.EXPLAIN, who.by, who.reason, detail)
    with open_home(home) as evidence:
        _require_entry(evidence, at.index, ActKind.EXPLAIN, detail, at.log)
        if (found := explain_opened(evidence, exchange_id)) is not None:
            return Explained(at, *found)
    raise Unknown(
        "no decision on `{exchange_id}` is in this log",
        code="unknown-exchange",
        remedy="each counterpart decides on an exchange of its own, and the one that answered can explain it: liaison "
        "audit show --home … lists what was asked (--kind asked) and answered (--kind answered), with the exchange ids",
        exchange_id=exchange_id,
    )


def explain_opened(
    evidence: Evidence, exchange_id: str, language: Language = Language.EN
) -> tuple[str, list[tuple[str, Explanation]]] | None:
    """Explain the decisions on an exchange whose entries an auditor has opened: that entry stands for this use.

    Return the hash of the policy that decided, and the decisions; None where we decided on nothing.
    Raises as `explain_exchange` does.
    """
    for decided in decided_in(evidence.store, evidence.keys, exchange_id):
        engine = kept_engine(evidence.home, decided.policy_hash, evidence.member)
        explained = list(_explained(engine, _recorded(decided), language))
        _require_same(decided, explained[0][1])
        return decided.policy_hash, explained
    return None


def rehearse_home(home: Path, draft: Path, since_us: int, who: User) -> tuple[Written, Rehearsal]:
    """Decide by the draft what this home answered since a time.

    The entry that says who tries it comes first; it is returned with the result. Raises the error that hinders the
    entry, and `Misused` for a draft of another member's policy.
    """
    settings, current = load_settings(home), _in_force(home)
    require_own(draft, current.member, settings.base_policy)
    planned = PolicyEngine.load(draft, current.member, settings.base_policy)
    detail = {"draft": planned.hash.hex(), "since_us": since_us}
    at = announce_use(home, ActKind.REHEARSE, who.by, who.reason, detail)
    with open_home(home) as evidence:
        _require_entry(evidence, at.index, ActKind.REHEARSE, detail, at.log)
        kept = (_recorded(decided) for decided in decided_since(evidence.store, evidence.keys, since_us))
        return at, rehearse(current, planned, kept)


def _require_entry(evidence: Evidence, index: int, use: ActKind, detail: dict[str, Any], log: str = OPERATIONS) -> None:
    """Raise `NotProved` where the entry that announces the use is not in the log: then nothing is read."""
    for stored in evidence.store.entries(log, index, index + 1):
        shown = open_entry(evidence.keys, log, stored)
        if shown.entry.kind == use.value and shown.private.get("detail") == detail:
            return
    raise NotProved("the entry of this use is not in the log: nothing is read", where=log)


def _require_same(decided: Decided, explained: Explanation) -> None:
    """Raise `Contradicted` unless the question was decided by the rules that decide it now, by the same policy."""
    if {rule.name for rule in explained.rules} != set(decided.rules):
        raise Contradicted(
            "the entry names other rules than those that decide by policy {hash}",
            code="other-rules",
            where="decision.policies",
            hash=decided.policy_hash[:16],
        )


def _in_force(home: Path) -> PolicyEngine:
    return PolicyKeeper(load_settings(home), SystemClock(), production=False).engine


def _recorded(decided: Decided) -> Recorded:
    question = question_from(decided.question)
    return Recorded(decided.time_us, question, tuple(record_from(item, question) for item in decided.records))


def _explained(
    engine: PolicyEngine, recorded: Recorded, language: Language = Language.EN
) -> Iterator[tuple[str, Explanation]]:
    yield "question", explain_decision(engine, "answer", recorded.question, recorded.time_us, language)
    for record in recorded.records:
        yield record.record_type, explain_decision(engine, "release", record, recorded.time_us, language)
