"""The reserve of a disk: new work is refused below it, and is taken again when there is room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.errors import Unavailable
from gateway.host.disk_reserve import MIB, SHARE, DiskReserve, Room, room_in
from tests.support.tables import table


def test_the_reserve_is_no_more_than_a_part_of_the_disk(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    whole = found.f_blocks * found.f_frsize
    assert room_in("home", tmp_path, 1).reserve == min(MIB, whole // SHARE)
    assert room_in("home", tmp_path, 1 << 40).reserve == whole // SHARE


@table(
    ("room", "low"),
    [
        (Room("home", Path("/"), 9, 10), True),
        (Room("home", Path("/"), 10, 10), False),
        (Room("home", Path("/"), 10, 10, unmoved=1), True),
        (Room("home", Path("/"), 0, 0, unmoved=1), False),
    ],
)
def test_room_is_low_below_reserve_and_what_has_to_be_moved(room: Room, low: bool) -> None:
    assert room.is_low is low


def test_new_work_is_refused_until_the_next_look_finds_room(tmp_path: Path) -> None:
    log = tmp_path / "node.sqlite-wal"
    reserve = DiskReserve({"home": tmp_path, "keystore": tmp_path}, 1, log)
    reserve.check()
    assert [room.name for room in reserve.rooms] == ["home"], "one disk is looked at once"
    with log.open("wb") as file:
        file.truncate(1 << 43)  # a hole, longer than the disk has room
    reserve.check()
    assert reserve.look()
    with pytest.raises(Unavailable) as caught:
        reserve.check()
    assert caught.value.code == "disk-reserve"
    log.unlink()
    assert not reserve.look()
    reserve.check()


def test_a_disk_that_is_gone_has_no_room(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    reserve = DiskReserve({"home": folder}, 1)
    folder.rmdir()
    assert reserve.look()
    with pytest.raises(Unavailable):
        reserve.check()
