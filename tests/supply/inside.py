"""Find what is inside wheels and is no Python package: crates, libraries that were linked in, shared libraries.

Three things say it. Makers put lists into a wheel (PEP 770: `*.dist-info/sboms/`), whose parts for the build alone are
left out. Shared libraries are files of the wheel. What was linked into a native module without a word is in
`requirements/native.toml`, with a text that the module holds: a part that is not there is refused, and so is a wheel
with native code that neither its maker nor the table speaks of, or whose row is of another version.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from tests.supply.lock import Locked
from tests.support.shared import PROJECT

TABLE: Final = PROJECT / "requirements" / "native.toml"

_NATIVE = re.compile(r"\.so(\.[0-9.]+)?$")
_MODULE = re.compile(r"\.(cpython-[^/]+|abi3)\.so$")
_LIST = re.compile(r"\.dist-info/sboms/[^/]+\.json$")
_GRAFTED = "auditwheel.cdx.json"
"""The list of a tool, which names the Debian or CentOS packages of shared libraries, and nothing that was linked in."""

_KEPT = ("name", "version", "purl", "hashes", "licenses")


def inside(package: Locked, wheel: Path, reference: str, table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parts inside the wheel of a package, by name. Raises `ValueError` where no one speaks of its code."""
    found: dict[str, dict[str, Any]] = {}
    with ZipFile(wheel) as opened:
        native = [name for name in opened.namelist() if _NATIVE.search(name)]
        lists = [name for name in opened.namelist() if _LIST.search(name)]
        told = [part for name in lists for part in _told(opened.read(name), package.name)]
        shared = [_shared(name, opened.read(name)) for name in native if not _MODULE.search(name)]
        if package.name in table or (native and all(name.endswith(_GRAFTED) for name in lists)):
            code = b"".join(opened.read(name) for name in native)
            told += _linked(package, code, table.get(package.name))
    for part in (*told, *shared):
        where = f"{reference}#{part['name']}" + (f"@{part['version']}" if "version" in part else "")
        found.setdefault(where, {"type": "library", "bom-ref": where, **part})
    return [found[where] for where in sorted(found)]


def _told(data: bytes, package: str) -> Iterator[dict[str, Any]]:
    """Yield what a list of the maker names, but for the package itself and what only its build needed."""
    for part in json.loads(data)["components"]:
        if part.get("scope") != "excluded" and part["name"].replace("_", "-").lower() != package:
            yield {name: part[name] for name in _KEPT if part.get(name)}


def _shared(name: str, data: bytes) -> dict[str, Any]:
    file = {"name": "liaison:file", "value": name}
    return {"name": name.rpartition("/")[2], "hashes": [_hash(data)], "properties": [file]}


def _hash(data: bytes) -> dict[str, str]:
    return {"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}


def _linked(package: Locked, code: bytes, row: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Yield what the table says of a package's native code, and hold it to that code."""
    if row is None or row["version"] != package.version:
        raise ValueError(
            f"nobody says what is linked into the native code of {package.name} {package.version}: look, and write it "
            f"into {TABLE.relative_to(PROJECT)}"
        )
    for part in row["parts"]:
        if part["seen"].encode() not in code:
            what = f"{package.name} {package.version}"
            raise ValueError(f"`{part['name']}` is not in {what}: its code has no `{part['seen']}`")
        about = {name: part[name] for name in ("name", "version") if name in part}
        version = f"@{part['version']}" if "version" in part else ""
        yield {
            **about,
            "purl": f"pkg:generic/{part['name']}{version}",
            "properties": [{"name": "liaison:seen", "value": part["seen"]}],
        }


def load() -> dict[str, Any]:
    """Return the table of what was linked in without a word, by package."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
