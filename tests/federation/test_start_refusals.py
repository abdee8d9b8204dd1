"""`liaison doctor` and `liaison serve` agree: what one stops at, the other refuses, over a table of broken homes."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.app.run.node import build_node
from gateway.app.run.start_checks import listing_obstacles
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.errors import LiaisonError
from gateway.ops.finding import Obstacles
from gateway.signing.keys import load_signing_key
from tests.support.audit_logs import LogHome, answered
from tests.support.cli import Liaison, copy_federation
from tests.support.samples import ONE_EACH

pytestmark = pytest.mark.process

Harm = Callable[[Path], object]


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Iterator[Path]:
    """A home with two signed entries, at free ports."""
    copy_federation(liaison, tmp_path)
    home = tmp_path / "th"
    file = home / "node.toml"
    file.write_text(re.sub(r'"127.0.0.1:6\d+"', '"127.0.0.1:0"', file.read_text()))
    with LogHome(home, load_signing_key(Home(home).key("log")), SystemClock()).log() as log:
        log.append([answered()])
        log.append([answered()])
    yield home
    for held in _held:
        held.close()
    _held.clear()


_held: list[socket.socket] = []


def refusals(liaison: Liaison, home: Path, *options: str) -> dict[str, str]:
    """Return what the doctor says that `serve` refuses, by check, with its remedy."""
    ran = liaison("doctor", "--home", home, "--json", *options)
    found = ran.value["findings"]
    assert ran.code == (1 if any(one["severity"] == "stop" for one in found) else 0)
    return {one["check"]: f"{one['text']} -> {one['remedy']}" for one in found if one["refuses_start"]}


def start(home: Path, *, production: bool = False, lacks: list[str] | None = None) -> LiaisonError | None:
    """Start the node of a home as `liaison serve` does, and stop it; return why it did not start.

    `lacks` takes the codes for which a started node says that it is not ready.
    """

    async def life() -> None:
        settings = load_settings(home)
        with listing_obstacles(settings, SystemClock(), production=production):
            node = build_node(settings, production)
        await node.start()
        if lacks is not None:
            lacks.extend(problem.code for problem in node.health.problems())
        await node.stop()

    try:
        asyncio.run(life())
    except LiaisonError as error:
        return error
    return None


def setting(table: str, line: str) -> Harm:
    def harm(home: Path) -> None:
        file = home / "node.toml"
        key = line.partition(" ")[0]
        text = re.sub(rf"(?m)^(# )?{key} = .*\n", "", file.read_text())
        file.write_text(text.replace(f"[{table}]\n", f"[{table}]\n{line}\n"))

    return harm


def written(name: str, data: bytes, mode: int = 0o600) -> Harm:
    def harm(home: Path) -> None:
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(mode)

    return harm


def gone(name: str) -> Harm:
    def harm(home: Path) -> None:
        place = home / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()

    return harm


def cut(name: str) -> Harm:
    return lambda home: (home / name).write_bytes((home / name).read_bytes()[:100])


def swapped(name: str, other: str) -> Harm:
    return lambda home: (home / name).write_bytes((home / other).read_bytes())


def added(text: str) -> Harm:
    return lambda home: (home / "node.toml").write_text((home / "node.toml").read_text() + text)


def sql(*statements: str) -> Harm:
    def harm(home: Path) -> None:
        with sqlite3.connect(home / "node.sqlite") as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    return harm


def listening(home: Path) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    _held.append(taken)
    setting("listen", f'agency = "127.0.0.1:{taken.getsockname()[1]}"')(home)
    taken.settimeout(0.1)


def replaced_by_folder(name: str) -> Harm:
    def harm(home: Path) -> None:
        (home / name).unlink(missing_ok=True)
        (home / name).mkdir()

    return harm


def move(home: Path) -> None:
    """Let the newest heads name another database, as after a move to a server."""
    for file in (home / "highwater").glob("exchange-*"):
        data = file.read_bytes()
        slots = [data[at : at + 1024].rstrip(b"\0") for at in (0, 1024)]
        file.write_bytes(b"".join((slot.split(b"\0")[0] + b"\0other").ljust(1024, b"\0") for slot in slots if slot))


def bad_waiver(home: Path) -> None:
    written("highwater/start-without-witness.json", b"{")(home)
    move(home)


def forgotten_entry(home: Path) -> None:
    """Restore the database as it was before the last entry, beside the newest signed head."""
    sql("DELETE FROM log_entry WHERE seq = 1")(home)


def no_rules(home: Path) -> None:
    (home / "policy").mkdir()
    setting("policy", 'national = "policy"')(home)


def bad_rule(home: Path) -> None:
    written("policy/records.cedar", b"permit (principal, action, resource) when { context.nothing };")(home)
    setting("policy", 'national = "policy"')(home)


_SOURCE = '\n[[source]]\nid = "th.x"\nagency = "police"\nmapping = "m.toml"\nurl = "sqlite:///x.sqlite"\n'

(_POLICE,) = [sample for sample in ONE_EACH if sample.member == "th"]


def away(home: Path, file: str = "absent.sqlite") -> None:
    """Add a source whose database is that file of the home."""
    told = f'\n[[source]]\nid = "{_POLICE.id}"\nagency = "{_POLICE.agency}"\nmapping = "{_POLICE.mapping_file}"\n'
    added(f'{told}url = "sqlite:///{file}"\n')(home)


def without_tables(home: Path) -> None:
    written("empty.sqlite", b"")(home)
    away(home, "empty.sqlite")


REFUSED: dict[str, Harm] = {
    "unknown setting": added("\n[limts]\n"),
    "no TOML": written("node.toml", b"[node"),
    "key that others read": lambda home: (home / "keys" / "statement.key").chmod(0o640),
    "unused key that others read": written("keys/old.key", b"", 0o644),
    "unused key that is none": written("keys/old.key", b"no key"),
    "row of a table of names": written("names/titles.tsv", b"sadet\tmale\tword\n"),
    "unknown table of names": written("names/title.tsv", b"sadet\tM\tword\n"),
    "no log key": gone("keys/log.key"),
    "no witness key": gone("keys/witness.key"),
    "no TLS key": gone("keys/tls.key"),
    "no statement certificate": gone("keys/statement.pem"),
    "TLS certificate of another member": swapped("keys/tls.pem", "../vn/keys/tls.pem"),
    "TLS key of another certificate": swapped("keys/tls.key", "keys/statement.key"),
    "agency key without certificate": gone("keys/agency-police.pem"),
    "torn CA": cut("ca.pem"),
    "no CA": gone("ca.pem"),
    "no database": gone("node.sqlite"),
    "no database file": setting("storage", 'url = "mysql://x/y"'),
    "SQLite with a standby": setting("storage", "synchronous = true"),
    "newer schema": sql("UPDATE alembic_version SET version_num = '9999'"),
    "torn database": cut("node.sqlite"),
    "no keystore": gone("keystore"),
    "keystore in the home": setting("storage", 'keystore = "."'),
    "empty pseudonym key": written("keystore/pseudonyms.key", b""),
    "content key that others read": written("keystore/nohit/2026-10.key", bytes(32), 0o644),
    "list of destroyed keys": written("highwater/destroyed-keys", b"what\n"),
    "open folder of keys": lambda home: (home / "keys").chmod(0o777),
    "torn charter": cut("trust/charter.jsonl"),
    "entry that was signed and is gone": forgotten_entry,
    "entry that was changed": sql("UPDATE log_entry SET body = x'00' WHERE seq = 0"),
    "no log beside its head": sql("DELETE FROM log_entry", "DELETE FROM log_state"),
    "high-water file of another key": written("highwater/exchange-1", b"x" * 2048),
    "policy with a mistake": bad_rule,
    "no policy": setting("policy", 'national = "nowhere"'),
    "no mapping": added(_SOURCE),
    "no token key": added('\n[[token_key]]\nid = "idp"\nfile = "idp.pem"\n'),
    "torn token issuer": cut("keys/token-issuer.key"),
    "domestic witness without a card": setting("witness", 'domestic = "127.0.0.1:7643"'),
    "metrics for the network": setting("listen", 'metrics = "0.0.0.0:9100"'),
    "address of another machine": setting("listen", 'exchange = "192.0.2.7:7443"'),
    "name that is no address": setting("listen", 'exchange = "no-such-host.invalid:7443"'),
    "address that is taken": listening,
    "settings that are a folder": replaced_by_folder("node.toml"),
    "settings that others can write": lambda home: (home / "node.toml").chmod(0o666),
    "database that others can write": lambda home: (home / "node.sqlite").chmod(0o666),
    "empty database beside its heads": written("node.sqlite", b""),
    "high-water file that is a folder": replaced_by_folder("highwater/exchange-1"),
    "key that is a folder": replaced_by_folder("keys/log.key"),
    "certificate that is no certificate": written("keys/agency-police.pem", b"\0" * 90, 0o644),
    "address of a source process": added('\n[[source]]\nid = "th.x"\nagency = "police"\nurl = "source://host:xx"\n'),
    "waiver that is none": bad_waiver,
    "source without the tables of its mapping": without_tables,
}

SERVED: dict[str, Harm] = {
    "sound home": lambda _home: None,
    "no charter": gone("trust"),
    "no own status": gone("trust/statuses/th.json"),
    "everything switched off": written("suspensions.jsonl", b"what\n"),
    "no key of commands": gone("keys/client-cli.key"),
    "no rules": no_rules,
    "source that is away": away,
}


@pytest.mark.parametrize("harm", REFUSED.values(), ids=REFUSED)
def test_what_serve_refuses_the_doctor_stops_at(
    liaison: Liaison, home: Path, monkeypatch: pytest.MonkeyPatch, harm: Harm
) -> None:
    monkeypatch.setattr("gateway.ops.doctor.network_checks._TIMEOUT_S", 0.2)
    harm(home)
    found = refusals(liaison, home)
    refused = start(home)
    assert found
    assert refused is not None
    told = [one.text for one in refused.findings] if isinstance(refused, Obstacles) else [str(refused)]
    assert any(refused.message in text for text in found.values()), (found, told)
    assert all(remedy for text in found.values() for remedy in text.split(" -> ")[1:])
    internals = ("check itself failed", "ParseError", "Unable to load PEM")
    texts = [text for text in found.values() if "NetworkForbidden" not in text]  # the tests' own guard
    assert not [text for text in texts if any(word in text for word in internals)]
    assert len(told) == len(set(told)), "one fault is told once"


@pytest.mark.parametrize("name", ["no database", "empty database beside its heads"])
def test_n216_a_database_that_was_lost_is_not_made_anew(home: Path, name: str) -> None:
    REFUSED[name](home)
    assert start(home) is not None
    assert {path.name: path.stat().st_size for path in home.glob("node.sqlite*") if path.stat().st_size} == {}


@pytest.mark.parametrize("harm", SERVED.values(), ids=SERVED)
def test_what_the_doctor_lets_start_is_served(liaison: Liaison, home: Path, harm: Harm) -> None:
    harm(home)
    assert refusals(liaison, home) == {}
    assert start(home) is None


@pytest.mark.parametrize("name", ["no charter", "no own status", "everything switched off"])
def test_what_stops_every_exchange_and_no_start_is_told_as_not_ready(liaison: Liaison, home: Path, name: str) -> None:
    SERVED[name](home)
    assert liaison("doctor", "--home", home).code == 1
    lacks: list[str] = []
    assert start(home, lacks=lacks) is None
    assert lacks


@pytest.mark.parametrize("name", ["tls", "statement", "agency-police", "witness"])
@pytest.mark.parametrize("ending", ["key", "pem"])
def test_the_remedy_of_a_torn_key_or_certificate_works_as_it_is_told(
    liaison: Liaison, home: Path, name: str, ending: str
) -> None:
    torn = home / "keys" / f"{name}.{ending}"
    if not torn.exists():
        pytest.skip("it has no certificate")
    torn.write_bytes(b"-----BEGIN")
    ran = liaison("doctor", "--home", home, "--json")
    remedy = next(one["remedy"] for one in ran.value["findings"] if one["where"] == str(torn))
    moved, _, command = remedy.partition("liaison init ")
    assert str(home) in command
    assert "--authority ADIR" in command
    for file in (f"{name}.key", f"{name}.pem"):
        if f"{name}.{ending}" == file or file in moved:
            (home / "keys" / file).unlink(missing_ok=True)
    words = command.partition(" (ADIR")[0].replace("ADIR", str(home.parent / "th-authority")).split()
    assert liaison("init", *words).code == 0
    assert not {"keys", "certificates", "tls"} & set(refusals(liaison, home))
    assert start(home) is None


def test_a_lost_key_of_the_log_is_not_made_anew(liaison: Liaison, home: Path) -> None:
    """A new key cannot go on with heads that the old one signed: `liaison init` would hide what is missing."""
    (home / "keys" / "log.key").unlink()
    found = refusals(liaison, home)
    assert "put back your copy" in found["keys"]
    assert "liaison init" not in found["keys"]


def test_every_certificate_that_does_not_fit_is_told_with_its_file(liaison: Liaison, home: Path) -> None:
    for name in ("tls.pem", "statement.pem"):
        (home / "keys" / name).write_bytes(b"")
    ran = liaison("doctor", "--home", home, "--json")
    places = [one["where"] for one in ran.value["findings"] if one["check"] == "certificates"]
    assert places == [str(home / "keys" / "tls.pem"), str(home / "keys" / "statement.pem")]


@pytest.mark.parametrize("place", ["index", "index/th.x.lock"])
def test_an_index_that_cannot_be_written_is_told(liaison: Liaison, home: Path, place: str) -> None:
    added(_SOURCE)(home)
    shutil.rmtree(home / "index", ignore_errors=True)
    if place == "index":
        (home / place).write_text("x")
    else:
        (home / place).mkdir(parents=True)
    ran = liaison("doctor", "--home", home, "--json")
    told = [one for one in ran.value["findings"] if one["code"] == "index-unwritable"]
    assert [one["where"] for one in told] == [str(home / place)]
    assert all(one["refuses_start"] and one["remedy"] for one in told)


def test_another_name_of_the_node_than_in_its_certificate_is_told(liaison: Liaison, home: Path) -> None:
    setting("node", 'name = "gw2"')(home)
    ran = liaison("doctor", "--home", home, "--json")
    told = [one for one in ran.value["findings"] if "is for the node `gw1`" in one["text"]]
    assert [one["severity"] for one in told] == ["warn"]
    assert 'node.name = "gw1"' in told[0]["remedy"]


def test_serve_and_doctor_list_all_mistakes_of_the_settings(liaison: Liaison, home: Path) -> None:
    setting("limits", 'budget_ms = "soon"')(home)
    setting("telemetry", 'log_level = "loud"')(home)
    ran = liaison("serve", "--home", home, "--json")
    assert ran.code == 1
    assert len(ran.value["error"]["mistakes"]) == 2
    assert all(each["where"].startswith("node.toml:") and each["remedy"] for each in ran.value["error"]["mistakes"])
    assert "budget_ms" in ran.err
    assert "loud" in ran.err
    told = liaison("doctor", "--home", home, "--json").value["findings"]
    assert [one["text"].split(": ", 1)[1] for one in told] == [
        each["message"] for each in ran.value["error"]["mistakes"]
    ]


def test_production_lists_all_obstacles_at_once(liaison: Liaison, home: Path) -> None:
    (home / "keys" / "statement.pem").unlink()
    setting("attachments", 'scanner = "none"')(home)
    found = refusals(liaison, home, "--production")
    assert set(found) == {"trial", "policy", "certificates"}
    ran = liaison("serve", "--home", home, "--production", "--json")
    assert ran.code == 1
    error = ran.value["error"]
    assert error["code"] == "cannot-start"
    parts = ("trial issuer", "keys of agencies", "no identity provider", "officers for trials", "approved", ".pem")
    for part in (*parts, "unscanned"):
        assert part in ran.err, part
        assert part in json.dumps(error["findings"])
    refused = start(home, production=True)
    assert isinstance(refused, Obstacles)
    assert len(refused.findings) == len(error["findings"]) >= 7


def test_a_moved_log_without_a_witness_is_told_by_both(liaison: Liaison, home: Path) -> None:
    """A copy on another database, and no one to ask: the counterparts do not run."""
    move(home)
    file = home / "node.toml"
    file.write_text(file.read_text().replace("[witness]", "[witness]\nwait_s = 0", 1))
    found = refusals(liaison, home)
    refused = start(home)
    assert refused is not None
    assert refused.code == "unwitnessed-copy"
    assert list(found) == ["copy"]


def test_a_restored_home_that_lacks_a_signed_entry_is_told_by_both(liaison: Liaison, home: Path) -> None:
    key, sealed, restored = home.parent / "offline", home.parent / "th.backup", home.parent / "restored"
    assert liaison("backup", "--new-key", key).code == 0
    assert liaison("backup", "--home", home, "--to", key / "backup.pub", "--out", sealed).code == 0
    with LogHome(home, load_signing_key(Home(home).key("log")), SystemClock()).log() as log:
        log.append([answered()])
    ran = liaison("restore", "--backup", sealed, "--key", key / "backup.key", "--home", restored, "--old-home", home)
    assert ran.code == 1
    assert "logs" in refusals(liaison, restored)
    refused = start(restored)
    assert refused is not None
    assert refused.code == "log-changed"
