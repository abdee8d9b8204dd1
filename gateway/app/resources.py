"""The resources of a node: settings, clock, keys, trust, database, logs, policy and sources of one home."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from adapters.base import Adapter
from adapters.late import LateSource, open_all
from adapters.mapping.file import load_mapping
from certs.hsm.places import key_places
from certs.keyfiles import check_key
from certs.ownership import check_ownership
from gateway.app.comparison import require_own, require_same
from gateway.audit.log.log import AuditLog
from gateway.audit.retention.destroyed_keys import Tombstones, bury
from gateway.audit.tree.checkpoint import LogKeys
from gateway.clock import Clock, SystemClock
from gateway.config.home import Home
from gateway.config.schema import Settings, SourceSettings
from gateway.config.start_files import start_files
from gateway.errors import Misconfigured, code_and_detail
from gateway.exchange.sources.bulkhead import Bulkhead, WallLimits
from gateway.exchange.stages import Turn
from gateway.host.disk_reserve import DiskReserve
from gateway.model.names import MemberId, member_id
from gateway.ops.keys.live import LiveKeys
from gateway.ops.policy.keeper import PolicyKeeper
from gateway.ops.sources.places import node_side, source_place
from gateway.ops.stores import give_id, node_stores
from gateway.ports.content_keys import Retention
from gateway.storage.database.engine import Database
from gateway.storage.database.leader import Leader
from gateway.storage.database.open import open_node_database, watch_disks
from gateway.storage.database.postgres import StorageIdentity, identity
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.telemetry import Counters, Gauge, Recorder
from gateway.trust.keeper import TrustKeeper


@dataclass(slots=True)
class Resources:
    """The settings, clock, keys, trust, database, logs and sources of one home, for the parts of a node."""

    settings: Settings
    home: Home
    member: MemberId
    clock: Clock
    counters: Counters
    database: Database
    keystore: KeyStore
    store: SqlLogStore
    trust: TrustKeeper
    exchange_log: AuditLog
    operations_log: AuditLog
    policy: PolicyKeeper
    walls: list[Bulkhead]
    refreshers: dict[str, Callable[[], object]]
    turn: Turn
    leader: Leader
    runs_on: StorageIdentity | None
    reserve: DiskReserve
    revived: list[str]
    keys: LiveKeys
    recorder: Recorder
    sources: list[Adapter]
    files: dict[str, str] = field(default_factory=dict)
    """The hashes of the files that were read at the start and count so until the next one (`config.start_files`)."""
    renewed: list[Callable[[], None]] = field(default_factory=list)
    """Called when keys or the limits of sources are others: those who have read them read them again."""

    def close_sources(self) -> None:
        """End the connections of all sources, those in use when their question or refresh has ended. It may block."""
        for source in self.sources:
            source.close()


def open_resources(settings: Settings, production: bool) -> Resources:
    """Open the home's files and database; raise the error of a wrong one before anything listens."""
    check_owners(settings)
    home = Home(settings.home)
    check_ownership([home.keys, home.trust, settings.keystore], settings.read)
    clock = SystemClock()
    member = member_id(settings.node.member)
    for key in key_places(home.keys):
        check_key(key)  # also an unused one: it is refused when others can read it, or when it is not a key
    keys = LiveKeys(home, member, clock, production=production)
    trust = TrustKeeper(home.trust, clock)
    policy = PolicyKeeper(settings, clock, production=production, decides=True)
    files = start_files(settings)  # before they are read: one that is changed meanwhile is told
    stores = node_stores(settings)
    require_own(settings)
    database = open_node_database(settings)
    give_id(stores, database)
    keystore = KeyStore(settings.keystore)
    reserve = watch_disks(database, {"home": home.path, "keystore": settings.keystore}, settings.storage.reserve_mib)
    store = SqlLogStore(database, keystore)
    home.highwater.mkdir(mode=0o700, exist_ok=True)
    # Before a log is opened: a backup may have brought keys back whose content was erased since.
    revived = bury(Tombstones(home.tombstones), keystore)
    open_log = partial(_open_log, store, keystore, keys.log, clock, member, home)
    exchange_log, operations_log = open_log("exchange"), open_log("operations")
    if database.shared:
        database.wait_for_return(lambda: require_same(settings, database, keys.log, member))
    opened = open_all(
        [
            replace(
                source_place(settings, source, home, clock),
                node=node_side(source, home, member, lambda: trust.view, keys),
            )
            for source in settings.sources
        ]
    )
    sources = dict(zip((source.id for source in settings.sources), opened, strict=True))
    keystore.hold_open((Retention.HIT, Retention.NO_HIT, Retention.OPERATIONS, Retention.DESK), clock.now_us())
    # Late, since a start that was refused writes nothing, and no copy of the policy that would have decided.
    policy.keep()
    turn, counters = Turn(), Counters()
    walls = [
        Bulkhead(sources[source.id], clock, settings.limits.workers, turn, wall_limits(source))
        for source in settings.sources
    ]
    for wall in walls:
        if isinstance(wall.source, LateSource):
            wall.health.unread = wall.source.fault.code
    counters.gauge(
        Gauge.SOURCE_UNREAD,
        lambda: {(("source", wall.description.id),): float(bool(wall.health.unread)) for wall in walls},
    )
    return Resources(
        settings,
        home,
        member,
        clock,
        counters,
        database,
        keystore,
        store,
        trust,
        exchange_log,
        operations_log,
        policy,
        walls,
        {name: partial(_refresh, source, wall) for (name, source), wall in zip(sources.items(), walls, strict=True)},
        turn,
        Leader(database),
        identity(database),
        reserve,
        revived,
        keys,
        Recorder(counters, clock.now_us, clock.monotonic),
        list(sources.values()),
        files,
    )


def check_owners(settings: Settings) -> None:
    """Raise `Misconfigured` where a source's id or agency differs from its mapping's.

    The mapping says who owns the records; an off-switch for the agency of the settings would not stop them.
    """
    for number, source in enumerate(settings.sources):
        if not source.mapping or source.is_process:
            continue
        mapping = load_mapping(settings.path(source.mapping))
        for name, said, mapped in (("id", source.id, mapping.id), ("agency", source.agency, mapping.agency)):
            if said != mapped:
                raise Misconfigured(
                    "the mapping of source `{id}` has the {name} `{mapped}`, and the settings `{said}`",
                    code="not-the-owner",
                    where=settings.origin[f"source.{number}.{name}"],
                    remedy="give both the same {name} (the mapping is {mapping})",
                    id=source.id,
                    name=name,
                    mapped=mapped,
                    said=said,
                    mapping=source.mapping,
                )


def _refresh(source: Adapter, wall: Bulkhead) -> None:
    """Update a source's index, and the description that its wall holds; open a source that was away at the start."""
    try:
        source.refresh()
    except Exception as error:
        wall.health.unread = code_and_detail(error)[0]
        raise
    if isinstance(source, LateSource) and source.opened is not None and wall.source is source:
        wall.turn_to(source.opened)
    wall.look_again()
    wall.health.unread = ""


def wall_limits(source: SourceSettings) -> WallLimits:
    """Return the limits of a source's own."""
    return WallLimits(source.rate_per_s, source.timeout_ms / 1000)


def _open_log(
    store: SqlLogStore, keystore: KeyStore, key: LogKeys, clock: Clock, member: MemberId, home: Home, name: str
) -> AuditLog:
    return AuditLog(store, keystore, key, clock, member, name, highwater=home.highwater)
