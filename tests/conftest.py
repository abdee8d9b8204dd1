"""For all tests: no network but loopback, and property tests that find the same examples in every run."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

import gateway.node  # noqa: F401 - before anything loads grpc, as in every process of ours
from tests.suite.limit import limit_s, pytest_runtest_protocol
from tests.support import tables
from tests.support.network import NetworkForbidden
from tests.support.optional import is_ci, needs
from tests.support.schemas import engine

__all__ = ["engine", "pytest_runtest_protocol"]

settings.register_profile(
    "local", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("ci", parent=settings.get_profile("local"), max_examples=25, derandomize=True, database=None)
settings.register_profile("night", parent=settings.get_profile("local"), max_examples=500, database=None)
settings.register_profile("quick", parent=settings.get_profile("ci"), max_examples=4)
settings.load_profile("night" if "LIAISON_NIGHT" in os.environ else "ci" if is_ci() else "local")

# A node in the same process logs whenever it does something: what a command prints is never mixed with it.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))

gc.set_threshold(400_000, 20, 100)  # collecting the tests makes millions of objects that stay

_LOOPBACK_NAMES = frozenset({"localhost", ""})


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _check(host: object) -> None:
    if not _is_loopback(host):
        raise NetworkForbidden(f"tests reach loopback only, not `{host!s}`")


_BUSY = 5
"""How often the limit of a test fits into what it may take: on a busy machine it is slower, and does not hang."""

_UNIT = Path(__file__).parent / "unit"
_LEFT_OUT = ("process", "long", "timed")
"""The marks of what a quick run leaves out."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--row`, and `--quick`: only what needs no process, no server and no second, with fewer examples."""
    tables.add_option(parser)
    parser.addoption("--quick", action="store_true", help="leave out what starts a process or a server, or takes long")


def pytest_configure(config: pytest.Config) -> None:
    """Leave out of a quick run what carries one of three marks, and try few examples of each property."""
    if not config.getoption("--quick"):
        return
    wanted = f"({config.option.markexpr}) and " if config.option.markexpr else ""
    config.option.markexpr = wanted + " and ".join(f"not {mark}" for mark in _LEFT_OUT)
    settings.load_profile("quick")


def _is_quick(item: pytest.Item) -> bool:
    return _UNIT in item.path.parents and not any(map(item.get_closest_marker, _LEFT_OUT))


class _Running:
    """The test that runs."""

    item: pytest.Item | None = None


def _refusing(real: Any, what: str) -> Any:
    """Return a call that refuses to start a process or a server for a unit test that a quick run would take up.

    Threads do so also for tests that have ended: only what a test starts itself counts.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        item, is_own = _Running.item, threading.current_thread() is threading.main_thread()
        if is_own and item and _is_quick(item):
            raise RuntimeError(f"{what} in a test without its mark: mark it with `pytest.mark.process`")
        return real(*args, **kwargs)

    return call


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the rows that were skipped within a table, since the table itself has passed."""
    tables.tell_skipped(terminalreporter)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program that is not here before anything is made for it."""
    _Running.item = item
    for mark in item.iter_markers("needs"):
        needs(*mark.args)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the tests that may take long: at the end nothing waits for one process that has begun such a test.

    What judges time comes last.
    """
    tables.choose_rows(config, items)
    if not config.getoption("timeout"):  # a limit that is named is meant
        for item in items:
            item.add_marker(pytest.mark.timeout(_BUSY * limit_s(item)), append=False)
    items.sort(key=lambda item: (bool(item.get_closest_marker("timed")), -limit_s(item), _is_quick(item)))


def pytest_collection_finish() -> None:
    """What was loaded to collect the tests stays: the collector need not look at it again and again, as in a node."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """At its end a process looks for forgotten errors, five times over, among all that its tests have loaded."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def marked_starts() -> Iterator[None]:
    """Refuse processes and servers to unit tests without the mark `process`, so that `make quick` stays quick."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((subprocess.Popen, "__init__"), (os, "fork"), (os, "posix_spawn"), (socket.socket, "bind")):
            patch.setattr(owner, name, _refusing(getattr(owner, name), f"{owner.__name__}.{name}"))
        yield


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Refuse connections and look-ups that would leave the machine (gRPC's own sockets bind to loopback)."""
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded(real: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _check(address[0])
            return real(self, address)

        return call

    def guarded_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        _check(host)
        return lookup(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_lookup)
        yield
