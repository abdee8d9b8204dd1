"""A witness knows the logs that it witnesses, and cosigns and shows each for its own member only."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.errors import Forbidden, Unknown
from gateway.model.names import MemberId
from gateway.witness.listed_logs import ListedLogs
from tests.support.federation import Federation, make_federation

TH, VN, KH = MemberId("th"), MemberId("vn"), MemberId("kh")
LOG = "th.liaison.internal/exchange/1"


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    folder: Path = tmp_path_factory.mktemp("listed")
    return make_federation(folder, ("th", "vn"), clock=ManualClock(SystemClock().now()))


def logs(federation: Federation, member: MemberId, *, domestic: bool = False) -> ListedLogs:
    view = federation.view("vn")
    return ListedLogs(lambda: view, federation.clock, member, domestic=domestic)


@pytest.mark.long
def test_the_keys_of_a_log_are_those_that_its_member_lists(federation: Federation) -> None:
    (key,) = logs(federation, VN).keys(TH, LOG)
    assert key.key_id == federation["th"].key("log").key_id


def test_2_a_log_is_the_callers_own_whoever_else_asks(federation: Federation) -> None:
    for caller in (KH, VN):
        with pytest.raises(Forbidden) as refused:
            logs(federation, VN).keys(caller, LOG)
        assert refused.value.code == "other-member"


def test_2_a_node_witnesses_no_log_of_its_own_and_a_domestic_witness_no_other(federation: Federation) -> None:
    assert logs(federation, TH, domestic=True).keys(TH, LOG)
    for member, domestic in ((TH, False), (VN, True)):
        with pytest.raises(Unknown):
            logs(federation, member, domestic=domestic).keys(TH, LOG)
    for origin in ("th.liaison.internal/exchange/0", "th.liaison.internal/other/1", "th.example.org/exchange/1", ""):
        with pytest.raises(Unknown):
            logs(federation, VN).keys(TH, origin)
