"""The id of a notice is used for good: by the notice's own row, when the claims of ids are forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import Replayed
from gateway.model.desk.delivered import NoticeMessage
from gateway.model.desk.threads import ThreadKey
from gateway.ports.entries import events
from gateway.statements.notices.notice import build_notice, parse_notice
from tests.support.desks import Desks, entries_of, make_desks
from tests.unit.desk.delivery.test_groups import TH, VN, post

LATER = timedelta(hours=25)
"""The claims of ids are kept for a day."""


@pytest.fixture
async def desks(tmp_path: Path) -> AsyncIterator[Desks]:
    made = make_desks(tmp_path)
    yield made
    await made.stop()


@pytest.mark.long
async def test_the_same_bytes_get_the_same_receipt_and_other_bytes_none_however_late(desks: Desks) -> None:
    desks.link.cut.add(frozenset((TH, VN)))
    th, vn = desks.desks[TH], desks.desks[VN]
    key = await th.author.open(VN, post())
    envelope = th.store.envelope(key.thread_id)
    first = await vn.take(TH, NoticeMessage(envelope))
    desks.clock.advance(LATER)
    vn.log_store.forget_claims(desks.clock.now_us())
    again = await vn.take(TH, NoticeMessage(envelope))
    assert again.envelope == first.envelope
    assert set(entries_of(vn, events.ANSWERED)) == {key.thread_id}
    other = build_notice(parse_notice(envelope), desks.federation["th"].key("statement")).envelope
    before = len(vn.incidents._minutes)
    with pytest.raises(Replayed):
        await vn.take(TH, NoticeMessage(other))
    assert len(vn.incidents._minutes) > before, "somebody has to look at it"
    assert len(vn.store.placed(ThreadKey(TH, key.thread_id))) == 1
