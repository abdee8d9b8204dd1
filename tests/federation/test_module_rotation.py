"""Nodes whose keys lie in a security module renew their status, and rotate to other keys in it while they run."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from certs.hsm.keys import self_test
from certs.hsm.token import opened_keys
from gateway.config import Home
from gateway.model.exchange import Outcome
from gateway.ops.keys.requests import KeyDesk
from gateway.ops.keys.rotation import Rotations
from gateway.trust.ceremony.ceremony import publish_descriptor
from tests.federation.test_key_rotation import Load, load, used
from tests.support.exchange import CLOCK, sample_world, stopping
from tests.support.module_node import command, move_keys
from tests.support.nodes import World
from tests.support.optional import needs
from tests.support.security_module import Token, shared_token
from tests.support.waiting import until

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:'ssl_channel_credentials_with_custom_signer' is an experimental API"),
]

KEYS = ("statement", "status", "log", "witness", "agency-immigration")


@pytest.fixture(scope="session")
def token() -> Token:
    return shared_token()


@pytest_asyncio.fixture
async def own_world(tmp_path: Path, token: Token, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made = sample_world(tmp_path, ("th", "vn"))
    names = (*KEYS, "tls") if "tls" in request.node.name else KEYS
    vietnam = made.federation["vn"]
    publish_descriptor(
        vietnam.home,
        vietnam.authority,
        CLOCK,
        endpoints=vietnam.view().endpoints("vn"),
        offices=("vn.blo.moc-bai", "vn.blo.huu-nghi"),
        agencies=vietnam.agencies,
    )
    move_keys(made.home("vn"), token, names, f"{request.node.name}-")
    if callspec := getattr(
        request.node, "callspec", None
    ):  # SoftHSM does not bear a writer while another process signs
        file = callspec.params["file"]
        token.make(f"{request.node.name}-{file}-2", ed25519_key=file == "log")
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


def version_of_status(world: World, member: str) -> int:
    """The descriptor that the status of Viet Nam is for, as this node holds it."""
    status = world.nodes[member].resources.trust.view.status("vn")
    return status.descriptor_version if status else 0


async def test_a_node_renews_its_status_and_answers_with_keys_in_the_module(own_world: World) -> None:
    going = Load(own_world)
    assert own_world.nodes["vn"].resources.keys.statement.is_in_module
    for member in ("vn", "th"):
        await until(lambda member=member: version_of_status(own_world, member) == 2, "the second status")  # type: ignore[misc]
    assert await going.ask() == str(Outcome.HIT)


_OTHERS = ("agency-immigration", "status", "log", "tls")


@pytest.mark.parametrize(
    "file", ["statement", *(pytest.param(each, marks=[pytest.mark.small_form]) for each in _OTHERS)]
)
async def test_a_key_in_the_module_is_rotated_to_another_one_while_the_node_answers(
    own_world: World, token: Token, file: str, request: pytest.FixtureRequest
) -> None:
    if file == "tls":
        needs("pkcs11.so")
    vietnam, home = own_world.federation["vn"], Home(own_world.home("vn"))
    old, new = f"{request.node.name}-{file}", f"{request.node.name}-{file}-2"
    uri = token.uri(new)
    async with load(own_world) as going:
        asked = await asyncio.to_thread(KeyDesk(home, CLOCK).rotate, [file], vietnam.authority, None, uri)
        following = asked.moved[0].key_id
        in_use = used(own_world, "vn", file) if file != "status" else lambda: vietnam.key("status").key_id
        await until(lambda: in_use() == following, "the new key in its use, by itself")
        await going.more()
    assert vietnam.key(file).key_id == following
    with Rotations(home).locked():
        for rotation in Rotations(home).all():
            Rotations(home).retire(rotation)

    def is_in_use() -> bool:
        gc.collect()  # a key is closed once nothing holds it; tests let the collector come seldom
        return token.uri(old) in {key.uri.text for key in opened_keys()}

    if file != "tls":  # gRPC goes on holding what it opened connections with
        await until(lambda: not is_in_use(), "the old key may leave the token")
    await asyncio.to_thread(self_test)
    await own_world.stop("vn")
    await own_world.start("vn")
    assert await Load(own_world).ask() == str(Outcome.HIT)
    code, printed = await command(token.environment, "doctor", "--home", home.path)
    setting = 'the [[agency_key]] of "immigration": key' if file.startswith("agency-") else f"[keys]: {file}"
    assert f'write into {setting} = "{uri}"' in printed, code
