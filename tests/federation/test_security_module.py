"""A node whose keys lie in a security module: it answers, its log verifies, and it ends when the token is lost."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.model.query import DocumentQuery
from gateway.ops.finding import Severity
from gateway.rpc import methods
from gateway.statements.request import REQUEST_KIND
from tests.support.exchange import answer_of, caller, request, sample_world, submission
from tests.support.module_node import command, move_keys, move_tls, serving
from tests.support.nodes import World, running
from tests.support.optional import needs
from tests.support.ports import free_port
from tests.support.security_module import Token, make_token

pytestmark = pytest.mark.process

KEYS = ("statement", "status", "log", "witness", "agency-immigration")
ENDED = 70


@pytest.fixture
def token(tmp_path: Path) -> Token:
    return make_token(tmp_path / "token")


@pytest.fixture
def own_world(tmp_path: Path, token: Token) -> World:
    made = sample_world(tmp_path, ("th", "vn"))
    move_keys(made.home("vn"), token, KEYS)
    return made


async def ask(world: World, count: int) -> Sequence[object]:
    """Ask the node of Viet Nam so many questions at once; return answers and failures."""
    key = world.federation["th"].key("statement")

    async def one(channel: Any, number: int) -> object:
        envelope = REQUEST_KIND.build(request(query=DocumentQuery(f"B{number:07d}", "VNM")), key).envelope
        data = await channel.unary_unary(methods.SUBMIT.path)(submission(envelope), timeout=30)
        return answer_of(methods.SUBMIT.answer.read(data))

    async with caller(world).channel() as channel:
        return await asyncio.gather(*(one(channel, number) for number in range(count)), return_exceptions=True)


async def test_a_node_answers_with_keys_in_the_module_and_its_logs_verify(
    own_world: World, token: Token, tmp_path: Path
) -> None:
    home = own_world.home("vn")
    async with serving(home, own_world.ports["vn"], token.environment, tmp_path / "out"):
        answers = await ask(own_world, 40)
    assert [answer.refusal for answer in answers] == [None] * 40  # type: ignore[attr-defined]
    code, printed = await command(token.environment, "audit", "verify", "--home", home)
    assert code == 0, printed
    code, printed = await command(token.environment, "trust", "publish", "--home", home)
    assert code == 0, printed


async def test_a_lost_token_ends_the_process_and_nothing_is_answered(
    own_world: World, token: Token, tmp_path: Path
) -> None:
    async with serving(own_world.home("vn"), own_world.ports["vn"], token.environment, tmp_path / "out") as node:
        assert len(await ask(own_world, 1)) == 1
        shutil.rmtree(token.objects)
        answers = await ask(own_world, 8)
        assert all(isinstance(answer, grpc.aio.AioRpcError) for answer in answers)
        assert await node.ended(30) == ENDED
    assert '"keys.lost"' in (tmp_path / "out").read_text()


async def test_without_its_token_a_node_does_not_start_and_doctor_says_why(
    own_world: World, token: Token, tmp_path: Path
) -> None:
    shutil.rmtree(token.objects)
    token.objects.mkdir()
    code, printed = await command(token.environment, "serve", "--home", own_world.home("vn"))
    assert code == 1
    assert "there are 0 of the kind token" in printed
    code, printed = await command(token.environment, "doctor", "--home", own_world.home("vn"))
    assert code == 1
    assert "pkcs11:token=liaison;object=statement" in printed


async def test_doctor_measures_the_module_and_finds_what_is_wrong_with_its_keys(own_world: World, token: Token) -> None:
    home = own_world.home("vn")
    shutil.copy(own_world.home("th") / "keys" / "statement.key", home / "keys" / "statement.key")
    _, printed = await command(token.environment, "doctor", "--home", home)
    assert "`log` signs in the module" in printed
    assert "signatures a second" in printed
    assert "`witness-mldsa` stays a file" in printed
    assert "a key file is left, too" in printed
    settings = home / "node.toml"
    named = settings.read_text()
    other = token.make("other", ed25519_key=True)
    settings.write_text(named.replace(token.uri("witness"), other))
    _, printed = await command(token.environment, "doctor", "--home", home)
    assert "our descriptor does not list the keys witness" in printed
    settings.write_text(named)
    (token.folder / "pin").chmod(0o644)
    _, printed = await command(token.environment, "doctor", "--home", home)
    assert f"chmod 600 {token.folder / 'pin'}" in printed
    (token.folder / "pin").chmod(0o600)
    settings.write_text(settings.read_text().replace(f'log = "{token.uri("log")}"', f'log = "{token.uri("status")}"'))
    _, printed = await command(token.environment, "doctor", "--home", home)
    assert "is of the kind p256, not ed25519" in printed
    assert Severity.STOP.upper() in printed


async def test_tls_with_its_key_in_the_module_towards_counterparts_and_our_own_systems(
    own_world: World, token: Token, tmp_path: Path
) -> None:
    """The lane takes questions, OpenSSL's provider serves REST, and gRPC's client has the module sign handshakes."""
    needs("pkcs11.so")
    home, port = own_world.home("vn"), free_port()
    settings = home / "node.toml"
    officer = ["[[trial_officer]]", 'id = "vn.o.1042"', 'office = "vn.blo.moc-bai"', 'agency = "immigration"', ""]
    text = settings.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}").replace("[node]", '[node]\nname = "node1"')
    settings.write_text(text + "\n".join(officer))
    move_tls(home, token)
    query = (
        "document",
        "--number",
        "C1234567",
        "--issuer",
        "THA",
        "--purpose",
        "BORDER_CHECK",
        "--offence",
        "DOCFRAUD",
    )
    who = ("--home", home, "--as", "vn.o.1042", "--to", "th", "--ticket", "T-1", "--json")
    async with serving(home, own_world.ports["vn"], token.environment, tmp_path / "out"), running(own_world, ["th"]):
        answers = await ask(own_world, 40)
        assert [answer.refusal for answer in answers] == [None] * 40  # type: ignore[attr-defined]
        _, printed = await command(token.environment, "doctor", "--home", home, "--to", "th")
        assert "`th` answers, and takes our certificate" in printed
        _, printed = await command(token.environment, "ask", *query, *who)
        outcomes = {line["member"]: line["outcome"] for line in json.loads(printed)["lines"]}
        assert outcomes == {"vn": "no_hit", "th": "no_hit"}
