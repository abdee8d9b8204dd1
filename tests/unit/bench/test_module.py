"""The bench's answering node with its keys in SoftHSM: settings name them, and its key files are gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from certs.hsm.places import key_places, uri_at
from gateway.bench.module import KEYS, LANE_KEYS, keys_in_module
from gateway.bench.world import build_world
from gateway.config import Home, load_settings
from tests.support.security_module import make_token

pytestmark = pytest.mark.process


def test_the_keys_of_the_answering_node_lie_in_a_token(tmp_path: Path) -> None:
    make_token(tmp_path / "there")  # says where SoftHSM is missing
    world, before = build_world(tmp_path / "world", 10), dict(os.environ)
    with keys_in_module(world.answerer, tmp_path / "module"):
        home = Home(world.answerer)
        assert not any(home.key(name).exists() for name in KEYS)
        assert all(uri_at(home.key(name)) for name in KEYS)
        assert {place.stem for place in key_places(home.keys)} >= {*KEYS, "tls", "agency-police"}
        assert load_settings(world.answerer).keys.log == "pkcs11:token=bench;object=log"
    assert dict(os.environ) == before


def test_the_key_of_tls_alone_lies_in_a_token_and_the_echo_has_it_in_a_file(tmp_path: Path) -> None:
    make_token(tmp_path / "there")
    world = build_world(tmp_path / "world", 10)
    with keys_in_module(world.answerer, tmp_path / "module", LANE_KEYS):
        assert load_settings(world.answerer).keys.tls == "pkcs11:token=bench;object=tls"
        assert not Home(world.answerer).key("tls").exists()
        assert Home(world.answerer).key("statement").exists()
        assert Home(world.echo).key("tls").exists()
