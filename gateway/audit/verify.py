"""The auditor's check. It needs the evidence and the charter, and nothing from the audited node.

 1. the charter's chain of versions verifies (by its fingerprint, where one is given);
 2. the descriptors are signed by the authorities in the charter, and the member lists a log key;
 3. an export's files are those in its manifest, which a listed log key signed;
 4. the newest head of each log is signed by a log key that was listed then;
 5. every entry is hashed again, and the root is that of the head;
 6. every earlier head that was kept is of the same tree;
 7. every entry has the form of an entry, names this log, and is numbered without a gap;
 8. time never goes back;
 9. each channel's numbers go up by one;
10. every private part is the one that its entry commits to;
11. every statement has the hash in its entry, and a signature by a key that was valid then;
12. no exchange was answered twice.

Findings carry these numbers. Exit codes: 0 proved, 1 contradicted, 3 not provable.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.audit.checks import LogCheck
from gateway.audit.evidence import HomeLog, LogEvidence
from gateway.audit.export_reader import ExportReader
from gateway.audit.findings import Check, Report
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, NotProved, Stale, TooLarge
from gateway.model.names import MemberId
from gateway.ports import ContentKeys, LogStore
from gateway.trust.descriptor import KeyUse
from gateway.trust.evidence import evidence_view
from gateway.trust.view import TrustView


def verify_home(
    store: LogStore,
    keys: ContentKeys,
    *,
    member: MemberId,
    highwater: Path,
    charter: Sequence[bytes],
    descriptors: Sequence[bytes],
    clock: Clock,
    fingerprint: str | None = None,
    statements: bool = True,
) -> Report:
    """Check the logs of a home, whose node may be running. `charter` are all versions, oldest first."""
    report = Report()
    view = _view(report, member, charter, descriptors, clock, fingerprint)
    if view is not None:
        logs = [HomeLog(store, keys, name, highwater) for name in store.logs()]
        _check_logs(report, logs, member, view, statements=statements)
    return report


def verify_export(
    folder: Path,
    charter: Sequence[bytes],
    clock: Clock,
    fingerprint: str | None = None,
    *,
    statements: bool = True,
) -> Report:
    """Check an export in `folder` under `charter` (all versions, oldest first).

    Raises `Malformed` when `folder` holds no export, or one whose manifest cannot be read.
    """
    report = Report()
    export = ExportReader(folder)
    view = _view(report, export.member, charter, export.descriptors(), clock, fingerprint)
    if view is not None:
        for problem in export.check_files(view.vkeys(export.member, KeyUse.LOG)):
            report.contradicted(Check.MANIFEST, problem)
        report.conclude((Check.MANIFEST,))
        _check_logs(report, export.logs(), export.member, view, statements=statements)
    return report


def _view(
    report: Report,
    member: MemberId,
    charter: Sequence[bytes],
    descriptors: Sequence[bytes],
    clock: Clock,
    fingerprint: str | None,
) -> TrustView | None:
    """Checks 1 and 2."""
    if not charter:
        report.not_provable(Check.CHARTER, "there is no charter")
        return None
    try:
        evidence_view(charter, [], clock, fingerprint)
    except (NotProved, Stale) as error:
        report.not_provable(Check.CHARTER, str(error))
        return None
    except LiaisonError as error:
        report.contradicted(Check.CHARTER, str(error))
        return None
    report.conclude((Check.CHARTER,))
    try:
        view = evidence_view(charter, descriptors, clock, fingerprint)
    except LiaisonError as error:
        report.contradicted(Check.DESCRIPTORS, str(error))
        return None
    if not view.vkeys(member, KeyUse.LOG):
        report.not_provable(Check.DESCRIPTORS, f"there is no descriptor in which `{member}` lists a log key")
        return None
    report.conclude((Check.DESCRIPTORS,))
    return view


def _check_logs(
    report: Report, logs: Sequence[LogEvidence], member: MemberId, view: TrustView, *, statements: bool
) -> None:
    """Checks 4 to 12; the operations logs first, since they say which keys were destroyed."""
    if not logs:
        report.not_provable(Check.HEAD, "there is no log")
    erased: set[str] = set()
    for log in sorted(logs, key=lambda item: (not item.name.startswith("operations"), item.name)):
        check = LogCheck(log, member, view, report, frozenset(erased), statements=statements)
        try:
            check.run()
        except (Malformed, TooLarge) as error:
            report.contradicted(Check.FORM, f"the log cannot be read: {error.message}", log.name)
        erased |= check.destroyed
