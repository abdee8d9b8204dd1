"""A log: places, numbers, claims, proofs, and what a restart finds."""

from __future__ import annotations

import secrets
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.audit.entries.entry import decode_private, parse_entry
from gateway.audit.log.log import AuditLog
from gateway.audit.tree.checkpoint import verify_checkpoint
from gateway.audit.tree.merkle import leaf_hash, verify_consistency, verify_inclusion
from gateway.clock import ManualClock
from gateway.errors import Malformed, Misconfigured, StorageBroken
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged, StoredAnswer
from tests.support.audit_logs import NOON, VN, LogHome, answered, logged, new_id

pytestmark = pytest.mark.usefixtures("engine")


def check_proof(home: LogHome, log: AuditLog, place: Logged) -> None:
    head = verify_checkpoint(place.proof.checkpoint, log.origin, home.key.verify_key())
    verify_inclusion(leaf_hash(place.entry), place.index, head.size, place.proof.hashes, head.root)


def test_a_batch_gets_places_numbers_and_proofs(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    with home.log() as log:
        first = logged(log.append([answered(), answered()]))
        second = logged(log.append([answered(), events.ASKED.draft(peer="kh", exchange_id=new_id()), answered()]))
        assert [place.index for place in first + second] == [0, 1, 2, 3, 4]
        assert [place.number for place in first + second] == [1, 2, 3, None, 4]
        for place in first + second:
            check_proof(home, log, place)
            check_proof(home, log, Logged(place.index, place.entry, None, log.proof(place.index)))


def test_each_channel_counts_for_itself_and_a_given_number_is_kept(tmp_path: Path) -> None:
    with LogHome(tmp_path).log() as log:
        places = logged(
            log.append(
                [
                    answered(channel="in:vn"),
                    answered(peer="kh", channel="in:kh", claim=None),
                    events.RECEIVED.draft_of({}, peer="vn", exchange_id=new_id(), channel="out:vn", number=7),
                    answered(channel="in:vn"),
                ]
            )
        )
        assert [place.number for place in places] == [1, 1, 7, 2]


def test_e3_a_claim_is_answered_once_across_restarts(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    draft = answered()
    with home.log() as log:
        (place,) = logged(log.append([draft]))
    with home.log() as log:
        again, other = log.append([answered(draft.exchange_id, draft.request_hash), answered()])
        assert again == StoredAnswer(draft.request_hash, draft.answer, place.entry, place.index)
        assert isinstance(other, Logged)
        assert other.number == 2
        assert log.size == 2
        claim = (VN, draft.claim.exchange_id if draft.claim else ExchangeId(""))
        assert log.stored_answers([claim, (VN, new_id())]) == {claim: again}


def test_two_drafts_of_one_batch_with_one_claim_give_one_entry(tmp_path: Path) -> None:
    with LogHome(tmp_path).log() as log:
        draft = answered()
        first, second = log.append([draft, answered(draft.exchange_id, draft.request_hash)])
        assert isinstance(first, Logged)
        assert second == StoredAnswer(draft.request_hash, draft.answer, first.entry, 0)
        assert log.size == 1


def test_another_sender_may_use_the_same_exchange_id(tmp_path: Path) -> None:
    with LogHome(tmp_path).log() as log:
        draft = answered()
        assert draft.claim
        other = answered(draft.exchange_id, peer="kh", channel="in:kh")
        assert other.claim
        other.claim = replace(other.claim, sender=MemberId("kh"))
        assert len(logged(log.append([draft, other]))) == 2


def test_an_answer_whose_key_was_destroyed_is_never_given_again(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    draft = answered()
    with home.log() as log:
        log.append([draft])
    home.keystore.destroy("nohit/2026-11")
    with home.log() as log:
        (again,) = log.append([answered(draft.exchange_id, draft.request_hash)])
        assert isinstance(again, StoredAnswer)
        assert again.answer == b""


def test_a_bad_draft_fails_before_anything_is_written(tmp_path: Path) -> None:
    with LogHome(tmp_path).log() as log:
        for bad in (
            answered(private={"case": object()}),
            answered(peer="xx1"),
            events.START.draft(),
            answered(request_hash=b"x"),
        ):
            with pytest.raises(Malformed, match=r"drafts\[1\]"):
                log.append([answered(), bad])
        assert log.size == 0
        assert logged(log.append([answered()]))[0].index == 0


def test_time_never_goes_back_across_restarts(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    with home.log() as log:
        times = [parse_entry(place.entry).time_us for place in logged(log.append([answered(), answered()]))]
    home.clock = ManualClock(NOON - timedelta(hours=1))
    with home.log() as log:
        times += [parse_entry(place.entry).time_us for place in logged(log.append([answered()]))]
    assert times == sorted(set(times))


def test_the_private_part_and_statements_are_kept_encrypted(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    draft = answered(private={"case": "th.o.1042"}, request=b"the request in clear", answer=b"the answer in clear")
    with home.log() as log:
        log.append([draft])
    stored = home.raw()
    assert b"th.o.1042" not in stored
    assert b"in clear" not in stored
    with home.store() as store:
        (row,) = store.entries("exchange/1", 0, 1)
        assert row.content
        private, request, answer = home.keystore.open_content("exchange/1", 0, row.content)
    assert decode_private(private) == {"case": "th.o.1042"}
    assert (request, answer) == (draft.request, draft.answer)


def test_a_second_process_cannot_open_the_log(tmp_path: Path, engine: str) -> None:
    home = LogHome(tmp_path)
    if engine == "postgresql":
        pytest.skip("there several processes write to one log (test_shared_log)")
    with home.log(), pytest.raises(Misconfigured, match="another process"), home.log():
        pass


def test_a_closed_log_refuses(tmp_path: Path) -> None:
    with LogHome(tmp_path).log() as log:
        pass
    with pytest.raises(StorageBroken):
        log.append([answered()])


def test_after_a_good_end_the_newest_head_is_in_the_database(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    with home.log() as log:
        log.append([answered()])
        checkpoint = log.checkpoint
    with home.store() as store:
        state = store.state("exchange/1")
        assert state
        assert state.checkpoint == checkpoint


def test_both_logs_live_in_one_database(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    with home.log() as exchange, home.log("operations") as operations:
        exchange.append([answered()])
        (place,) = logged(operations.append([events.START.draft(version="1")]))
        assert parse_entry(place.entry).log == "th.liaison.internal/operations/1"
        with pytest.raises(Malformed):
            operations.append([answered()])


@settings(max_examples=15)
@given(st.lists(st.one_of(st.integers(1, 5), st.just("restart"), st.just("repeat")), max_size=12))
@pytest.mark.long
def test_any_order_of_batches_repeats_and_restarts_keeps_the_promises(steps: list[int | str]) -> None:
    """INVARIANT-1 to INVARIANT-3, against a model: a list of answers."""
    with tempfile.TemporaryDirectory() as folder:
        home = LogHome(Path(folder))
        model: list[EntryDraft] = []
        heads = []
        while steps:
            with home.log() as log:
                heads.append((log.size, log.checkpoint))
                while steps:
                    step = steps.pop(0)
                    if step == "restart":
                        break
                    if step == "repeat":
                        again = model[-1:] and log.append([answered(model[-1].exchange_id, secrets.token_bytes(32))])
                        assert all(isinstance(item, StoredAnswer) and item.answer == model[-1].answer for item in again)
                        continue
                    drafts = [answered() for _ in range(int(step))]
                    for place in logged(log.append(drafts)):
                        check_proof(home, log, place)
                    model += drafts
                    heads.append((log.size, log.checkpoint))
                assert log.size == len(model)
                newest = verify_checkpoint(log.checkpoint, log.origin, home.key.verify_key())
                for size, data in heads:
                    if size:
                        head = verify_checkpoint(data, log.origin, home.key.verify_key())
                        verify_consistency(size, newest.size, head.root, newest.root, log.extension(size, newest.size))
