"""Two members' real logs in a real federation, with a question, and notices that went each way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from gateway.audit.export.export import export, trust_documents
from gateway.audit.verify.findings import Report
from gateway.audit.verify.reconcile_exports import Reconciled, reconcile_exports
from gateway.audit.verify.verify import verify_export, verify_home
from gateway.clock import ManualClock
from gateway.desk.entries import answered_notice, asked_notice, received_receipt, refused_notice
from gateway.errors import Reason
from gateway.exchange.asking.check_answer import check_entry
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.desk.notices import Body, Head, Notice
from gateway.model.exchange import AnswerMessage, Refusal, Verified
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged
from gateway.statements.envelope import Sealed
from gateway.statements.notices.notice import build_notice, verify_notice
from gateway.statements.notices.receipt import build_receipt, verify_receipt
from gateway.trust.documents.appointment import Appointment
from gateway.trust.evidence import evidence_view
from gateway.trust.view import TrustView
from tests.support.audit_logs import NOON, LogHome, logged, new_id
from tests.support.audited import WHOLE, appoint
from tests.support.federation import Federation, make_federation
from tests.support.notices import ASK, HEAD

TH, VN = MemberId("th"), MemberId("vn")
OFFICERS = {
    name: Officer(f"{name}.o.1042", "blo-officer", f"{name}.blo.one", "police", frozenset(), b"\1" * 32)
    for name in (TH, VN)
}
SUPERVISORS = {
    name: Officer(f"{name}.s.7", "supervisor", f"{name}.blo.one", "police", frozenset(), b"\2" * 32)
    for name in (TH, VN)
}
MINUTE = timedelta(minutes=1)


@dataclass
class Told:
    """A notice with its statements: `receipt` is None while it waits."""

    notice: Notice
    sealed: Sealed
    receipt: Verified[NoticeReceipt] | None = None


@dataclass
class Pair:
    """Two members; `written` are the drafts that each has put into its exchange log, in order."""

    folder: Path
    clock: ManualClock
    federation: Federation
    homes: dict[MemberId, LogHome]
    appointments: dict[MemberId, Appointment]
    written: dict[MemberId, list[EntryDraft]] = field(default_factory=lambda: {TH: [], VN: []})

    def descriptors(self, member: str) -> dict[str, list[bytes]]:
        folder = self.federation[member].home / "trust" / "descriptors"
        return {path.stem: path.read_bytes().splitlines() for path in folder.glob("*.jsonl")}

    def view(self) -> TrustView:
        lines = [line for name in (TH, VN) for held in self.descriptors(name).values() for line in held]
        return evidence_view((self.federation.charter,), tuple(lines), self.clock)

    def write(self, member: MemberId, draft: EntryDraft) -> Logged:
        self.written[member].append(draft)
        with self.homes[member].log(member=member) as log:
            return logged(log.append([draft]))[0]

    def tell(
        self,
        body: Body = ASK.body,
        sender: MemberId = TH,
        *,
        taken: bool = True,
        refusal: Refusal | None = None,
        **head: object,
    ) -> Told:
        """One notice: asked, and unless it waits, taken or refused, and its receipt received."""
        taker = VN if sender == TH else TH
        self.clock.advance(MINUTE)
        place = new_id()
        about: Head = replace(HEAD, sender=sender, recipient=taker, notice_id=place, thread_id=place)
        about = replace(about, issued_us=self.clock.now_us(), expires_us=self.clock.now_us() + 3_600_000_000)
        notice = Notice(replace(about, **head), body)
        sealed = build_notice(notice, self.federation[sender].key("statement"))
        self.write(sender, asked_notice(notice, sealed, OFFICERS[sender], SUPERVISORS[sender]))
        return self.deliver(notice, sealed, refusal) if taken else Told(notice, sealed)

    def deliver(self, notice: Notice, sealed: Sealed, refusal: Refusal | None = None, *, comes: bool = True) -> Told:
        """Take a notice as its recipient and, unless it is lost, the receipt as its author."""
        self.clock.advance(MINUTE)
        author, taker, view, now_us = notice.sender, notice.recipient, self.view(), self.clock.now_us()
        came = verify_notice(sealed.envelope, keys=view, peer=author, me=taker, now_us=now_us)
        answer_by_us = 0 if refusal else now_us + 900_000_000
        said = NoticeReceipt(
            notice.exchange_id, taker, author, came.payload_hash, now_us, answer_by_us, refusal=refusal
        )
        ours = build_receipt(said, self.federation[taker].key("statement"))
        if refusal is None:
            draft = answered_notice(came, said, ours, 2**62, agency="police", office=f"{taker}.duty")
        else:
            draft = refused_notice(came, refusal, ours, 2**62)
        place = self.write(taker, draft)
        if not comes:
            return Told(notice, sealed)
        message = AnswerMessage(ours.envelope, place.entry, place.proof)
        receipt = verify_receipt(
            message.envelope,
            keys=view,
            member=taker,
            me=author,
            notice_hash=came.payload_hash,
            notice_id=notice.exchange_id,
            now_us=now_us,
        )
        expected = (notice.exchange_id, came.payload_hash, receipt.payload_hash)
        entry, shown = check_entry(view, taker, author, message.entry, message.proof, expected)
        assert entry.number is not None
        self.write(author, received_receipt(notice, receipt, message, shown, entry.number, OFFICERS[author].person))
        return Told(notice, sealed, receipt)

    def acknowledge(self) -> None:
        """Note at both sides that the other has acknowledged everything."""
        for member, peer in ((TH, VN), (VN, TH)):
            with self.homes[member].log("operations", member) as log:
                log.append([events.RECEIPT.draft(peer=peer, first=1, through=99, gaps=[], statement="")])

    def rewritten(self, member: MemberId, change: Callable[[list[EntryDraft]], Sequence[EntryDraft]]) -> None:
        """Put another log in the place of a member's: a dishonest one, signed with its own key."""
        home = LogHome(self.folder / f"again-{new_id()}", self.homes[member].key, self.clock)
        home.folder.mkdir()
        drafts = change(list(self.written[member]))
        with home.log(member=member) as log:
            for draft in drafts:
                log.append([draft])
        self.homes[member] = home

    def verify(self, member: MemberId) -> Report:
        home = self.homes[member]
        with home.store() as store:
            return verify_home(
                store,
                home.keystore,
                member=member,
                highwater=home.highwater,
                charter=[self.federation.charter],
                descriptors=[line for lines in self.descriptors(member).values() for line in lines],
                clock=self.clock,
            )

    def export(self, member: MemberId, *, nobody: bool = False) -> Path:
        out, home = self.folder / f"export-{member}-{new_id()}", self.homes[member]
        with home.store() as store:
            export(
                store,
                home.keystore,
                home.key,
                home.clock,
                member=member,
                highwater=home.highwater,
                out=out,
                appointment=None if nobody else self.appointments[member],
                documents=trust_documents([self.federation.charter], self.descriptors(member), {}),
            )
        return out

    def check(self, out: Path) -> Report:
        return verify_export(out, [self.federation.charter], self.clock)

    def reconcile(self, *, nobody: bool = False) -> Reconciled:
        """Export both logs three minutes later, and compare them without any node."""
        self.clock.advance(3 * MINUTE)
        folders = (self.export(TH, nobody=nobody), self.export(VN, nobody=nobody))
        return reconcile_exports(folders, [self.federation.charter], self.clock)


def make_pair(folder: Path) -> Pair:
    """Two members with empty logs, and an auditor in each."""
    clock = ManualClock(NOON)
    federation = make_federation(folder / "fed", ("th", "vn"), clock=clock)
    homes = {name: LogHome(folder / name, federation[name].key("log"), clock) for name in (TH, VN)}
    for home in homes.values():
        home.folder.mkdir()
    appointments = {name: appoint(federation[name], WHOLE, f"{name}.auditor.1")[1] for name in (TH, VN)}
    return Pair(folder, clock, federation, homes, appointments)


NOT_NOW = Refusal(Reason.FAILED_PRECONDITION, "not-now")
