"""The units of systemd: they are sound, they let in little, and what they start runs in that and tells how it is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.cli import Liaison, copy_federation
from tests.support.collector import certificate
from tests.support.ports import free_port
from tests.support.source_process import CUSTOMS
from tests.support.unit_stand_in import UNITS, Started, allowed, settings, started

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

UNIT_FILES = sorted(unit.name for unit in UNITS.glob("*@.*"))
SERVICES = [unit for unit in UNIT_FILES if unit.endswith(".service")]
SERVED = [unit for unit in SERVICES if settings(unit)["Type"] == ["notify"]]
BRIDGE = "liaison-bridge@.service"
_AS_ROOT = {"fchown"}
"""SQLite gives its files to the owner of the database where it runs as root, and nowhere else."""


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("unit", SERVICES)
def test_exposure_is_low(unit: str) -> None:
    asked = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(UNITS / unit)]
    ran = subprocess.run(asked, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr


@pytest.mark.needs("systemd-analyze")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """All that it may say is that the program is not where the bundle installs it."""
    for unit in UNIT_FILES:
        (tmp_path / unit.replace("@", "@th")).write_text((UNITS / unit).read_text())
    asked = ["systemd-analyze", "verify", "--man=no", *(str(file) for file in sorted(tmp_path.iterdir()))]
    said = subprocess.run(asked, capture_output=True, text=True).stderr.splitlines()
    assert [line for line in said if "liaison" in line and "is not executable" not in line] == []
    assert len(said) >= len(SERVED)


def test_the_units_ask_for_the_same_sandbox_and_what_serves_shares_no_account() -> None:
    boxes = {
        (UNITS / unit).read_text().partition("ProtectSystem=")[2].partition("\n[Install]")[0].strip()
        for unit in SERVICES
    }
    assert len(boxes) == 1
    for unit in SERVED:
        assert settings(unit)["KillMode"] == ["mixed"]
        assert settings(unit)["ImportCredential"]
    accounts = {settings(unit)["User"][0] for unit in (*SERVED, BRIDGE)}
    assert len(accounts) == len(SERVED) + 1 == 4
    assert "ReadWritePaths" not in settings(BRIDGE), "a bridge has nothing to write"


@pytest.mark.needs("systemd-analyze")
def test_accounts_and_folders_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", UNITS / "liaison.sysusers.conf"], check=True)
    made = [line.split(":") for line in (tmp_path / "etc" / "passwd").read_text().splitlines()]
    accounts = {account[0]: account for account in made}
    lines = (UNITS / "liaison.tmpfiles.conf").read_text().splitlines()[1:]
    folders = {line.split()[1]: line.split()[2:4] for line in lines}
    for unit in SERVICES:
        [account] = settings(unit)["User"]
        assert accounts[account][6] == "/usr/sbin/nologin"
        for place in settings(unit).get("ReadWritePaths", settings(unit).get("WorkingDirectory", [""]))[0].split():
            assert folders[place.removesuffix("/%i")] == ["0750", account]


def node(liaison: Liaison, folder: Path) -> Path:
    home = folder / "home"
    ports = ("--exchange-port", str(free_port()), "--agency-port", str(free_port()))
    assert liaison("init", "--member", "kh", "--home", home, "--authority", folder / "authority", *ports).code == 0
    return home


def source(liaison: Liaison, folder: Path) -> Path:
    statement = node(liaison, folder) / "keys" / "statement.pem"
    database = CUSTOMS.build(folder / "box")
    home = folder / "box" / "customs"
    made = liaison(
        "source", "init", "--member", "kh", "--agency", "customs", "--out", home, "--authority", folder / "authority",
        "--statement", statement, "--node", "gw1", "--listen", f"127.0.0.1:{free_port()}",
        "--mapping", CUSTOMS.mapping_file, "--url", f"sqlite:///{database}",
    )  # fmt: skip
    assert made.code == 0, made.err
    return home


def witness(liaison: Liaison, folder: Path) -> Path:
    copy_federation(liaison, folder)
    home = folder / "witness"
    assert liaison("witness", "init", "--member", "th", "--out", home, "--listen", f"127.0.0.1:{free_port()}").code == 0
    printed = liaison("trust", "show", folder / "charter.json", "--home", folder / "th", "--json").value["fingerprint"]
    taken = liaison(
        "witness", "accept", folder / "charter.json", folder / "th.jsonl", "--home", home, "--fingerprint", printed
    )
    assert taken.code == 0, taken.err
    return home


HOMES = {"liaison@.service": node, "liaison-source@.service": source, "liaison-witness@.service": witness}


@pytest.mark.small_form
@pytest.mark.needs("systemd-analyze", "strace")
@pytest.mark.skipif(os.geteuid() != 0, reason="a sandbox as systemd makes it needs root")
@pytest.mark.parametrize("unit", SERVED)
def test_it_runs_in_its_sandbox_and_tells_its_manager(liaison: Liaison, unit: str, tmp_path: Path) -> None:
    home, folder = HOMES[unit](liaison, tmp_path), tmp_path / "run"
    folder.mkdir()
    with started(unit, "th", home, folder, LIAISON_NODE_PRODUCTION="false") as service:
        check_life(service)
    assert service.calls() - _AS_ROOT <= allowed(unit), "SystemCallFilter would refuse it"
    assert service.families() <= set(settings(unit)["RestrictAddressFamilies"][0].split())


def check_life(service: Started) -> None:
    """It is ready, lives, and stops in order."""
    assert service.until("READY=1")
    assert service.until("WATCHDOG=1")
    assert service.main_pid
    assert service.stop() == 0
    assert service.until("STOPPING=1")


def until_listening(address: str, service: Started) -> None:
    """Wait until a process takes connections, a minute at most."""
    host, _, port = address.partition(":")
    for _ in range(600):
        with socket.socket() as caller:
            if not caller.connect_ex((host, int(port))):
                return
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"it ended with {service.process.wait(0.1)}")
    raise AssertionError("it does not listen")


@pytest.mark.small_form
@pytest.mark.needs("systemd-analyze", "strace")
@pytest.mark.skipif(os.geteuid() != 0, reason="a sandbox as systemd makes it needs root")
def test_a_bridge_runs_in_its_sandbox_with_nothing_to_write(tmp_path: Path) -> None:
    files, folder, address = tmp_path / "bridge", tmp_path / "run", f"127.0.0.1:{free_port()}"
    files.mkdir()
    folder.mkdir()
    pem, key = certificate(files, "bridge")
    reader = f'[[reader]]\nname = "opencti"\naudience = "country"\ntoken_sha256 = "{"0" * 64}"\n'
    (files / "readers.toml").write_text(reader)
    (files / "taxii.token").write_text("no token")
    node = f"--node 127.0.0.1:{free_port()} --node-name gw1.th.liaison.internal --token-file taxii.token"
    serve = f"--listen {address} --tls-certificate {pem.name} --tls-key {key.name} --readers readers.toml"
    own = f"--member th --ca {pem.name} --certificate {pem.name} --key {key.name}"
    asked = {"BRIDGE": "taxii", "OPTIONS": f"serve {own} {node} {serve}"}
    with started(BRIDGE, "opencti", files, folder, **asked) as service:
        until_listening(address, service)
        assert service.stop() == -signal.SIGTERM, "an end by this signal is one in good order for systemd"
    assert service.calls() <= allowed(BRIDGE), "SystemCallFilter would refuse it"
    assert service.families() <= set(settings(BRIDGE)["RestrictAddressFamilies"][0].split())
