"""What a newcomer reads is true: `CONTRIBUTING.md` names what exists, and the list of pages in the README is whole."""

from __future__ import annotations

import ast
import re
from collections import Counter

import yaml

from tests.support.shared import PROJECT

_TEXT = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
_QUOTED = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"\.?[\w*-]+(?:/[\w.*-]+)+|[A-Z]+\.md|\.[a-z-]+\.yaml")
_ADDED = (
    "field of a record",
    "field of what people hand in",
    "notice",
    "query kind",
    "record type",
    "page",
    "command",
    "setting",
    "language",
    "source kind",
)


def _named() -> set[str]:
    return {name for name in _QUOTED.findall(_TEXT) if _PATH.fullmatch(name)}


def _rows() -> dict[str, list[str]]:
    rows = [line.strip("| ").split(" | ") for line in _TEXT.splitlines() if line.startswith("| **")]
    return {row[0].split("**")[1]: row[1:] for row in rows}


def test_every_path_that_it_names_is_there() -> None:
    assert len(_named()) > 50
    assert [name for name in sorted(_named()) if not [*PROJECT.glob(name)]] == []


def test_every_target_that_it_names_is_one_of_make() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", _TEXT))
    assert {"setup", "check", "test", "demo", "quick", "nightly", "generated"} <= named <= targets


def test_each_thing_that_is_added_has_its_files_its_tests_and_what_is_made_again() -> None:
    rows = _rows()
    assert tuple(rows) == _ADDED
    for thing, (files, tests, made) in rows.items():
        assert _QUOTED.search(files), thing
        assert "`tests/" in tests, thing
        assert made, thing


def test_it_is_read_in_two_screens() -> None:
    assert len(_TEXT.splitlines()) <= 100


def test_a_commit_is_checked_with_what_make_check_runs_and_downloads_nothing() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    parts = (makefile.partition(f"\n{target}: ")[2].partition("\n\n")[0] for target in ("proto-check", "check"))
    recipes = [line for part in parts for line in part.splitlines() if line.startswith("\t")]
    wanted = [command for line in recipes for command in re.findall(r"\$\(BIN\)/(.+?)(?: \.)?(?= && |$)", line)]
    (local,) = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"].replace(" --force-exclude", "") for hook in local["hooks"]]
    assert [re.findall(r"\.venv/bin/(.+?)(?: \.)?'?$", entry)[0] for entry in entries] == wanted
    assert len(wanted) == 9
    assert local["repo"] == "local"
    assert {hook["language"] for hook in local["hooks"]} == {"system"}


def test_the_readme_lists_every_page_once_under_who_reads_it() -> None:
    part = (PROJECT / "README.md").read_text(encoding="utf-8").partition("## Reading on\n")[2].partition("\n## ")[0]
    headings = re.findall(r"^\*\*(.+)\*\*$", part, re.MULTILINE)
    assert headings == ["The first day", "Running a node", "Officers and desks", "Auditors", "Building on it"]
    linked = Counter(re.findall(r"\]\(([^)]+)\)", part))
    assert [page for page, times in linked.items() if times > 1] == []
    found = (page for folder in ("docs", "docs/guides", "docs/desk") for page in (PROJECT / folder).glob("*.md"))
    pages = {str(page.relative_to(PROJECT)) for page in found}
    assert pages - linked.keys() == set()


def test_the_design_names_every_room_of_the_house_and_each_package_says_what_it_holds() -> None:
    section = (PROJECT / "docs/design.md").read_text(encoding="utf-8").partition("## 2. ")[2].partition("\n## ")[0]
    rooms = (path for path in (PROJECT / "gateway").iterdir() if not path.stem.startswith("__"))
    assert [path.name for path in rooms if not re.search(rf"\b{path.stem}\b", section)] == []
    tops = ("gateway", "adapters", "bridges", "policy", "certs")
    packages = [path for top in tops for path in (PROJECT / top).rglob("__init__.py")]
    assert [str(path) for path in packages if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []
