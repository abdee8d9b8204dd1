"""The checks of a start that need parts of a node, and the refusal of a start with all obstacles at once."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import closing, contextmanager

from certs.tls import TlsIdentity
from gateway.agency.officer_tokens.keys import revocation_fetch, token_keys
from gateway.agency.officer_tokens.revocations import read_list
from gateway.app.node_witness import domestic_channel
from gateway.app.run.telemetry import Collector, check_collector, lost_items
from gateway.audit.log.examine import ExaminedLog, examine_log
from gateway.clock import Clock
from gateway.config import Settings
from gateway.errors import LiaisonError, NotProved, StorageBroken
from gateway.https.tls_files import UNUSABLE, TlsFiles
from gateway.loop import run
from gateway.model.evidence.witness import HeadEvidence
from gateway.model.names import member_id
from gateway.node.client import PeerPool
from gateway.node.greetings import Mute
from gateway.node.witness_client import WitnessClient
from gateway.ops.acts.draft import trust_of
from gateway.ops.acts.unwitnessed_start import check_waiver, is_waived
from gateway.ops.doctor.doctor import obstacles
from gateway.ops.doctor.key_checks import check_certificates, check_keys, made_by
from gateway.ops.finding import Check, CheckContext, Finding, Obstacles, failed, good, stop, warn
from gateway.ops.keys.head_keys import load_log_keys
from gateway.ops.keys.online import exchange_certificate
from gateway.ports.journal import LogName
from gateway.storage.database.migrate import HEAD, version
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.database.postgres_address import WHERE as STORAGE_URL
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.keeper import TrustKeeper
from gateway.witness.before_start import Comparison
from gateway.witness.plan import witness_plan


def check_tokens(context: CheckContext) -> list[Finding]:
    """Check that the keys of officers' tokens can be read."""
    keys = token_keys(context.settings, context.clock, production=False)
    if not keys:
        return [warn("tokens", "no key of officers' tokens is listed: nobody can ask", "add a [[token_key]]")]
    return [good("tokens", f"the keys of officers' tokens can be read: {', '.join(sorted(keys))}")]


def check_revocations(context: CheckContext) -> list[Finding]:
    """Check that the identity provider's list can be fetched, and counts, where the settings name its address."""
    settings, clock = context.settings, context.clock

    def judge(data: bytes) -> None:
        read_list(data, settings.node.member, token_keys(settings, clock, production=False))

    fetch = revocation_fetch(settings, clock, judge)
    if fetch is None:
        return []
    try:
        fetch.fetch()
    except LiaisonError as error:
        remedy = "ask the identity provider for its list, signed by a key of [[token_key]]; the last one stays in force"
        return [warn("revocations", error.message, remedy)]
    return [good("revocations", f"the list at {settings.tokens.revocations_url} is fetched, and counts")]


def check_tls(context: CheckContext) -> list[Finding]:
    """Check that the TLS files towards our own systems fit together. A file that does not fit alone is told already."""
    home = context.home
    try:
        TlsFiles(home.key("tls"), home.certificate("tls"), home.ca).context()
    except LiaisonError as error:
        told = (*check_keys(context), *check_certificates(context))
        again = "put back your copies of them; without any move tls.key and tls.pem away"
        remedy = f"{again}, then {made_by(context)}" if error.code == UNUSABLE else error.remedy
        found = stop("tls", error.message, remedy, error.where, error.code)
        return [] if any(finding.is_stop for finding in told) else [found]
    return []


def check_copy(context: CheckContext) -> list[Finding]:
    """Ask the witnesses whether this is the newest copy of the logs, as a start does. A running node has asked."""
    if context.runs or not is_made(context.settings):
        return []
    with closing(open_storage(context.settings)) as database:
        if version(database) != HEAD:
            return []
        key, member = load_log_keys(context.home), context.settings.node.member
        store = SqlLogStore(database)
        try:
            found = [examine_log(store, key, member, name, context.home.highwater) for name in LogName]
        except LiaisonError:
            return []  # `logs` tells it
        logs = [log for log in found if log is not None and log.size]
        return _compared(context, _Unchanged(SqlWitnessStore(database)), logs) if logs else []


