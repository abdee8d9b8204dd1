"""Homes, exports and backups of version 0.1.0 still open, verify, restore and go on.

The fixtures are explained in `tests/fixtures/v0_1_0/README.md`. Whatever moves inside the program, these tests know
commands and files alone. Documents and certificates of the fixtures expire: what is to be served is renewed first, with
the authorities' keys and the commands for it, as it is in any year.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import shutil
import signal
import socket
import tarfile
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Liaison, Ran
from tests.support.ports import free_port
from tests.support.shared import PROJECT
from tests.support.waiting import MOST_S
from tests.support.zygote import Child, Zygote

FIXTURES = PROJECT / "tests" / "fixtures" / "v0_1_0"
FIGURES: dict[str, Any] = json.loads((FIXTURES / "figures.json").read_text(encoding="utf-8"))
EXCHANGES: dict[str, str] = FIGURES["exchanges"]
LOGS = ("exchange", "operations")
SETTINGS = ("node.toml", "source.toml", "witness.toml")

PASSPORT = ("document", "--number", "C4419027", "--issuer", "VNM")
CAR = ("vehicle", "--plate", "2กข 4471", "--province", "สระแก้ว")
NOBODY = ("person", "--name", "วิทยา แสงดาว", "--script", "Thai", "--birth", "1979")
BORDER = ("--purpose", "BORDER_CHECK", "--offence", "DOCFRAUD", "--ticket", "T-1")
CASE = ("--purpose", "INVESTIGATION", "--offence", "TIMBER", "--case", "C-1")
MISSING = ("--purpose", "MISSING_PERSON", "--offence", "OTHER", "--case", "C-2")

AUDITOR, NEXT_AUDITOR = "th.auditor.1", "th.auditor.2"
_ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class Federation:
    """What `homes.tar.xz` holds, in a folder, and the commands."""

    folder: Path
    liaison: Liaison

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def run(self, *arguments: str | Path, code: int = 0) -> Any:
        """Run a command that ends with `code`; what it says as JSON."""
        ran = self.liaison(*arguments, "--json")
        assert ran.code == code, ran
        return ran.value if ran.out.strip() else None

    def ask(self, member: str, to: str, *question: str) -> dict[str, dict[str, Any]]:
        """Ask; the lines by member."""
        kind, *query = question
        who = ("--home", self / member, "--as", f"{member}.o.1042", "--to", to)
        ran = self.liaison("ask", kind, *who, *query, "--json")
        assert "lines" in ran.value, ran
        return {line["member"]: line for line in ran.value["lines"]}

    def ports(self, name: str) -> list[int]:
        """The ports at which the home `name` listens; other members call the first one."""
        (settings,) = (path for path in (self / name).glob("*.toml") if path.name in SETTINGS)
        text = settings.read_text(encoding="utf-8")
        return [int(port) for port in re.findall(r"^(?:exchange|agency|address) = .*:(\d+)\"", text, re.MULTILINE)]

    def as_auditor(self, command: str, *arguments: str, home: str = "th") -> Any:
        """Run `audit COMMAND` with the key of the auditor whom `renew` appoints."""
        key = ("--key", self / "auditor" / f"{NEXT_AUDITOR}.key", "--reason", "audit of old homes")
        return self.run("audit", command, "--home", self / home, *key, *arguments)

    def entries(self, log: str, *filters: str) -> list[dict[str, Any]]:
        """Public parts of the entries of Thailand's home, the newest first."""
        shown = self.run("audit", "show", "--home", self / "th", "--log", log, "--limit", "1000", *filters)
        found: list[dict[str, Any]] = shown["entries"]
        return found

    @contextlib.asynccontextmanager
    async def serving(self, *names: str) -> AsyncIterator[None]:
        """Run the processes of these homes, and stop the last one first; each has to end well."""
        children: list[Child] = []
        async with Zygote() as zygote:
            for name in names:
                kind = {"witness": ["witness"], "vn-source": ["source"]}.get(name, [])
                command = [*kind, "serve", "--home", str(self / name)]
                child = await zygote.fork("tests.support.zygote:command", *command, output=self / f"{name}.log")
                children.append(child)
                async with asyncio.timeout(MOST_S):
                    while not all(map(_is_open, self.ports(name))):
                        assert child.alive, (self / f"{name}.log").read_text()
                        await asyncio.sleep(0.02)
            yield
            for child in reversed(children):
                child.signal(signal.SIGTERM)
                assert await child.ended() == 0


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def federation(tmp_path: Path, liaison: Liaison) -> Federation:
    """The homes as they were packed."""
    return Federation(unpacked("homes", tmp_path / "fed"), liaison)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is made once, by the first test that needs it."""
    return tmp_path_factory.mktemp("once")


@pytest.fixture
def renewed(once: Path, tmp_path: Path, liaison: Liaison) -> Federation:
    """The homes with a new charter, new keys and fresh documents."""
    if not (once / "renewed").exists():
        renew(Federation(unpacked("homes", once / "making"), liaison))
        (once / "making").rename(once / "renewed")
    return Federation(shutil.copytree(once / "renewed", tmp_path / "fed"), liaison)


def unpacked(name: str, folder: Path) -> Path:
    """Unpack an archive of the fixtures into a folder."""
    with tarfile.open(FIXTURES / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="tar")
    return folder


def renew(federation: Federation) -> None:
    """Move all homes to free ports, and make anew all that expires: the charter, certificates, documents, mandate."""
    _move(federation)
    charter = federation / "charter-2.jsonl"
    old = federation / "charter.jsonl"
    federation.run("trust", "draft", "--previous", old, "--threshold", "2", "--out", charter)
    for member in ("th", "vn"):
        federation.run("trust", "sign", charter, "--authority", federation / f"{member}-authority")
    federation.run("witness", "accept", charter, "--home", federation / "witness")
    for member, agencies in (("th", ("police", "immigration")), ("vn", ("immigration",))):
        federation.run("trust", "accept", charter, "--home", federation / member)
        for key in ("tls", "statement", "status", "client-cli", *(f"agency-{agency}" for agency in agencies)):
            for path in (federation / member / "keys").glob(f"{key}.*"):
                path.unlink()
        named = [part for agency in agencies for part in ("--agency", agency)]
        authority = ("--authority", federation / f"{member}-authority")
        federation.run("init", "--member", member, "--home", federation / member, *authority, *named)
    _renew_source(federation)
    for member in ("th", "vn"):
        authority = ("--authority", federation / f"{member}-authority")
        if member == "th":
            federation.run("audit", "key", "--out", federation / "auditor", "--name", NEXT_AUDITOR)
            public = federation / "auditor" / f"{NEXT_AUDITOR}.pub"
            whom = ("--auditor", NEXT_AUDITOR, "--key", public, "--by", "an office")
            out = ("--out", federation / "appointment.json")
            federation.run("audit", "appoint", "--home", federation / "th", *authority, *whom, *out)
        place = ("--endpoint", f"127.0.0.1:{federation.ports(member)[0]}")
        federation.run("trust", "publish", "--home", federation / member, *authority, *place)
        trust = federation / member / "trust"
        said = (trust / "descriptors" / f"{member}.jsonl", trust / "statuses" / f"{member}.json")
        documents = federation / f"{member}.jsonl"
        documents.write_bytes(b"".join(path.read_bytes().rstrip() + b"\n" for path in said))
    federation.run("trust", "accept", federation / "vn.jsonl", "--home", federation / "th")
    federation.run("trust", "accept", federation / "th.jsonl", "--home", federation / "vn")
    federation.run("witness", "accept", federation / "th.jsonl", "--home", federation / "witness")


def _move(federation: Federation) -> None:
    """Give each address of the settings a free port of this process, the same one wherever it stands."""
    moved: dict[str, str] = {}
    for settings in sorted(path for path in federation.folder.glob("*/*.toml") if path.name in SETTINGS):
        text = settings.read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        for port in _ADDRESS.findall("\n".join(lines)):
            moved.setdefault(port, str(free_port()))
        text = _ADDRESS.sub(lambda found: f"127.0.0.1:{moved.get(found[1], found[1])}", text)
        settings.write_text(text, encoding="utf-8")


def _renew_source(federation: Federation) -> None:
    """Make the source process's keys anew, and bring them to the node."""
    home = federation / "vn-source"
    for name in ("record", "tls"):
        for path in (home / "keys").glob(f"{name}.*"):
            path.unlink()
    made = ("--authority", federation / "vn-authority", "--statement", federation / "vn" / "keys" / "statement.pem")
    federation.run("source", "init", "--member", "vn", "--agency", "immigration", "--out", home, *made)
    shutil.copyfile(home / "keys" / "record.pem", federation / "vn" / "certificates" / "immigration.pem")
    # The node holds no key of an agency that has its own.
    for path in (federation / "vn" / "keys").glob("agency-*"):
        path.unlink()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def head(export: Path, log: str) -> dict[str, Any]:
    """The newest head of a log in an export: size and root."""
    _, size, root, *_ = (export / f"{log}-1" / "checkpoint").read_text(encoding="utf-8").split("\n")
    return {"size": int(size), "root": b64decode(root).hex()}


def root_of(leaves: list[bytes]) -> bytes:
    """The root over hashes of entries (RFC 6962), computed without the program."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def leaves_of(export: Path, log: str) -> list[bytes]:
    """The hashes of a log's entries in an export of less than 256 entries."""
    (tile,) = (export / f"{log}-1" / "tile" / "0").rglob("*.p/*")
    data = tile.read_bytes()
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def sizes(of: dict[str, Any]) -> dict[str, int]:
    """Sizes of logs in figures, by their names in reports."""
    return {f"{log}/1": of[log]["size"] for log in LOGS}


# ---------------------------------------------------------------- homes


def test_a_home_verifies_as_it_was_packed(federation: Federation) -> None:
    report = federation.run("audit", "verify", "--home", federation / "th")
    assert (report["verdict"], report["entries"]) == ("proved", sizes(FIGURES["th"]))
    assert federation.run("audit", "verify", "--home", federation / "vn")["verdict"] == "proved"


def test_a_home_shows_what_it_held(federation: Federation) -> None:
    for log in LOGS:
        assert dict(Counter(entry["kind"] for entry in federation.entries(log))) == FIGURES["th"][log]["kinds"]
    for name, count in (("erased", 2), ("hit", 2), ("held", 1)):
        found = federation.entries("exchange", "--exchange", EXCHANGES[name])
        assert [bool(entry["erased"]) for entry in found] == [name == "erased"] * count
    stats = federation.run("audit", "stats", "--home", federation / "th", "--exact")
    assert stats["counts"] == FIGURES["th"]["stats"]
    (hold,) = federation.run("audit", "hold", "list", "--home", federation / "th")["holds"]
    assert hold["exchanges"] == [EXCHANGES["held"]]
    assert [item["auditor"] for item in federation.run("audit", "auditors", "--home", federation / "th")["auditors"]]
    assert federation.run("policy", "status", "--home", federation / "th")["version"] == 1
    assert federation.run("trust", "show", "--home", federation / "th")["charter"]["version"] == 1
    federation.run("index", "build", "--home", federation / "th")  # in the form of this version, beside the old one
    federation.run("index", "status", "--home", federation / "th")


