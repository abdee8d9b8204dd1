"""Rotation to keys in a security module, and which keys cannot follow others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from certs.hsm.places import has_key, is_put, key_places, uri_text
from certs.keyfiles import key_id
from gateway.clock import ManualClock, SystemClock
from gateway.config import Home
from gateway.errors import LiaisonError, Misconfigured
from gateway.model.names import MemberId
from gateway.ops.doctor.doctor import examine
from gateway.ops.keys.files import key_files
from gateway.ops.keys.head_keys import load_log_keys, load_witness_keys
from gateway.ops.keys.requests import KeyDesk
from gateway.ops.keys.rotation import Rotations
from gateway.ops.keys.status import describe_keys
from gateway.ops.keys.steps import Standing, advance
from gateway.ops.removals.own_keys import replace_command
from gateway.ports.holders import NoneKnown
from tests.support.federation import Federation, Member, make_federation
from tests.support.module_node import move_keys
from tests.support.security_module import Token, shared_token

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def token() -> Token:
    return shared_token()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))


@pytest.fixture
def thailand(founded: Federation, tmp_path: Path, token: Token) -> Member:
    made = founded.copy(tmp_path, ManualClock(founded.clock.now()))["th"]
    settings = made.home / "node.toml"
    settings.write_text(
        f'[node]\nmember = "th"\n[keys]\nmodule = "{token.library}"\npin_source = "{token.pin_source}"\n'
    )
    return made


def later(member: Member, time: timedelta) -> list[str]:
    """Let the time pass, and do what the round of a running node does; return its steps."""
    assert isinstance(member.clock, ManualClock)
    member.clock.advance(time)
    rotations = Rotations(Home(member.home))
    standing = Standing(MemberId("th"), member.view(), NoneKnown(), member.clock.now_us())
    with rotations.locked():
        return [moved.step for moved in advance(rotations, standing)]


def rotate(member: Member, file: str, uri: str = "") -> str:
    asked = KeyDesk(Home(member.home), member.clock).rotate([file], member.authority, None, uri)
    return asked.moved[0].key_id


@pytest.mark.parametrize("file", ["statement", "log", "witness"])
@pytest.mark.process
def test_a_key_in_a_file_gives_its_place_to_one_in_the_module_and_that_one_to_another(
    thailand: Member, token: Token, file: str, request: pytest.FixtureRequest
) -> None:
    home = Home(thailand.home)
    plain = file != "statement"
    old = thailand.key(file).key_id
    for number in (1, 2):
        uri = token.make(f"{request.node.name}-{number}", ed25519_key=plain)
        new = rotate(thailand, file, uri)
        assert thailand.key(file).key_id == old
        assert later(thailand, DAY) == (["switched"] if plain else ["switched", "retired"])
        assert thailand.key(file).key_id == new
        assert (uri_text(home.key(file)), home.key(file).exists()) == (uri, False)
        assert has_key(home.key_before(file)) is plain
        if file == "log":
            assert [key_id(each.spki) for each in load_log_keys(home).beside] == [old]
        if file == "witness":
            assert {new, old} < {each.public.key_id for each in load_witness_keys(home)}
        assert later(thailand, 8 * DAY) == (["retired"] if plain else [])
        assert not has_key(home.key_before(file))
        assert not has_key(home.next_key(file))
        assert key_places(home.keys, file) == [home.key(file)]
        assert file in key_files(home)
        old = new
    assert new in [key["id"] for key in describe_keys(thailand.home, thailand.clock)["keys"]]


@pytest.mark.process
def test_what_a_rotation_put_counts_until_the_settings_say_something_else(
    thailand: Member, token: Token, request: pytest.FixtureRequest
) -> None:
    name, home = request.node.name, Home(thailand.home)
    place, settings = home.key("statement"), thailand.home / "node.toml"
    settings.write_text(settings.read_text().partition("[keys]")[0])
    move_keys(thailand.home, token, ["statement"], f"{name}-")
    uri = token.make(f"{name}-2")
    new = rotate(thailand, "statement", uri)
    later(thailand, DAY)
    assert thailand.key("statement").key_id == new
    assert is_put(place)
    told = [finding for finding in examine(thailand.home, thailand.clock) if uri in finding.remedy]
    assert [finding.remedy for finding in told] == [f'write into [keys]: statement = "{uri}"']
    settings.write_text(settings.read_text().replace(token.uri(f"{name}-statement"), uri))
    assert not is_put(place)
    assert thailand.key("statement").key_id == new
    third = token.make(f"{name}-3")
    settings.write_text(settings.read_text().replace(uri, third))
    assert uri_text(place) == third


@pytest.mark.process
def test_without_a_uri_a_key_in_the_module_is_not_rotated(
    thailand: Member, token: Token, request: pytest.FixtureRequest
) -> None:
    settings = thailand.home / "node.toml"
    settings.write_text(settings.read_text().partition("[keys]")[0])
    move_keys(thailand.home, token, ["statement"], f"{request.node.name}-")
    with pytest.raises(Misconfigured) as refused:
        rotate(thailand, "statement")
    assert refused.value.code == "key-in-module"
    assert "liaison cert rotate statement --key-uri" in refused.value.remedy
    assert replace_command("statement", thailand.home).endswith(" --key-uri URI")
    assert "--key-uri" not in replace_command("log", thailand.home)
    assert Rotations(Home(thailand.home)).all() == []


@pytest.mark.parametrize(
    ("file", "ed25519", "why"),
    [
        ("statement", True, "of the kind ed25519, not p256"),
        ("log", False, "of the kind p256, not ed25519"),
        ("witness-mldsa", True, "always a file"),
        ("token-issuer", False, "always a file"),
        ("client-cli", False, "always a file"),
    ],
)
@pytest.mark.process
def test_a_key_that_cannot_follow_changes_nothing(
    thailand: Member, token: Token, file: str, ed25519: bool, why: str
) -> None:
    uri = token.make(f"cannot-follow-{file}", ed25519_key=ed25519)
    with pytest.raises(Misconfigured, match=why):
        rotate(thailand, file, uri)
    assert not has_key(Home(thailand.home).next_key(file))
    with pytest.raises(LiaisonError):
        rotate(thailand, file, "pkcs11:token=none;object=none")
    assert not has_key(Home(thailand.home).next_key(file))
    assert Rotations(Home(thailand.home)).all() == []


@pytest.mark.process
def test_the_key_in_use_cannot_follow_itself(thailand: Member, token: Token, request: pytest.FixtureRequest) -> None:
    settings, name = thailand.home / "node.toml", f"{request.node.name}-"
    settings.write_text(settings.read_text().partition("[keys]")[0])
    move_keys(thailand.home, token, ["statement"], name)
    with pytest.raises(Misconfigured, match="the one in use"):
        rotate(thailand, "statement", token.uri(f"{name}statement"))
