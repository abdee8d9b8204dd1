"""A member's real logs in a real federation, for verifiers: honest ones, changed ones, and exports of them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.entries.entry import Entry, build_entry, parse_entry
from gateway.audit.export.export import export, trust_documents
from gateway.audit.export.layout import MANIFEST, SIGNATURE, export_origin
from gateway.audit.tree.checkpoint import Signer
from gateway.audit.tree.merkle import leaf_hash
from gateway.audit.verify.findings import Check, Report, State
from gateway.audit.verify.verify import verify_export, verify_home
from gateway.errors import Reason
from gateway.model.exchange import Answer, Outcome, Refusal, Request
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery
from gateway.model.requester import Requester
from gateway.ports.content_keys import ContentKeys
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event, ReplayClaim
from gateway.ports.log_store import LogStore
from gateway.signing import strict_json
from gateway.signing.keys import SigningKey, VerifyKey, load_signing_key
from gateway.statements.answer import ANSWER_KIND
from gateway.statements.envelope import Sealed
from gateway.statements.request import REQUEST_KIND
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.ceremony.auditors import draft_appointment
from gateway.trust.ceremony.ceremony import import_document, publish_descriptor
from gateway.trust.documents.appointment import EVERY, Appointment, Scope, parse_appointment
from tests.support.audit_logs import LogHome, new_id
from tests.support.federation import Federation, Member, make_federation

_OPEN = contextlib.ExitStack()

FAR_US = 253_402_300_799_000_000
WHOLE = Scope(0, FAR_US, (EVERY,), (EVERY,), True)
"""A scope without a limit."""

TH, VN, KH = MemberId("th"), MemberId("vn"), MemberId("kh")


def reopened(folder: Path) -> tuple[LogStore, ContentKeys]:
    """Return the logs of a home in another process of the verifier, open until it ends."""
    home = LogHome(folder)
    database = home.open(read_only=True)
    _OPEN.callback(database.close)
    return SqlLogStore(database), home.keystore


@dataclass
class World:
    """A federation in which `th` answered `vn` and asked `kh`, with its logs."""

    federation: Federation
    home: LogHome
    folder: Path
    auditor: SigningKey
    appointment: Appointment

    @property
    def charter(self) -> list[bytes]:
        return [self.federation.charter]

    @property
    def descriptors(self) -> dict[str, list[bytes]]:
        folder = self.federation["th"].home / "trust" / "descriptors"
        return {path.stem: path.read_bytes().splitlines() for path in folder.glob("*.jsonl")}

    def verify(self, home: LogHome | None = None, **changes: object) -> Report:
        home = home or self.home
        with home.store() as store:
            fields: dict[str, object] = {
                "member": TH,
                "highwater": home.highwater,
                "charter": self.charter,
                "descriptors": [data for items in self.descriptors.values() for data in items],
                "clock": home.clock,
            }
            return verify_home(store, home.keystore, **(fields | changes))  # type: ignore[arg-type]

    def export(
        self, home: LogHome | None = None, out: Path | None = None, appointment: Appointment | None = None, **more: Any
    ) -> Path:
        """Export all that the auditor may see; with `nobody=True`, without an appointment."""
        home = home or self.home
        out = out or self.folder / f"export-{new_id()}"
        seen = None if more.pop("nobody", False) else appointment or self.appointment
        fields: dict[str, Any] = {"documents": trust_documents(self.charter, self.descriptors, {})}
        with home.store() as store:
            export(
                store,
                home.keystore,
                home.key,
                home.clock,
                member=TH,
                highwater=home.highwater,
                out=out,
                appointment=seen,
                **(fields | more),
            )
        return out

    def check(self, out: Path, **more: Any) -> Report:
        """Return the verifier's report on an export."""
        return verify_export(out, self.charter, self.federation.clock, self.federation.fingerprint, **more)

    def copy(self) -> LogHome:
        return self.home.copy(self.folder / f"copy-{new_id()}")

    def key(self, member: str) -> SigningKey:
        return self.federation[member].key("statement")

    def request(self, sender: MemberId, recipient: MemberId, key: SigningKey | None = None) -> tuple[Request, Sealed]:
        now = self.home.clock.now_us()
        request = Request(
            exchange_id=new_id(),
            sender=sender,
            recipient=recipient,
            issued_us=now,
            expires_us=now + 60_000_000,
            purpose=Purpose.INVESTIGATION,
            offence=Offence.TIP,
            case="TH-2026-0001",
            ticket="",
            agreement="gms-border-2026",
            requester=Requester("investigator", f"{sender}.blo.one", "police", "p" * 24),
            token_commitment=bytes(32),
            query=DocumentQuery("AB1234567", "VNM"),
            trust_hash=bytes(32),
            policy_hash=bytes(32),
        )
        return request, REQUEST_KIND.build(request, key or self.key(sender))

    def answer(self, request: Request, sealed: Sealed, key: SigningKey | None = None, refuse: bool = False) -> Sealed:
        answer = Answer(
            exchange_id=request.exchange_id,
            sender=request.recipient,
            recipient=request.sender,
            request_hash=sealed.payload_hash,
            issued_us=self.home.clock.now_us(),
            outcome=Outcome.REFUSED if refuse else Outcome.NO_HIT,
            refusal=Refusal(Reason.PERMISSION_DENIED, "bad-signature") if refuse else None,
            withheld_commitment=bytes(32),
        )
        return ANSWER_KIND.build(answer, key or self.key(request.recipient))

    def answered(self, **keys: SigningKey | None) -> EntryDraft:
        request, sealed = self.request(VN, TH, keys.get("request"))
        answer = self.answer(request, sealed, keys.get("answer"))
        return draft(events.ANSWERED, VN, request, sealed, answer, claim=True)

    def asked(self) -> Sequence[EntryDraft]:
        request, sealed = self.request(TH, KH)
        answer = self.answer(request, sealed)
        received = draft(events.RECEIVED, KH, request, sealed, answer)
        received.channel, received.number = "out:kh", 1
        asked = draft(events.ASKED, KH, request, sealed, None)
        asked.channel = ""
        return [asked, received]

    def refused(self) -> EntryDraft:
        request, sealed = self.request(VN, TH, self.key("kh"))
        return draft(events.REFUSED, VN, request, sealed, self.answer(request, sealed, refuse=True))