def test_an_unsigned_export_of_a_home_has_its_heads(federation: Federation, tmp_path: Path) -> None:
    federation.run("audit", "export", "--home", federation / "th", "--out", tmp_path / "out")
    for log in LOGS:
        assert head(tmp_path / "out", log) == {name: FIGURES["th"][log][name] for name in ("size", "root")}


async def test_a_home_goes_on_with_its_log(renewed: Federation, tmp_path: Path) -> None:
    async with renewed.serving("witness", "th", "vn-source", "vn"):
        renewed.run("doctor", "--home", renewed / "th", "--to", "vn")
        lines = renewed.ask("th", "vn", *PASSPORT, *BORDER)
        assert (lines["th"]["outcome"], lines["vn"]["outcome"]) == ("no_hit", "hit")
        (hit,) = lines["vn"]["hits"]
        assert (hit["record"]["signed_by"], hit["record"]["fields"]["status"]) == ("own", "STOLEN")
        assert renewed.ask("vn", "th", *CAR, *CASE)["th"]["outcome"] == "hit"
        assert renewed.ask("th", "vn", *CAR, *CASE)["th"]["outcome"] == "hit"
        refused = renewed.ask("vn", "th", *NOBODY, *MISSING)["th"]
        assert refused["refusal"]["code"] == "policy-denies", "a rule of the policy that two approvers signed"
        audited(renewed)
    async with renewed.serving("witness", "th"):
        assert renewed.ask("th", "vn", *PASSPORT, *BORDER)["vn"]["outcome"] == "silent"
    assert renewed.run("audit", "verify", "--home", renewed / "th")["verdict"] == "proved"
    assert renewed.run("audit", "verify", "--home", renewed / "vn")["verdict"] == "proved"
    extends(renewed, tmp_path / "out", FIGURES["th"])
    witness = renewed.run("witness", "status", "--home", renewed / "witness")
    assert witness["evidence"] == 0
    for log, before in zip(witness["logs"], FIGURES["witness"]["logs"], strict=True):
        assert (log["origin"], log["size"] > before["size"]) == (before["origin"], True)
    kinds = Counter(item["kind"] for item in renewed.run("source", "log", "--home", renewed / "vn-source")["entries"])
    assert kinds["source-issued"] == FIGURES["vn-source"]["kinds"]["source-issued"] + 1


