"""Judge acts by the table: check who proves them, and that no act has its effect twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.audit.acts.act import Act, Proved, verify_act
from gateway.audit.acts.table import ROLES, Proof
from gateway.audit.reading.show import Filter, show
from gateway.clock import Clock
from gateway.config import Home
from gateway.errors import Malformed, Misconfigured, Replayed
from gateway.model.names import MemberId
from gateway.ops.homes.persons import person_names, signers_of
from gateway.ports.content_keys import ContentKeys
from gateway.ports.documents import DocumentStore
from gateway.ports.log_store import LogStore
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.persons import Person, listed_persons

_TAKEN = "act"
"""The kind of a used id among the documents; the value is the name under which the act was handed in."""

_LOOK = 100_000
"""Entries of a kind that are searched for the one of an interrupted act."""


@dataclass(frozen=True, slots=True)
class HomeTrust:
    """The persons and keys in the newest documents of a home. Each call reads them anew: a change counts at once."""

    home: Home
    member: MemberId
    clock: Clock

    def own(self) -> tuple[Descriptor, frozenset[str]]:
        """Return the newest descriptor of the member itself, and the ids of keys that its status removed.

        Raises `Misconfigured` where there is no descriptor.
        """
        documents = TrustDocuments(self.home.trust)
        found = documents.descriptor(self.member, documents.charter(self.clock))
        if found is None:
            raise Misconfigured(
                "there is no descriptor that lists persons", code="no-descriptor", remedy="`liaison trust publish`"
            )
        status = documents.status(found)
        return found, frozenset(status.removed if status else ())

    @property
    def federation(self) -> str:
        """Return the id of the federation."""
        return self.own()[0].federation

    def persons(self) -> list[Person]:
        """Return all persons whose keys are listed and valid now, with the names that this home has for them."""
        descriptor, removed = self.own()
        names, signers = person_names(self.home), signers_of(self.home)
        listed = listed_persons(descriptor, ROLES, self.clock.now_us(), removed)
        return [
            replace(person, name=names.get(key_id, ""), known_as=signers.get(key_id, frozenset()))
            for person in listed
            for key_id in (person.key.key_id,)
        ]

    def verify(self, data: bytes) -> tuple[Act, Proved]:
        """Return a signed act for this home, and its proof. Raises the errors of `verify_act`."""
        act, persons = verify_act(data, self.member, self.federation, self.persons(), self.clock.now_us())
        return act, Proved(Proof.SIGNATURES, persons, data)


class Used:
    """The ids of acts that have had their effect, or are having it. One thread at a time."""

    def __init__(self, documents: DocumentStore, store: LogStore, keys: ContentKeys) -> None:
        self._documents = documents
        self._store = store
        self._keys = keys

    def claim(self, name: str, expires_us: int, order: str) -> bool:
        """Take an act's id until its time is over, for the name under which it was handed in; return whether it is new.

        An interrupted act is handed in under its name again: it is then not new, and goes on. Raises `Replayed` when
        the id has been used under another name.
        """
        value = json.dumps({"order": order}).encode()
        before = self._documents.put_new(_TAKEN, name, value, expires_us)
        if before is not None and json.loads(before)["order"] != order:
            raise Replayed(
                "this act was carried out before", code="act-known", where=name[:40], remedy="draft a new one"
            )
        return before is None

    def once(self, name: str, expires_us: int, order: str, kind: str, write: Callable[[], object]) -> None:
        """Write the entry of the act with this id, unless it was written before a crash."""
        if self.claim(name, expires_us, order) or not self._is_written(name, kind):
            write()

    def _is_written(self, name: str, kind: str) -> bool:
        for log in self._store.logs():
            if not log.startswith("operations/"):
                continue
            for shown in show(self._store, self._keys, log, Filter(kind=kind), _LOOK):
                if not shown.erased and shown.private.get("order") == name:
                    return True
        return False


def document_of(order_document: str) -> bytes:
    """Return the bytes of a signed document that was handed in. Raises `Malformed` where there is none."""
    if not order_document:
        raise Malformed("there is no signed document", code="proof-needed", where="act")
    return order_document.encode()
