"""`[telemetry]`: what can be sent is checked as the file is read, for a node, a source process and a witness alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_settings
from gateway.config.load import collector_address
from gateway.config.source_home import load_source
from gateway.config.witness_home import load_witness
from gateway.errors import Misconfigured, each_of
from tests.support.tables import table

HOMES: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "node.toml": ('[node]\nmember = "th"\n', lambda home: load_settings(home, {})),
    "source.toml": ('[source]\nmember = "th"\nagency = "police"\n', load_source),
    "witness.toml": ('[witness]\nmember = "th"\n', load_witness),
}


@table("name", HOMES)
@table(
    ("lines", "said"),
    [
        ('endpoint = "http://collector.example:4318"', "not an address of a collector"),
        ('endpoint = "ftp://127.0.0.1"', "not an address of a collector"),
        ('endpoint = "https://user:secret@collector.example"', "not an address of a collector"),
        ('endpoint = "https://collector.example:99999"\nca = "a"', "not an address of a collector"),
        ('endpoint = "https://collector.example:4318"', "`telemetry.ca` is missing"),
        ('endpoint = "https://c.example"\nca = "a"\nkey = "k"', "belong together"),
        ('signals = ["trace"]', "unknown signal `trace`"),
        ("sample_ratio = 1.5", "must be at most 1"),
        ("sample_ratio = nan", "must be at least 0"),
        ('sample_ratio = "half"', "must be a number"),
        ("timeout_ms = 0", "must be at least 100"),
    ],
)
def test_what_cannot_be_sent_is_a_mistake(tmp_path: Path, name: str, lines: str, said: str) -> None:
    head, load = HOMES[name]
    (tmp_path / name).write_text(f"{head}[telemetry]\n{lines}\n")
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path)
    assert said in "; ".join(map(str, each_of(caught.value)))


def test_a_ratio_may_be_a_whole_number_and_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('[node]\nmember = "th"\n[telemetry]\nsample_ratio = 1\n')
    assert load_settings(tmp_path, {}).telemetry.sample_ratio == 1.0
    assert load_settings(tmp_path, {"LIAISON_TELEMETRY_SAMPLE_RATIO": "0.25"}).telemetry.sample_ratio == 0.25
    with pytest.raises(Misconfigured):
        load_settings(tmp_path, {"LIAISON_TELEMETRY_SAMPLE_RATIO": "-1"})


@table(
    ("text", "host", "port", "path"),
    [
        ("http://127.0.0.1:4318", "127.0.0.1", 4318, "/"),
        ("http://[::1]:4318/otlp", "::1", 4318, "/otlp"),
        ("https://collector.example/a/b", "collector.example", 443, "/a/b"),
        ("http://localhost", "localhost", 80, "/"),
    ],
)
def test_an_address_has_its_parts(text: str, host: str, port: int, path: str) -> None:
    address = collector_address(text)
    assert (address.host, address.port, address.path) == (host, port, path)
    assert address.is_secured is text.startswith("https")
