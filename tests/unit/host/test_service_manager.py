"""What the service manager is told: datagrams to the socket that it names, and nothing without one."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.host.service_manager import ServiceManager


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield bound


def test_lines_reach_the_manager(manager: socket.socket) -> None:
    with closing(ServiceManager()) as told:
        told.tell("READY=1", "STATUS=ready")
    assert manager.recv(200) == b"READY=1\nSTATUS=ready"


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


def test_the_watchdog_of_another_process_is_not_ours(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    with closing(ServiceManager()) as told:
        assert told.watchdog_s == 3.0
        monkeypatch.setenv("WATCHDOG_PID", "1")
        assert told.watchdog_s == 0.0
    assert manager.fileno() >= 0
