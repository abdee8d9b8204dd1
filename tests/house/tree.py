"""List the modules of the product, folder by folder."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.support.shared import PROJECT

TOPS = ("gateway", "adapters", "policy", "certs", "bridges")
"""The folders of the product; `bridges` counts as soon as it exists."""


def modules() -> list[Path]:
    """Return every module of the product, except `__init__` and generated code."""
    found = (path for top in TOPS for path in (PROJECT / top).rglob("*.py"))
    return sorted(path for path in found if path.name != "__init__.py")


def folders() -> dict[str, list[str]]:
    """Return the names of the modules in each folder."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in modules():
        found[str(path.parent.relative_to(PROJECT))].append(path.stem)
    return dict(sorted(found.items()))


def parsed() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every module of the product, `__init__` among them, with its syntax tree."""
    for top in TOPS:
        for path in sorted((PROJECT / top).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))
