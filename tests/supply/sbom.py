"""Write the list of all parts of the product (CycloneDX 1.6): `python -m tests.supply.sbom FILE` (`make sbom`).

It is made from the locks: each package that is installed with the product or with one of its extras, with its version,
the hashes of its files, its licence, and what needs it. The same locks give the same bytes: no time of making is in it,
and its serial number is that of its content.
"""

from __future__ import annotations

import json
import sys
import tomllib
import uuid
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, Final

from cyclonedx.schema import SchemaVersion
from cyclonedx.spdx import is_expression, is_supported_id
from cyclonedx.validation.json import JsonStrictValidator

from gateway import __version__
from tests.supply.lock import BASE, Locked, extras, read
from tests.support.shared import PROJECT

_SPACE: Final = uuid.UUID("5b0f6c0e-3f5a-5f0e-9d6b-0a5f6a2f9c11")

SAID_ELSEWHERE: Final = {
    "anyascii": "ISC",
    "cedarpy": "Apache-2.0",
    "defusedxml": "PSF-2.0",
    "httpx2-jsfetch": "BSD-3-Clause",
    "ipp-crypto": "Apache-2.0",
    "jinja2": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "segno": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
    "uvloop": "MIT OR Apache-2.0",
}
"""Licences, as in the packages' own files, where the metadata has no SPDX name, or this machine not the package."""


def sbom(packages: Sequence[Locked], optional: Sequence[Locked] = ()) -> dict[str, Any]:
    """Return the document; raise `ValueError` for a package whose licence is not known."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    root = _reference(project["name"], __version__)
    parts = [*packages, *optional]
    references = {package.name: _reference(package.name, package.version) for package in parts}
    references[project["name"]] = root
    needs: dict[str, list[str]] = {reference: [] for reference in references.values()}
    for package in parts:
        for name in set(package.wanted_by) & references.keys():
            needs[references[name]].append(references[package.name])
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _root(root, project)},
        "components": [
            _component(package, references[package.name], "required" if place < len(packages) else "optional")
            for place, package in enumerate(parts)
        ],
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


def _component(package: Locked, reference: str, scope: str) -> dict[str, Any]:
    found = {
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "scope": scope,
        "hashes": [{"alg": "SHA-256", "content": each} for each in sorted(package.hashes)],
        "licenses": _licence(package.name),
        "purl": reference,
    }
    if package.marker:
        found["properties"] = [{"name": "liaison:installed-where", "value": package.marker}]
    return found


def _reference(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _licence(name: str) -> list[dict[str, Any]]:
    return _written(name, SAID_ELSEWHERE.get(name) or _in_metadata(name))


def _written(name: str, said: str) -> list[dict[str, Any]]:
    """Return a licence, or an expression of several, as the document has it."""
    if is_supported_id(said):
        return [{"license": {"id": said}}]
    if said and is_expression(said):
        return [{"expression": said}]
    raise ValueError(f"`{name}` says `{said}` of its licence: add its SPDX name to SAID_ELSEWHERE")


def _in_metadata(name: str) -> str:
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return ""
    expression, plain = (next(iter(told.get_all(field) or []), "") for field in ("License-Expression", "License"))
    is_mit = "License :: OSI Approved :: MIT License" in (told.get_all("Classifier") or [])
    return expression or ("MIT" if is_mit else plain)


def text(packages: Sequence[Locked], optional: Sequence[Locked] = ()) -> str:
    """Return the document as bytes that are the same for the same lock; raise `ValueError` where it is not valid."""
    written = json.dumps(sbom(packages, optional), indent=2, sort_keys=True) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(written)
    if wrong is not None:
        raise ValueError(f"not valid: {wrong.data.message}")
    return written


def main(file: Path) -> None:
    """Write the document."""
    file.parent.mkdir(parents=True, exist_ok=True)
    packages, optional = read(BASE), extras()
    file.write_text(text(packages, optional), encoding="utf-8")
    sys.stdout.write(f"{file.name}: {len(packages)} packages, {len(optional)} of extras\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
