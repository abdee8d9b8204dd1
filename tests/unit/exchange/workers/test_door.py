"""The socket of the workers is ours, or there is none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.errors import ConnectionLost, Misconfigured, TooLarge
from gateway.exchange.workers.channel import Channel
from gateway.exchange.workers.door import Door
from gateway.exchange.workers.frames import HEAD


@pytest.mark.process
def test_something_else_in_the_place_of_the_socket_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / ("a" * 150) / "workers-0.sock"  # longer than a path of a socket may be
    file.parent.mkdir()
    Door(file).socket.close()  # that of a front that was killed
    Door(file).close()
    assert not file.exists()
    file.write_text("a file", encoding="utf-8")
    with pytest.raises(Misconfigured) as refused:
        Door(file)
    assert refused.value.code == "wrong-owner"
    assert file.exists()


def test_frames_arrive_whole_in_order_and_neither_side_waits() -> None:
    ours, theirs = socket.socketpair()
    sender, receiver = Channel(ours, 1000, 3_000_000), Channel(theirs, 1_000_000, 1000)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    frames = [HEAD.pack(size) + bytes([size % 251]) * size for size in (0, 1, 70_000, 900_000, 5)]
    for frame in frames:
        sender.send(frame)
    assert sender.is_waiting  # nobody reads yet
    found: list[bytes] = []
    while len(found) < len(frames):
        sender.flush()
        found += receiver.receive()
    assert [HEAD.pack(len(each)) + each for each in found] == frames
    assert receiver.receive() == []
    sender.close()
    with pytest.raises(ConnectionLost):
        receiver.receive()


def test_what_is_not_read_and_what_is_too_long_ends_the_connection() -> None:
    ours, theirs = socket.socketpair()
    sender, receiver = Channel(ours, 10, 100_000), Channel(theirs, 10, 100_000)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sender.send(bytes(60_000))
    with pytest.raises(ConnectionLost):
        sender.send(bytes(99_000))
    ours, theirs = socket.socketpair()
    sender, receiver = Channel(ours, 10, 100_000), Channel(theirs, 10, 100_000)
    sender.send(HEAD.pack(11))
    with pytest.raises(TooLarge):
        receiver.receive()
