"""What the commands of erasing and holding do: plan, order, and let the order be carried out."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from gateway.audit.retention.holds import MAX_HOLD_US, HoldAction, HoldOrder, parse_hold, read_holds, seal_hold
from gateway.audit.retention.plan import DOCUMENTS, ERASED_BY_AGE, Erased, look_up, plan_by_age, standing
from gateway.audit.search.find import find_all
from gateway.audit.search.home import SearchedHome
from gateway.audit.search.question import Question
from gateway.audit.search.terms import Field, number_terms, term
from gateway.clock import SystemClock, rfc3339, to_micros
from gateway.config import Home, load_settings
from gateway.errors import LiaisonError, Malformed, Misconfigured, Misused, Unavailable, Unknown
from gateway.model.evidence.retention import age_before, content_key_id
from gateway.model.names import ExchangeId, exchange_id, member_id
from gateway.ops.homes.documents import HOLD, read_document
from gateway.ops.homes.open_home import Evidence, open_home
from gateway.ops.orders.erasure_parts import own_desk
from gateway.ops.orders.hold_hints import hinted, sign_command
from gateway.ops.orders.mailbox import Order, Orders
from gateway.signing.dsse import add_signature, encode64
from gateway.signing.keys import load_signing_key
from gateway.storage.keys.references import HitReferences
from gateway.storage.log.erase_store import SqlErasableContent

Entries = dict[str, list[int]]

Done = tuple[list[Erased], str]
"""What became of each key, and what was wrong with the copy of the keystore."""

_WAIT_S = 120.0
_MANY = 10_000_000
_LOOK_S = 0.1
_RUNNING = frozenset({"already-running", "log-in-use"})
_CLASS_WORDS = {
    "hit": "exchanges with a hit",
    "nohit": "exchanges without a hit, refusals, silence",
    "ops": "operations log",
    "why": "justifications",
    DOCUMENTS: "small documents, sealed anew",
}


# ---------------------------------------------------------------- what is to be erased


def entry_places(texts: Iterable[str]) -> Entries:
    """`exchange/1:17` or `exchange:17` (of the first log) as log and indexes. Raises `Misused`."""
    found: Entries = defaultdict(list)
    for text in texts:
        log, _, index = text.rpartition(":")
        name, _, number = log.partition("/")
        if name not in ("exchange", "operations") or not index.isdecimal() or (number and not number.isdecimal()):
            raise Misused(f"`{text[:60]}` names no entry: write exchange/1:17 or operations/1:3")
        found[f"{name}/{number or 1}"].append(int(index))
    return dict(found)


def exchange_entries(evidence: Evidence, wanted: str) -> Entries:
    """All entries of an exchange, in every log."""
    try:
        exchange_id(wanted)
    except Malformed as error:
        raise Misused(f"--exchange `{wanted[:40]}`: {error.message}") from error
    found = {log: evidence.store.find(log, exchange_id=wanted, limit=1_000_000) for log in evidence.store.logs()}
    return {log: sorted(indexes) for log, indexes in found.items() if indexes}


def ages(age: str) -> dict[str, int]:
    """The time before which months must have ended, for each class. Raises `Misused`."""
    try:
        return dict.fromkeys(map(str, ERASED_BY_AGE), age_before(SystemClock().now_us(), age))
    except Malformed as error:
        raise Misused(f"--older-than {error.message} ({error.remedy})") from error


def named(folder: Path, entries: Iterable[str], exchanges: Iterable[str]) -> Entries:
    """The entries that options name. Raises `Misused`; `Unknown` for an exchange that no log knows."""
    found = entry_places(entries)
    with open_home(folder) as evidence:
        for wanted in exchanges:
            places = exchange_entries(evidence, wanted)
            if not places:
                raise Unknown(f"no log knows the exchange `{wanted}`", code="unknown-exchange", where="--exchange")
            for log, indexes in places.items():
                found.setdefault(log, []).extend(indexes)
    return found


def of_subject(
    folder: Path, numbers: Sequence[str], records: Sequence[str], by: str, reason: str, court: str
) -> Entries:
    """All entries of exchanges in which a number was asked for, or a record was given or used.

    Everything is opened to find them, by the program and for nobody to see; that has its entry first.
    """
    groups = [*map(number_terms, numbers), *(frozenset((term(Field.RECORD, record),)) for record in records)]
    if not all(groups):
        raise Misused("--number: this is no number of a document, person or vehicle")
    carry_out(folder, Order("seek", by, reason, court))
    found: Entries = defaultdict(list)
    with open_home(folder) as evidence:
        references = HitReferences(evidence.settings.keystore, SystemClock())
        logs = SearchedHome(evidence.store, evidence.keys, references.resolve)
        question = Question(alternatives=tuple((group,) for group in groups))
        sizes = {log: logs.bounds(log)[1] for log in logs.logs()}
        for log, opened in find_all(logs, question, _MANY, sizes).entries:
            same = opened.entry.exchange_id
            places = exchange_entries(evidence, same) if same else {log: [opened.entry.index]}
            for name, indexes in places.items():
                found[name] = sorted({*found[name], *indexes})
    return dict(found)


def plan(folder: Path, before: Mapping[str, int], wanted: Entries) -> list[Erased]:
    """What an erasure would erase; nothing is changed, and the node may be running. Raises what it would raise."""
    return plan_age(folder, before) if before else plan_entries(folder, wanted)


def erase_age(folder: Path, before: Mapping[str, int], by: str, reason: str, court: str) -> Done:
    """Erase by age."""
    order = Order("age", by, reason, court, "court-order" if court else "age", {"before": dict(before)})
    return _done(carry_out(folder, order))


def erase_entries(folder: Path, wanted: Entries, ground: str, by: str, reason: str, court: str) -> Done:
    """Erase single entries."""
    order = Order("entries", by, reason, court, "court-order" if court else ground, {"entries": wanted})
    return _done(carry_out(folder, order))


def _done(result: Mapping[str, Any]) -> Done:
    return [Erased(**item) for item in result["erased"]], str(result["problem"])


def plan_age(folder: Path, before: Mapping[str, int]) -> list[Erased]:
    """What erasing by age would erase. Nothing is changed; the node may be running."""
    with open_home(folder) as evidence:
        content = SqlErasableContent(evidence.database, evidence.store)
        return plan_by_age(evidence.store, content, evidence.keys, SystemClock().now_us(), before)


def plan_entries(folder: Path, wanted: Entries) -> list[Erased]:
    """What erasing entries would erase. Raises what the erasure would raise."""
    with open_home(folder) as evidence:
        holds = standing(evidence.store, evidence.keys, SystemClock().now_us())
        targets = look_up(evidence.store, evidence.keys, holds, wanted)
        return [Erased(key_id, dict(targets.counts[key_id])) for key_id in sorted(targets.keys)]


# ---------------------------------------------------------------- carrying it out


def carry_out(folder: Path, order: Order) -> dict[str, Any]:
    """Give an order, and let it be carried out: by the node where one runs, else here. Its result."""
    settings = load_settings(folder)
    orders = Orders(Home(settings.home).orders)
    orders.give(order)
    deadline = time.monotonic() + _WAIT_S
    while (result := orders.result(order)) is None:
        try:
            with own_desk(settings) as desk:
                desk.run_orders()
        except Misconfigured as error:
            if error.code not in _RUNNING:
                raise
            if time.monotonic() > deadline:
                raise Unavailable(
                    "the running node has not carried out the order yet",
                    code="order-waits",
                    where=str(Home(settings.home).orders),
                    remedy="it will, as soon as it can; see liaison audit show --log operations --kind key-destroyed",
                ) from error
            time.sleep(_LOOK_S)
    if "error" in result:
        _raise(result["error"])
    return result


def _raise(told: Mapping[str, Any]) -> NoReturn:
    kind = next((kind for kind in _leaves(LiaisonError) if kind.__name__ == told["type"]), Malformed)
    raise kind(told["message"], code=told["code"], where=told["where"], remedy=told["remedy"])


def _leaves(kind: type[LiaisonError]) -> Iterator[type[LiaisonError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _leaves(below)


# ---------------------------------------------------------------- words


def erased_value(found: Iterable[Erased]) -> dict[str, Any]:
    """What was, or would be, erased as JSON: by key, and summed up by month and class."""
    rows: list[dict[str, Any]] = [
        {
            "class": item.key_id.partition("/")[0],
            "month": content_key_id(item.key_id).month,
            "key": item.key_id,
            "entries": dict(item.entries),
            "kept": item.kept,
            "held_by": list(item.held_by),
            "proof": item.proof if item.proof >= 0 else None,
        }
        for item in found
    ]
    return {"erased": sum(sum(row["entries"].values()) for row in rows), "keys": rows}


def erased_lines(value: Mapping[str, Any], *, planned: bool) -> Iterator[tuple[str, str]]:
    """The same in lines: style and text."""
    rows = value["keys"]
    held = sorted({hold for row in rows for hold in row["held_by"]})
    for row in sorted(rows, key=lambda row: (row["month"], row["class"])):
        count = sum(row["entries"].values())
        where = ", ".join(f"{number} of {log}" for log, number in sorted(row["entries"].items())) or "no entry"
        what = f"{row['month']}  {row['class']:<6} {count:>9,}  {where}"
        kept = f"; {row['kept']:,} kept" if row["kept"] else ""
        proof = f"; proof: operations {row['proof']}" if row["proof"] is not None else ""
        yield "", f"{what}{kept}{proof}"
    classes = sorted({row["class"] for row in rows})
    for name in classes:
        yield "dim", f"  {name}: {_CLASS_WORDS.get(name, name)}"
    for hold in held:
        yield "warn", f"held, and not erased: {hold}"
    if not rows:
        yield "", "there is no such content"
        return
    entries = "1 entry" if value["erased"] == 1 else f"{value['erased']:,} entries"
    keys = "1 key" if len(rows) == 1 else f"{len(rows)} keys"
    done = "would be erased" if planned else "was erased"
    yield "warn" if planned else "good", f"the content of {entries} {done}, under {keys}"


# ---------------------------------------------------------------- holds


def draft_hold(
    folder: Path, entries: Entries, exchanges: Iterable[str], until: datetime, reason: str, key_file: Path
) -> bytes:
    """A new hold with the first approver's signature. Raises `Misused`."""
    member = member_id(load_settings(folder).node.member)
    if not 0 < to_micros(until) - SystemClock().now_us() <= MAX_HOLD_US:
        raise Misused("--until: a hold ends in the future, at most 366 days away")
    places = {log: tuple(sorted(set(indexes))) for log, indexes in entries.items()}
    try:
        held = tuple(ExchangeId(exchange_id(item)) for item in dict.fromkeys(exchanges))
    except Malformed as error:
        raise Misused(f"--exchange: {error.message}") from error
    name = f"hold-{secrets.token_hex(6)}"
    order = HoldOrder(member, HoldAction.PLACE, name, reason, places, held, to_micros(until))
    return seal_hold(order, [load_signing_key(key_file)])


def draft_lift(folder: Path, hold: str, reason: str, key_file: Path) -> bytes:
    """The lifting of a hold, with the first approver's signature."""
    member = member_id(load_settings(folder).node.member)
    return seal_hold(HoldOrder(member, HoldAction.LIFT, hold, reason, {}, (), 0), [load_signing_key(key_file)])


def sign_hold(file: Path, key_file: Path) -> bytes:
    """The document with one more approver's signature. Raises `Misused` where it has that one already."""
    order, document = parse_hold(read_document(file, HOLD))
    key = load_signing_key(key_file)
    if key.key_id in order.signers:
        raise Misused(
            f"`{key_file}` has signed `{file}` already: it needs another approver's signature\n  {sign_command(file)}"
        )
    return add_signature(document, key)


def hold_value(data: bytes) -> dict[str, Any]:
    """What a document says, as JSON."""
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
    """Bring a signed document to a home: the hold is placed or lifted."""
    data = read_document(file, HOLD)
    order, _ = parse_hold(data)
    with hinted(file, folder, order):
        return carry_out(folder, Order("hold", detail={"document": encode64(data)}))


def list_holds(folder: Path) -> list[dict[str, Any]]:
    """All holds that were ever placed, as JSON."""
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
