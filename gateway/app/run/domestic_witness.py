"""`liaison witness serve`: a country's domestic witness, put together from its parts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from certs.hsm.keys import self_test
from certs.hsm.token import when_lost
from certs.ownership import check_ownership
from certs.tls import TlsIdentity, check_floor, server_credentials
from gateway.app.run.telemetry import WITNESS, describe_process, exporting
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.cosignature import Cosigner, domestic_name
from gateway.clock import Clock, SystemClock
from gateway.config.load import host_port
from gateway.config.witness_home import WitnessProcess, load_witness
from gateway.errors import LiaisonError, Misconfigured
from gateway.host import descriptors, memory
from gateway.host.ending import end_process
from gateway.host.service_manager import serve_until_signal
from gateway.model.evidence.witness import HeadEvidence
from gateway.model.names import member_id
from gateway.node.witness_server import WitnessServer
from gateway.ops.homes.lock import only_one
from gateway.ops.keys.head_keys import WITNESS_KEYS
from gateway.rpc.transport import RefusedCall
from gateway.signing.witness_keys import load_witness_signing_key
from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.database.open import watch_disks
from gateway.storage.documents.witness_seal import SealedWitnessStore
from gateway.telemetry import Logger, LogLine, configure_logging
from gateway.trust.keeper import TrustKeeper
from gateway.witness.listed_logs import ListedLogs
from gateway.witness.service import WitnessService

_DRAIN_S = 5.0
_LOOK_S = 2.0


def serve_witness(home: Path) -> int:
    """Run the domestic witness of `home` until SIGTERM or SIGINT; return its exit code. Raises `LiaisonError`."""
    settings = load_witness(home)
    configure_logging(settings.telemetry.log_level)
    descriptors.raise_limit()
    memory.share_pools()
    with only_one(settings.home.path / "witness.lock"):
        log = Logger(component="witness", member=settings.witness.member)
        about = describe_process(WITNESS, settings.witness.member, f"witness.{settings.witness.member}")
        with exporting(settings.telemetry, settings.home.path, about, SystemClock()):
            serve_until_signal(lambda: DomesticWitness(settings), _LOOK_S, partial(log.error, LogLine.STOP_HANGS))
    return 0


class DomesticWitness:
    """The witness's memory, keys and server. The constructor raises an error for a wrong file."""

    def __init__(self, settings: WitnessProcess, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        home, member = settings.home, member_id(settings.witness.member)
        check_ownership([home.keys, home.trust])
        self._settings = settings
        self._log = Logger(component="witness", member=member)
        when_lost(partial(end_process, partial(self._log.error, LogLine.KEYS_LOST)))
        self.trust = TrustKeeper(home.trust, clock)
        if not self.trust.view.active(member):
            raise Misconfigured(
                "no charter is held in which `{member}` is an active member",
                code="no-charter",
                where=str(home.trust),
                remedy="`liaison witness accept` takes charter and descriptors; compare the charter's fingerprint",
                member=member,
            )
        self._database = open_database(home.database)
        migrate(self._database)
        self._reserve = watch_disks(self._database, {"home": home.path})
        store = SealedWitnessStore(self._database, home.seal)
        cosigner = Cosigner(domestic_name(member), [load_witness_signing_key(home.key(name)) for name in WITNESS_KEYS])
        logs = ListedLogs(lambda: self.trust.view, clock, member, domestic=True)
        service = WitnessService(cosigner, store, logs, clock, self._found)
        credentials = server_credentials(
            lambda: TlsIdentity.load(home.key("tls"), home.certificate("tls")),
            lambda: self.trust.view.ca_pem(member),
            lambda text: self._log.error(LogLine.ROUNDS_FAILED, Misconfigured(text, code="tls-files")),
        )
        self._server = WitnessServer(
            service,
            member,
            lambda certificate: self.trust.view.peer(certificate),
            credentials,
            self._refused,
            self._fatal,
            self._reserve.check,
        )
        self.address = ""

    def start(self) -> None:
        """Listen, and check that the port speaks TLS 1.3 only."""
        host, port = host_port(self._settings.listen.address)
        port = self._server.start(f"{host}:{port}")
        check_floor(host, port)
        self.address = f"{host}:{port}"
        self._log.info(LogLine.NODE_STARTED, address=self.address)

    def stop(self) -> None:
        """Take no more, finish what was taken, close."""
        self._server.stop(_DRAIN_S)
        self._database.close()
        self._log.info(LogLine.NODE_STOPPED)

    def look(self) -> str:
        """Take up trust documents that were accepted in the meantime, and look at disk and security module."""
        self_test()
        try:
            self.trust.refresh()
        except LiaisonError as error:
            self._log.error(LogLine.ROUNDS_FAILED, error)
        return "STATUS=not ready: disk-reserve" if self._reserve.look() else "STATUS=ready"

    def _found(self, evidence: HeadEvidence) -> None:
        size = parse_checkpoint(evidence.offered).size
        self._log.error(
            LogLine.LOG_FORKED,
            LiaisonError(
                "{origin}: a head over {length} entries does not go with the one that was cosigned",
                code=evidence.code,
                remedy="both heads are kept: `liaison audit evidence --home` shows them",
                origin=evidence.origin,
                length=size,
            ),
        )

    def _refused(self, call: RefusedCall) -> None:
        self._log.info(LogLine.AGENCY_REFUSED, client=call.address, code=call.error.code)

    def _fatal(self, error: BaseException) -> None:
        end_process(partial(self._log.error, LogLine.STORAGE_BROKEN), error)
