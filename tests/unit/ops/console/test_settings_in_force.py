"""Settings in force: each with where it comes from, and never a secret."""

from __future__ import annotations

from pathlib import Path

from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.ops.console.settings_in_force import settings_in_force, without_secrets
from gateway.ops.homes.found_node import found
from tests.support.tables import table


@table(
    "text",
    [
        "postgresql://liaison:s3cret@db/liaison",
        "postgresql://liaison:s3c@r3cret@db/liaison",
        "postgresql://liaison:s3cret/with/slash@db/liaison?sslmode=verify-full",
        "postgresql+psycopg://:s3cret@db",
        "postgresql://liaison@db/liaison?password=s3cret",
        "postgresql://liaison@db/liaison?sslmode=x&PASSWORD=s3cret&a=b",
        "pkcs11:token=th;object=log?pin-value=s3cret",
        "https://x.example/api?token=s3cret",
        "mssql://h/db;Pwd=s3cret;x=y",
        "https://user:s3cret@x.example",
    ],
)
def test_a_secret_is_left_out(text: str) -> None:
    assert "cret" not in without_secrets(text)


@table(
    "text",
    [
        "sqlite:////srv/police.sqlite",
        "postgresql://reader@host/agency?passfile=/etc/liaison/pass",
        "127.0.0.1:8443",
        "pkcs11:token=th;object=log",
        "/usr/lib/softhsm/libsofthsm2.so",
        "",
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert without_secrets(text) == text


def test_each_setting_has_its_place(tmp_path: Path) -> None:
    found(tmp_path / "th", tmp_path / "authority", "th", SystemClock(), agencies=["police"])
    settings = load_settings(tmp_path / "th", {"LIAISON_STORAGE_URL": "postgresql://liaison:s3cret@db/liaison"})
    rows = {row.path: row for row in settings_in_force(settings)}
    assert rows["storage.url"].origin == "environment LIAISON_STORAGE_URL"
    assert "s3cret" not in repr(rows)
    assert "node.toml:" in rows["node.member"].origin
    assert (rows["limits.queue"].origin, rows["limits.queue"].live) == ("default", True)
    assert rows["node.production"].value == "false"
    assert all(row.doc for row in rows.values())
    assert any(path.startswith("trial_officer.") for path in rows)
