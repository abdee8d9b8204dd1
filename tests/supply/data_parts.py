"""List what the product brings beside programs: the console's fonts, the outline of its map, words of CLDR, and tables.

Fonts and outline are of the npm packages that `tests/support/assets/package-lock.json` pins (`make assets`); each file
that came from one is in it with its hash. A file without a package is refused, and so is a package without a file.
What other makers' tables the product's own (`*.tsv`) hold is in `requirements/tables.toml`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from babel.core import get_global

from tests.support.shared import PROJECT

PINNED: Final = PROJECT / "tests" / "support" / "assets" / "package-lock.json"
_ASSETS: Final = PROJECT / "gateway" / "console" / "assets"
_CATALOGUES: Final = PROJECT / "gateway" / "language" / "catalogues"
TABLES: Final = PROJECT / "requirements" / "tables.toml"
_HOLDERS: Final = ("adapters", "bridges", "certs", "deploy", "gateway", "policy")

_FACE = re.compile(r'font-family: "([^"]+)".*?/([^/"]+\.woff2)"', re.DOTALL)
_OUTLINE = "world-atlas"


def parts() -> list[dict[str, Any]]:
    """Return fonts, outline, words and tables as parts. Raises `ValueError` for a file that no list accounts for."""
    files = _files()
    locked = json.loads(PINNED.read_text(encoding="utf-8"))["packages"]
    packages = {name.removeprefix("node_modules/"): about for name, about in locked.items() if name}
    if files.keys() != packages.keys():
        raise ValueError(f"files and packages of `make assets` differ: {sorted(files.keys() ^ packages.keys())}")
    pinned = [_package(name, about, files[name]) for name, about in sorted(packages.items())]
    return [*pinned, _words(), *tables(tomllib.loads(TABLES.read_text(encoding="utf-8")))]


def tables(listed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tables of other makers as parts, with our files that hold them.

    Raises `ValueError` for a table that is not listed, a file that is not there, and one that is both ours and theirs.
    """
    ours, theirs = set(listed["ours"]), {file for row in listed["made"] for file in row["files"]}
    there = {str(file.relative_to(PROJECT)) for folder in _HOLDERS for file in (PROJECT / folder).rglob("*.tsv")}
    if wrong := (there ^ (ours | theirs)) | (ours & theirs):
        raise ValueError(f"say in {TABLES.name} who made {sorted(wrong)}, once, or take away what is not there")
    return [_table(row) for row in listed["made"]]


def _table(row: Mapping[str, Any]) -> dict[str, Any]:
    reference = f"table:{row['name']}@{row['version']}"
    licence = {"id": row["licence"]} if "licence" in row else {"name": row["terms"]}
    return {
        "type": "data",
        "bom-ref": reference,
        "name": row["name"],
        "version": row["version"],
        "scope": "required",
        "licenses": [{"license": licence}],
        "purl": row.get("purl", f"pkg:generic/{row['name']}@{row['version']}"),
        "components": list(_held([PROJECT / name for name in row["files"]], reference)),
    }


def _files() -> dict[str, list[Path]]:
    """Return the files of each npm package."""
    named: dict[str, list[Path]] = {_OUTLINE: [_ASSETS / "outline.json"]}
    for family, file in _FACE.findall((_ASSETS / "fonts.css").read_text(encoding="utf-8")):
        package = f"@fontsource-variable/{family.lower().replace(' ', '-')}"
        named.setdefault(package, []).append(_ASSETS / "fonts" / file)
    there, told = set((_ASSETS / "fonts").iterdir()), {file for found in named.values() for file in found}
    if wrong := (there | {_ASSETS / "outline.json"}) ^ told:
        raise ValueError(f"no package accounts for {sorted(file.name for file in wrong)}, or it is not there")
    return named


def _package(name: str, about: dict[str, Any], files: list[Path]) -> dict[str, Any]:
    purl = f"pkg:npm/{name.replace('@', '%40')}@{about['version']}"
    kind, _, digest = about["integrity"].partition("-")
    return {
        "type": "data",
        "bom-ref": purl,
        "name": name,
        "version": about["version"],
        "scope": "required",
        "hashes": [{"alg": kind.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}],
        "licenses": [{"license": {"id": about["license"]}}],
        "purl": purl,
        "components": list(_held(files, purl)),
    }


def _words() -> dict[str, Any]:
    """Return the names of months, days and countries, which `make words` takes from CLDR as Babel has it."""
    version = get_global("cldr")["version"]
    purl = f"pkg:generic/cldr@{version}"
    return {
        "type": "data",
        "bom-ref": purl,
        "name": "cldr",
        "version": version,
        "scope": "required",
        "licenses": [{"license": {"id": "Unicode-3.0"}}],
        "purl": purl,
        "components": list(_held([_CATALOGUES / "countries.json", _CATALOGUES / "dates.json"], purl)),
    }


def _held(files: list[Path], reference: str) -> Iterator[dict[str, Any]]:
    for file in sorted(files):
        name = str(file.relative_to(PROJECT))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        hashes = [{"alg": "SHA-256", "content": digest}]
        yield {"type": "file", "bom-ref": f"{reference}#{name}", "name": name, "hashes": hashes}
