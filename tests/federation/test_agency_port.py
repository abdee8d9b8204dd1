"""The REST port of a running node: a withdrawn system, new TLS files, and a stop while a client is connected."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from certs.authority import load_authority
from certs.names import CertificateName, CertificateUse
from gateway.cli.client import NodeClient
from gateway.clock import SystemClock
from gateway.config import Home, host_port, load_settings
from gateway.errors import LiaisonError, Unauthenticated
from gateway.model.names import MemberId
from gateway.ops.acts.switches import suspend, target_of
from tests.support.load import waiting
from tests.support.nodes import World, build_world, running
from tests.support.rest import certify

WITHIN_S = 20.0


def connection(world: World) -> NodeClient:
    """Return a connection to the node of `th`, as its own commands make it."""
    settings = load_settings(world.home("th"))
    named = replace(settings, node=replace(settings.node, name="node1"))
    return NodeClient(named, host_port(world.nodes["th"].addresses["agency"]))


def health(world: World) -> object:
    """Ask the node of `th`."""
    with connection(world) as client:
        return client.health()


async def test_a_withdrawn_system_is_refused_by_a_running_node(tmp_path: Path) -> None:
    async with running(build_world(tmp_path, {}, ("th", "vn")), ("th",)) as world:
        assert await asyncio.to_thread(health, world)
        suspend(Home(world.home("th")), SystemClock(), target_of(client="cli"), "laptop stolen")
        with pytest.raises(Unauthenticated, match="withdrawn"):
            await _until_refused(world)


async def test_new_tls_files_are_used_by_a_running_node(tmp_path: Path) -> None:
    async with running(build_world(tmp_path, {}, ("th", "vn")), ("th",)) as world:
        assert await asyncio.to_thread(health, world)
        home = Home(world.home("th"))
        authority = load_authority(world.federation["th"].authority)
        certify(tmp_path, authority, "new", CertificateName(MemberId("th"), CertificateUse.NODE, "node1"))
        before = world.nodes["th"]._tls_files._used
        (tmp_path / "new.key").replace(home.key("tls"))
        (tmp_path / "new.pem").replace(home.certificate("tls"))
        async with asyncio.timeout(WITHIN_S):
            while world.nodes["th"]._tls_files._used == before:
                await asyncio.sleep(0.05)
        assert await asyncio.to_thread(health, world)


async def test_a_stop_does_not_wait_for_an_idle_client(tmp_path: Path) -> None:
    world = build_world(tmp_path, {}, ("th", "vn"))
    node = await world.start("th")
    with connection(world) as client:
        await asyncio.to_thread(client.health)
        assert node._agency is not None
        with waiting() as watch:
            await node._agency.stop()
        assert watch.seconds < 2.0
    await world.stop("th")


async def _until_refused(world: World) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                await asyncio.to_thread(health, world)
            except LiaisonError as error:
                raise Unauthenticated(error.message) if error.code == "client-withdrawn" else error from error
            await asyncio.sleep(0.05)
