"""Documents that are written while the keeper reads stop no exchange (CASE-C10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from gateway.trust.documents.charter import Charter
from gateway.trust.documents.descriptor import Descriptor
from tests.support.federation import make_federation


@pytest.mark.long
def test_a_descriptor_that_is_written_between_two_reads_is_taken_with_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation = make_federation(tmp_path, clock=ManualClock(SystemClock().now()))
    vietnam = federation["vn"]
    keeper = vietnam.keeper()
    before = keeper.view.descriptor("vn").version
    read = keeper.documents.descriptor
    written: list[str] = []

    def read_then_written(member: str, charter: Charter) -> Descriptor | None:
        found = read(member, charter)
        if member == "vn" and not written:
            written.append(member)
            publish_descriptor(
                vietnam.home, vietnam.authority, federation.clock,
                endpoints=["192.0.2.7:7443"], offices=[], agencies=vietnam.agencies,
            )  # fmt: skip
            publish_status(vietnam.home, federation.clock)
        return found

    (vietnam.home / "trust" / "charter.jsonl").touch()
    monkeypatch.setattr(keeper.documents, "descriptor", read_then_written)
    assert keeper.refresh()
    assert written
    assert keeper.view.descriptor("vn").version == before + 1
    keeper.view.freshness("vn", federation.clock.now_us())
    assert keeper.alarms == ()
