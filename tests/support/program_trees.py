"""Two programs of different versions, each a tree of its own whose commands run in processes of their own.

The reference is the newest release before this tree (`docs/releases.toml`): the wheel that is built from its commit, in
an environment of its own lock. The next version is this tree with what a next version may bring: one field more in one
statement, and one migration more.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.supply import releases
from tests.supply.releases import PACKAGES
from tests.support.shared import PROJECT
from tests.support.waiting import MOST_S

NOTE = "of the next version"
"""What the next version writes into the new field of a request."""

_MAIN = "import sys; from gateway.cli import main; sys.argv[0] = 'liaison'; main()"
_COMMAND_S = 120.0
_ANCHOR = "REQUEST_VERSIONS = Versions(REQUEST_KIND)\n"
_SECOND = f'''

def _check_first(message: pb.Request) -> None:
    if message.next_note:
        raise Malformed("a field of a newer version", code="unknown-field", where="next_note")


def _write_second(request: Request) -> pb.Request:
    message = _write(request)
    message.next_note = "{NOTE}"
    return message


_FIRST = replaced(REQUEST_KIND, check_version=_check_first)
REQUEST_VERSIONS = Versions(_FIRST, replaced(REQUEST_KIND, payload_type=REQUESTS[1], write=_write_second))
'''
_MIGRATION = '''"""What a next version needs."""

import sqlalchemy as sa
from alembic import op

revision = "{new}"
down_revision = "{old}"
branch_labels = None
depends_on = None
needs_stop = ""


def upgrade() -> None:
    op.create_table("next_version", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("quota_use", sa.Column("note", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("quota_use", "note")
    op.drop_table("next_version")
'''


@dataclass(frozen=True)
class Program:
    """A version of the program, and its commands: what is installed for an interpreter, or a tree before it."""

    name: str
    folder: Path
    interpreter: Path
    tree: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the modules of the tree are found first."""
        left_out = ("LIAISON_", "PYTHONPATH")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        if self.tree:
            kept["PYTHONPATH"] = os.pathsep.join((str(self.tree), str(self.tree / "proto" / "gen")))
        return kept | {"PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}

    def python(self, code: str, *arguments: str | Path) -> str:
        """Run a line of Python with this tree; what it printed."""
        return self._done([str(self.interpreter), "-c", code, *map(str, arguments)]).stdout

    def run(self, *arguments: str | Path, code: int = 0) -> Any:
        """Run a command of `liaison` that ends with `code`; what it says as JSON."""
        done = self._done([str(self.interpreter), "-c", _MAIN, *map(str, arguments), "--json"], code)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def _done(self, command: Sequence[str], code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8", timeout=_COMMAND_S, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{self.name}: {command[2:]}: {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def serve(self, home: Path) -> Serving:
        """Start a node of this version, and wait until it serves."""
        log = home.with_name(f"{home.name}-{self.name}-{time.monotonic_ns()}.log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [str(self.interpreter), "-c", _MAIN, "serve", "--home", str(home)],
                env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        serving = Serving(process, log)
        try:
            wait_until(lambda: serving.serves, f"{self.name} serves {home}", log)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return serving


@dataclass(frozen=True)
class Serving:
    """A running node, and its log."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def serves(self) -> bool:
        """Tell whether it serves. Fails when it has ended."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        assert self.process.poll() is None, text
        return "node.started" in text

    def stop(self) -> None:
        """Stop it in good order."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(MOST_S) == 0, self.log.read_text(encoding="utf-8", errors="replace")[-4_000:]

    def end(self) -> None:
        """End it at once, where a test has failed."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def wait_until(condition: Any, what: str, log: Path | None = None, seconds: float = MOST_S) -> Any:
    """Return what the condition returns once it is true; fail after some seconds."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        told = log.read_text(encoding="utf-8", errors="replace")[-4_000:] if log is not None else ""
        assert time.monotonic() < until, f"not in time: {what} {told}"
        time.sleep(0.05)
    return found


# ---------------------------------------------------------------- the trees


def reference(folder: Path) -> Program:
    """Return the newest release before this tree; its name is its version. Fails where its commit cannot be built."""
    try:
        release = releases.before()
        return Program(release.version, folder, releases.program(release))
    except releases.Absent as why:
        pytest.fail(str(why), pytrace=False)


def next_version(folder: Path) -> Program:
    """Return a program with one field more in a request, and one migration more, than this tree has."""
    tree = folder / "next"
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.pyc")
        shutil.copytree(PROJECT / package, tree / package, ignore=ignored)
    _add_field(tree)
    _add_migration(tree)
    return Program("next", folder, Path(sys.executable), tree)


def _add_field(tree: Path) -> None:
    table = tree / "gateway" / "trust" / "documents" / "statement_versions.py"
    _replace(table, "\nREADS = ", '\nREAD = {**READ, "request": (1, 2)}\n\nREADS = ')
    proto = Path("liaison/exchange/v1/statements.proto")
    _replace(tree / "proto" / proto, "message Request {\n", "message Request {\n  string next_note = 99;\n")
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", "proto", "--python_out=proto/gen", f"proto/{proto}"]
    subprocess.run(command, cwd=tree, check=True, timeout=60)
    statement = tree / "gateway" / "statements" / "request.py"
    _replace(statement, _ANCHOR, _SECOND)
    _replace(
        statement,
        "from collections.abc import Mapping\n",
        "from collections.abc import Mapping\nfrom dataclasses import replace as replaced\n",
    )
    _replace(statement, "import REQUEST, Sealed", "import REQUEST, REQUESTS, Sealed")


def _add_migration(tree: Path) -> None:
    module = tree / "gateway" / "storage" / "database" / "migrate.py"
    found = re.search(r'^HEAD = "(\d{4})"$', module.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    old, new = found[1], f"{int(found[1]) + 1:04}"
    _replace(module, found[0], f'HEAD = "{new}"')
    versions = tree / "gateway" / "storage" / "migrations" / "versions"
    (versions / f"v{new}_next.py").write_text(_MIGRATION.format(old=old, new=new), encoding="utf-8")


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name} has changed: this patch needs `{old.strip()}` in it"
    file.write_text(text.replace(old, new), encoding="utf-8")
