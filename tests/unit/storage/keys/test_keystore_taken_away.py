"""A keystore whose disk is taken away under a running node: nothing is written to the empty folder that stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.errors import StorageBroken
from gateway.storage.database.home_id import make_id, write_id
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.keys.references import HitReferences

LAST_DAY = datetime(2026, 9, 30, 23, 55, tzinfo=UTC)


def _moved(folder: Path, to: Path) -> None:
    to.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.rename(to / path.name)


def test_n292_no_key_is_made_in_the_mount_point_of_a_keystore_whose_disk_was_taken_away(tmp_path: Path) -> None:
    place, disk = tmp_path / "keystore", tmp_path / "disk"
    place.mkdir()
    write_id(place, make_id())
    clock = ManualClock(LAST_DAY)
    keys, references = KeyStore(place), HitReferences(place, clock)
    hit = ("kh.customs.declarations", "17", "Person", "th", "case-1")
    before, reference = keys.current("nohit", clock.now_us()), references.make_reference(*hit)
    _moved(place, disk)
    clock.advance(timedelta(minutes=10))
    makers: list[Callable[[], object]] = [
        lambda: keys.current("nohit", clock.now_us()),
        lambda: keys.retire(before),
        lambda: keys.destroy(before),
        lambda: keys.remember(before, []),
        lambda: keys.lasting_key("another"),
        lambda: references.make_reference(*hit),
    ]
    for make in makers:
        with pytest.raises(StorageBroken) as caught:
            make()
        assert (caught.value.code, caught.value.where) == ("no-store", str(place))
        assert list(place.iterdir()) == []
    write_id(place, make_id())  # another home's
    with pytest.raises(StorageBroken):
        keys.current("nohit", clock.now_us())
    (place / "home.id").unlink()
    _moved(disk, place)
    assert keys.current("nohit", clock.now_us()) == "nohit/2026-10"
    assert references.make_reference(*hit) != reference