def audited(federation: Federation) -> None:
    """An auditor finds and opens what was written before, and not what was erased."""
    found = federation.as_auditor("show", "--exchange", EXCHANGES["hit"])["entries"]
    assert {entry["kind"]: entry["private"]["officer"] for entry in found}["asked"] == "th.o.1042"
    (held,) = federation.as_auditor("show", "--exchange", EXCHANGES["held"])["entries"]
    opened = federation.as_auditor("open", "--entry", str(held["index"]))["entries"][0]
    assert opened["private"]["outcome"] == "hit"
    gone = federation.as_auditor("show", "--exchange", EXCHANGES["erased"])["entries"]
    assert [(bool(entry["erased"]), entry["private"]) for entry in gone] == [(True, {})] * 2
    for number, kinds in (("C4419027", {"own", "asked"}), ("XK8830211457", {"own"})):
        assert {entry["kind"] for entry in federation.as_auditor("find", "--number", number)["entries"]} == kinds


def extends(federation: Federation, out: Path, before: dict[str, Any]) -> None:
    """The logs hold what they held, under the roots of that time, and more."""
    federation.run("audit", "export", "--home", federation / "th", "--out", out)
    charter = ("--charter", federation / "th" / "trust" / "charter.jsonl")
    federation.run("audit", "verify", "--export", out, *charter, "--fingerprint", FIGURES["charter"]["fingerprint"])
    for log in LOGS:
        leaves = leaves_of(out, log)
        size = before[log]["size"]
        assert len(leaves) == head(out, log)["size"] > size
        assert root_of(leaves).hex() == head(out, log)["root"]
        assert root_of(leaves[:size]).hex() == before[log]["root"]


# ---------------------------------------------------------------- source process and witness


def test_a_source_home_opens(renewed: Federation) -> None:
    checked = renewed.run("source", "check", "--home", renewed / "vn-source")
    assert checked["good"], checked
    entries = renewed.run("source", "log", "--home", renewed / "vn-source", "--limit", "1000")["entries"]
    assert dict(Counter(entry["kind"] for entry in entries)) == FIGURES["vn-source"]["kinds"]
    (issued,) = [entry for entry in entries if entry["kind"] == "source-issued"]
    assert (issued["exchange_id"], issued["private"]["type"]) == (EXCHANGES["hit"], "TravelDocument")


def test_a_witness_s_home_opens(federation: Federation) -> None:
    assert federation.run("witness", "status", "--home", federation / "witness") == FIGURES["witness"]
    assert federation.run("audit", "evidence", "--home", federation / "witness") == {"evidence": []}


# ---------------------------------------------------------------- exports


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    return unpacked("exports", tmp_path / "exports")


def verify(liaison: Liaison, exports: Path, name: str) -> Ran:
    charter = ("--charter", exports / "charter.jsonl", "--fingerprint", FIGURES["charter"]["fingerprint"])
    return liaison("audit", "verify", "--export", exports / name, *charter, "--json")


@pytest.mark.parametrize("name", ["export-before", "export"])
def test_an_export_verifies_with_the_charter_alone(liaison: Liaison, exports: Path, name: str) -> None:
    ran, figures = verify(liaison, exports, name), FIGURES[name]
    assert ran.code == 0, ran
    assert (ran.value["verdict"], ran.value["entries"]) == ("proved", sizes(figures))
    assert ran.value["about"]["auditor"] == AUDITOR
    notes = [note for note in ran.value["notes"] if "was erased" in note]
    assert len(notes) == bool(figures["erased"]), ran.value["notes"]
    for log in LOGS:
        assert head(exports / name, log) == figures[log]
        assert root_of(leaves_of(exports / name, log)).hex() == figures[log]["root"]


