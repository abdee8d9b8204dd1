"""Turn the drafts of a batch into entries: check each, encode its private part, and build it in its place."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from gateway.audit.entries.entry import (
    SALT_BYTES,
    Entry,
    build_entry,
    check_draft,
    commitment,
    encode_private,
)
from gateway.audit.log.desk_rows import check_rows
from gateway.audit.tree.merkle import leaf_hash
from gateway.errors import Malformed
from gateway.ports.content_keys import ContentKeys
from gateway.ports.journal import EntryDraft
from gateway.ports.log_store import NewEntry


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
            check_rows(draft.rows, draft.peer)
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
