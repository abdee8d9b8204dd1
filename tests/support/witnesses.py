"""A log that can be forked, and a witness beside it, without any node."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gateway.audit.tree.checkpoint import Signer, origin
from gateway.audit.tree.cosignature import Cosigner, witness_name
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.clock import ManualClock, SystemClock
from gateway.errors import Forbidden, Unknown
from gateway.model.evidence.witness import HeadEvidence
from gateway.model.names import MemberId
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.signing.witness_keys import WitnessSigningKey
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.witness.service import WitnessService, build_request

TH = MemberId("th")
ORIGIN = origin("th", "exchange", 1)


@dataclass
class LogOf:
    """A log with its key; `branch` makes another one that shares its beginning."""

    key: SigningKey = field(default_factory=lambda: SigningKey(Ed25519PrivateKey.generate()))
    origin: str = ORIGIN
    leaves: list[bytes] = field(default_factory=list)

    def grow(self, count: int, mark: str = "") -> LogOf:
        """Add entries."""
        self.leaves += [leaf_hash(f"{mark}{len(self.leaves) + number}".encode()) for number in range(count)]
        return self

    def branch(self, size: int) -> LogOf:
        """A log of the same key and origin that has the first `size` entries."""
        return LogOf(self.key, self.origin, self.leaves[:size])

    def tree(self) -> Tree:
        """Its tree."""
        tree = Tree()
        tree.extend(self.leaves)
        return tree

    def head(self, size: int | None = None) -> bytes:
        """A signed head."""
        size = len(self.leaves) if size is None else size
        return Signer(self.origin, self.key).sign(size, self.tree().root(size))

    def request(self, old: int, size: int | None = None) -> bytes:
        """A request to cosign, as an honest log makes it; without a proof where there can be none."""
        size = len(self.leaves) if size is None else size
        proof = self.tree().consistency(old, size) if 0 < old <= size else ()
        return build_request(old, proof, self.head(size))


@dataclass
class StaticLogs:
    """`WitnessedLogs` of fixed keys."""

    known: dict[str, tuple[MemberId, list[VerifyKey]]]

    def keys(self, caller: MemberId, origin: str) -> list[VerifyKey]:
        """The keys of a log."""
        if origin not in self.known:
            raise Unknown("this log is not witnessed here")
        member, keys = self.known[origin]
        if member != caller:
            raise Forbidden("not the caller's")
        return keys


@dataclass
class WitnessHouse:
    """A witness with its own database and keys."""

    database: Database
    store: SqlWitnessStore
    service: WitnessService
    clock: ManualClock
    keys: tuple[WitnessSigningKey, ...]
    found: list[HeadEvidence]


def make_witness(folder: Path, logs: StaticLogs, keys: tuple[WitnessSigningKey, ...] = ()) -> WitnessHouse:
    """A witness of `logs` in `folder`; the memory that lies there is used."""
    database = open_database(folder / "witness.sqlite")
    migrate(database)
    store, clock, found = SqlWitnessStore(database), ManualClock(SystemClock().now()), list[HeadEvidence]()
    keys = keys or (
        WitnessSigningKey(Ed25519PrivateKey.generate()),
        WitnessSigningKey(MLDSA44PrivateKey.generate()),
    )
    service = WitnessService(Cosigner(witness_name("vn"), keys), store, logs, clock, found.append, pause_s=0)
    return WitnessHouse(database, store, service, clock, keys, found)
