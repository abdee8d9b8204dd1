"""Keys that agencies hold themselves are in the list of a home's keys, with whose they are and when they end."""

from __future__ import annotations

from pathlib import Path

from gateway.ops.keys.status import describe_keys
from gateway.views.key_lines import key_lines
from tests.support.federation import make_federation
from tests.support.source_process import list_certificate, make_home


def test_a_key_that_an_agency_holds_itself_is_listed_with_whose_it_is_and_its_ends(tmp_path: Path) -> None:
    federation = make_federation(tmp_path)
    home = federation["kh"].home
    (home / "node.toml").write_text('[node]\nmember = "kh"\n', encoding="utf-8")
    assert describe_keys(home)["agencies"] == []
    source = make_home(tmp_path, federation, 7500)
    list_certificate(federation, (source / "keys" / "record.pem").read_bytes())
    (key,) = describe_keys(home)["agencies"]
    assert (key["use"], key["agency"]) == ("agency/customs", "customs")
    assert key["certificate_until"] >= key["listed_until"] > ""
    assert key["days_left"] > 30
    told = [line if isinstance(line, str) else line[0] for line in key_lines(describe_keys(home))]
    (line,) = [line for line in told if "held by `customs` itself" in line]
    assert key["id"][:16] in line
    assert key["certificate_until"] in line
