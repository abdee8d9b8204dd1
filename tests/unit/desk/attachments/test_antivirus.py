"""Scanners: only their clear word opens a file."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.desk.attachments.antivirus import Verdict, scanner_of
from gateway.errors import Misconfigured, Unavailable
from tests.support.load import waiting
from tests.support.tables import table
from tests.support.waiting import MOST_S

PARTS = (b"abc", b"def")


@contextmanager
def clamd(folder: Path, answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A daemon on a socket that takes one INSTREAM and answers so."""
    place, got = folder / "clamd", list[bytes]()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()

        def serve() -> None:
            line, _ = listener.accept()
            with line, line.makefile("rb") as read:
                assert read.read(10) == b"zINSTREAM\0"
                while size := int.from_bytes(read.read(4)):
                    got.append(read.read(size))
                line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"clamd:{place}", got
        thread.join(MOST_S)


@table(
    ("answer", "verdict"),
    [
        (b"stream: OK\0", Verdict.CLEAN),
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", Verdict.FOUND),
        (b"INSTREAM size limit exceeded. ERROR\0", None),
        (b"stream: OK", None),
        (b"stream: OK FOUND OK\0", None),
        (b"stream: OK\0stream: Win.Test.EICAR_HDB-1 FOUND\0", None),
        (b"", None),
    ],
)
@pytest.mark.process
def test_the_words_of_clamd(tmp_path: Path, answer: bytes, verdict: Verdict | None) -> None:
    with clamd(tmp_path, answer) as (setting, got):
        scan = scanner_of(setting, 10)
        assert scan is not None
        if verdict is None:
            with pytest.raises(Unavailable):
                scan(PARTS)
        else:
            assert scan(PARTS) is verdict
    assert got == list(PARTS)


@pytest.mark.parametrize(("code", "verdict"), [("0", Verdict.CLEAN), ("1", Verdict.FOUND), ("2", None)])
@pytest.mark.process
def test_a_command_says_it_by_its_exit_status(code: str, verdict: Verdict | None) -> None:
    scan = scanner_of(f"command:{sys.executable} -c 'import sys; sys.stdin.buffer.read(); sys.exit({code})'", 30)
    assert scan is not None
    if verdict is None:
        with pytest.raises(Unavailable):
            scan(PARTS)
    else:
        assert scan(PARTS) is verdict


@table(
    "setting",
    ["clamd:/nowhere/clamd", "clamd:127.0.0.1:1", "clamd:x", "command:/nowhere/scan", "command:sleep 60"],
)
@pytest.mark.process
def test_a_scanner_that_is_silent_dead_or_late_says_nothing(setting: str) -> None:
    scan = scanner_of(setting, 0.2)
    assert scan is not None
    with pytest.raises(Unavailable, match="no clear word"):
        scan(PARTS)


LARGE = (bytes(1 << 20),) * 3
"""More than the line to a program holds."""


@pytest.mark.parametrize(("code", "verdict"), [("0", None), ("1", Verdict.FOUND)])
@pytest.mark.process
def test_n181_a_program_that_has_not_read_the_file_does_not_say_that_it_is_clean(
    code: str, verdict: Verdict | None
) -> None:
    scan = scanner_of(f"command:/bin/sh -c 'head -c 9 > /dev/null; exit {code}'", 30)
    assert scan is not None
    if verdict is None:
        with pytest.raises(Unavailable, match="before it had read"):
            scan(LARGE)
    else:
        assert scan(LARGE) is verdict


@pytest.mark.parametrize("ends", ["", "; exit 0"])
@pytest.mark.process
def test_n181_a_program_that_hangs_behind_its_script_holds_up_nothing(ends: str) -> None:
    """A shell that is killed leaves the program that it has started, with the input that it holds open."""
    scan = scanner_of(f"command:/bin/sh -c 'sleep 25{ends}'", 0.3)
    assert scan is not None
    with waiting() as watch, pytest.raises(Unavailable, match="no clear word"):
        scan(LARGE)
    assert watch.seconds < 15


@pytest.mark.process
def test_n181_a_program_gets_the_whole_file(tmp_path: Path) -> None:
    scan = scanner_of(f"command:/bin/sh -c 'wc -c > {tmp_path / 'count'}'", 30)
    assert scan is not None
    assert scan(LARGE) is Verdict.CLEAN
    assert int((tmp_path / "count").read_text()) == 3 << 20


def test_no_scanner_is_none_and_another_word_is_a_mistake() -> None:
    assert scanner_of("", 1) is None
    for wrong in ("clam", "/usr/bin/scan", "command:"):
        with pytest.raises(Misconfigured):
            scanner_of(wrong, 1)
    unscanned = scanner_of("none", 1)
    assert unscanned is not None
    assert unscanned(PARTS) is Verdict.CLEAN
