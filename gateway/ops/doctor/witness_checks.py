"""Check how the logs stand with their witnesses."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from gateway.audit.log.head import time_of_entry
from gateway.audit.log.succession import newest_logs
from gateway.ops.doctor.key_checks import published_by
from gateway.ops.finding import CheckContext, Finding, good, stop, warn
from gateway.storage.database.migrate import HEAD, version
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.ceremony.witness_card import witness_cards
from gateway.witness.plan import DOMESTIC, witness_plan
from gateway.witness.standing import Standing, standing

_GUIDE = "docs/guides/witness.md says how"


def check_domestic(context: CheckContext) -> list[Finding]:
    """Check that the home has the one card of the domestic witness that the settings name."""
    if not context.settings.witness.domestic:
        return []
    cards = witness_cards(context.home.path, context.settings.node.member)
    if len(cards) == 1:
        return []
    text = f"witness.domestic is set, and witnesses/ of the home holds {len(cards)} cards"
    remedy = "put the one `witness.pub` of the domestic witness into witnesses/ of the home"
    return [stop("witness", text, remedy, context.settings.origin.get("witness.domestic", ""), "no-witness-card")]


def check_witnesses(context: CheckContext) -> list[Finding]:
    """Check that heads are cosigned, the domestic witness is known, and no entries wait for a quorum.

    Heads that contradict each other are a finding, too.
    """
    member, settings = context.settings.node.member, context.settings.witness
    view = context.trust
    plan = witness_plan(member, settings, view)
    findings = []
    if not plan.asked:
        findings.append(warn("witnesses", "nobody cosigns the heads of this node's logs", f"add a witness: {_GUIDE}"))
    elif DOMESTIC not in plan.asked:
        text = f"{len(plan.asked)} counterpart(s) cosign; there is no domestic witness, which is enough alone"
        findings.append(warn("witnesses", text, f"add one on the auditor's machine: {_GUIDE}"))
    elif not any(item.domestic for item in plan.counted):
        text = "our descriptor does not list the domestic witness yet"
        findings.append(warn("witnesses", text, published_by(context)))
    findings += _logs(context, plan.quorum)
    return findings or [good("witnesses", f"{len(plan.asked)} witnesses, the domestic one among them")]


def _logs(context: CheckContext, quorum: int) -> list[Finding]:
    if not is_made(context.settings):
        return []
    with closing(open_storage(context.settings, read_only=True)) as database:
        if version(database) != HEAD:
            return []
        store, logs = SqlWitnessStore(database), SqlLogStore(database)
        view = context.trust
        counted = witness_plan(context.settings.node.member, context.settings.witness, view).counted
        now_us = context.clock.now_us()
        found = []
        for name in newest_logs(logs.logs()):
            state = logs.state(name)
            size = state.size if state else 0
            found.append(standing(store, name, size, counted, quorum, now_us, partial(time_of_entry, logs, name)))
        evidence = len(store.evidence())
    findings = [_waiting(item, now_us) for item in found if item.lost(now_us)]
    if evidence:
        text = f"{evidence} pair(s) of heads do not go together"
        findings.append(
            warn("witnesses", text, "`liaison audit evidence` shows whose; docs/guides/witness.md what to do")
        )
    return findings


def _waiting(item: Standing, now_us: int) -> Finding:
    text = f"{item.size - item.covered} entries of {item.log} have waited for a quorum for {item.age_s(now_us)} s"
    return warn("witnesses", text, "is the node running, and a witness in reach? `liaison witness status` says who")
