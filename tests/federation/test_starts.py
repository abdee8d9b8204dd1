"""A second node of a process makes nothing again that is the same for all of its nodes."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cedarpy
import pytest
from fastapi.routing import APIRoute
from jinja2 import Environment

from gateway.agency import api
from gateway.config.schema import PACKAGED_POLICY
from gateway.console.frame import static
from gateway.console.visits import render
from gateway.matching.normal import asked_name
from gateway.matching.scripts import tables
from gateway.ops.console import outline
from gateway.ops.policy import keeper
from gateway.recent import Recent
from policy.bundle import bundle
from tests.support.console_nodes import consoles
from tests.support.exchange import sample_world

BUILT = {"route", "question to Cedar", "policy", "template", "file of the console", "drawing of the map"}


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count by kind what is built from now on, in a process that has built nothing yet."""
    counts: Counter[str] = Counter()

    def count(kind: str, owner: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **named: Any) -> Any:
            counts[kind] += 1
            return real(*args, **named)

        monkeypatch.setattr(owner, name, counted)

    for kept in (api.application, render._templates, static.packaged, outline._drawn, bundle._loaded):
        kept.cache_clear()
    monkeypatch.setattr(keeper, "_READY", Recent(16))
    monkeypatch.setattr(keeper, "READY_S", 60.0)  # the counts say what is worked out, however busy the machine is
    count("route", APIRoute, "__init__")
    count("question to Cedar", cedarpy, "is_authorized")
    count("policy", bundle, "check_bundle")
    count("template", Environment, "compile")
    count("file of the console", static, "_static")
    count("drawing of the map", outline, "_land")
    return counts


async def test_a_second_node_of_a_process_builds_no_route_no_template_and_asks_cedar_nothing_ahead(
    tmp_path: Path, built: Counter[str]
) -> None:
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        async with consoles(folder) as running, running.visitor() as stranger:
            assert (await stranger.get("/login")).status_code == 200
        if folder.name == "first":
            assert {kind for kind, count in built.items() if count} == BUILT
            built.clear()
    assert not built


async def test_a_policy_folder_that_changed_between_two_starts_is_loaded_and_made_ready_anew(
    tmp_path: Path, built: Counter[str]
) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    folder = world.home("th") / "policy"
    shutil.copytree(PACKAGED_POLICY / "national" / "th", folder)
    with (world.home("th") / "node.toml").open("a") as file:
        file.write('[policy]\nnational = "policy"\n')
    hashes = []
    for rule in ("", '@id("th-nothing")\nforbid (principal, action == Action::"release", resource);\n'):
        with (folder / "records.cedar").open("a") as file:
            file.write(rule)
        built.clear()
        node = await world.start("th")
        hashes.append(node.resources.policy.engine.hash)
        await world.stop("th")
        assert built["policy"] == 1
        assert built["question to Cedar"] > 100
    assert len(set(hashes)) == 2


async def test_a_node_that_listens_has_read_the_tables_of_all_scripts(tmp_path: Path) -> None:
    """The first question by name has no more time than others."""
    world = sample_world(tmp_path, ("th",))
    with tables.without(()):  # nothing of them is known here
        await world.start("th")
        read = tables.rows.cache_info().misses
        for name in ("สมชาย ใจดี", "ສົມໄຊ", "TRẦN THỊ HỒNG", "李晓红", "សុខ ចាន់", "မောင်လှ", "Пётр", "عبد الله", "박지민"):
            assert asked_name(name).forms
        assert tables.rows.cache_info().misses == read > 0
        await world.stop("th")
