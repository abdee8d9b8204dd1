"""Fetches: what is written is read, and each value in a wrong form has its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from liaison.exchange.v1 import fetch_pb2 as pb
from msgspec.structs import replace

from gateway.errors import LiaisonError, Stale
from gateway.model.desk.attachments import MAX_SIZE, FetchWanted, chunk_count
from gateway.model.desk.delivered import Fetch, NoticesWanted
from gateway.statements.envelope import FETCHES
from gateway.statements.fetch import FETCH_KIND
from tests.support.sealing import EXCHANGE, NOW, SECOND, TH, VN, ListedKeys, envelope_of, new_key, payload_of
from tests.support.tables import table

KEY = new_key()
KEYS = ListedKeys()
KEYS.add(TH, KEY)
FILE = Fetch(EXCHANGE, TH, VN, NOW, NOW + 60 * SECOND, FetchWanted(EXCHANGE, b"r" * 32, 7))
LOST = replace(FILE, wanted=NoticesWanted(NOW, f"{NOW}/{EXCHANGE}", EXCHANGE))
Change = Callable[[Any], object]


def verify(envelope: bytes, now_us: int = NOW) -> Fetch:
    return FETCH_KIND.verify(envelope, keys=KEYS, peer=TH, me=VN, now_us=now_us).value


@table("fetch", [FILE, LOST, replace(LOST, wanted=NoticesWanted(SECOND, "", EXCHANGE))])
def test_what_is_written_is_read(fetch: Fetch) -> None:
    assert verify(FETCH_KIND.build(fetch, KEY).envelope) == fetch


@table(
    ("fetch", "change", "code"),
    [
        (FILE, lambda message: message.ClearField("file"), "missing-wanted"),
        (FILE, lambda message: setattr(message.file, "merkle_root", b"r"), "bad-hash"),
        (FILE, lambda message: setattr(message.file, "chunk", chunk_count(MAX_SIZE)), "bad-chunk"),
        (FILE, lambda message: setattr(message.file, "notice_id", "x"), "bad-exchange-id"),
        (FILE, lambda message: setattr(message, "fetch_id", EXCHANGE.upper()), "bad-exchange-id"),
        (FILE, lambda message: setattr(message, "blind", b"b"), "bad-hash"),
        (FILE, lambda message: message.ClearField("expires_time"), "bad-time"),
        (LOST, lambda message: setattr(message.lost, "after", "9" * 129), "bad-page"),
        (LOST, lambda message: setattr(message.lost, "recovery_id", ""), "bad-exchange-id"),
        (LOST, lambda message: message.lost.ClearField("since_time"), "bad-time"),
    ],
)
def test_a_value_in_a_wrong_form_has_its_code(fetch: Fetch, change: Change, code: str) -> None:
    message = pb.Fetch.FromString(payload_of(FETCH_KIND.build(fetch, KEY).envelope))
    change(message)
    with pytest.raises(LiaisonError) as refused:
        verify(envelope_of(message.SerializeToString(), FETCHES[0], KEY))
    assert refused.value.code == code


@table("ago_s", [60, 31, -31])
def test_a_fetch_is_of_its_minute(ago_s: int) -> None:
    with pytest.raises(Stale) as refused:
        verify(FETCH_KIND.build(FILE, KEY).envelope, NOW + ago_s * SECOND)
    assert refused.value.code == "not-fresh"
