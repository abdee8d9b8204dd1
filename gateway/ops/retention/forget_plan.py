"""Plan an erasure, draft its act, and describe its result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from certs.keyfiles import KeyPlace
from gateway.audit.acts.table import ActKind
from gateway.audit.entries.entry import parse_entry
from gateway.audit.reading.opened import Opened, stored_at
from gateway.audit.retention.plan import (
    DOCUMENTS,
    ERASED_BY_AGE,
    Erased,
    Progress,
    in_silence,
    look_up,
    plan_by_age,
    sort_lost,
    standing,
)
from gateway.audit.search.question import Question
from gateway.audit.search.terms import Field, number_terms, term
from gateway.clock import SystemClock
from gateway.errors import Malformed, Misused, Unknown
from gateway.model.evidence.retention import age_before, content_key_id, steps
from gateway.model.names import exchange_id
from gateway.ops.acts.carry import bring
from gateway.ops.acts.draft import draft
from gateway.ops.acts.erasures import LOST_KEY, MAX_ERASED
from gateway.ops.audit.search import each_entry
from gateway.ops.homes.open_home import Evidence, open_home
from gateway.storage.log.erase_store import SqlErasableContent

Entries = dict[str, list[int]]

Done = tuple[list[Erased], str]
"""The erased keys, and the problem with the copy of the keystore (empty without one)."""

MAX_LISTED = 500
"""Entries that an act names one by one; of more it says the steps between them (`gateway.model.evidence.retention`)."""

_CLASS_WORDS = {
    "hit": "exchanges with a hit",
    "nohit": "exchanges without a hit, refusals, silence",
    "ops": "operations log",
    "why": "justifications",
    "desk": "rows of the desk, sealed anew",
    DOCUMENTS: "small documents, sealed anew",
}


# ---------------------------------------------------------------- what is to be erased


def entry_places(texts: Iterable[str]) -> Entries:
    """Parse places like `exchange/1:17` or `exchange:17` (of the first log) into indexes by log. Raises `Misused`."""
    found: Entries = defaultdict(list)
    for text in texts:
        log, _, index = text.rpartition(":")
        name, _, number = log.partition("/")
        if name not in ("exchange", "operations") or not index.isdecimal() or (number and not number.isdecimal()):
            raise Misused(f"`{text[:60]}` names no entry: write exchange/1:17 or operations/1:3")
        found[f"{name}/{number or 1}"].append(int(index))
    return dict(found)


def exchange_entries(evidence: Evidence, wanted: str) -> Entries:
    """Return the entries of an exchange, by log. Raises `Misused`."""
    try:
        exchange_id(wanted)
    except Malformed as error:
        raise Misused(f"--exchange `{wanted[:40]}`: {error.message}") from error
    found = {log: evidence.store.find(log, exchange_id=wanted, limit=1_000_000) for log in evidence.store.logs()}
    return {log: sorted(indexes) for log, indexes in found.items() if indexes}


def ages(age: str) -> dict[str, int]:
    """Return, for each class, the time before which a month must have ended. Raises `Misused`."""
    try:
        return dict.fromkeys(map(str, ERASED_BY_AGE), age_before(SystemClock().now_us(), age))
    except Malformed as error:
        raise Misused(f"--older-than {error.message} ({error.remedy})") from error


def named(folder: Path, entries: Iterable[str], exchanges: Iterable[str]) -> Entries:
    """Return the entries that options name. Raises `Misused`; `Unknown` for an exchange that no log knows."""
    found = entry_places(entries)
    with open_home(folder) as evidence:
        for wanted in exchanges:
            places = exchange_entries(evidence, wanted)
            if not places:
                raise Unknown(
                    "no log knows the exchange `{wanted}`", code="unknown-exchange", where="--exchange", wanted=wanted
                )
            for log, indexes in places.items():
                found.setdefault(log, []).extend(indexes)
    return found


@dataclass(frozen=True, slots=True)
class Subject:
    """The numbers that were asked for and the records that were given or used, and the time of what is meant.

    With `complete` every entry is opened to find it, and no index is believed.
    """

    numbers: Sequence[str] = ()
    records: Sequence[str] = ()
    since_us: int = 0
    until_us: int = 0
    complete: bool = False

    def __bool__(self) -> bool:
        return bool(self.numbers or self.records)

    def question(self) -> Question:
        """Return the question for its entries. Raises `Misused`."""
        groups = [*map(number_terms, self.numbers)]
        groups += [frozenset((term(Field.RECORD, record),)) for record in self.records]
        if not all(groups):
            raise Misused("--number: this is no number of a document, person or vehicle")
        return Question(tuple((group,) for group in groups), since_us=self.since_us, until_us=self.until_us)


def of_subject(
    folder: Path, subject: Subject, reason: str, court: str, key: Sequence[KeyPlace], progress: Progress = in_silence
) -> tuple[Entries, int]:
    """Return the entries of all exchanges that a subject is in, in two passes over a log: one by the search index, and
    one for the other entries of the same exchanges; and how many entries cannot be judged, for their key is lost.

    The program opens content to find them and shows none of it. This search has its entry first, signed by a person as
    the table of acts demands. Raises `Misused`.
    """
    question, exchanges, found = subject.question(), set[str](), defaultdict[str, set[int]](set)
    bring(folder, draft(folder, ActKind.SEEK, reason or court, {}, key, court))

    def take(log: str, opened: Opened) -> None:
        if opened.entry.exchange_id:
            exchanges.add(opened.entry.exchange_id)
        else:
            found[log].add(opened.entry.index)

    lost = each_entry(folder, question, take, partial(progress, "opening entries"), complete=subject.complete)
    with open_home(folder) as evidence:
        live = frozenset(evidence.keys.key_ids())
        for log in evidence.store.logs():
            found[log].update(evidence.store.of_exchanges(log, exchanges))
            for stored in stored_at(evidence.store, log, sorted(found[log])):
                key_id = stored.content.key_id if stored.content else ""
                if key_id and key_id not in live and not evidence.keys.is_destroyed(key_id):
                    found[log].discard(stored.index)  # no erasure of entries can take it
                    lost += not question.public_fits(parse_entry(stored.body))  # the others were counted
    return {log: sorted(indexes) for log, indexes in found.items() if indexes}, lost


def lost_keys(folder: Path) -> dict[str, int]:
    """Return the keys that are lost and not destroyed, and how many entries, documents and values lie under each."""
    with open_home(folder) as evidence:
        content = SqlErasableContent(evidence.database, evidence.store)
        found = content.under_others(evidence.keys.key_ids())
        return {key_id: number for key_id, number in sorted(found.items()) if not evidence.keys.is_destroyed(key_id)}


def plan(folder: Path, before: Mapping[str, int], wanted: Entries, progress: Progress = in_silence) -> list[Erased]:
    """Return the keys that an erasure would erase; raises its errors. Nothing is changed; the node may be running."""
    return plan_age(folder, before) if before else plan_entries(folder, wanted, progress)


def draft_age(folder: Path, before: Mapping[str, int], reason: str, court: str, keys: Sequence[KeyPlace]) -> bytes:
    """Return the signed act of erasing by age."""
    return draft(folder, ActKind.ERASE_AGE, reason or court, {"before": dict(before)}, keys, court)


def draft_entries(
    folder: Path, wanted: Entries, ground: str, reason: str, court: str, keys: Sequence[KeyPlace], unread: int = 0
) -> bytes:
    """Return the signed act of erasing single entries. `ground` is `entry` or `subject`; it says how many entries were
    unread, so that they may be about the subject and stay."""
    places = {log: sorted(set(indexes)) for log, indexes in wanted.items()}
    if (most := max(map(len, places.values()), default=0)) > MAX_ERASED:
        raise Misused(f"{most:,} entries: one act erases {MAX_ERASED:,} of a log; name a part with --from and --before")
    is_short = sum(map(len, places.values())) <= MAX_LISTED
    said = {log: indexes if is_short else steps(indexes) for log, indexes in places.items()}
    detail = {"entries": said, "ground": ground} | ({"unread": unread} if unread else {})
    return draft(folder, ActKind.ERASE_ENTRIES, reason or court, detail, keys, court)


def draft_lost(folder: Path, lost: Sequence[str], reason: str, court: str, keys: Sequence[KeyPlace]) -> bytes:
    """Return the signed act that declares keys lost for good: what lies under them is erased."""
    detail = {"entries": {}, "ground": LOST_KEY, "keys": list(lost)}
    return draft(folder, ActKind.ERASE_ENTRIES, reason or court, detail, keys, court)


def plan_lost(folder: Path, lost: Sequence[str]) -> list[Erased]:
    """Return what declaring keys lost would erase. Raises the errors of the erasure. Nothing is changed."""
    with open_home(folder) as evidence:
        content = SqlErasableContent(evidence.database, evidence.store)
        now_us = SystemClock().now_us()
        holds = standing(evidence.store, evidence.keys, now_us)
        return [sort_lost(content, evidence.keys, holds, text, now_us).told(text) for text in lost]


def erased_of(result: Mapping[str, Any]) -> Done:
    """Return the erased keys of a result, and the problem with the copy of the keystore."""
    return [Erased(**item) for item in result["erased"]], str(result["problem"])


def plan_age(folder: Path, before: Mapping[str, int]) -> list[Erased]:
    """Return the keys that erasing by age would erase. Nothing is changed; the node may be running."""
    with open_home(folder) as evidence:
        content = SqlErasableContent(evidence.database, evidence.store)
        return plan_by_age(evidence.store, content, evidence.keys, SystemClock().now_us(), before)


def plan_entries(folder: Path, wanted: Entries, progress: Progress = in_silence) -> list[Erased]:
    """Return the keys that erasing these entries would erase. Raises the errors of the erasure."""
    with open_home(folder) as evidence:
        holds = standing(evidence.store, evidence.keys, SystemClock().now_us())
        targets = look_up(evidence.store, evidence.keys, holds, wanted, progress)
        return [Erased(key_id, dict(targets.counts[key_id])) for key_id in sorted(targets.keys)]


# ---------------------------------------------------------------- words


def erased_value(found: Iterable[Erased]) -> dict[str, Any]:
    """Return keys that were or would be erased as JSON, with the total of their entries."""
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


def unread_lines(unread: int) -> Iterator[tuple[str, str]]:
    """Yield the warning about entries that cannot be judged, for their key is lost; none without such entries."""
    if unread:
        yield f"{unread:,} entries or documents could not be opened: their keys are lost, and were not destroyed", "bad"
        yield "  whether they are about the subject nobody can say; a backup of the keystore may bring them back", "bad"
        yield "  put the keys back (`storage.key_copy`, or a backup of the keystore), and say this again", "warn"
        yield (
            "  where a key is lost for good, two persons declare it: `liaison audit erase --lost-key KEY`",
            "warn",
        )


def erased_lines(value: Mapping[str, Any], *, planned: bool) -> Iterator[tuple[str, str]]:
    """Yield the lines of a value of `erased_value`: text and style."""
    rows = value["keys"]
    held = sorted({hold for row in rows for hold in row["held_by"]})
    for row in sorted(rows, key=lambda row: (row["month"], row["class"])):
        count = sum(row["entries"].values())
        where = ", ".join(f"{number} of {log}" for log, number in sorted(row["entries"].items())) or "no entry"
        what = f"{row['month']}  {row['class']:<6} {count:>9,}  {where}"
        kept = f"; {row['kept']:,} kept" if row["kept"] else ""
        proof = f"; proof: operations {row['proof']}" if row["proof"] is not None else ""
        yield f"{what}{kept}{proof}", ""
    classes = sorted({row["class"] for row in rows})
    for name in classes:
        yield f"  {name}: {_CLASS_WORDS.get(name, name)}", "dim"
    for hold in held:
        yield f"held, and not erased: {hold}", "warn"
    if not rows:
        yield "there is no such content", ""
        return
    entries = "1 entry" if value["erased"] == 1 else f"{value['erased']:,} entries"
    keys = "1 key" if len(rows) == 1 else f"{len(rows)} keys"
    done = "would be erased" if planned else "was erased"
    yield f"the content of {entries} {done}, under {keys}", "warn" if planned else "good"
