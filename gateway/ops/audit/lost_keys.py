"""Report what a lost key signed, and which proof shows that it did so before the loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.tree.cosignature import witnesses_of
from gateway.audit.verify.key_report import Coverage, KeyReport, LostKey, key_report, lost_key
from gateway.clock import SystemClock
from gateway.errors import Misused
from gateway.ops.homes.open_home import Evidence, open_home
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.trust.documents.descriptor import KeyUse, parse_descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.evidence import evidence_view

Progress = Callable[[int, int], None]


def report_of_home(folder: Path, name: str, since_us: int, limit: int, progress: Progress | None) -> KeyReport:
    """Report everything that a key signed. Raises `Misused` for a name that means no key, or several."""
    with open_home(folder) as evidence:
        key = _key(evidence, name)
        clock = SystemClock()
        lines = [line for lines in evidence.descriptors.values() for line in lines]
        view = evidence_view(TrustDocuments(evidence.home.trust).charter_versions(), lines, clock)
        # The lost key may be a witness's, whose word then counts for nothing.
        witnesses = [item for item in witnesses_of(view, evidence.member) if item.key.spki != key.spki]
        heads = SqlWitnessStore(evidence.database)
        now_us = clock.now_us()
        coverage = {log: Coverage(heads.cosigned(log), witnesses, now_us) for log in evidence.store.logs()}
        logs = HomeLogs(evidence.store, evidence.keys)
        return key_report(logs, key, since_us, coverage, limit, own=evidence.member, progress=progress)


def _key(evidence: Evidence, name: str) -> LostKey:
    listed = {
        member: [parse_descriptor(line)[0].keys for line in lines] for member, lines in evidence.descriptors.items()
    }
    found = lost_key(name, evidence.member, listed)
    if len(found) != 1:
        keys = "; ".join(f"{key.member}/{key.use} {key.key_id[:16]}" for key in found)
        why = f"means several: {keys}" if found else "is in no descriptor: give `statement`, `vn/statement` or a key id"
        raise Misused(f"--key `{name}` {why}")
    key = found[0]
    if key.use not in (KeyUse.LOG, KeyUse.STATEMENT) and not key.use.startswith("agency/"):
        raise Misused(f"a key for `{key.use}` signs nothing that entries keep: log, statement and agency keys do")
    return key
