"""Start what a unit of systemd starts, without systemd: its command, its account, the sandbox that it asks for.

This machine runs no systemd. So its part is played by what every Linux has: a socket for `NOTIFY_SOCKET`, a view of the
file system in which only the home can be written, `prctl` for MemoryDenyWriteExecute, and a trace of system calls that
is held to the unit's SystemCallFilter, and of sockets that is held to its RestrictAddressFamilies.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.support.shared import PROJECT

UNITS: Final = PROJECT / "deploy" / "systemd"
_INSTALLED: Final = "/opt/liaison/current/bin/"
_BOX = """
set -eu
home=$1 place=$2 folder=$3; shift 3
mount -t proc -o subset=pid,hidepid=invisible proc /proc
mount -t tmpfs tmpfs /srv
mkdir -p "$place"
mount --bind "$home" "$place"
mount --bind "$folder" "$folder"
mount -o remount,bind,ro /
[ "$WRITES" ] || mount -o remount,bind,ro "$place"
cd "$place"
exec strace -f -qq -e signal=none -o "$folder/trace" \\
    setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$0" -c "$DENY_GAIN" "$@"
"""
_DENY_GAIN = """
import ctypes, os, sys
if ctypes.CDLL(None, use_errno=True).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
    sys.exit("this kernel has no PR_SET_MDWE")
os.environ.pop("DENY_GAIN")
os.execv(sys.argv[1], sys.argv[1:])
"""
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_CALL = re.compile(r"^\d+ +([a-z][a-z0-9_]+)\(", re.MULTILINE)
_SOCKET = re.compile(r"\bsocket\((AF_\w+)[^)]*\) = \d")


def settings(unit: str) -> dict[str, list[str]]:
    """Return each setting of a unit with its values in order."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@dataclass
class Started:
    """A process that a unit describes, and what it tells its manager."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    command: str
    trace: Path

    def told(self) -> str:
        """The next datagram."""
        return self.socket.recv(4096).decode()

    def until(self, line: str) -> list[str]:
        """Return what it tells until a datagram has this line."""
        said = [self.told()]
        while line not in said[-1].splitlines():
            said.append(self.told())
        return said

    @property
    def main_pid(self) -> int:
        """The process that systemd would signal: strace is between in this play."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def stop(self) -> int:
        """Ask it to stop, as systemd does; return its exit code."""
        os.kill(self.main_pid, signal.SIGTERM)
        return self.process.wait(60)

    def calls(self) -> set[str]:
        """The system calls that it made, all of its processes."""
        return set(_CALL.findall(self._trace()))

    def families(self) -> set[str]:
        """The kinds of sockets that it opened."""
        return set(_SOCKET.findall(self._trace()))

    def _trace(self) -> str:
        """What was traced of the command itself, without what prepared its sandbox."""
        text = self.trace.read_text(errors="replace")
        return text[text.rindex(f'execve("{self.command}"') :]


@contextmanager
def started(unit: str, instance: str, home: Path, folder: Path, **environment: str) -> Iterator[Started]:
    """Start what a unit starts for a home. `environment` is what a drop-in sets."""
    asked = settings(unit)
    command = list(_command(asked["ExecStart"][0].replace("%i", instance), environment))
    command[0] = command[0].replace(_INSTALLED, f"{Path(sys.executable).parent}/")
    [place] = (part.replace("%i", instance) for part in asked.get("ReadWritePaths", asked.get("WorkingDirectory", ())))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(60)
        about = dict(line.split("=", 1) for line in asked.get("Environment", ())) | environment
        about |= {
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": str(int(asked.get("WatchdogSec", ["0"])[0]) * 1_000_000),
            "WRITES": asked.get("ReadWritePaths", [""])[0],
            "PATH": os.environ["PATH"],
            "DENY_GAIN": _DENY_GAIN,
        }
        boxed = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _BOX, sys.executable]
        process = subprocess.Popen([*boxed, str(home), place, str(folder), *command], env=about)
        try:
            yield Started(process, manager, command[0], folder / "trace")
        finally:
            process.kill()
            process.wait()


def _command(line: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the words of a command as systemd makes them: `$NAME` is words of a variable, `${NAME}` part of a word."""
    for word in shlex.split(line):
        if word.startswith("$") and word[1:].isidentifier():
            yield from shlex.split(environment[word[1:]])
        else:
            yield _VARIABLE.sub(lambda found: environment[found[1]], word)


@cache
def allowed(unit: str) -> frozenset[str]:
    """Return the system calls that a unit allows, as systemd itself spells its groups out."""
    found: set[str] = set()
    for line in settings(unit)["SystemCallFilter"]:
        named = set().union(*(_spelt(name) for name in line.removeprefix("~").split()))
        found = found - named if line.startswith("~") else found | named
    return frozenset(found)


def _spelt(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    asked = ["systemd-analyze", "--no-pager", "syscall-filter", name]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    names = (line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))
    return set().union(*(_spelt(each) for each in names))
