"""Start a process of this program that has nothing of ours but what it is given, and ends when we do."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

_KEPT = frozenset(
    {
        "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "ODBCINI", "ODBCSYSINI", "ORACLE_HOME", "PATH",
        "PYTHONPATH", "TMPDIR", "TNS_ADMIN", "TZ",
    }
)  # fmt: skip
"""Variables that a child keeps: where programs and drivers are, language and time zone. None has a secret of ours."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4


def start_module(module: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a module of this program: by exec, with few variables, and no descriptor but standard error."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=kept(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        close_fds=True,
    )


def kept(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a child keeps."""
    return {name: value for name, value in environment.items() if name in _KEPT}


def end_with(parent: int) -> None:
    """Let the kernel end this process when its parent ends, and let no other process look into it.

    Signals that ask the parent to stop reach its children, too: they go on until the parent lets go of them.
    """
    control = ctypes.CDLL(None).prctl
    control(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    control(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if os.getppid() != parent:
        os._exit(1)
