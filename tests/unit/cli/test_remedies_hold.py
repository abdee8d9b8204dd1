"""Each remedy of `liaison doctor` is followed on a copy of a home that needs it.

The trouble is gone then, and what the remedy itself brought about is mended by the remedies that are told next; in the
end the home is as good as it was, also as a node in production. What only a person can mend is told without a command.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Set
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.config import PACKAGED_POLICY, load_settings
from gateway.ops.policy.keeper import PolicyKeeper
from tests.support.cli import Liaison
from tests.support.remedies import Place, command_name, place_of, told_by_the_program
from tests.support.shared import PROJECT

_FOLLOWED = {
    "init",
    "trust publish",
    "cert renew",
    "cert rotate",
    "cert online-ca",
    "cert console",
    "resume",
    "upgrade",
}
"""The commands that remedies of `liaison doctor` tell, for what these tests break."""

_BROUGHT = {"policy approver", "policy install", "policy sign", "trust accept", "trust admit", "reload"}
"""Commands that these tests give before and after."""

_MOST = 4
"""Remedies after which a home is as good as it was: each mends one thing."""


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def follow(place: Place, base: Set[tuple[str, str]]) -> list[str]:
    """Follow remedies, first finding first, until nothing is told that was not told before; return the commands."""
    followed: list[str] = []
    found = place.findings()
    while new := {key: one for key, one in found.items() if key not in base}:
        key, one = next(iter(new.items()))
        assert len(followed) < _MOST, (followed, one)
        ran = place.follow(one)
        assert ran.code == 0, (one, ran.out, ran.err)
        found = place.findings()
        assert key not in found, (one, ran.out)
        followed.append(command_name(" ".join(place.command(one.remedy))))
    assert followed
    assert set(followed) <= _FOLLOWED
    return followed


def _lost(*files: str) -> Callable[[Place], object]:
    return lambda place: place.lose(*files)


def _cut(file: str) -> Callable[[Place], object]:
    return lambda place: place.cut(file)


def _ending(file: str) -> Callable[[Place], object]:
    return lambda place: place.certify(file, 20)


def _removed(use: str) -> Callable[[Place], object]:
    return lambda place: place.run("trust", "revoke", "--home", place.home, "--key", use, "--reason", "copied")


def _unlisted_online_ca(place: Place) -> None:
    place.run("cert", "online-ca", "--home", place.home, "--out", place.folder / "asked.request")


def _removed_online_ca(place: Place) -> None:
    place.run("cert", "online-ca", "--home", place.home, "--authority", place.authority)
    _removed("online-ca")(place)


def _switched_off(place: Place) -> None:
    place.run("suspend", "--home", place.home, "--peer", "vn", "--reason", "maintenance")


def _not_listed_witness(place: Place) -> None:
    place.run("witness", "init", "--member", "th", "--out", place.folder / "seen")
    (place.home / "witnesses").mkdir()
    shutil.copy(place.folder / "seen" / "witness.pub", place.home / "witnesses")
    place.setting("witness", 'domestic = "127.0.0.1:61098"')


def _console(place: Place) -> None:
    place.setting("listen", 'console = "127.0.0.1:61099"')
    place.setting("console", 'login = ["passkey"]\ndevice_certificate = true\norigin = "https://desk.th.example"')
    place.run("cert", "console", "desk.th.example", "--home", place.home, "--authority", place.authority)


def _other_host(place: Place) -> None:
    place.run("cert", "console", "other.th.example", "--home", place.home, "--authority", place.authority)


def _earlier_schema(place: Place) -> None:
    place.run("upgrade", "--back", "0008", "--home", place.home)


_HARMS: dict[str, Callable[[Place], object]] = {
    "tls": _lost("keys/tls.key", "keys/tls.pem"),
    "statement": _lost("keys/statement.key", "keys/statement.pem"),
    "log": _lost("keys/log.key"),
    "commands": _lost("keys/client-cli.key", "keys/client-cli.pem"),
    "certificate": _lost("keys/tls.pem"),
    "authority": _lost("ca.pem"),
    "torn key": _cut("keys/tls.key"),
    "torn certificate": _cut("keys/statement.pem"),
    "torn authority": _cut("ca.pem"),
    "database": _lost("node.sqlite"),
    "keystore": _lost("keystore"),
    "keys": _lost("keys"),
    "own status": _lost("trust/statuses/th.json"),
    "tls ends": _ending("tls"),
    "tls removed": _removed("tls"),
    "online ca not listed": _unlisted_online_ca,
    "online ca removed": _removed_online_ca,
    "suspended": _switched_off,
    "witness not listed": _not_listed_witness,
    "console client": _lost("keys/client-console.key", "keys/client-console.pem"),
    "console certificate": _lost("keys/console.key", "keys/console.pem"),
    "console host": _other_host,
    "schema": _earlier_schema,
}
_OF_TRIALS = ("tls", "commands", "keys")
_found: dict[tuple[bool, bool], frozenset[tuple[str, str]]] = {}
"""What is found in a home before it is harmed: the same in each copy, with and without production and a console."""


@pytest.mark.long
def test_a_new_source_and_the_lost_key_of_its_agency(liaison: Liaison, tmp_path: Path) -> None:  # CASE-N214
    place = place_of(liaison, tmp_path, production=False)
    base = set(place.findings())
    place.add_source()
    assert follow(place, base | {key for key in place.findings() if key[0] == "sources"}) == ["trust publish"]
    base = set(place.findings())
    place.lose("keys/agency-police.key", "keys/agency-police.pem")
    assert follow(place, base) == ["init", "trust publish"]


def test_a_policy_that_nobody_approved(liaison: Liaison, tmp_path: Path) -> None:  # CASE-N214
    place = place_of(liaison, tmp_path, production=False)
    (told,) = (one for one in place.findings().values() if "nobody approved it" in one.text)
    place = replace(place, said={"FILE": str(place.sign_policy())})
    assert "`liaison policy sign`" in told.remedy
    assert place.follow(replace(told, remedy=told.remedy.rpartition("then ")[2])).code == 0
    (brought,) = (one for one in place.findings().values() if "was brought" in one.text)
    assert place.command(brought.remedy) == ["serve", "--home", str(place.home)]
    PolicyKeeper(load_settings(place.home), SystemClock(), production=False).refresh()  # as a node that starts does
    assert not [one for one in place.findings() if one[0] == "policy"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "production"), [*((name, True) for name in _HARMS), *((name, False) for name in _OF_TRIALS)]
)
def test_a_remedy_that_is_followed_mends_its_trouble_and_makes_none(  # CASE-N214
    liaison: Liaison, tmp_path: Path, name: str, production: bool
) -> None:
    place = place_of(liaison, tmp_path, production=production)
    has_console = name.startswith("console")
    if has_console:
        _console(place)
    if (production, has_console) not in _found:
        _found[production, has_console] = frozenset(place.findings())
    _HARMS[name](place)
    follow(place, _found[production, has_console])


# ------------------------------------------------------------ what a command that is refused says


def _never_published(place: Place) -> None:
    for file in [*(place.home / "trust").rglob("*th*")]:
        file.unlink()


def _never_accepted(place: Place) -> None:
    place.lose("trust")
    (place.home / "trust").mkdir(mode=0o700)


def _torn_rotation(place: Place) -> None:
    place.run("cert", "rotate", "tls", "--home", place.home, "--out", place.folder / "one.request")
    place.cut("keys/next/tls.json")


def _asked(place: Place) -> None:
    place.run("cert", "rotate", "tls", "--home", place.home, "--out", place.folder / "one.request")


def _new_tls_key(place: Place) -> None:
    place.lose("keys/tls.key", "keys/tls.pem")
    place.run("init", "--member", "th", "--home", place.home, "--authority", place.authority)


def _once_signed(place: Place) -> None:
    draft, out = PACKAGED_POLICY / "national" / "th", place.folder / "th-1.json"
    place.run("policy", "sign", draft, "--version", "1", "--key", place.folder / "approvers/a.key", "--out", out)


def _nothing(_place: Place) -> None:
    """Leave the home as it is."""


_ASK = "ask vessel --home th --as th.o.1042 --to vn --name Nobody --purpose INVESTIGATION --offence NARC --case T-1"
_REFUSED = {
    "no rotation": (
        _nothing,
        "cert rotate tls --assume-held --home th",
        "cert rotate tls --home th",
        "cert rotate tls --assume-held --home th",
    ),
    "torn rotation": (
        _torn_rotation,
        "cert rotate tls --home th --authority th-authority",
        "cert rotate tls --home th --authority th-authority",
        "cert status --home th",
    ),
    "request for an answer": (
        _asked,
        "cert rotate --home th --answer one.request",
        "cert sign one.request --authority th-authority --out one.answer",
        "cert rotate --home th --answer one.answer",
    ),
    "a person's key": (
        _nothing,
        "cert rotate administrator/th-adm --home th --authority th-authority",
        "trust person --use administrator --out persons --name th-adm-2 --follows persons/th-adm.key",
        "cert rotate administrator/th-adm --home th --authority th-authority --successor persons/th-adm-2.succession",
    ),
    "never published": (
        _never_published,
        "cert rotate tls --home th --authority th-authority",
        "trust publish --home th --authority th-authority",
        "cert rotate tls --home th --authority th-authority",
    ),
    "not listed": (
        _new_tls_key,
        "cert online-ca --home th --authority th-authority",
        "cert renew tls --home th --authority th-authority",
        "cert online-ca --home th --authority th-authority",
    ),
    "one approver": (
        _once_signed,
        "policy install th-1.json --home th",
        "policy sign th-1.json --key approvers/b.key --out th-1.json",
        "policy install th-1.json --home th",
    ),
    "no charter": (
        _never_accepted,
        "trust publish --home th --authority th-authority",
        "trust accept charter.json --home th --fingerprint FINGERPRINT",
        "trust publish --home th --authority th-authority",
    ),
    "removed online ca": (
        _removed_online_ca,
        "cert online-ca --home th --authority th-authority",
        "cert rotate online-ca --home th --authority th-authority",
        "cert online-ca --home th --authority th-authority",
    ),
    "no issuer for trials": (
        _lost("keys/token-issuer.key"),
        _ASK,
        "init --member th --home th --authority th-authority",
        "",
    ),
    "torn client certificate": (
        _lost("keys/client-cli.pem"),
        _ASK,
        "init --member th --home th --authority th-authority",
        "",
    ),
    "no backup": (
        lambda place: place.run("backup", "--new-key", "sealing"),
        "restore --backup charter.json --key persons/th-adm.key --home new --fingerprint FINGERPRINT",
        "backup --home th --to sealing/backup.pub --out th.backup",
        "restore --backup th.backup --key sealing/backup.key --home new --fingerprint FINGERPRINT",
    ),
}
"""What is refused, the remedy as it is typed, and what passes then: nothing, where only the node is away."""


@pytest.mark.parametrize("name", _REFUSED)
def test_the_remedy_of_a_refusal_lets_the_command_pass(  # CASE-N214
    liaison: Liaison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    harm, *lines = _REFUSED[name]
    place = place_of(liaison, tmp_path, production=False)
    if any("FINGERPRINT" in line for line in lines):
        told = liaison("trust", "verify", "charter.json", "--json").value
        lines = [line.replace("FINGERPRINT", told["fingerprint"]) for line in lines]
    refused, remedy, then = (line.split() for line in lines)
    harm(place)
    before = {key for key, one in place.findings().items() if one.is_stop}
    ran = liaison(*refused, "--json")
    assert ran.code == 1, (ran.out, ran.err)
    error = ran.value["error"]
    words = [word for word in remedy[:2] if not word.startswith("--")]
    assert f"liaison {' '.join(words)}" in error["remedy"]
    if "remove the file" in error["remedy"]:
        Path(error["where"]).unlink()
    place.run(*remedy)
    after = liaison(*(then or refused), "--json")
    again = after.value.get("error", {}).get("code")
    assert again == (None if then else "node-down"), after.err
    found = place.findings()
    assert {key for key, one in found.items() if one.is_stop} - before == set()
    assert not [one for one in found.values() if "administrator" in one.text], "its successor is listed"


# ------------------------------------------------------------ which commands remedies tell

_LOOKS = """
adapter check, alert list, audit evidence, audit find, audit hold list, audit key-report, audit show, audit verify,
cert status, consent list, desk, desk attachments, desk held-back, desk holders, desk list, desk phone, desk show,
doctor, freeze list, incident list, misuse list, misuse show, operation list, operation show, passkey list,
passkey waiting, policy check, policy explain, policy review, policy status, policy test, report check, report list,
report search, report show, review list, schema, search show, source check, source log, source status, trust show,
trust verify, passkey options, watch list, watch show, witness status
"""
"""They change nothing."""

_AT_THE_DESK = """
act bring, act sign, ask, desk attach, desk decide, desk open, desk outcome, desk sign, followup, incident open,
audit sign, office enrol, office pack, operation note, operation open, passkey enrol, passkey withdraw
"""
"""A person does them at a running node, which asks for roles, and for a second person; no key of a home changes."""

_ELSEWHERE = {
    "adapter init": "tests/unit/adapters/check/test_commands.py",
    "audit appoint": "tests/federation/test_auditor.py",
    "audit erase": "tests/federation/test_erasing.py",
    "audit export": "tests/federation/test_storage_lost.py",
    "audit hold bring": "tests/federation/test_erasing.py",
    "audit hold draft": "tests/federation/test_erasing.py",
    "audit hold sign": "tests/federation/test_erasing.py",
    "audit key": "tests/federation/test_auditor.py",
    "audit next-log": "tests/federation/test_desk_restored.py",
    "backup": "tests/federation/test_backup.py",
    "cert client": "tests/unit/cli/test_cert.py",
    "demo": "tests/federation/test_demo_serve.py",
    "index build": "tests/unit/ops/homes/test_own_tables.py",
    "serve": "tests/federation/test_start_refusals.py",
    "source certify": "tests/unit/adapters/remote/test_commands.py",
    "source init": "tests/unit/adapters/remote/test_commands.py",
    "source serve": "tests/support/source_process.py",
    "suspend": "tests/federation/test_cli_nodes.py",
    "trust draft": "tests/federation/test_members_guide.py",
    "trust export": "tests/unit/cli/test_trust_bundle.py",
    "trust import": "tests/unit/cli/test_trust_bundle.py",
    "trust incident": "tests/unit/ops/removals/test_incident.py",
    "trust revoke": "tests/federation/test_members_guide.py",
    "trust sign": "tests/support/cli.py",
    "witness init": "tests/unit/ops/homes/test_documents.py",
    "witness serve": "tests/unit/witness/test_domestic_witness.py",
    "witness accept": "tests/unit/ops/homes/test_documents.py",
    "witness waive": "tests/federation/test_witnessing.py",
}
"""They need a running node, another process, or other people: the test that is named has them, and runs them."""


def _names(text: str) -> set[str]:
    return {name.strip() for name in text.replace("\n", " ").split(",")}


@pytest.mark.long
def test_each_command_that_a_remedy_tells_is_run_by_a_test() -> None:  # CASE-N214
    told = {command_name(command) for _, command in told_by_the_program()} - {""}
    tried = _FOLLOWED | {command_name(remedy) for _, _, remedy, _ in _REFUSED.values()} | _BROUGHT
    known = _names(_LOOKS) | _names(_AT_THE_DESK) | tried | set(_ELSEWHERE)
    assert told - known == set()
    assert known - told - tried == set()
    for command, file in _ELSEWHERE.items():
        words = ", ".join(f'"{word}"' for word in command.split())
        assert words in (PROJECT / file).read_text(), (command, file)
