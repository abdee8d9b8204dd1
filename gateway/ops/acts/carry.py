"""Hand an act in and have it carried out: by the running node, else by this process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from gateway.audit.acts.act import parse_act
from gateway.audit.acts.table import ActKind, Lane
from gateway.audit.reading.inspection import Action, Inspection, sign_inspection
from gateway.audit.retention.plan import Progress, in_silence
from gateway.clock import SystemClock
from gateway.config import Home, Settings, load_settings
from gateway.errors import Forbidden, LiaisonError, Malformed, Misconfigured, Unauthenticated, Unavailable
from gateway.model.names import member_id
from gateway.model.requester import Officer
from gateway.ops.acts.draft import helped, sign_command
from gateway.ops.acts.inspections import look_up_order, use_order
from gateway.ops.acts.mailbox import Mailbox, Order
from gateway.ops.acts.parts import OfficerOf, own_desks
from gateway.ops.homes.documents import ACT, read_document
from gateway.ops.homes.open_home import Written, require_entry
from gateway.ports.entries import events
from gateway.signing.keys import SigningKey

_WAIT_S = {Lane.QUICK: 30.0, Lane.LONG: 120.0}
"""Seconds that a running node may take. It looks at the quick lane five times a second, at the long lane once."""

_SETTLE_S = 5.0
"""Seconds for which a command waits for the entry of what is in force already."""

_STEP_S = {Lane.QUICK: 0.02, Lane.LONG: 0.1}
_RUNNING = frozenset({"already-running", "log-in-use"})


def _no_officer(token: str) -> Officer:
    del token
    raise Unauthenticated("no identity provider is known here", code="proof-needed", where="token")


def carry_out(
    folder: Path, order: Order, officer_of: OfficerOf = _no_officer, progress: Progress = in_silence
) -> dict[str, Any]:
    """Have an act carried out and return its result; `officer_of` checks tokens where no node runs.

    Raises the error of a refusal, and `Unavailable` when a running node did not take the act in time, or told no
    progress of it for as long: a quick act is then withdrawn, a long one stays.
    """
    settings = load_settings(folder)
    mailbox, lane = Mailbox(Home(settings.home).acts), order.lane
    if lane is Lane.SWITCH:
        raise Forbidden(
            "`{kind}` is a line in the file of suspensions, not an act that is brought",
            code="unknown-act",
            remedy="liaison suspend",
            kind=order.kind,
        )
    mailbox.give(order)
    until, told = time.monotonic() + _WAIT_S[lane], None
    try:
        while (result := mailbox.result(order)) is None:
            if not _took(settings, lane, officer_of, progress):
                if (now := mailbox.progress(order)) not in (None, told):
                    until, told = time.monotonic() + _WAIT_S[lane], now
                    progress(*now)
                if time.monotonic() > until:
                    raise _late(settings, lane)
                time.sleep(_STEP_S[lane])
    finally:
        if lane is Lane.QUICK:
            mailbox.withdraw(order)
    if "error" in result:
        _raise(result["error"])
    return result


def settle_order(folder: Path, order: Order) -> dict[str, Any] | None:
    """Have the entry written of an act that was handed in and is in force already; return its result.

    Where no process can write it now, the act stays for the next one: None. Raises the error of a refusal, and of a
    home whose logs cannot be opened.
    """
    settings = load_settings(folder)
    mailbox, until = Mailbox(Home(settings.home).acts), time.monotonic() + _SETTLE_S
    while (result := mailbox.result(order)) is None:
        if not _took(settings, order.lane, _no_officer, in_silence):
            if time.monotonic() > until:
                return None
            time.sleep(_STEP_S[order.lane])
    if "error" in result:
        _raise(result["error"])
    return result


def _took(settings: Settings, lane: Lane, officer_of: OfficerOf, progress: Progress) -> bool:
    """Carry out the waiting acts, unless a node runs; return False where one does."""
    try:
        with own_desks(settings, lane, officer_of, progress) as desks:
            if lane is Lane.LONG:
                desks.long.run_acts()
            else:
                desks.quick.run()
    except Misconfigured as error:
        if error.code not in _RUNNING:
            raise
        return False
    return True


def _late(settings: Settings, lane: Lane) -> Unavailable:
    if lane is Lane.LONG:
        return Unavailable(
            "the running node has not carried out the act yet",
            code="order-waits",
            where=str(Home(settings.home).acts),
            remedy="it will, as soon as it can; see liaison audit show --log operations --kind key-destroyed",
        )
    return Unavailable(
        "a node runs on this home, and did not write the entry in time: nothing is shown or done",
        code="node-does-not-answer",
        where=str(settings.home),
        remedy="liaison doctor --home …; or stop the node and try again",
    )


def _raise(told: Mapping[str, Any]) -> NoReturn:
    kind = next((kind for kind in _leaves(LiaisonError) if kind.__name__ == told["type"]), Malformed)
    raise kind(told["message"], code=told["code"], where=told["where"], remedy=told["remedy"])


def _leaves(kind: type[LiaisonError]) -> Iterator[type[LiaisonError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _leaves(below)


# ---------------------------------------------------------------- acts by their documents


def bring(folder: Path, data: bytes, progress: Progress = in_silence) -> dict[str, Any]:
    """Carry out a signed act. Raises `Forbidden` for one that is done with a command of its own."""
    act, _ = parse_act(data)
    with helped(act.kind, Home(load_settings(folder).home)):
        return carry_out(folder, Order(act.kind, document=data.decode().rstrip("\n")), progress=progress)


def bring_file(folder: Path, file: Path, progress: Progress = in_silence) -> dict[str, Any]:
    """Carry out the signed act in a file. Raises an error whose remedy is the next signature where one is missing."""
    try:
        return bring(folder, read_document(file, ACT), progress)
    except LiaisonError as error:
        if error.code == "below-threshold":
            error.remedy = f"another person, whose public key the descriptor lists: {sign_command(file)}"
        raise


def inspect(folder: Path, key: SigningKey, action: Action, reason: str, detail: dict[str, Any]) -> Written:
    """Hand in an auditor's inspection; return its entry in the operations log, which is durable and was found there.

    Raises the error of a refusal, and `Unavailable` when a running node did not take the inspection in time.
    """
    settings, clock = load_settings(folder), SystemClock()
    inspection = Inspection(action, member_id(settings.node.member), reason, clock.now_us(), detail)
    at = _entry_of(folder, Order(action.value, document=sign_inspection(inspection, key).decode()))
    return require_entry(folder, at, action.event)


def look_up(folder: Path, reason: str, looked_for: dict[str, Any]) -> Written:
    """Write and return the entry of a search without a mandate, which shows public parts only; it was found there."""
    return require_entry(folder, _entry_of(folder, look_up_order(reason, looked_for)), events.LOOKED_UP)


def announce_use(folder: Path, use: ActKind, by: str, reason: str, detail: dict[str, Any]) -> Written:
    """Write and return the entry of a use of policy decisions.

    Raises `Malformed` where the person or the reason is missing, and `Unavailable` or a storage error when the entry
    cannot be written: nothing may be read then.
    """
    return _entry_of(folder, use_order(use, by, reason, detail))


def _entry_of(folder: Path, order: Order) -> Written:
    result = carry_out(folder, order)
    return Written(str(result["log"]), int(result["index"]))
