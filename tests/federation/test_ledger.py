"""Both sides note each record that a search gives, in the transaction of the answer's own entry."""

from __future__ import annotations

from pathlib import Path

from gateway.exchange.ledger import copies_received
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.exchange import Outcome
from gateway.model.hit import Hit
from gateway.model.names import ExchangeId
from gateway.records.claims import claims_of
from tests.support.exchange import NO_PASSPORT, TH, VN, command, lines, sample_world
from tests.support.nodes import officer, running


async def test_a_hit_is_in_the_ledger_of_both_sides_and_a_no_hit_in_none(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with running(world, ("th", "vn")):
        th, vn = world.nodes["th"], world.nodes["vn"]
        nothing = lines(await th.asking.searches.start(officer(), command(NO_PASSPORT)))[VN]
        assert nothing.outcome is Outcome.NO_HIT
        assert th.desk.parts.store.holdings() == vn.desk.parts.store.holdings() == []
        line = lines(await th.asking.searches.start(officer(), command()))[VN]
        shown = [hit.record for hit in line.hits if hit.record is not None]
        ids = {claims.jti for record in shown if (claims := claims_of(record.compact)) is not None}
        assert ids
        taken = th.desk.parts.store.holdings(direction=Direction.IN)
        given = vn.desk.parts.store.holdings(direction=Direction.OUT)
        assert {each.jti for each in taken} == {each.jti for each in given} == ids
        for copy in (*taken, *given):
            assert (copy.holder, copy.owner, copy.source) == (TH, VN, line.exchange_id)
            assert copy.state is HoldingState.HELD
            assert copy.expires_us > 0
        assert all(not copy.record for copy in taken)  # the key of another country's row is no business of ours
        for copy in given:
            source = vn.resources.walls[0].description.id
            assert copy.record.startswith(f"{source}/")
            assert copy in vn.desk.parts.store.holdings(record=copy.record)


def test_a_counterpart_that_sends_rubbish_as_a_record_leaves_no_row() -> None:
    bare = Hit("r", "EXACT_ID", "TravelDocument", record="x.eyJqdGkiOiJhIn0.y~")  # type: ignore[arg-type]
    assert copies_received(TH, VN, ExchangeId("0a" * 16), [bare]) is None
