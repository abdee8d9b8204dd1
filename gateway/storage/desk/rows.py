"""Turn the desk's values into rows of its tables, and back. Each row is in the order of its table's columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.conversion import converter
from gateway.model.desk.attachments import Attachment, FileState, MediaType
from gateway.model.desk.notices import NoticeType, Urgency
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import DeliveryState, Direction, HoldingState, Level, Role, WorkKind
from gateway.model.marking import Level as Marked
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import Delivery, Holding, NoticeRow, Thread, Work
from gateway.ports.files.held import HeldFile
from gateway.storage.desk.sealing import DeskSeals, place

Row = Sequence[Any]

_URGENCIES = tuple(Urgency)
RANKS = {urgency: rank for rank, urgency in enumerate(_URGENCIES)}
"""The place of each urgency, the most urgent first."""

_PERSONS = converter(tuple[str, str, str, str])
_ABOUT_FILE = converter(tuple[str, ...])

OFFICER, DRAFT = "desk_thread.officer", "desk_thread.draft"
ENVELOPE, RECEIPT = "desk_notice.envelope", "desk_notice.receipt"
PEOPLE, RECORD = "desk_work.people", "desk_holding.record"
FILE = "desk_attachment.sealed"


def thread_row(thread: Thread, seals: DeskSeals, at_us: int) -> tuple[Any, ...]:
    """Return the row of a thread."""
    key = thread.key
    return (
        key.peer,
        key.thread_id,
        thread.kind.value,
        thread.opener,
        thread.state.value,
        RANKS[thread.urgency],
        thread.version,
        thread.opened_us,
        thread.due_us,
        thread.closed_us,
        thread.group_id,
        thread.office,
        thread.agency,
        seals.seal(at_us, thread.officer.encode(), OFFICER, key.peer, key.thread_id),
        thread.ours,
        thread.theirs,
        thread.our_last,
        thread.their_last,
        seals.seal(at_us, thread.draft, DRAFT, key.peer, key.thread_id),
    )


def thread_of(row: Row, seals: DeskSeals) -> Thread:
    """Return the thread of a row."""
    peer, thread_id, kind, opener, state, urgency, version, opened, due, closed, group, office, agency, *more = row
    officer, ours, theirs, our_last, their_last, draft = more
    return Thread(
        ThreadKey(MemberId(peer), ExchangeId(thread_id)),
        ThreadKind(kind),
        bool(opener),
        ThreadState(state),
        _URGENCIES[urgency],
        version,
        opened,
        due,
        closed,
        group,
        office,
        agency,
        seals.open(officer, OFFICER, peer, thread_id).decode(),
        ours,
        theirs,
        our_last,
        their_last,
        seals.open(draft, DRAFT, peer, thread_id),
    )


def notice_row(
    notice: NoticeRow, seals: DeskSeals, at_us: int, version: int, entry: tuple[str, int]
) -> tuple[Any, ...]:
    """Return the row of a notice in its thread's `version`; one that was never stored gets log and index of `entry`."""
    placed, key = notice.placed, (notice.key.peer, notice.notice_id)
    return (
        *key,
        notice.key.thread_id,
        version,
        placed.side.value,
        placed.seq,
        placed.seen,
        placed.type.value,
        placed.code,
        RANKS[placed.urgency],
        placed.issued_us,
        placed.expires_us,
        notice.time_us,
        notice.payload_hash,
        *(entry if notice.index < 0 else (notice.log, notice.index)),
        seals.seal(at_us, notice.envelope, ENVELOPE, *key),
        seals.seal(at_us, notice.receipt, RECEIPT, *key),
    )


def placed_of(row: Row) -> Placed:
    """Return what the fold reads of a notice, from the columns side to expires_us."""
    side, seq, seen, kind, code, urgency, issued_us, expires_us = row
    return Placed(Side(side), seq, seen, NoticeType(kind), code, issued_us, expires_us, _URGENCIES[urgency])


def notice_of(row: Row, seals: DeskSeals) -> NoticeRow:
    """Return the notice of a row."""
    (peer, notice_id, thread_id), (time_us, payload_hash, log, entry, envelope, receipt) = row[:3], row[12:]
    return NoticeRow(
        ThreadKey(MemberId(peer), ExchangeId(thread_id)),
        ExchangeId(notice_id),
        placed_of(row[4:12]),
        payload_hash,
        time_us,
        seals.open(envelope, ENVELOPE, peer, notice_id),
        seals.open(receipt, RECEIPT, peer, notice_id),
        log,
        entry,
    )


def delivery_row(delivery: Delivery) -> tuple[Any, ...]:
    """Return the row of a delivery."""
    return (
        delivery.notice_id,
        delivery.key.peer,
        delivery.key.thread_id,
        delivery.seq,
        delivery.type.value,
        RANKS[delivery.urgency],
        delivery.due_us,
        delivery.expires_us,
        delivery.tries,
        delivery.problem,
        delivery.state.value,
    )


