"""Imports are at the top of modules, and a command loads what it needs: `--help` next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.shared import PROJECT

_FOLDERS = ("gateway", "adapters", "bridges", "policy", "certs")

ALLOWED = {
    "certs/hsm/token.py": "the binding to PKCS#11 is an extra",
    "adapters/sql/connection/engines.py": "the drivers of databases are extras",
    "gateway/storage/database/postgres.py": "the driver of PostgreSQL is an extra",
    "gateway/storage/database/migrate.py": "alembic takes a fifth of a second, and most starts migrate nothing",
    "gateway/telemetry/metrics.py": "the exporter for Prometheus is an extra",
    "gateway/app/console/part.py": "pages and templates take 9 MiB, and many nodes have no console",
    "gateway/app/run/telemetry.py": "OpenTelemetry's SDK and its exporter are loaded where a collector is named",
    "gateway/matching/scripts/han.py": "the readings of pypinyin are large, and few names are Chinese",
    "gateway/signing/multi_buffer/crypto_mb.py": "looks up an extra in the metadata of packages",
    "gateway/audit/search/terms.py": "the tables of sounds take a quarter of a second, and few searches are for a name",
    "gateway/audit/reading/opened.py": "parsing an answer loads all record types, for the few entries with hits",
    "gateway/ops/audit/search.py": "trust documents and the verifier are for searches with a mandate and complete ones",
    "gateway/views/render.py": "only a command that makes a page loads the template engine",
    "gateway/cli/speech.py": "settings, exports and the zones of countries are loaded where a time is read or told",
    "gateway/cli/output.py": "rich draws on terminals only, and structlog describes what was not foreseen only",
    "gateway/desk/acting/home.py": "commands read the values of kinds, and load no desk for it",
    "gateway/desk/acting/persons.py": "kinds are described with it, which commands read",
    "gateway/cli/commands/node/serve.py": "its help shall not load the whole node",
    "gateway/cli/commands/source/serve.py": "its help shall not load the whole source process",
    "gateway/cli/commands/witness/serve.py": "its help shall not load the whole witness",
    "gateway/cli/commands/trial/bench.py": "its help shall not load a node and its load",
    "gateway/cli/commands/trial/demo.py": "its help shall not load the federation that it founds",
}
"""Modules that may import inside functions or for types only, each with its reason."""

_GROUPS = ("", "audit", "audit hold", "policy", "trust", "witness", "source", "adapter", "index", "match", "consent")
_HEAVY = "('fastapi', 'sqlalchemy', 'grpc', 'structlog', 'rich', 'cryptography', 'pydantic', 'msgspec', 'httpx2')"
_MOST_MODULES = 25
"""Modules of our own that the help of a group may load; one of its commands loads several times as many."""


def _late_imports(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        is_late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        is_late = is_late or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        if is_late:
            yield from (each for each in ast.walk(node) if isinstance(each, ast.Import | ast.ImportFrom))


@pytest.mark.long
def test_imports_stand_at_the_top_of_modules_but_for_those_with_a_reason() -> None:
    late = set()
    for folder in _FOLDERS:
        for path in (PROJECT / folder).rglob("*.py"):
            if any(_late_imports(ast.parse(path.read_text(encoding="utf-8")))):
                late.add(str(path.relative_to(PROJECT)))
    assert late == set(ALLOWED)


@pytest.mark.parametrize("group", _GROUPS)
@pytest.mark.process
def test_the_help_of_a_group_loads_none_of_its_commands(group: str) -> None:
    program = (
        f"import sys; from gateway.cli.main import run; code = run([*{group.split()}, '--help'])\n"
        f"ours = [name for name in sys.modules if name.partition('.')[0] in {_FOLDERS}]\n"
        f"heavy = [name for name in {_HEAVY} if name in sys.modules]\n"
        f"sys.exit(f'{{code}} {{heavy}} {{ours}}' if code or heavy or len(ours) > {_MOST_MODULES} else 0)"
    )
    environment = {"PYTHONPATH": ":".join(part for part in sys.path if part)}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=environment, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.process
def test_an_officer_who_asks_waits_for_no_database_no_policy_and_no_node() -> None:
    heavy = "{'fastapi', 'sqlalchemy', 'grpc', 'structlog', 'cedarpy', 'google.protobuf'}"
    code = f"import gateway.cli.commands.officer.ask, sys; print(*sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
