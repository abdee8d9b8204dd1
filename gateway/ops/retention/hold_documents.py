"""Draft, sign and bring documents of legal holds, and name the commands that help where that fails."""

from __future__ import annotations

import hashlib
import secrets
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from certs.keyfiles import KeyPlace
from gateway.audit.acts.table import ActKind
from gateway.audit.retention.holds import (
    MAX_HELD,
    MAX_HOLD_US,
    HoldAction,
    HoldOrder,
    parse_hold,
    read_holds,
    seal_hold,
)
from gateway.clock import SystemClock, rfc3339, to_micros
from gateway.config import load_settings
from gateway.errors import LiaisonError, Malformed, Misused
from gateway.model.names import ExchangeId, exchange_id, member_id
from gateway.ops.acts.carry import carry_out
from gateway.ops.acts.mailbox import Order
from gateway.ops.homes.documents import HOLD, read_document
from gateway.ops.homes.open_home import open_home
from gateway.ops.retention.forget_plan import Entries
from gateway.signing.dsse import add_signature
from gateway.signing.keys import load_signing_key
from gateway.trust.documents.policy_approval import APPROVALS


def draft_hold(
    folder: Path, entries: Entries, exchanges: Iterable[str], until: datetime, reason: str, key_file: KeyPlace
) -> bytes:
    """Return a new hold with the first approver's signature. Raises `Misused`."""
    member = member_id(load_settings(folder).node.member)
    if not 0 < to_micros(until) - SystemClock().now_us() <= MAX_HOLD_US:
        raise Misused("--until: a hold ends in the future, at most 366 days away")
    places = {log: tuple(sorted(set(indexes))) for log, indexes in entries.items()}
    if (most := max(map(len, places.values()), default=0)) > MAX_HELD:
        raise Misused(f"{most:,} entries: one hold covers {MAX_HELD:,} of a log; name a part with --from and --before")
    try:
        held = tuple(ExchangeId(exchange_id(item)) for item in dict.fromkeys(exchanges))
    except Malformed as error:
        raise Misused(f"--exchange: {error.message}") from error
    name = f"hold-{secrets.token_hex(6)}"
    order = HoldOrder(member, HoldAction.PLACE, name, reason, places, held, to_micros(until))
    return seal_hold(order, [load_signing_key(key_file)])


def draft_lift(folder: Path, hold: str, reason: str, key_file: KeyPlace) -> bytes:
    """Return the lifting of a hold, with the first approver's signature."""
    member = member_id(load_settings(folder).node.member)
    return seal_hold(HoldOrder(member, HoldAction.LIFT, hold, reason, {}, (), 0), [load_signing_key(key_file)])


def sign_hold(file: Path, key_file: KeyPlace) -> bytes:
    """Return the document with one more approver's signature. Raises `Misused` where it has that one already."""
    order, document = parse_hold(read_document(file, HOLD))
    key = load_signing_key(key_file)
    if key.key_id in order.signers:
        raise Misused(
            f"`{key_file}` has signed `{file}` already: it needs another approver's signature\n  {sign_command(file)}"
        )
    return add_signature(document, key)


def hold_value(data: bytes) -> dict[str, Any]:
    """Return the content of a hold's document as JSON."""
    order, document = parse_hold(data)
    return {
        "hold": order.id,
        "action": order.action.value,
        "member": order.member,
        "reason": order.reason,
        "entries": {log: list(indexes) for log, indexes in order.entries.items()},
        "exchanges": list(order.exchanges),
        "until": rfc3339(order.until_us) if order.until_us else "",
        "signatures": len(order.signers),
        "hash": hashlib.sha256(document.payload).hexdigest(),
    }


def bring_hold(folder: Path, file: Path) -> dict[str, Any]:
    """Place or lift a hold by its signed document."""
    data = read_document(file, HOLD)
    order, _ = parse_hold(data)
    with hinted(file, folder, order):
        kind = ActKind.HOLD if order.action is HoldAction.PLACE else ActKind.LIFT
        return carry_out(folder, Order(kind, document=data.decode("utf-8", "replace").rstrip("\n")))


def list_holds(folder: Path) -> list[dict[str, Any]]:
    """Return all holds that were ever placed, as JSON."""
    now_us = SystemClock().now_us()
    with open_home(folder) as evidence:
        return [
            {
                "id": hold.id,
                "state": hold.ended or ("stands" if hold.stands(now_us) else "lapsed"),
                "reason": hold.reason,
                "entries": {log: sorted(indexes) for log, indexes in hold.entries.items()},
                "exchanges": sorted(hold.exchanges),
                "placed": rfc3339(hold.placed_us),
                "until": rfc3339(hold.until_us),
                "approvers": list(hold.approvers),
            }
            for hold in read_holds(evidence.store, evidence.keys)
        ]


# ---------------------------------------------------------------- commands that help


def sign_command(file: Path) -> str:
    """Return the command with which another approver signs, with a key of their own."""
    name = shlex.quote(str(file))
    return f"liaison audit hold sign {name} --key THEIR.key --out {name}"


def bring_command(file: Path, home: str) -> str:
    """Return the command that brings a document to the home `home`."""
    return f"liaison audit hold bring {shlex.quote(str(file))} --home {home}"


@contextmanager
def hinted(file: Path, home: Path, order: HoldOrder) -> Iterator[None]:
    """Add the helpful command to an error of bringing the document in `file`, which is `order`."""
    try:
        yield
    except LiaisonError as error:
        error.where = error.where or str(file)
        error.remedy = error.remedy or _remedy(error.code, file, shlex.quote(str(home)), order)
        raise


def _remedy(code: str, file: Path, home: str, order: HoldOrder) -> str:
    bring = bring_command(file, home)
    if code == "below-threshold" and len(order.signers) < APPROVALS:
        return f"another approver: {sign_command(file)}; then {bring}"
    if code == "below-threshold":
        return (
            f"who signed must be listed as an approver: liaison policy admit THEIR.pub --home {home}; liaison trust "
            f"publish --home {home} --authority ADIR; then {bring}"
        )
    if code == "other-member":
        return f"bring it there: {bring_command(file, 'THEIRS')} (THEIRS: the home of `{order.member}`)"
    if code in ("hold-known", "no-such-hold"):
        return f"see liaison audit hold list --home {home}"
    if code == "no-such-entry":
        return f"see liaison audit show --home {home}, and draft it anew: {_draft_command(order, file, home)}"
    if code == "bad-hold-time":
        return f"draft it anew: {_draft_command(order, file, home)}"
    return ""


def _draft_command(order: HoldOrder, file: Path, home: str) -> str:
    """Return the command that drafts this hold anew with another end."""
    places = [f"--entry {log}:{index}" for log, indexes in order.entries.items() for index in indexes]
    places += [f"--exchange {exchange}" for exchange in order.exchanges]
    said = f"--until DATE --reason {shlex.quote(order.reason)} --key YOUR.key --out {shlex.quote(str(file))}"
    return f"liaison audit hold draft --home {home} {' '.join(places)} {said}"