def delivery_of(row: Row) -> Delivery:
    """Return the delivery of a row."""
    notice_id, peer, thread_id, seq, kind, urgency, due_us, expires_us, tries, problem, state = row
    return Delivery(
        ExchangeId(notice_id),
        ThreadKey(MemberId(peer), ExchangeId(thread_id)),
        seq,
        NoticeType(kind),
        _URGENCIES[urgency],
        due_us,
        expires_us,
        tries,
        problem,
        DeliveryState(state),
    )


def work_row(work: Work, seals: DeskSeals, at_us: int) -> tuple[Any, ...]:
    """Return the row of an item of work."""
    people = (work.assigned, work.not_by, work.by, work.result)
    return (
        work.id,
        work.key.peer,
        work.key.thread_id,
        work.kind.value,
        work.agency,
        work.office,
        work.role.value,
        RANKS[work.urgency],
        work.opened_us,
        work.half_us,
        work.due_us,
        work.level.value,
        work.paused_us,
        work.done_us,
        work.notice_id,
        seals.seal(at_us, msgspec.json.encode(people) if any(people) else b"", PEOPLE, work.id),
        _alarm_us(work),
        seals.assignee(work.assigned),
    )


def _alarm_us(work: Work) -> int:
    """Return when a clock reaches its next level, or the next alarm: 0 while it stands, and after the last one."""
    if work.done_us or work.paused_us:
        return 0
    if work.alarm_us:
        return work.alarm_us
    if work.level is Level.END:
        return 0
    if work.level is Level.FIRST and work.half_us:
        return min(work.half_us, work.due_us or work.half_us)
    return work.due_us


def work_of(row: Row, seals: DeskSeals) -> Work:
    """Return the item of work of a row."""
    id_, peer, thread_id, kind, agency, office, role, urgency, opened, half, due, level, *more = row
    paused_us, done_us, notice_id, sealed, alarm_us, _ = more
    opened_people = seals.open(sealed, PEOPLE, id_)
    assigned, not_by, by, result = _PERSONS(msgspec.json.decode(opened_people)) if opened_people else ("", "", "", "")
    return Work(
        id_,
        ThreadKey(MemberId(peer), ExchangeId(thread_id)),
        WorkKind(kind),
        agency,
        office,
        Role(role),
        _URGENCIES[urgency],
        opened,
        half,
        due,
        Level(level),
        assigned,
        not_by,
        paused_us,
        done_us,
        by,
        result,
        notice_id,
        alarm_us if kind == WorkKind.ACKNOWLEDGE else 0,
    )


def holding_row(holding: Holding, seals: DeskSeals, at_us: int) -> tuple[Any, ...]:
    """Return the row of a copy."""
    key = (holding.jti, holding.direction.value, holding.holder, holding.owner)
    return (
        *key,
        holding.source,
        holding.state.value,
        holding.version,
        holding.type,
        holding.due_us,
        holding.expires_us,
        seals.token(holding.record),
        seals.seal(at_us, holding.record.encode(), RECORD, *key),
    )


def holding_of(row: Row, seals: DeskSeals) -> Holding:
    """Return the copy of a row."""
    jti, direction, holder, owner, source, state, version, kind, due_us, expires_us, _, record = row
    return Holding(
        jti,
        Direction(direction),
        MemberId(holder),
        MemberId(owner),
        ExchangeId(source),
        HoldingState(state),
        version,
        seals.open(record, RECORD, jti, direction, holder, owner).decode(),
        kind,
        due_us,
        expires_us,
    )


def file_place(peer: str, notice_id: str, root: bytes) -> bytes:
    """Return the bytes that bind the sealed part of a file's row to it."""
    return place(FILE, peer, notice_id, root.hex())


def file_row(file: HeldFile, seals: DeskSeals, at_us: int) -> tuple[Any, ...]:
    """Return the row of a file."""
    about = file.about
    said = [about.name, about.type.value, about.marking.value, file.key.hex(), file.officer]
    said += [file.original.hex()] if file.original else []  # an earlier version reads five
    return (
        *file.place,
        file.thread_id,
        file.ours,
        about.size,
        file.state.value,
        file.file,
        file.time_us,
        file.due_us,
        file.tries,
        file.problem,
        seals.seal(at_us, msgspec.json.encode(said), FILE, file.peer, file.notice_id, about.root.hex()),
    )


def file_of(row: Row, seals: DeskSeals) -> HeldFile | None:
    """Return the file of a row; None where its key is erased."""
    peer, notice_id, root, thread_id, ours, size, state, file, time_us, due_us, tries, problem, sealed = row
    opened = seals.open(sealed, FILE, peer, notice_id, root.hex())
    if not opened:
        return None
    name, kind, marking, key, officer, *original = _ABOUT_FILE(msgspec.json.decode(opened))
    return HeldFile(
        MemberId(peer),
        ExchangeId(notice_id),
        thread_id,
        Attachment(name, MediaType(kind), size, bytes(root), Marked(marking)),
        bool(ours),
        FileState(state),
        file,
        bytes.fromhex(key),
        time_us,
        officer,
        due_us,
        tries,
        problem,
        bytes.fromhex("".join(original)),
    )
