"""What is out of reach when a source is opened is waited for; what does not fit is refused."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.late import LateSource, open_all
from adapters.load import Place
from gateway.clock import SystemClock
from gateway.errors import Misconfigured, Unavailable
from gateway.ports.sources import NOT_FRESH
from tests.support import web_source
from tests.support.small_source import SmallSource, small_source
from tests.support.waiting import wait_until

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
    (found,) = open_all([Place(small.mapping, small.url, small.folder / "index", CLOCK)])
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


@pytest.mark.long
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


@pytest.fixture
def interface(tmp_path: Path) -> Iterator[tuple[web_source.Interface, Place]]:
    """An interface, and the place at which it is opened."""
    found = web_source.Interface()
    mapping = tmp_path / "web.toml"
    mapping.write_text(web_source.MAPPING, encoding="utf-8")
    with web_source.serving(found) as url:
        yield found, Place(mapping, url, tmp_path / "index", CLOCK)


def held(goes_on: threading.Event) -> None:
    """Keep who asks waiting."""
    goes_on.wait(30)


@pytest.mark.process
@pytest.mark.timed
def test_n231_sources_that_hang_hold_a_start_together_no_longer_than_one_and_their_opening_goes_on(
    small: SmallSource, interface: tuple[web_source.Interface, Place], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("adapters.late.START_S", 1.5)
    small.open(CLOCK).close()
    asked, hung = interface
    goes_on = threading.Event()
    asked.reply = lambda _path, _query: held(goes_on)
    places = [
        hung,
        replace(hung, index_dir=tmp_path / "second"),
        Place(small.mapping, small.url, small.folder / "index", CLOCK),
    ]
    began = CLOCK.monotonic()
    first, second, there = open_all(places)
    assert CLOCK.monotonic() - began < 10, "each of them is waited for 30 s by itself"
    assert isinstance(first, LateSource)
    assert isinstance(second, LateSource)
    hanging = [each for each in threading.enumerate() if each.name.startswith("opening")]
    assert [each.daemon for each in hanging] == [True, True], "a process that is told to end does not wait for them"
    assert not isinstance(there, LateSource)
    assert (first.fault.code, first.describe().id) == ("source-deadline", "la.immigration.web")
    second.close()
    goes_on.set()
    assert first.refresh()
    assert first.opened is not None
    assert not second.refresh()
    assert second.opened is None
    threads = threading.enumerate
    wait_until(lambda: not [each for each in threads() if each.name.startswith("opening")], "no source is opened")
    for source in (first, there):
        source.close()


@pytest.mark.process
def test_n231_an_interface_that_goes_silent_amid_its_list_is_given_up(
    interface: tuple[web_source.Interface, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.http.client._ANSWER_SECONDS", 0.5)
    asked, place = interface
    goes_on = threading.Event()
    asked.reply = lambda _path, query: held(goes_on) if "after" in query else None
    (late,) = open_all([place])
    assert isinstance(late, LateSource)
    assert late.fault.code == "source-deadline"
    goes_on.set()
    assert late.refresh()
    late.close()


def test_what_does_not_fit_stops_the_start_also_beside_others(small: SmallSource, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = small_source(tmp_path / "other")
    other.database.unlink()
    other.execute("CREATE TABLE other (id INTEGER)")
    with pytest.raises(Misconfigured):
        open_all([Place(each.mapping, each.url, each.folder / "index", CLOCK) for each in (small, other)])


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
        (late,) = open_all([Place(mapping, url, tmp_path / "index", CLOCK)])
        assert isinstance(late, LateSource)
        interface.reply = lambda _path, _query: None
        assert late.refresh()
        late.close()