def check_export(context: CheckContext) -> list[Finding]:
    """Check that the files for the collector, where one is named, can be used."""
    settings = context.settings
    if settings.telemetry.endpoint:
        check_collector(settings.telemetry, settings.home, context.clock)
    return []


def check_collector_answers(context: CheckContext) -> list[Finding]:
    """Check that the collector takes an export, and whether the running node has lost any."""
    settings = context.settings
    if not settings.telemetry.endpoint:
        return []
    remedy = "check the collector, the line to it and [telemetry] of node.toml; exchanges do not wait for it"
    try:
        status = (
            Collector(settings.telemetry, settings.home, context.clock).post("/v1/traces", gzip.compress(b"")).status
        )
    except LiaisonError as error:
        return [warn("telemetry", f"the collector did not take an empty export: {error.message}", remedy)]
    if status != 200:
        return [warn("telemetry", f"the collector answered an empty export with status {status}", remedy)]
    if lost := lost_items(settings, context.clock):
        return [warn("telemetry", f"the running node has lost {lost} spans and lines: the collector was away", remedy)]
    return [good("telemetry", f"the collector at {settings.telemetry.endpoint} takes exports")]


START_CHECKS: dict[str, Check] = {"tokens": check_tokens, "tls": check_tls, "telemetry": check_export}
"""The checks of a start that need parts of a node, before it opens anything."""

COPY_CHECKS: dict[str, Check] = {
    "copy": check_copy,
    "revocations": check_revocations,
    "telemetry": check_collector_answers,
}
"""The checks that a start makes when all else is opened, those of systems that it does not wait for."""


@contextmanager
def listing_obstacles(settings: Settings, clock: Clock, *, production: bool) -> Iterator[None]:
    """Raise `Obstacles` with all that keeps a node from starting, before the block or for an error of the block."""
    if found := obstacles(settings, clock, START_CHECKS, production=production, opened=False):
        raise Obstacles(found)
    try:
        yield
    except LiaisonError as error:
        if isinstance(error, StorageBroken) and error.where == STORAGE_URL:
            raise  # each check that opens the database would wait for its server as long again
        found = obstacles(settings, clock, START_CHECKS, production=production, opened=True)
        if not found:
            raise
        raise Obstacles(found) from error


class _Unchanged:
    """A store of witnesses in which nothing is kept: the doctor looks, and a start keeps evidence."""

    def __init__(self, store: SqlWitnessStore) -> None:
        self.evidence = store.evidence

    def keep_evidence(self, _evidence: HeadEvidence, _most: int) -> bool:
        """Keep nothing."""
        return False


def _compared(context: CheckContext, store: _Unchanged, logs: list[ExaminedLog]) -> list[Finding]:
    settings, member = context.settings, member_id(context.settings.node.member)
    trust = TrustKeeper(context.home.trust, context.clock)
    plan = witness_plan(member, settings.witness, trust.view)

    read = TlsIdentity.load(context.home.key("tls"), exchange_certificate(context.home))

    def identity() -> TlsIdentity:
        return read

    async def compare() -> int:
        peers = PeerPool(lambda: trust.view, identity, lambda _member: None, context.clock, Mute(member))
        client = WitnessClient(peers, domestic_channel(settings, context.home, identity))
        try:
            keys = list(trust.view.vkeys(member, KeyUse.LOG))
            compared = await Comparison(client, store, lambda: keys, context.clock).at_start(logs, plan.asked)
            return len({witness for witness, _, _ in compared.seen})
        finally:
            await client.close()
            await peers.close()

    try:
        return [good("copy", f"{run(compare())} witnesses know no newer head of our logs")]
    except NotProved as error:
        if is_waived(context.home):
            check_waiver(trust_of(context.home))
            return [warn("copy", error.message, "an administrator let the next start go on without a witness")]
        return [failed("copy", error, "bring a witness into reach")]