@pytest.mark.parametrize("part", ["tile/entries", "statements", "openings"])
def test_an_export_that_was_tampered_with_does_not_verify(liaison: Liaison, exports: Path, part: str) -> None:
    file = next(path for path in (exports / "export" / "exchange-1" / part).rglob("*") if path.is_file())
    data = bytearray(file.read_bytes())
    place = len(data) // 2
    data[place] = ord("A") if data[place] != ord("A") else ord("B")
    file.write_bytes(data)
    ran = verify(liaison, exports, "export")
    assert (ran.code, ran.value["verdict"]) == (1, "contradicted"), ran


def test_an_export_is_searched(liaison: Liaison, exports: Path) -> None:
    charter = ("--complete", "--charter", exports / "charter.jsonl")
    # What was asked of our own agencies by the same search is an entry of its own, which was not named for erasing.
    for name, code, kinds in (("export-before", 0, ["asked", "own"]), ("export", 3, ["own"])):
        ran = liaison("audit", "find", "--export", exports / name, "--number", "XK8830211457", *charter, "--json")
        assert (ran.code, [entry["kind"] for entry in ran.value["entries"]]) == (code, kinds), ran


# ---------------------------------------------------------------- backups


def restore(federation: Federation, backups: Path, name: str, keys: Path, code: int = 0) -> Any:
    """Restore into the place of Thailand's home, of which only what no backup holds is left."""
    lost = (federation / "th").rename(federation / "th.lost")
    key = ("--key", backups / "offline" / "backup.key", "--fingerprint", FIGURES["charter"]["fingerprint"])
    place = ("--home", federation / "th", "--keys", keys)
    done = federation.run("restore", "--backup", backups / name, *key, *place, code=code)
    for apart in ("sources", "witnesses"):  # version 0.1.0 does not back up the card of the witness either
        shutil.copytree(lost / apart, federation / "th" / apart, dirs_exist_ok=True)
    return done


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    return unpacked("backups", tmp_path / "backups")


@pytest.fixture
def keys(federation: Federation) -> Path:
    """The copy of the keystore without the keys of references: version 0.1.0 restores nothing beside them."""
    return shutil.copytree(federation / "th-keys", federation / "keys", ignore=shutil.ignore_patterns("references"))


async def test_a_backup_is_restored_and_serves(
    federation: Federation, backups: Path, keys: Path, tmp_path: Path
) -> None:
    done = restore(federation, backups, "th.backup", keys)
    assert (done["logs"]["verdict"], done["logs"]["entries"]) == ("proved", FIGURES["th.backup"]["logs"])
    assert (done["emptied"], done["fingerprint"]) == (0, FIGURES["charter"]["fingerprint"])
    renew(federation)
    async with federation.serving("witness", "th"):
        audited(federation)
        assert federation.ask("th", "vn", *CAR, *CASE)["th"]["outcome"] == "hit"
    assert federation.run("audit", "verify", "--home", federation / "th")["verdict"] == "proved"
    extends(federation, tmp_path / "out", FIGURES["th"])


def test_a_backup_from_before_an_erasure_revives_nothing(federation: Federation, backups: Path, keys: Path) -> None:
    done = restore(federation, backups, "before.backup", keys, code=3)
    assert (done["logs"]["verdict"], done["logs"]["entries"]) == ("not provable", FIGURES["before.backup"]["logs"])
    assert done["emptied"] == FIGURES["erased entries"]
    gone = federation.entries("exchange", "--exchange", EXCHANGES["erased"])
    assert [bool(entry["erased"]) for entry in gone] == [True] * 2
    assert not [
        path for path in (federation / "th").rglob("*") if path.is_file() and b"XK8830211457" in path.read_bytes()
    ]
    kept = [entry for entry in federation.entries("exchange") if entry["exchange_id"] != EXCHANGES["erased"]]
    assert not any(entry["erased"] for entry in kept)


def test_a_backup_is_restored_beside_the_keys_of_references(federation: Federation, backups: Path) -> None:
    done = restore(federation, backups, "th.backup", federation / "th-keys")
    assert done["logs"]["verdict"] == "proved"
