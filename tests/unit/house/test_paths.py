"""Every module and file of this tree that a document names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.shared import PROJECT

_TOPS = "gateway|adapters|policy|certs|tests|proto|docs|exchange|app|storage|audit|ops|node|agency|config|model"
_FILE = re.compile(rf"`((?:{_TOPS})/[\w/.-]+\.(?:py|md|proto|toml))`")
_MODULE = re.compile(r"`((?:gateway|adapters|certs|tests)(?:\.[a-z_]+)+)(?:\.[A-Z]\w*)?`")
_LINK = re.compile(r"\]\(([^)#:\s]+\.md)(?:#[^)]*)?\)")
_GONE = {
    ("docs/decisions/0009-frozen-for-the-checker.md", "gateway.model.frozen.frozen"),
    ("docs/decisions/0014-batches-through-the-wall.md", "exchange/pair.py"),
    ("docs/decisions/0017-one-worker-one-kind-of-work.md", "exchange/pair.py"),
    ("docs/decisions/0031-values-are-structures.md", "gateway.model.frozen.frozen"),
    ("docs/decisions/0033-values-are-written-plainly.md", "gateway/model/frozen.py"),
}
"""What a record of a decision names because it is gone."""


def _documents() -> list[Path]:
    return [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]


def _is_file(name: str) -> bool:
    return (PROJECT / name).exists() or (PROJECT / "gateway" / name).exists()


def _is_module(name: str) -> bool:
    """Return true for a package, a module, or a name of one."""
    path = PROJECT / name.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    owner = next(
        (place for place in (path.parent.with_suffix(".py"), path.parent / "__init__.py") if place.exists()), None
    )
    return owner is not None and re.search(rf"\b{path.name}\b", owner.read_text()) is not None


def _missing(document: Path) -> Iterator[str]:
    text = document.read_text()
    yield from (name for name in _FILE.findall(text) if not _is_file(name))
    yield from (name for name in _MODULE.findall(text) if not _is_module(name))
    yield from (name for name in _LINK.findall(text) if not (document.parent / name).exists())


def test_every_module_file_and_page_that_a_document_names_is_there() -> None:
    found = {(str(page.relative_to(PROJECT)), name) for page in _documents() for name in _missing(page)}
    assert found - _GONE == set()


def test_what_is_listed_as_gone_is_gone() -> None:
    found = {(str(page.relative_to(PROJECT)), name) for page in _documents() for name in _missing(page)}
    assert found >= _GONE
