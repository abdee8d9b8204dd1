"""The memory of a domestic witness: the same store, and the newest heads once more in a file of their own.

A witness that forgets would cosign a fork. So each head is written to a second file before it is cosigned, and a start
with a database that is behind that file, or without one of the two, is refused. Putting both back, with the whole
machine, is found by the node: it shows the head that it has from us, under our own cosignature.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

from gateway.errors import Contradicted, Misconfigured
from gateway.host.durable import PRIVATE, replace
from gateway.model.evidence.witness import WitnessedHead
from gateway.storage.database.engine import Database
from gateway.storage.documents.witness_store import SqlWitnessStore

_REMEDY = (
    "bring back the newer of the two; where it is lost, make a new witness with `liaison witness init` in another "
    "folder, and let the authority list its keys: this one must not cosign any more"
)


class SealedWitnessStore(SqlWitnessStore):
    """`SqlWitnessStore` with a seal. Opening raises `Contradicted` when the two do not fit together."""

    def __init__(self, database: Database, seal: Path) -> None:
        super().__init__(database)
        self._seal = seal
        self._lock = threading.Lock()
        self._newest = self._read()
        held = {head.origin: head for head in self.origins()}
        if held and not self._newest:
            raise self._broken("the witness has cosigned, and the file that says up to where is gone")
        for origin, (size, root) in self._newest.items():
            known = held.get(origin)
            if known is None or known.size < size or (known.size == size and known.root.hex() != root):
                has = f"{known.size} entries" if known else "nothing"
                raise self._broken(f"a head of `{origin}` over {size} entries was cosigned, and the database has {has}")

    def advance(self, before: WitnessedHead | None, head: WitnessedHead) -> bool:
        """Make `head` the newest, in the store and then in the seal. Return False where `before` is not the newest."""
        if not super().advance(before, head):
            return False
        with self._lock:
            if head.size >= self._newest.get(head.origin, (0, ""))[0]:
                self._newest[head.origin] = (head.size, head.root.hex())
                replace(self._seal, json.dumps(self._newest, indent=1).encode() + b"\n", PRIVATE)
        return True

    def _read(self) -> dict[str, tuple[int, str]]:
        if not self._seal.exists():
            return {}
        try:
            value = json.loads(self._seal.read_bytes())
            return {str(origin): (int(size), str(root)) for origin, (size, root) in value.items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise Misconfigured("cannot be read", code="bad-seal", where=str(self._seal), remedy=_REMEDY) from error

    def _broken(self, text: str) -> Contradicted:
        return Contradicted(
            "{text}: an old copy was put back",
            code="witness-went-back",
            where=str(self._seal),
            remedy=_REMEDY,
            text=text,
        )
