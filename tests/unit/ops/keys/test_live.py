"""The key of an agency that comes while a node runs: taken up once it is listed, and never in production."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.config import Home
from gateway.errors import BadSignature, Misconfigured
from gateway.host.durable import PRIVATE, PUBLIC, replace
from gateway.model.names import MemberId
from gateway.ops.keys.live import LiveKeys
from gateway.trust.ceremony.found_member import create_member_keys
from tests.support.federation import Federation, Member, make_federation

TH = MemberId("th")


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    return make_federation(tmp_path, clock=ManualClock(SystemClock().now()))


def give_key(member: Member, agency: str) -> None:
    """Do what `liaison init --agency` does."""
    create_member_keys(member.home, member.authority, member.id, [agency], member.name, member.clock)


@pytest.mark.long
def test_a_key_that_no_document_lists_is_refused_with_the_command_that_lists_it(federation: Federation) -> None:
    thailand = federation["th"]
    keys = LiveKeys(Home(thailand.home), TH, thailand.clock)
    give_key(thailand, "navy")
    with pytest.raises(BadSignature, match="liaison trust publish"):
        keys.refresh(thailand.view())
    assert "th.navy" not in keys.issuers


@pytest.mark.long
def test_a_node_in_production_takes_up_no_key_of_an_agency(federation: Federation) -> None:
    thailand = federation["th"]
    held = {path: path.read_bytes() for path in (thailand.home / "keys").glob("agency-*")}
    for path in held:
        path.unlink()
    keys = LiveKeys(Home(thailand.home), TH, thailand.clock, production=True)
    for path, data in held.items():
        replace(path, data, PRIVATE if path.suffix == ".key" else PUBLIC)
    with pytest.raises(Misconfigured) as refused:
        keys.refresh(thailand.view())
    assert (refused.value.code, keys.issuers) == ("agency-key-held", {})
    with pytest.raises(Misconfigured, match="in production"):
        LiveKeys(Home(thailand.home), TH, thailand.clock, production=True)
