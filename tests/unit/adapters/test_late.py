"""What is out of reach when a source is opened is waited for; what does not fit is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.late import LateSource, open_or_wait
from adapters.load import Place
from gateway.clock import SystemClock
from gateway.errors import Misconfigured, Unavailable
from gateway.ports.sources import NOT_FRESH
from tests.support import web_source
from tests.support.small_source import SmallSource, small_source

CLOCK = SystemClock()


@pytest.fixture
def small(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path)


@pytest.fixture
def late(small: SmallSource) -> Iterator[LateSource]:
    """A source whose database is not there, and was there before."""
    small.open(CLOCK).close()
    small.database.rename(small.folder / "kept.sqlite")
    found = opened(small)
    yield found
    found.close()


def opened(small: SmallSource) -> LateSource:
    found = open_or_wait(Place(small.mapping, small.url, small.folder / "index", CLOCK))
    assert isinstance(found, LateSource)
    return found


def put_back(small: SmallSource) -> None:
    (small.folder / "kept.sqlite").rename(small.database)


def test_n203_it_is_described_by_its_mapping_and_says_that_it_was_not_read(
    small: SmallSource, late: LateSource
) -> None:
    assert "there is no file" in late.health()
    with pytest.raises(Unavailable) as refused:
        late.fetch("1", "Person", CLOCK.monotonic() + 1)
    assert refused.value.code == NOT_FRESH
    with pytest.raises(Unavailable):
        late.refresh()
    put_back(small)
    assert late.refresh()
    assert late.opened is not None
    assert late.opened.describe() == late.describe()


def test_n203_a_locked_database_is_waited_for(small: SmallSource) -> None:
    with closing(sqlite3.connect(small.database, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        late = opened(small)
        holder.execute("ROLLBACK")
    assert late.refresh()
    late.close()


def test_a_source_that_is_closed_while_it_is_away_is_not_opened_any_more(small: SmallSource, late: LateSource) -> None:
    put_back(small)
    late.close()
    assert not late.refresh()
    assert late.opened is None


def test_n203_a_mapping_that_names_another_owner_by_now_is_refused(small: SmallSource, late: LateSource) -> None:
    put_back(small)
    text = small.mapping.read_text(encoding="utf-8")
    small.mapping.write_text(text.replace("police", "corrections"), encoding="utf-8")
    with pytest.raises(Misconfigured) as refused:
        late.refresh()
    assert refused.value.code == "not-the-owner"
    assert late.opened is None


def test_tables_that_do_not_fit_are_refused_at_once(small: SmallSource) -> None:
    small.database.unlink()
    small.execute("CREATE TABLE other (id INTEGER)")
    with pytest.raises(Misconfigured):
        opened(small)


def test_an_index_that_cannot_be_written_is_refused_at_once(small: SmallSource) -> None:
    (small.folder / "index").write_bytes(b"")
    with pytest.raises(Unavailable) as refused:
        opened(small)
    assert refused.value.code == "index-unwritable"


@pytest.mark.process
def test_n203_an_interface_that_has_not_answered_yet_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.http.client._FIRST_SECONDS", 0.5)
    interface = web_source.Interface()
    interface.reply = lambda _path, _query: (503, {"Retry-After": "1"}, b"")
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(web_source.MAPPING, encoding="utf-8")
    with web_source.serving(interface) as url:
        late = open_or_wait(Place(mapping, url, tmp_path / "index", CLOCK))
        assert isinstance(late, LateSource)
        interface.reply = lambda _path, _query: None
        assert late.refresh()
        late.close()
