"""Erasing and dumping on both engines: the same log, the same forgetting, and a dump that fits either."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.retention.erase_key import ErasureReason
from gateway.errors import Misconfigured
from gateway.storage.database.dump import dump, load
from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import migrate
from tests.support.audit_logs import LogHome, answered, logged
from tests.support.erasing import opened

pytestmark = pytest.mark.usefixtures("engine")

WHY = ErasureReason("entry", "A. Clerk", "asked in error")


@pytest.mark.long
def test_an_entry_is_erased_and_the_rest_of_its_month_stays(tmp_path: Path) -> None:
    home = LogHome(tmp_path / "home")
    with opened(home) as it:
        it.documents.put("search", "a", b"shown")
        places = logged(it.exchange.append([answered(private={"case": f"case {number}"}) for number in range(120)]))
        it.eraser.entries({"exchange/1": [places[40].index]}, WHY)
        assert it.erased() == {40}
        assert it.documents.get("search", "a") == b"shown"
        assert it.shown()[41].private["case"] == "case 41"
        it.exchange.append([answered()])
    with opened(home) as it:
        assert it.exchange.size == 121


@pytest.mark.long
def test_a_dump_goes_back_into_an_empty_database_and_the_log_goes_on(tmp_path: Path) -> None:
    home = LogHome(tmp_path / "home")
    with opened(home) as it:
        it.exchange.append([answered() for _ in range(7)])
        it.eraser.entries({"exchange/1": [3]}, WHY)
    with home.database() as database:
        dump(database, tmp_path / "dump")
    other = LogHome(tmp_path / "other", home.key, home.clock)
    home.folder.joinpath("keystore").rename(tmp_path / "keystore")
    other.folder.mkdir()
    (tmp_path / "keystore").rename(other.folder / "keystore")
    with other.database() as database:
        load(tmp_path / "dump", database)
    with other.database() as database, pytest.raises(Misconfigured, match="not empty"):
        load(tmp_path / "dump", database)
    with opened(other) as it:
        assert it.erased() == {3}
        it.exchange.append([answered()])
        assert it.exchange.size == 8


def test_a_dump_is_a_file_of_its_own_that_only_its_owner_reads(tmp_path: Path) -> None:
    home = LogHome(tmp_path / "home")
    with home.log() as log:
        log.append([answered()])
    with home.database() as database:
        dump(database, tmp_path / "dump")
    assert (tmp_path / "dump").stat().st_mode & 0o077 == 0
    copy = open_database(tmp_path / "dump")
    migrate(copy)
    copy.close()
