"""An auditor with an older charter is told so, with exit code 3, and never `contradicted`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.export.export import trust_documents
from gateway.audit.verify.findings import Check, State
from gateway.audit.verify.verify import verify_export
from gateway.clock import SystemClock
from gateway.trust.ceremony.ceremony import draft, import_document, publish_descriptor, sign
from gateway.trust.ceremony.charter_changes import Changes
from gateway.trust.ceremony.found_member import create_member
from gateway.trust.ceremony.member_card import read_card
from tests.support.audited import World, make_world
from tests.support.cli import Liaison

CLOCK = SystemClock()
TOLD = "your charter is version 1, these entries are under version 2"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def next_charter(world: World, *signers: str) -> bytes:
    """Give the authority of `th` another key, as after a theft: the old one counts no more."""
    federation, new = world.federation, world.folder / "th-new"
    create_member(new, "th", CLOCK)
    data = draft([read_card(new)], "", 0, CLOCK, previous=federation.charter, changes=Changes())
    for member in signers:
        data = sign(data, federation[member].authority)
    return data


def in_force(world: World, charter: bytes) -> None:
    """Let all members take it, and the new authority sign the descriptor anew."""
    federation, th = world.federation, world.federation["th"]
    held = th.view().descriptor("th")
    federation.share(charter)
    values = {"endpoints": ["127.0.0.1:7555"], "offices": held.offices, "agencies": held.agencies}
    data = publish_descriptor(th.home, world.folder / "th-new", CLOCK, **values)  # type: ignore[arg-type]
    for name in ("vn", "kh"):
        for line in (th.home / "trust" / "descriptors" / "th.jsonl").read_bytes().splitlines()[1:-1]:
            trust = federation[name].home / "trust" / "descriptors" / "th.jsonl"
            trust.write_bytes(trust.read_bytes() + line + b"\n")
        import_document(federation[name].home / "trust", data, CLOCK)


def newest(world: World) -> dict[str, list[bytes]]:
    return {name: lines[-1:] for name, lines in world.descriptors.items()}


@pytest.mark.long
def test_an_export_under_a_newer_charter_is_not_provable_and_not_contradicted(world: World) -> None:
    charter = next_charter(world, "vn", "kh")
    in_force(world, charter)
    documents = trust_documents([world.federation.charter, charter], newest(world), {})
    out = world.export(documents=documents, nobody=True)
    report = world.check(out)
    assert report.exit_code == 3
    (finding,) = report.findings
    assert (finding.check, finding.state) == (Check.CHARTER, State.NOT_PROVABLE)
    assert finding.text.startswith(TOLD)
    both = [world.federation.charter, charter]
    assert verify_export(out, both, CLOCK, world.federation.fingerprint).exit_code == 0


@pytest.mark.long
def test_an_invented_charter_hides_no_contradiction(world: World) -> None:
    charter = next_charter(world, "kh")  # one signature of the two that it needs
    other = make_world(world.folder / "other")
    documents = trust_documents([world.federation.charter, charter], other.descriptors, {})
    assert world.check(world.export(documents=documents, nobody=True)).exit_code == 1


@pytest.mark.long
def test_verify_reconcile_and_open_say_it(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    liaison, folder = Liaison(capsys), world.folder
    old = folder / "old.jsonl"
    old.write_bytes(world.federation.charter + b"\n")
    in_force(world, next_charter(world, "vn", "kh"))
    outs = []
    for member in ("th", "vn"):
        home = world.federation[member].home
        authority = world.federation[member].authority
        assert liaison("init", "--member", member, "--home", home, "--authority", authority).code == 0
        outs.append(folder / f"export-{member}")
        assert liaison("audit", "export", "--home", home, "--out", outs[-1]).code == 0
    ran = liaison("audit", "verify", "--export", outs[0], "--charter", old)
    assert (ran.code, TOLD in ran.out, "contradicted" in ran.out) == (3, True, False)
    ran = liaison("audit", "reconcile", *outs, "--charter", old)
    assert (ran.code, TOLD in ran.out) == (3, True)
    assert "not compared" in ran.out
    assert "contradicted" not in ran.out
    ran = liaison("audit", "verify", "--home", world.federation["th"].home, "--charter", old)
    assert (ran.code, TOLD in ran.out) == (3, True)
