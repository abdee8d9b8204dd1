"""What the service manager is told: datagrams to the socket that it names, and nothing without one."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.host.service_manager import ServiceManager, serve_until_signal


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield bound


@pytest.mark.process
def test_lines_reach_the_manager(manager: socket.socket) -> None:
    with closing(ServiceManager()) as told:
        told.tell("READY=1", "STATUS=ready")
    assert manager.recv(200) == b"READY=1\nSTATUS=ready"


@pytest.mark.process
def test_a_socket_of_the_abstract_namespace_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"liaison-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0{name}")
        bound.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        with closing(ServiceManager()) as told:
            told.tell("WATCHDOG=1")
        assert bound.recv(200) == b"WATCHDOG=1"


def test_without_a_manager_nothing_is_sent_and_nothing_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    ServiceManager().tell("READY=1")
    assert ServiceManager().watchdog_s == 0.0
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    with closing(ServiceManager()) as gone:
        gone.tell("READY=1")


@pytest.mark.process
def test_the_watchdog_of_another_process_is_not_ours(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    with closing(ServiceManager()) as told:
        assert told.watchdog_s == 3.0
        monkeypatch.setenv("WATCHDOG_PID", "1")
        assert told.watchdog_s == 0.0
    assert manager.fileno() >= 0


class Asked:
    """A process that is asked to stop at its second look, and whose descriptors are used up as soon as it listens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.seen: list[str] = []

    def start(self) -> None:
        def none_left(*_: object, **__: object) -> socket.socket:
            raise OSError(errno.EMFILE, "none left")

        self._monkeypatch.setattr(socket, "socket", none_left)
        self.seen.append("start")

    def look(self) -> str:
        self.seen.append("look")
        if self.seen.count("look") == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return "STATUS=ready"

    def stop(self) -> None:
        self.seen.append("stop")


@pytest.mark.process
def test_a_process_tells_its_manager_until_a_signal_also_when_no_descriptor_is_left(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Asked(monkeypatch)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        serve_until_signal(lambda: process, 0.01, lambda error: None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert process.seen == ["start", "look", "look", "stop"]
    told = [manager.recv(200) for _ in range(4)]
    assert told == [b"READY=1", *[b"WATCHDOG=1\nSTATUS=ready"] * 2, b"STOPPING=1"]


@pytest.mark.process
def test_a_manager_that_waits_less_long_is_told_more_often(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1500000")
    with closing(ServiceManager()) as told:
        assert told.every_s(2.0) == 0.5
        assert told.every_s(0.1) == 0.1
    assert manager.fileno() >= 0
