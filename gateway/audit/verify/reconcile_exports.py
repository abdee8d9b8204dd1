"""Reconcile two exports: each is verified for itself, then they are compared. No network, node or settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.audit.accounts.ledger import Ledger
from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.export.reader import ExportReader, exchange_logs
from gateway.audit.log.succession import split_name
from gateway.audit.reading.endings import read_ending
from gateway.audit.reading.questions import read_question
from gateway.audit.verify.findings import Check, Report
from gateway.audit.verify.reconcile import Comparison, compare
from gateway.audit.verify.verify import verify_export
from gateway.clock import Clock
from gateway.errors import BadSignature, LiaisonError, Malformed
from gateway.model.names import MemberId
from gateway.signing.keys import VerifyKey
from gateway.statements.envelope import (
    ENDINGS,
    QUESTIONS,
    PayloadType,
    StatementKeys,
    Unsealed,
    check_signature,
    unseal,
)
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.evidence import evidence_view
from gateway.trust.view import TrustView
from gateway.trust.withdrawn import WhoeverHasThem


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The report of each export for itself, by member, and what they disagree about.

    There is no `comparison` when one of them is contradicted already, or is under a charter that is not known: nothing
    can be concluded from it.
    """

    reports: dict[str, Report]
    comparison: Comparison | None

    @property
    def exit_code(self) -> int:
        """0: no side is contradicted (an answer that was lost has no culprit); 1: a side is; 3: not provable.

        It cannot be proved whether a question that only its asker knows of was lost on the way or kept out of a log,
        nor which side dropped or altered what, where the statements that show it are in neither export.
        """
        codes = {report.exit_code for report in self.reports.values()}
        if 1 in codes or (self.comparison and self.comparison.blamed):
            return 1
        return 3 if 3 in codes or (self.comparison and self.comparison.unproved) else 0


def reconcile_exports(
    folders: tuple[Path, Path], charter: Sequence[bytes], clock: Clock, fingerprint: str | None = None
) -> Reconciled:
    """Verify and compare two members' exports. Raises `Malformed` for a broken export, or for one member's twice."""
    exports = [_opened(folder) for folder in folders]
    names = [str(export.member) for export in exports]
    if names[0] == names[1]:
        raise Malformed(
            "both exports are of `{names}`", code="same-member", remedy="give two members' exports", names=names[0]
        )
    reports = {
        name: verify_export(folder, charter, clock, fingerprint) for name, folder in zip(names, folders, strict=True)
    }
    if any(report.exit_code == 1 or not report.is_proved(Check.CHARTER) for report in reports.values()):
        return Reconciled(reports, None)
    sides = [
        Ledger(name, other, export.created_us, export.since_us, export.until_us, bool(export.appointment_hash))
        for name, other, export in zip(names, reversed(names), exports, strict=True)
    ]
    descriptors = [line for export in exports for line in export.descriptors()]
    view = evidence_view(charter, descriptors, clock, fingerprint)
    for side, export in zip(sides, exports, strict=True):
        for every in export.logs():
            side.take_answers(every.rows())
        side.since_us = max(side.since_us, begins_us(export))
        side.lost += lost_times(export, view.vkeys(MemberId(side.member), KeyUse.LOG))
    for side, other, export in zip(sides, reversed(sides), exports, strict=True):
        for log in exchange_logs(export):
            side.take_questions(log.rows(), other, view.vkeys(MemberId(other.member), KeyUse.LOG))
    suspected = compare(*sides).suspected
    for side, export in zip(sides, exports, strict=True):
        for log in exchange_logs(export) if suspected else ():
            side.prove(log.rows(), suspected, _Signatures(view, MemberId(side.member), MemberId(side.peer), view))
    return Reconciled(reports, compare(*sides))


def begins_us(export: ExportReader) -> int:
    """Return when the first kept entry of the exchange logs was written, where others before it were pruned; else 0."""
    first = next(iter(exchange_logs(export)), None)
    pruned = first is not None and 0 < first.range.low == first.first < first.stop
    return parse_entry(first.body(first.first)).time_us if first is not None and pruned else 0


def lost_times(export: ExportReader, keys: Sequence[VerifyKey]) -> Iterator[tuple[int, int]]:
    """Yield the times whose entries an exchange log lost. Both exports must have been verified before."""
    logs = exchange_logs(export)
    for log in logs:
        if log is logs[0] and split_name(log.name)[1] > 1 and log.first == 0:
            first = parse_entry(log.body(0))
            if not first.answer_hash:  # of the number before nothing is kept, so it is not in the export
                yield 0, first.time_us
        said = log.continued(keys)
        if said is not None:
            last = log.body(log.stop - 1) if log.stop > log.first else b""
            yield parse_entry(last).time_us if last else 0, said.entry.time_us


def _opened(folder: Path) -> ExportReader:
    """Return the export in a folder. An error names the folder."""
    try:
        return ExportReader(folder)
    except Malformed as error:
        raise Malformed(error.message, code=error.code, where=str(folder), remedy=error.remedy) from error


@dataclass(frozen=True, slots=True)
class _Signatures:
    """A `ledger.SignedBy` under the charter: checks statements of `peer` to `member`, notices and receipts too."""

    view: TrustView
    member: MemberId
    peer: MemberId
    keys: StatementKeys

    @property
    def whoever(self) -> _Signatures:
        """Return the same checks, for which keys count as well that may have been in other hands."""
        return replace(self, keys=WhoeverHasThem(self.view))

    def request(self, envelope: bytes, entry: Entry) -> bool:
        """Tell whether the peer signed this request to us: its hash, parties and exchange are those of the entry."""
        try:
            said = read_question(self._unsealed(envelope, QUESTIONS, entry.request_hash, entry.time_us))
        except LiaisonError:
            return False
        return (said.sender, said.recipient, said.exchange_id) == (self.peer, self.member, entry.exchange_id)

    def answer(self, envelope: bytes, entry: Entry) -> bool:
        """Tell whether the peer signed this answer to us, and to the request of the entry."""
        try:
            self._unsealed(envelope, ENDINGS, entry.answer_hash, entry.time_us)
            said = read_ending(envelope)
        except LiaisonError:
            return False
        about = (said.sender, said.recipient, said.exchange_id, said.request_hash)
        return about == (self.peer, self.member, entry.exchange_id, entry.request_hash)

    def _unsealed(self, envelope: bytes, types: Sequence[PayloadType], expected: bytes, at_us: int) -> Unsealed:
        unsealed = unseal(envelope, *types)
        if unsealed.payload_hash != expected:
            raise BadSignature("a statement is not the one whose hash is in the entry")
        check_signature(unsealed, self.keys, self.peer, at_us)
        return unsealed
