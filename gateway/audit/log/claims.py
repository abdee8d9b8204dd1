"""At most one answer for each claim: earlier answers, and the drafts of a batch that are still to be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.audit.entries.entry import parse_entry
from gateway.audit.log.batch import Winner
from gateway.errors import Unknown
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.content_keys import ContentKeys, EncryptedContent
from gateway.ports.journal import EntryDraft, Logged, StoredAnswer
from gateway.ports.log_store import LogStore

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
