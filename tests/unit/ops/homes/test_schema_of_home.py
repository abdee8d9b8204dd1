"""A home of another schema is not read as if it were of ours: the command says so, and what to do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.storage.database.open import open_node_database
from tests.support.cli import Liaison, copy_federation


@pytest.mark.parametrize(
    ("schema", "said"), [("0003", "`liaison upgrade --run --home {home}`"), ("9999", "install the version")]
)
def test_an_audit_of_another_schema_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], schema: str, said: str
) -> None:
    liaison = Liaison(capsys)
    copy_federation(liaison, tmp_path)
    home = tmp_path / "th"
    open_node_database(load_settings(home)).close()
    with closing(sqlite3.connect(home / "node.sqlite", isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (schema,))
    ran = liaison("audit", "verify", "--home", home)
    assert ran.code == 1
    assert f"the database has schema `{schema}`" in ran.err
    assert said.format(home=home) in ran.err
