"""The auditor's check. It needs the evidence and the charter, and nothing from the audited node.

 1. the charter's chain of versions verifies (by its fingerprint, where one is given), up to that of the evidence;
 2. the descriptors are signed by the authorities in the charter, and the member lists a log key;
 3. an export's files are those in its manifest, which a listed log key signed;
 4. the newest head of each log is signed by a log key that was listed then;
 5. every entry is hashed again, and the root is that of the head; so are the tiles;
 6. every earlier head that was kept is of the same tree;
 7. every entry has the form of an entry, names this log, and is numbered without a gap;
 8. time never goes back;
 9. each channel's numbers go up by one;
10. every private part that is shown is the one that its entry commits to; missing ones were erased, as an entry says;
11. every statement that is shown has the hash in its entry, and a signature by a key that was valid then; one by a key
    that may have been in other hands is proved by other evidence (`other_hands`), or is not provable;
12. no exchange was answered twice;
13. an export leaves out no entry of the time that it is of;
14. an export shows nothing beyond the scope of an appointment that the authority signed, and whose key is listed;
15. every policy that decided is in the export, by its hash;
16. every cosignature of a listed witness is of a head of this log; and, where a quorum is asked for, enough witnesses
    have cosigned;
17. a log that goes on under the next number lost as much as that number says, and no more; each number after the first
    has the one before it beside it;
18. entries that were pruned are those that an entry of the operations log names, by the root over them. Their content
    is not provable any more;
19. every act of a human that is shown with its signatures was signed by as many persons as it demands, whose keys the
    member listed for it then, and is the act that its entry tells;
20. every decision of humans that is shown keeps their tokens and reasons; an assertion of a passkey is over exactly the
    statement of the entry, by a passkey that was enrolled for that person then, whose counter did not go back. What two
    persons approve names both, and no act of one person makes more of an alert or an operation than the act before it:
    longer, more readers, other fields, in force. The first act that is shown, and the ground, the urgency and the
    files of an alert, are not compared; a clock's word that an operation is over is taken.

Findings carry these numbers. Exit codes: 0 proved, 1 contradicted, 3 not provable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.audit.export.log_reader import ExportLog
from gateway.audit.export.policies import kept_policies
from gateway.audit.export.reader import ExportReader
from gateway.audit.log.succession import by_number, neighbour, split_name
from gateway.audit.reading.evidence import SEGMENT, HomeLog, LogEvidence
from gateway.audit.reading.mandate import Mandate, verified_appointment
from gateway.audit.tree.cosignature import witnesses_of
from gateway.audit.verify.answered_twice import ClockEntry
from gateway.audit.verify.erasure_proofs import ErasureProof
from gateway.audit.verify.findings import Check, Report
from gateway.audit.verify.human_checks import Passkeys
from gateway.audit.verify.log_checks import LogCheck
from gateway.audit.verify.older_charter import older_charter
from gateway.audit.verify.other_hands import Acknowledged, judge
from gateway.audit.verify.segment_checks import PrunedMark, Rules
from gateway.audit.verify.workers import MANY_RUNS, Checkers, Reopen, Trust, checkers
from gateway.clock import Clock, rfc3339
from gateway.errors import LiaisonError, Malformed, NotProved, Stale, TooLarge
from gateway.model.evidence.witness import CosignedHead
from gateway.model.names import MemberId
from gateway.ports.content_keys import ContentKeys
from gateway.ports.log_store import LogStore
from gateway.trust.documents.appointment import check_time
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.view import TrustView
from gateway.trust.withdrawn import members_that_lost_a_key

Progress = Callable[[int, int], None]
"""Called with the number of checked entries, and of all."""


def no_progress(done: int, of: int) -> None:
    """Ignore the progress."""


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
    progress: Progress = no_progress,
    carried: Sequence[bytes] = (),
    processes: int = 1,
    reopen: Reopen | None = None,
    cosigned: Callable[[str], Iterable[CosignedHead]] = lambda _log: (),
) -> Report:
    """Check the logs of a home, whose node may be running. `charter` are all versions, oldest first.

    `cosigned` returns the heads of a log that witnesses cosigned, which are read where the member lost a key: they
    prove what that signed. `carried` are the versions that the home itself holds. With `reopen` long logs are checked
    in `processes` processes.
    """
    report = Report()
    if older := older_charter(charter, carried, clock, fingerprint):
        report.not_provable(Check.CHARTER, older)
        return report
    view = _view(report, member, charter, descriptors, clock, fingerprint)
    if view is not None:
        logs = [HomeLog(store, keys, name, highwater) for name in store.logs()]
        for log in logs if member in members_that_lost_a_key(view) else ():
            log.add_heads(cosigned(log.name))
        trust = Trust(tuple(charter), tuple(descriptors), clock.now_us(), fingerprint)
        longest = max((log.stop - log.first for log in logs), default=0)
        with checkers(view, trust, processes if reopen and longest >= MANY_RUNS * SEGMENT else 1, reopen) as workers:
            _Verifier(report, member, view, workers, progress, statements, now_us=clock.now_us()).logs(logs)
    return report


def verify_export(
    folder: Path,
    charter: Sequence[bytes],
    clock: Clock,
    fingerprint: str | None = None,
    *,
    statements: bool = True,
    quorum: int = 0,
    processes: int = 1,
    progress: Progress = no_progress,
) -> Report:
    """Check an export in `folder` under `charter` (all versions, oldest first), in `processes` processes.

    `quorum` is how many counterparts must have cosigned, where the domestic witness has not; 0: none.

    Raises `Malformed` when `folder` holds no export, or one whose manifest cannot be read.
    """
    report = Report()
    export = ExportReader(folder)
    report.about = {"member": export.member, "created": rfc3339(export.created_us), "range": _range_of(export)}
    try:
        descriptors = export.descriptors()
    except LiaisonError as error:
        report.contradicted(Check.DESCRIPTORS, error.message)
        return report
    if older := older_charter(charter, export.charter(), clock, fingerprint):
        report.not_provable(Check.CHARTER, older)
        return report
    view = _view(report, export.member, charter, descriptors, clock, fingerprint)
    if view is None:
        return report
    mandate = _mandate(report, export, view)
    trust = Trust(tuple(charter), tuple(descriptors), clock.now_us(), fingerprint)
    with checkers(view, trust, processes) as workers:
        times = (export.since_us, export.until_us)
        verifier = _Verifier(report, export.member, view, workers, progress, statements, mandate, times, quorum)
        verifier.now_us = clock.now_us()
        logs = export.logs()
        verifier.logs(logs)
    _policies(report, export, verifier.policies)
    read = {name: digest for log in logs for name, digest in log.read.items()}
    for problem in export.check_files(view.vkeys(export.member, KeyUse.LOG), read, complete=verifier.complete):
        report.contradicted(Check.MANIFEST, problem)
    report.conclude((Check.MANIFEST,))
    report.findings.sort(key=lambda item: item.check)
    return report


def _view(
    report: Report,
    member: MemberId,
    charter: Sequence[bytes],
    descriptors: Sequence[bytes],
    clock: Clock,
    fingerprint: str | None,
) -> TrustView | None:
    """Carry out checks 1 and 2."""
    if not charter:
        report.not_provable(Check.CHARTER, "there is no charter")
        return None
    trust = Trust(tuple(charter), (), clock.now_us(), fingerprint)
    try:
        trust.view()
    except (NotProved, Stale) as error:
        report.not_provable(Check.CHARTER, str(error))
        return None
    except LiaisonError as error:
        report.contradicted(Check.CHARTER, str(error))
        return None
    report.conclude((Check.CHARTER,))
    try:
        view = Trust(tuple(charter), tuple(descriptors), clock.now_us(), fingerprint).view()
        listed = view.vkeys(member, KeyUse.LOG)
    except LiaisonError as error:
        report.contradicted(Check.DESCRIPTORS, str(error))
        return None
    if not listed:
        report.not_provable(Check.DESCRIPTORS, f"there is no descriptor in which `{member}` lists a log key")
        return None
    report.conclude((Check.DESCRIPTORS,))
    return view


def _mandate(report: Report, export: ExportReader, view: TrustView) -> Mandate:
    """Carry out check 14, as far as the appointment goes: without a valid one, nothing may be shown."""
    nothing = Mandate(export.member, None)
    if not export.appointment_hash:
        report.notes.append("made for no auditor: no private part and no statement is in it")
        return nothing
    try:
        found = verified_appointment(view, export.member, export.appointment(), export.created_us)
        check_time(found, export.created_us)
    except LiaisonError as error:
        report.contradicted(Check.MANDATE, f"the appointment does not verify: {error.message}")
        return nothing
    if found.hash.hex() != export.appointment_hash:
        report.contradicted(Check.MANDATE, "the appointment is another one than its manifest names")
        return nothing
    report.about["auditor"] = found.auditor
    report.about["appointed_by"] = found.appointed_by
    report.about["scope"] = found.scope.describe()
    return Mandate(export.member, found.scope)


@dataclass(slots=True)
class _Verifier:
    """Checks the logs of one member. `policies` gathers the hashes of the policies that decided."""

    report: Report
    member: MemberId
    view: TrustView
    checkers: Checkers
    progress: Progress
    statements: bool
    mandate: Mandate | None = None
    times: tuple[int, int] = (0, 0)
    quorum: int = 0
    policies: set[str] = field(default_factory=set)
    now_us: int = 0
    complete: bool = True
    passkeys: Passkeys = field(default_factory=Passkeys)
    receipts: list[Acknowledged] = field(default_factory=list)
    done: int = 0
    total: int = 0

    def logs(self, logs: Sequence[LogEvidence]) -> None:
        """Carry out checks 4 to 14 and 16 to 20.

        The operations logs come first, since they name the destroyed keys, and whose passkeys count.
        """
        if not logs:
            self.report.not_provable(Check.HEAD, "there is no log")
        erased: dict[str, ErasureProof] = {}
        pruned: list[PrunedMark] = []
        clocks: list[ClockEntry] = []
        self.total = sum(log.stop - log.first for log in logs)
        self._numbers([log.name for log in logs])
        for log in sorted(logs, key=lambda item: (not item.name.startswith("operations"), split_name(item.name))):
            try:
                erased |= self._log(log, erased, pruned, clocks)
            except (Malformed, TooLarge) as error:
                self.complete = False
                self.report.contradicted(Check.FORM, f"the log cannot be read: {error.message}", log.name)

    def _numbers(self, names: Sequence[str]) -> None:
        """Carry out check 17 for numbers that are not there at all."""
        for name in by_number(names):
            if split_name(name)[1] > 1 and neighbour(name, -1) not in names:
                text = f"`{neighbour(name, -1)}` is not there, after which this log goes on"
                self.report.not_provable(Check.LOST, text, name)

    def _log(
        self,
        log: LogEvidence,
        erased: Mapping[str, ErasureProof],
        pruned: list[PrunedMark],
        clocks: list[ClockEntry],
    ) -> dict[str, ErasureProof]:
        part = log.range if isinstance(log, ExportLog) else None
        shown = (part.low, part.high) if part else (log.first, log.size)
        rules = Rules(self.member, log.name, shown, self.mandate, self.statements, *self.times)
        check = LogCheck(log, rules, self.view, self.report)
        spans = check.spans()
        if isinstance(log, ExportLog | HomeLog):
            check.begin_after(log.outer, log.ragged if isinstance(log, HomeLog) else None)
        for segment in self.checkers.segments(log, spans, rules):
            check.take(segment)
            self.done += segment.size
            self.progress(self.done, self.total)
        if isinstance(log, ExportLog):
            check.finish(log.outer, log.tail())
            check.check_tiles(log.wrong_tiles(check.tile_tree))
        else:
            check.finish()
        check.check_pruned(pruned)
        pruned += check.pruned
        clocks += check.clocks
        check.check_answered_twice(clocks)
        check.check_erased({**erased, **check.destroyed})
        check.check_humans(self.passkeys)
        check.check_witnesses(witnesses_of(self.view, self.member), self.now_us, self.quorum)
        self.receipts += check.other_hands.receipts  # those of the operations log, which comes first
        judge(check.other_hands, log.name, self.member, check.cosigned, self.receipts, self.report)
        check.conclude()
        self.policies |= check.policies
        return check.destroyed


def _policies(report: Report, export: ExportReader, wanted: set[str]) -> None:
    """Carry out check 15."""
    try:
        kept = kept_policies(export.policies())
    except LiaisonError as error:
        report.contradicted(Check.POLICIES, error.message)
        return
    for name in kept.wrong:
        report.contradicted(Check.POLICIES, f"the policy `{name[:16]}` has another hash than its name says")
    for name in sorted(wanted - kept.good):
        report.not_provable(Check.POLICIES, f"the policy `{name[:16]}` decided, and is not in the export")
    if wanted:
        report.conclude((Check.POLICIES,))


def _range_of(export: ExportReader) -> str:
    if not export.since_us and not export.until_us:
        return "all"
    since = rfc3339(export.since_us) if export.since_us else "the beginning"
    return f"from {since} until {rfc3339(export.until_us) if export.until_us else 'it was made'}"
