"""Turn the drafts of a batch into entries: check each with its rows of the desk, and build it in its place.

Of drafts with one claim, one is written. The others get its answer, as do those whose claim was answered before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import astuple

from gateway.audit.entries.entry import (
    SALT_BYTES,
    Entry,
    build_entry,
    check_draft,
    commitment,
    encode_private,
    parse_entry,
)
from gateway.audit.tree.merkle import leaf_hash
from gateway.errors import Malformed, Outdated, Unknown
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.content_keys import ContentKeys, EncryptedContent
from gateway.ports.desk import DeskRows
from gateway.ports.journal import EntryDraft, Logged, StoredAnswer
from gateway.ports.log_store import LogStore, NewEntry


class Winner(msgspec.Struct):
    """A draft that is to be written, with the position of its result."""

    position: int
    draft: EntryDraft
    private: bytes


def encoded_private(log: str, position: int, draft: EntryDraft, salts: bytes) -> bytes:
    """Return the private part of a draft for the log `log`; `salts` holds one salt for each draft of the batch.

    Raises `Malformed` with the draft's position when it cannot be an entry of that log.
    """
    try:
        check_draft(draft, log)
        if draft.rows is not None:
            _check_rows(draft.rows, draft.peer)
        start = position * SALT_BYTES
        return encode_private(draft.private, salts[start : start + SALT_BYTES])
    except Malformed as error:
        raise Malformed(error.message, code=error.code, where=f"drafts[{position}].{error.where}") from error


@dataclass(frozen=True, slots=True)
class EntryBuilder:
    """Builds the entries of one log. `log` is its name in the store, `origin` the one in its heads."""

    origin: str
    log: str
    keystore: ContentKeys

    def build(self, winner: Winner, index: int, time_us: int, counters: dict[str, int]) -> NewEntry:
        """Return the entry at `index`, its content encrypted. Takes the next number of its channel from `counters`."""
        draft, private = winner.draft, winner.private
        number = draft.number
        if number is None and draft.channel:
            number = counters[draft.channel] = counters.get(draft.channel, 0) + 1
        body = build_entry(
            Entry(
                self.origin,
                index,
                time_us,
                draft.kind,
                draft.peer,
                number,
                draft.exchange_id,
                draft.request_hash,
                draft.answer_hash,
                commitment(private),
            )
        )
        content = self.keystore.seal_content(
            draft.retention, time_us, self.log, index, private, draft.request, draft.answer
        )
        return NewEntry(
            index,
            body,
            leaf_hash(body),
            draft.kind,
            draft.peer,
            draft.exchange_id,
            time_us,
            draft.channel,
            number,
            content,
            draft.claim,
            draft.rows,
        )


# ------------------------------------------------------------ rows of the desk
# What a statement could not take would end the log, and with it the node.


_LARGEST = 2**63


def _check_rows(rows: DeskRows, peer: str) -> None:
    """Raise `Malformed` for rows of an entry about `peer` that cannot be stored, or that erase notices of no member."""
    if rows.erased and not (rows.thread or peer):
        raise Malformed("erased notices need a counterpart", where="rows.erased")
    if _fits(rows):
        return
    for name, value in _values("rows", rows):
        if not _fits(value):
            what = "a text cannot be stored" if isinstance(value, str) else "a number cannot be stored"
            raise Malformed(what, code="bad-data", where=name)


def _fits(value: Any) -> bool:
    """Tell whether all texts and numbers in a value can be stored. Each entry of the desk waits for it."""
    if isinstance(value, str):
        return "\0" not in value and (value.isascii() or not _is_broken(value))
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    if isinstance(value, msgspec.Struct):
        return all(map(_fits, astuple(value)))
    return not isinstance(value, tuple) or all(map(_fits, value))


def _values(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        for part in value.__struct_fields__:
            yield from _values(f"{name}.{part}", getattr(value, part))
    elif isinstance(value, tuple):
        for part in value:
            yield from _values(name, part)
    else:
        yield name, value


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def require_current(store: LogStore, batch: Sequence[DeskRows]) -> None:
    """Raise `Outdated` unless each thread of the batch has the version that its rows build on, and appears once.

    Raises `Malformed` for rows that do not give their thread the next version.
    """
    before: dict[ThreadKey, int] = {}
    for rows in batch:
        if rows.thread is None:
            continue
        if rows.thread.key in before:
            raise _outdated(rows.thread.key)
        if rows.thread.version != rows.before + 1:
            raise Malformed("a thread's version grows by one with each entry", where="rows.thread.version")
        before[rows.thread.key] = rows.before
    if before:
        found = store.thread_versions(before)
        for key, version in before.items():
            if found.get(key, 0) != version:
                raise _outdated(key)


def _outdated(key: ThreadKey) -> Outdated:
    return Outdated("thread {thread} with `{peer}` has changed meanwhile", thread=key.thread_id, peer=key.peer)


# ------------------------------------------------------------ one answer for each claim


Claim = tuple[MemberId, ExchangeId]
"""The asking member, and the exchange."""


def stored_answer(
    store: LogStore, keystore: ContentKeys, log: str, claim: Claim, request_hash: bytes, index: int
) -> StoredAnswer:
    """Return the answer that entry `index` gave to `claim`. It is empty where its content was erased."""
    for stored in store.entries(log, index, index + 1):
        entry = parse_entry(stored.body)
        if (entry.peer, entry.exchange_id) == claim:
            answer = _answer(keystore, log, index, stored.content) if stored.content else b""
            return StoredAnswer(request_hash, answer, stored.body, index)
    return StoredAnswer(request_hash, b"", b"", index)


def _answer(keystore: ContentKeys, log: str, index: int, content: EncryptedContent) -> bytes:
    try:
        return keystore.open_content(log, index, content)[2]
    except Unknown:
        return b""


def by_claim(
    drafts: Sequence[EntryDraft], privates: Sequence[bytes], taken: Mapping[Claim, StoredAnswer]
) -> tuple[list[Logged | StoredAnswer | None], list[Winner], list[tuple[int, int]]]:
    """Return results so far, the drafts to write, and pairs of positions of drafts with one claim (later, first).

    `taken` are the claims of `drafts` that are answered already.
    """
    results: list[Logged | StoredAnswer | None] = [None] * len(drafts)
    winners: list[Winner] = []
    twins: list[tuple[int, int]] = []
    firsts: dict[Claim, int] = {}
    for position, draft in enumerate(drafts):
        if draft.claim:
            claim = (draft.claim.sender, draft.claim.exchange_id)
            if claim in taken:
                results[position] = taken[claim]
                continue
            if firsts.setdefault(claim, position) != position:
                twins.append((position, firsts[claim]))
                continue
        winners.append(Winner(position, draft, privates[position]))
    return results, winners, twins
