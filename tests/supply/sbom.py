"""Write the list of all parts of the product (CycloneDX 1.6): `python -m tests.supply.sbom FILE` (`make sbom`).

It is made from the locks and the wheels of one platform, those that a bundle for it carries: each package that is
installed there with the product or with one of its extras, with its version, the hash of its wheel, its licence, what
needs it, and what is inside the wheel and is no Python package (`inside.py`); and the fonts, the map, the words and
the tables of other makers that the product brings (`data_parts.py`). What the platform does not install is not in it.
The same locks give the same bytes: no time of making is in it, and its serial number is that of its content.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
import uuid
from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from cyclonedx.schema import SchemaVersion
from cyclonedx.spdx import is_expression, is_supported_id
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import parse_wheel_filename

from gateway import __version__
from tests.supply import data_parts
from tests.supply.inside import inside, load
from tests.supply.lock import BASE, Locked, extras, read
from tests.supply.wheels import CACHE, Platform, fetch
from tests.support.shared import PROJECT

_SPACE: Final = uuid.UUID("5b0f6c0e-3f5a-5f0e-9d6b-0a5f6a2f9c11")

SAID_ELSEWHERE: Final = {
    "anyascii": "ISC",
    "cedarpy": "Apache-2.0",
    "defusedxml": "PSF-2.0",
    "ipp-crypto": "Apache-2.0",
    "jinja2": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "segno": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
    "uvloop": "MIT OR Apache-2.0",
}
"""Licences, as in the packages' own files, where the metadata has no SPDX name."""


def sbom(platform: Platform, wheels: Sequence[Path], packages: Sequence[Locked], table: Mapping[str, Any]) -> Any:
    """Return the document of the wheels of a platform; `packages` are the locked ones, `table` speaks of native code.

    Raises `ValueError` for a package whose licence is not known, and for native code that no one speaks of.
    """
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    root = _reference(project["name"], __version__)
    there = {str(parse_wheel_filename(wheel.name)[0]): wheel for wheel in wheels}
    parts = [package for package in packages if package.name in there]
    required = {package.name for package in read(BASE)}
    data = data_parts.parts()
    references = {package.name: _reference(package.name, package.version) for package in parts}
    references[project["name"]] = root
    needs: dict[str, list[str]] = {reference: [] for reference in references.values()}
    needs[root] = [part["bom-ref"] for part in data]
    for package in parts:
        for name in set(package.wanted_by) & references.keys():
            needs[references[name]].append(references[package.name])
    components = []
    for package in parts:
        wheel, reference = there[package.name], references[package.name]
        scope = "required" if package.name in required else "optional"
        held = inside(package, wheel, reference, table)
        components.append({**_component(package, wheel, reference, scope), **({"components": held} if held else {})})
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": _root(root, project),
            "properties": [{"name": "liaison:platform", "value": platform.tag}],
        },
        "components": [*components, *data],
        "dependencies": [{"ref": name, "dependsOn": sorted(found)} for name, found in sorted(needs.items())],
    }
    content = json.dumps(document, sort_keys=True)
    return {**document, "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, content)}"}


def _root(reference: str, project: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "application",
        "bom-ref": reference,
        "name": project["name"],
        "version": __version__,
        "description": project["description"],
        "licenses": _written(project["name"], project["license"]),
        "purl": reference,
    }


def _component(package: Locked, wheel: Path, reference: str, scope: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "scope": scope,
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}],
        "licenses": _written(package.name, SAID_ELSEWHERE.get(package.name) or _in_metadata(wheel)),
        "purl": reference,
        "properties": [{"name": "liaison:file", "value": wheel.name}],
    }


def _reference(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _written(name: str, said: str) -> list[dict[str, Any]]:
    """Return a licence, or an expression of several, as the document has it."""
    if is_supported_id(said):
        return [{"license": {"id": said}}]
    if said and is_expression(said):
        return [{"expression": said}]
    raise ValueError(f"`{name}` says `{said}` of its licence: add its SPDX name to SAID_ELSEWHERE")


def _in_metadata(wheel: Path) -> str:
    told = _metadata(wheel)
    expression, plain = (next(iter(told.get_all(field) or []), "") for field in ("License-Expression", "License"))
    is_mit = "License :: OSI Approved :: MIT License" in (told.get_all("Classifier") or [])
    return str(expression or ("MIT" if is_mit else plain))


def _metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as opened:
        [name] = [name for name in opened.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1]
        return HeaderParser().parsestr(opened.read(name).decode())


def text(platform: Platform, wheels: Sequence[Path]) -> str:
    """Return the document as bytes that are the same for the same lock; raise `ValueError` where it is not valid."""
    packages = [*read(BASE), *extras()]
    written = json.dumps(sbom(platform, wheels, packages, load()), indent=2, sort_keys=True) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(written)
    if wrong is not None:
        raise ValueError(f"not valid: {wrong.data.message}")
    return written


def main(file: Path) -> None:
    """Write the document of this platform."""
    file.parent.mkdir(parents=True, exist_ok=True)
    platform = Platform.of_this_machine()
    wheels = fetch(platform, CACHE)
    file.write_text(text(platform, wheels), encoding="utf-8")
    sys.stdout.write(
        f"{file.name}: {len(wheels)} packages for {platform.tag} and what they hold; fonts, map, words, tables\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
