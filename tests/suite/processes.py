"""A pytest plugin: `--processes N` runs tests in N processes, which are forked once everything has been collected.

So the tests are imported once and not by each process. A process that is free takes the next file; once there is none,
it takes half of what is left to the process that has most, unless `--by-file` keeps the tests of a file together. What
judges time (mark `timed`) comes last, in one process, when all others have ended. A process that dies fails the test
that it ran, and another one goes on.
"""

from __future__ import annotations

import atexit
import os
import sys
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest
from _pytest.config import create_terminal_writer

from tests.suite.limit import limit_s

_Items = deque[int]
"""Places of tests among all that were collected."""

_UNKNOWN, _END = -1, "end"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what says in how many processes tests run, and what each of them is given."""
    group = parser.getgroup("processes")
    group.addoption("--processes", type=int, default=0, metavar="N", help="run tests in N forked processes")
    group.addoption("--by-file", action="store_true", help="give all tests of a file to one process")


class _Hooks:
    def pytest_process_died(self, number: int) -> None:
        """Note that a process died."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let plugins hear of a process that died."""
    pluginmanager.add_hookspecs(_Hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Run tests in processes where that is asked for."""
    if config.getoption("--processes"):
        config.pluginmanager.register(_Processes())


@dataclass(eq=False, slots=True)
class _Process:
    """A forked process, the test that it runs (none: -1), and those that it is to run afterwards."""

    number: int
    pid: int
    pipe: Connection
    left: _Items
    runs: int = -1


class _Processes:
    """Forks processes, gives them tests, and reports what they tell as if it had happened here."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run all tests that were collected."""
        config = session.config
        if config.option.collectonly or session.testsfailed or not session.items:
            return None  # pytest says so itself
        if reporter := config.pluginmanager.getplugin("terminalreporter"):
            reporter.showfspath = False  # tests of several files end beside each other
        _Run(session, config.getoption("--processes"), config.getoption("--by-file")).to_the_end()
        return True


@dataclass(slots=True)
class _Run:
    session: pytest.Session
    count: int
    by_file: bool
    waiting: deque[_Items] = field(default_factory=deque)
    processes: list[_Process] = field(default_factory=list)

    def to_the_end(self) -> None:
        """Fork processes and hear them until each has ended; stop early where pytest was told to."""
        self.session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined] # before it is divided
        items = self.session.items
        alone = [place for place, item in enumerate(items) if item.get_closest_marker("timed")]
        beside = sorted(set(range(len(items))) - set(alone))
        try:
            for count, places in ((self.count, beside), (1, alone)):
                self.waiting = deque(deque(part) for _, part in groupby(places, lambda place: items[place].path))
                for number in range(min(count, len(places))):
                    self._fork(number, deque())
                while self.processes:
                    for pipe in wait([each.pipe for each in self.processes]):
                        self._hear(next(each for each in self.processes if each.pipe is pipe))
                        if self.session.shouldfail:
                            raise self.session.Failed(self.session.shouldfail)
                        if self.session.shouldstop:
                            raise self.session.Interrupted(self.session.shouldstop)
        finally:
            for each in self.processes:  # each ends once the test that it runs has ended
                each.pipe.close()
            for each in self.processes:
                os.waitpid(each.pid, 0)

    def _fork(self, number: int, left: _Items) -> None:
        here, there = Pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            for pipe in (here, *(each.pipe for each in self.processes)):
                pipe.close()
            _Child(self.session, number, there).serve()
        there.close()
        self.processes.append(_Process(number, pid, here, left))

    def _hear(self, process: _Process) -> None:
        hook = self.session.config.hook
        name: str = _END
        told: Any = None
        with suppress(EOFError, ConnectionResetError):
            name, told = process.pipe.recv()
        if name == _END:  # not in a handler of that error: it would be the cause of every error in what is forked
            self._bury(process)
        elif name == "free":
            process.runs = -1
            self._give(process)
        elif name == "report":
            hook.pytest_runtest_logreport(
                report=hook.pytest_report_from_serializable(config=self.session.config, data=told)
            )
        else:
            getattr(hook, name)(nodeid=told[0], location=told[1])

    def _give(self, process: _Process) -> None:
        """Give a process its next test, and say which one follows, for whose sake fixtures stay; else end it."""
        if not process.left:
            process.left = self._more()
        if not process.left:
            process.pipe.send(None)
            return
        process.runs = process.left.popleft()
        more = bool(self.waiting) or any(len(each.left) > 1 for each in self.processes)
        process.pipe.send((process.runs, process.left[0] if process.left else _UNKNOWN if more else None))

    def _more(self) -> _Items:
        """Return tests for a process that has run out of them."""
        if self.waiting:
            return self.waiting.popleft()
        if self.by_file:
            return deque()
        most = max((each.left for each in self.processes), key=len)
        # The first of them stays: its process knows that it follows.
        return deque(reversed([most.pop() for _ in range(len(most) // 2)]))

    def _bury(self, process: _Process) -> None:
        """Take a process out that has ended; where it died, fail the test that it ran, and fork another one."""
        self.processes.remove(process)
        process.pipe.close()
        _, status = os.waitpid(process.pid, 0)
        if not status and process.runs < 0 and not process.left:
            return
        hook = self.session.config.hook
        hook.pytest_process_died(number=process.number)
        if process.runs >= 0:
            item = self.session.items[process.runs]
            ended, limit = os.waitstatus_to_exitcode(status), limit_s(item)
            why = f"the process died with {ended} while it ran this test, whose limit is {limit:g} s"
            hook.pytest_runtest_logreport(
                report=pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call", duration=0)
            )
        if process.left:
            self._fork(process.number, process.left)


@dataclass(eq=False, slots=True)
class _Child:
    """What a forked process does: run tests that it is given, and tell everything to the one that forked it."""

    session: pytest.Session
    number: int
    pipe: Connection

    def serve(self) -> None:
        """Run tests until there is none, and end this process."""
        atexit._clear()  # what is to be done at the end of the other one
        config = self.session.config
        plugins = config.pluginmanager
        capture: Any = plugins.getplugin("capturemanager")
        capture.stop_global_capturing()  # its files are those of the process that forked this one
        capture.start_global_capturing()
        capture.suspend_global_capture()
        for name in ("terminalreporter", "junitxml"):
            if plugins.hasplugin(name):
                plugins.unregister(name=name)
        # pytest-timeout writes stacks to it, which are told with the test whose limit is reached.
        config.get_terminal_writer = lambda: create_terminal_writer(config, sys.stderr)  # type: ignore[method-assign]
        plugins.register(self)
        folders: Any = config._tmp_path_factory  # type: ignore[attr-defined] # no other face of it
        folders._basetemp = folders.getbasetemp() / f"process-{self.number}-{os.getpid()}"
        folders._basetemp.mkdir(mode=0o700)
        code = 1
        try:
            while given := self._next():
                item, following = given
                config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            code = 0
        except (BrokenPipeError, EOFError, KeyboardInterrupt):
            pass  # the run was stopped
        except BaseException:  # noqa: BLE001 - it would end without a word
            traceback.print_exc(file=sys.__stderr__)
        finally:
            self.session._setupstate.teardown_exact(None)
            atexit._run_exitfuncs()
            sys.stdout.flush()
            os._exit(code)

    def _next(self) -> tuple[pytest.Item, Any] | None:
        self.pipe.send(("free", None))
        given = self.pipe.recv()
        if given is None:
            return None
        place, following = given
        items = self.session.items
        if following == _UNKNOWN:
            return items[place], self.session  # what belongs to the session stays, whichever test follows
        return items[place], None if following is None else items[following]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell how a step of a test ended."""
        config = self.session.config
        self.pipe.send(("report", config.hook.pytest_report_to_serializable(config=config, report=report)))

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Tell that a test begins."""
        self.pipe.send(("pytest_runtest_logstart", (nodeid, location)))

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Tell that a test has ended."""
        self.pipe.send(("pytest_runtest_logfinish", (nodeid, location)))