def draft(
    event: Event, peer: MemberId, request: Request, sealed: Sealed, answer: Sealed | None, claim: bool = False
) -> EntryDraft:
    private: dict[str, Any] = {"officer": "th.o.1042", "case": request.case, "outcome": "no_hit"}
    return event.draft_of(
        {name: value for name, value in private.items() if name in event.fields},
        peer=peer,
        exchange_id=request.exchange_id,
        request_hash=sealed.payload_hash,
        answer_hash=answer.payload_hash if answer else b"",
        channel=f"in:{peer}",
        request=sealed.envelope,
        answer=answer.envelope if answer else b"",
        claim=ReplayClaim(peer, ExchangeId(request.exchange_id), sealed.payload_hash, 1) if claim else None,
    )


def bad_with(report: Report, check: Check, index: int | None = None) -> bool:
    """Tell whether `check` is contradicted (at `index`, when one is given)."""
    return any(
        item.check is check and item.state is State.CONTRADICTED and (index is None or item.index == index)
        for item in report.findings
    )


def rewrite(home: LogHome, index: int, change: Callable[[Entry], Entry]) -> None:
    """Change an entry and its stored hash."""
    with contextlib.closing(sqlite3.connect(home.database_path)) as connection:
        where = "WHERE seq = ? AND log_id = (SELECT id FROM log_state WHERE log = 'exchange/1')"
        (body,) = connection.execute(f"SELECT body FROM log_entry {where}", (index,)).fetchone()
        new = build_entry(change(parse_entry(body)))
        connection.execute(f"UPDATE log_entry SET body = ?, leaf_hash = ? {where}", (new, leaf_hash(new), index))
        connection.commit()


def make_world(folder: Path) -> World:
    """A federation, an auditor appointed in `th`, and six entries in its exchange log."""
    federation = make_federation(folder / "fed")
    home = LogHome(folder / "home", federation["th"].key("log"), federation.clock)
    home.folder.mkdir()
    key, appointment = appoint(federation["th"], WHOLE)
    world = World(federation, home, folder, key, appointment)
    with home.log() as log, home.log("operations") as operations:
        operations.append([events.START.draft(version="1")])
        for drafts in ([world.answered(), world.answered()], world.asked(), [world.refused()], [world.answered()]):
            log.append(drafts)
    return world


def appoint(
    member: Member, scope: Scope, auditor: str = "th.auditor.1", days: int = 30
) -> tuple[SigningKey, Appointment]:
    """Appoint an auditor with a new key, and list it."""
    key = SigningKey(Ed25519PrivateKey.generate())
    return key, appoint_key(member, key.verify_key(), auditor, scope, days)


def appoint_key(member: Member, key: VerifyKey, auditor: str, scope: Scope = WHOLE, days: int = 30) -> Appointment:
    """Appoint an auditor with a key of their own, and list it."""
    trust = member.home / "trust"
    data = draft_appointment(
        trust,
        MemberId(member.id),
        load_signing_key(member.authority / "authority.key"),
        member.clock,
        auditor=auditor,
        key=key,
        scope=scope,
        days=days,
        appointed_by="the auditor general",
    )
    import_document(trust, data, member.clock)
    held = member.view().descriptor(member.id)
    publish_descriptor(
        member.home,
        member.authority,
        member.clock,
        endpoints=held.endpoints,
        offices=held.offices,
        agencies=held.agencies,
    )
    return parse_appointment(data)[0]


def resign(out: Path, key: SigningKey, **changes: Any) -> None:
    """Act as a dishonest exporter: name the files as they are now in the manifest, and sign it again."""
    manifest = json.loads((out / MANIFEST).read_bytes()) | changes
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and not path.is_symlink()}
    files = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names - {MANIFEST, SIGNATURE}}
    data = strict_json.dumps(manifest | {"files": files} | changes)
    (out / MANIFEST).write_bytes(data)
    note = Signer(export_origin(manifest["member"]), key).sign(len(files), hashlib.sha256(data).digest())
    (out / SIGNATURE).write_bytes(note)
