"""The house keeps its own rules: what may be in the tree, and that its documents name what exists."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.main import COMMANDS
from gateway.errors import LiaisonError
from tests.house import docstrings
from tests.house.names import confusing, inflections
from tests.support.network import NetworkForbidden
from tests.support.shared import PROJECT, shared_path
from tests.support.tables import table

_NOT_OURS = {".git", ".venv", "dist", "build", "__pycache__", "node_modules"}
_BINARY = {".binpb", ".sqlite", ".pyc"}
# Written in two parts, so that this file does not hold what it forbids.
_FORBIDDEN = [
    re.compile(rf"(?<![\w/.-]){first}{second}")
    for first, second in (
        ("/wo", "rk/"),
        ("/ro", r"ot/(?!ca)"),
        ("/tm", r"p/[a-z]+/"),
        ("py", r"pi\.(org|python)"),
        ("python", r"hosted\."),
        ("npm", r"js\.(org|com)"),
        ("BEGIN (EC |RSA )?PRIV", "ATE KEY"),
    )
]
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def _files() -> Iterator[Path]:
    for path in sorted(PROJECT.rglob("*")):
        parts = path.relative_to(PROJECT).parts
        if not path.is_file() or _NOT_OURS & set(parts) or any(part.endswith("_cache") for part in parts):
            continue
        if path.suffix not in _BINARY and parts[0] not in (".hypothesis", "tmp"):
            yield path


def _pages() -> list[Path]:
    return [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]


@pytest.mark.long
def test_no_file_names_a_machine_s_path_a_package_registry_or_holds_a_private_key() -> None:
    found = []
    for path in _files():
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(PROJECT)}: {match[0]}" for rule in _FORBIDDEN if (match := rule.search(text))]
    assert found == []


def test_the_lock_has_a_hash_for_each_package_and_names_no_index() -> None:
    for name in ("base.lock", "dev.lock"):
        lock = (PROJECT / "requirements" / name).read_text()
        packages = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", lock, re.MULTILINE | re.DOTALL)
        assert packages
        assert all("==" in package and "--hash=sha256:" in package for package in packages)
        assert "index-url" not in lock
        assert "://" not in lock


def test_what_the_base_lock_holds_stands_in_the_dev_lock_with_the_same_version() -> None:
    versions = {}
    for name in ("base.lock", "dev.lock"):
        lock = (PROJECT / "requirements" / name).read_text()
        versions[name] = dict(re.findall(r"^([a-z0-9_.-]+)==(\S+)", lock, re.MULTILINE))
    assert versions["base.lock"].items() <= versions["dev.lock"].items()


def test_every_link_in_the_documents_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(PROJECT)}: {link}"
        for page in _pages()
        for link in _LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", (PROJECT / "README.md").read_text(encoding="utf-8")))
    assert {"setup", "check", "test", "demo", "bench"} <= named
    assert named <= targets


def test_every_command_stands_in_the_guide_for_operators() -> None:
    guide = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"liaison {name}" not in guide + readme and f"make {name}" not in readme] == []


def test_every_error_of_the_tree_stands_in_its_drawing() -> None:
    drawing = (PROJECT / "gateway" / "errors.py").read_text().split('"""')[1]
    pending, missing = [LiaisonError], []
    while pending:
        kind = pending.pop()
        pending += [child for child in kind.__subclasses__() if child.__module__ == LiaisonError.__module__]
        missing += [] if kind.__name__ in drawing else [kind.__name__]
    assert missing == []


def test_no_folder_has_two_modules_named_with_forms_of_one_verb() -> None:
    assert confusing() == []


@table(
    ("one", "other", "confused"),
    [
        ("erase", "erasures", True),
        ("erase_key", "erasing", True),
        ("witness", "witnessing", True),
        ("index_file", "index_seal", False),
        ("event", "events", False),
        ("reading", "search", False),
    ],
)
def test_forms_of_one_verb_are_told_from_a_shared_qualifier(one: str, other: str, confused: bool) -> None:
    assert bool(inflections([one, other])) is confused


@pytest.mark.long
def test_docstrings_of_functions_begin_with_a_verb_and_speak_plainly() -> None:
    found = docstrings.totals()
    assert found == docstrings.LIMITS, "lower the limit where there are fewer, write plainly where there are more"


def test_a_connection_that_would_leave_the_machine_is_refused() -> None:
    with socket.socket() as outside, pytest.raises(NetworkForbidden, match=r"192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 9))


def test_the_shared_data_has_what_the_tests_use() -> None:
    assert (shared_path() / "data" / "agencies" / "built" / "queries.csv").is_file()
