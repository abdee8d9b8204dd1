"""Run the commands of bridges: end them by their errors, and write down what they did."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from gateway.clock import Clock, rfc3339
from gateway.errors import LiaisonError, Misused

Command = Callable[[argparse.Namespace], None]


def parser(program: str, what: str, examples: str) -> argparse.ArgumentParser:
    """Return a parser whose help ends with examples."""
    return argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=what,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def run(command: Command, options: argparse.Namespace) -> int:
    """Run a command and return its exit code; an error is told on stderr with its place and remedy."""
    try:
        command(options)
    except LiaisonError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def journal(clock: Clock) -> Callable[[str, dict[str, object]], None]:
    """Return a function that writes one line of JSON to stdout for each thing that happened; threads may share it."""
    lock = threading.Lock()

    def told(event: str, facts: dict[str, object]) -> None:
        line = json.dumps({"time": rfc3339(clock.now_us()), "event": event, **facts}, ensure_ascii=True)
        with lock:
            print(line, flush=True)

    return told


def address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`. Raises `Misused` for another text."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise Misused("`{text}` is no address of the form HOST:PORT", where="--listen", text=text)
    return host.strip("[]"), int(port)


def day_of(us: int) -> str:
    """Return the day of a moment (microseconds since 1970), as `2026-11-28`."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).date().isoformat()
