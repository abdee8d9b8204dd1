"""Remove keys of a home's own member by its status: at once, by the status key, with nothing from offline.

The removal comes first and needs the home alone. Who did it is handed in behind it, signed or not: a running node
writes the entry at once, and a stopped one when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from gateway.audit.acts.act import MAX_TEXT, Proved
from gateway.audit.acts.table import ActKind
from gateway.clock import Clock
from gateway.config import Home, load_settings
from gateway.errors import LiaisonError, Misconfigured, Misused
from gateway.model.names import member_id
from gateway.model.values import text_value
from gateway.ops.acts.carry import settle_order
from gateway.ops.acts.draft import draft_act
from gateway.ops.acts.mailbox import Mailbox, Order
from gateway.ops.acts.prove import HomeTrust
from gateway.ops.acts.switches import signers_of
from gateway.ops.removals.own_keys import wanted_keys
from gateway.signing.keys import SigningKey
from gateway.trust.ceremony.ceremony import publish_status
from gateway.trust.ceremony.removal_notes import RemovalNote, add_notes, replace_notes
from gateway.trust.documents.descriptor import Descriptor, ListedKey
from gateway.trust.documents.folder import TrustDocuments


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of keys. `documents` are descriptor and status, one a line; `since_us` is when they end to count.

    `is_logged` says that the operations log has its entry already.
    """

    member: str
    keys: tuple[ListedKey, ...]
    since_us: int
    sequence: int
    documents: bytes
    by: Proved
    is_logged: bool


def revoke(
    folder: Path, name: str, reason: str, clock: Clock, since_us: int | None = None, keys: Sequence[SigningKey] = ()
) -> Removal:
    """Remove the key or keys that `name` means (`own_keys.wanted_keys`), durably, and return what was done.

    `since_us` is the time from which they prove nothing by themselves, and the next descriptor says it. By default it
    is when the removal takes effect, as the process says that serves the home: what it signed until then is the
    owner's. Where none serves it, that is now. With `keys` the act is signed. Raises `Misused`, `Unknown`,
    `Forbidden`, `Misconfigured`.
    """
    settings = load_settings(folder)
    home = Home(settings.home)
    text_value(reason, "reason", MAX_TEXT)
    now_us = clock.now_us()
    if since_us is not None and since_us > now_us:
        raise Misused("--compromised-since is in the future: a key is removed now")
    trust = HomeTrust(home, member_id(settings.node.member), clock)
    descriptor, removed = _own(trust, folder)
    gone = wanted_keys(name, home.path, descriptor, removed, clock)
    notes = [RemovalNote(key.key_id, key.use, now_us, since_us or now_us, reason) for key in gone]
    add_notes(home.trust, notes)
    status = publish_status(home.path, clock, removed=[key.key_id for key in gone])
    found = TrustDocuments(home.trust).status(descriptor)
    order = _order(trust, reason, {"keys": [key.key_id for key in gone], "since_us": since_us}, keys)
    done = _hand_in(folder, home, order)
    if since_us is None:
        since_us = int((done or {}).get("since_us") or clock.now_us())
        replace_notes(home.trust, [replace(note, since_us=since_us) for note in notes])
    return Removal(
        member=descriptor.member,
        keys=tuple(gone),
        since_us=since_us,
        sequence=found.sequence if found else 0,
        documents=descriptor.data + b"\n" + status + b"\n",
        by=signers_of(home, clock, keys),
        is_logged=done is not None,
    )


def _own(trust: HomeTrust, folder: Path) -> tuple[Descriptor, frozenset[str]]:
    try:
        return trust.own()
    except Misconfigured as error:
        error.where = error.where or str(folder)
        raise


def _order(trust: HomeTrust, reason: str, detail: dict[str, object], keys: Sequence[SigningKey]) -> Order:
    order = Order(ActKind.REVOKE, reason=reason, detail=detail)
    if not keys:
        return order
    document = draft_act(trust, ActKind.REVOKE, reason, detail, keys, name=order.id)
    return Order(ActKind.REVOKE, document=document.decode(), reason=reason, detail=detail, id=order.id)


def _hand_in(folder: Path, home: Home, order: Order) -> Mapping[str, Any] | None:
    """Hand in the act, and return what was done once its entry is written. Where it cannot be now, the act stays."""
    with suppress(LiaisonError, OSError):
        Mailbox(home.acts).give(order)
        return settle_order(folder, order)
    return None
