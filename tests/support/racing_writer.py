"""A process that writes to a log as fast as it can, together with others of its kind, and says what it signed.

Lines on its output: `head <size> <root>` for each head that it signed, `won <exchange id> <answer>` and
`lost <exchange id> <answer>` for each exchange that it answered, or found answered by another.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from gateway.audit.log.log import AuditLog
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.clock import SystemClock
from gateway.ports.journal import Logged
from gateway.signing.keys import load_signing_key
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered

_SHARED = 3
"""Every third exchange is one that the others answer, too."""


def main(folder: Path, name: str, batches: int) -> None:
    """Append `batches` batches of 1 to 5 entries."""
    home = LogHome(folder, load_signing_key(folder / "log.key"), SystemClock())
    log = AuditLog(
        SqlLogStore(home.open(), home.keystore), home.keystore, home.key, home.clock, "th", highwater=home.highwater
    )
    say("ready")
    sys.stdin.readline()
    for number in range(batches):
        drafts = [answered(_id(name, number * 5 + place)) for place in range(number % 5 + 1)]
        for draft, result in zip(drafts, log.append(drafts), strict=True):
            if isinstance(result, Logged):
                say(f"won {draft.exchange_id} {draft.answer.hex()}")
                head = parse_checkpoint(result.proof.checkpoint)
                say(f"head {head.size} {head.root.hex()}")
            else:
                say(f"lost {draft.exchange_id} {result.answer.hex()}")
    log.follow()
    log.close()


def _id(name: str, number: int) -> str:
    who = "" if number % _SHARED == 0 else name
    return hashlib.sha256(f"{who}/{number}".encode()).hexdigest()[:32]


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
