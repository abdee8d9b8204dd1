"""What comes from others: a vulnerable version fails the check, and the list of parts has all parts of the lock."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import tomllib
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from tests.supply import advisories, data_parts, sbom
from tests.supply.advisories import SNAPSHOT, Advisory, Snapshot, affects, errors, found, from_osv, load, warnings
from tests.supply.bundle import pages
from tests.supply.inside import inside
from tests.supply.inside import load as load_native
from tests.supply.lock import BASE, LOCKS, Locked, extras, read
from tests.supply.wheels import Platform
from tests.support.shared import PROJECT
from tests.support.tables import table

SHIPPED = [*read(BASE), *extras()]
PAGE = Path(PROJECT, "docs", "dependencies").with_suffix(".md").read_text(encoding="utf-8")
ALL = [package for lock in LOCKS for package in read(lock)]


def locked(name: str, version: str) -> Locked:
    return Locked(name, version, "", ("0" * 64,), ("liaison-gateway",))


def test_what_is_locked_has_no_known_vulnerability() -> None:
    assert list(errors(load(), ALL, SHIPPED)) == []


@table(
    ("name", "version"),
    [("starlette", "1.0.0"), ("cryptography", "49.0.0"), ("pyjwt", "2.12.1"), ("urllib3", "2.6.3"), ("h11", "0.14.0"),
     ("protobuf", "6.33.4"), ("jinja2", "3.1.5"), ("orjson", "3.11.5")],
)  # fmt: skip
def test_a_vulnerable_version_is_found(name: str, version: str) -> None:
    snapshot = load()
    packages = [locked(name, version) if package.name == name else package for package in ALL]
    assert any(line.startswith(f"{name} {version} is affected by ") for line in errors(snapshot, packages, SHIPPED))


def test_the_command_fails_for_a_planted_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "planted.lock"
    text = BASE.read_text()
    starlette = next(package for package in SHIPPED if package.name == "starlette")
    lock.write_text(text.replace(f"starlette=={starlette.version}", "starlette==1.0.0"))
    assert advisories.main([], SNAPSHOT, [lock]) == 1
    assert "starlette 1.0.0 is affected by CVE-2026-48710" in capsys.readouterr().out
    assert advisories.main([]) == 0


def test_what_is_accepted_needs_a_reason_and_a_hit(tmp_path: Path) -> None:
    text = json.loads(SNAPSHOT.read_text())
    none = tmp_path / "none.json"
    none.write_text(json.dumps({**text, "accepted": []}))
    [line] = errors(load(none), ALL, SHIPPED)
    assert line.startswith("pyjwt ")
    needless = {**text["accepted"][0], "package": "click"}
    none.write_text(json.dumps({**text, "accepted": [*text["accepted"], needless]}))
    assert any("accepted, and affects nothing" in line for line in errors(load(none), ALL, SHIPPED))
    for wrong in ({"reason": "ok"}, {"since": "soon"}):
        none.write_text(json.dumps({**text, "accepted": [{**text["accepted"][0], **wrong}]}))
        with pytest.raises(ValueError):
            load(none)


def test_a_snapshot_that_holds_nothing_is_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps({**json.loads(SNAPSHOT.read_text()), "advisories": []}))
    with pytest.raises(ValueError, match="holds no advisory"):
        load(empty)


def test_a_package_that_nobody_looked_up_fails_and_an_old_snapshot_warns() -> None:
    new = locked("brand-new", "1.0")
    assert list(errors(load(), [*ALL, new], [*SHIPPED, new])) == [
        "brand-new was never looked up: add its advisories, or its name to `looked_up` where there are none"
    ]
    snapshot = Snapshot(date(2026, 1, 1), frozenset({"brand-new"}), load().advisories, {})
    assert list(warnings(snapshot, [new], date(2026, 1, 1) + timedelta(days=90))) == []
    [warning] = warnings(snapshot, [new], date(2026, 1, 1) + timedelta(days=91))
    assert "91 days ago" in warning


@table(
    ("affected", "version", "hit"),
    [
        (">=2.0,<2.4.0", "2.3.9", True),
        (">=2.0,<2.4.0", "2.4.0", False),
        (">=2.0,<2.4.0", "2.4.0rc1", False),
        (">=0,<=2.1", "2.1", True),
        ("==2.10.0", "2.10", True),
        (">=0", "0.1a1", True),
    ],
)
def test_versions_are_compared_as_pep_440_says(affected: str, version: str, hit: bool) -> None:
    assert affects(affected, version) is hit


def osv(**changes: Any) -> dict[str, Any]:
    """A document of the OSV database."""
    events = [
        {"introduced": "0"},
        {"fixed": "1.2"},
        {"introduced": "2.0"},
        {"last_affected": "2.3"},
        {"introduced": "3"},
    ]
    package = {"package": {"ecosystem": "PyPI", "name": "Some.Thing"}}
    affected = [{**package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
    return {"id": "PYSEC-1", "aliases": ["CVE-1"], "summary": "it falls over", "affected": affected} | changes


def test_a_document_of_osv_gives_every_range() -> None:
    ranges = [item.affected for item in from_osv(osv())]
    assert ranges == [">=0,<1.2", ">=2.0,<=2.3", ">=3"]
    assert next(iter(from_osv(osv()))) == Advisory("PYSEC-1", ("CVE-1",), "some-thing", ">=0,<1.2", "it falls over")
    assert list(from_osv(osv(withdrawn="2026-01-01T00:00:00Z"))) == []
    listed = [{"package": {"ecosystem": "PyPI", "name": "x"}, "versions": ["1.0", "dev"]}]
    assert [item.affected for item in from_osv(osv(affected=listed))] == ["==1.0"]
    assert list(from_osv(osv(affected=[{"package": {"ecosystem": "npm", "name": "x"}, "versions": ["1"]}]))) == []


def test_a_new_snapshot_is_taken_from_files_and_keeps_what_it_does_not_have(tmp_path: Path) -> None:
    lock, file, folder = tmp_path / "x.lock", tmp_path / "advisories.json", tmp_path / "osv"
    lock.write_text(BASE.read_text())
    file.write_text(SNAPSHOT.read_text())
    folder.mkdir()
    affected = [{"package": {"ecosystem": "PyPI", "name": "Click"},
                 "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]  # fmt: skip
    (folder / "one.json").write_text(json.dumps(osv(affected=affected)))
    assert advisories.main(["--take", str(folder)], file, [lock]) == 1
    taken = load(file)
    assert {package.name for package, advisory in found(taken, SHIPPED) if advisory.id == "PYSEC-1"} == {"click"}
    assert any("CVE-2026-48710" in (item.id, *item.aliases) for item in taken.advisories)
    assert taken.accepted == load().accepted


def test_every_block_of_a_lock_is_read(tmp_path: Path) -> None:
    for lock in LOCKS:
        assert len(read(lock)) == len(re.findall(r"^[a-z0-9]\S*==", lock.read_text(), re.MULTILINE))
    broken = tmp_path / "broken.lock"
    broken.write_text("click>=8\n")
    with pytest.raises(ValueError, match="is no locked package"):
        read(broken)


def made_wheel(folder: Path, package: Locked, **files: bytes) -> Path:
    """Write a wheel of a package with the name that pip gives it."""
    wheel = folder / f"{package.name.replace('-', '_')}-{package.version}-py3-none-any.whl"
    about = wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"
    with ZipFile(wheel, "w") as opened:
        opened.writestr(f"{about}/METADATA", "Metadata-Version: 2.4\nLicense-Expression: MIT\n")
        for name, data in files.items():
            opened.writestr(name.replace("INFO", about), data)
    return wheel


PLATFORM = Platform("3.13", "x86_64")


@pytest.mark.long
def test_n230_the_list_of_parts_has_what_a_platform_installs_and_nothing_else(tmp_path: Path) -> None:
    linked = {name: "".join(part["seen"] for part in row["parts"]).encode() for name, row in load_native().items()}
    wheels = [
        made_wheel(tmp_path, package, **({"core.abi3.so": linked[package.name]} if package.name in linked else {}))
        for package in SHIPPED
        if PLATFORM.wants(package)
    ]
    left_out = {package.name for package in SHIPPED} - {str(parse_wheel_filename(file.name)[0]) for file in wheels}
    assert left_out == {"httpx2-jsfetch"}, "what a browser installs is not in a node"
    written = sbom.text(PLATFORM, wheels)
    assert written == sbom.text(PLATFORM, wheels)
    assert "timestamp" not in written
    document = json.loads(written)
    listed = {part["name"]: part for part in document["components"] if part["bom-ref"].startswith("pkg:pypi/")}
    assert listed.keys() == {package.name for package in SHIPPED} - left_out
    for package, wheel in zip((each for each in SHIPPED if PLATFORM.wants(each)), wheels, strict=True):
        part = listed[package.name]
        assert part["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
        assert (part["version"], bool(part["licenses"])) == (package.version, True)
        assert (part["scope"] == "optional") == (package in extras())
    direct = next(item for item in document["dependencies"] if item["ref"].startswith("pkg:pypi/liaison-gateway@"))
    assert "pkg:pypi/cryptography@" in "".join(direct["dependsOn"])
    assert json.loads(sbom.text(PLATFORM, wheels[:-1]))["serialNumber"] != document["serialNumber"]


def test_the_list_of_parts_has_fonts_map_words_and_tables_with_the_hash_of_each_file() -> None:
    parts = data_parts.parts()
    found = {part["name"]: part for part in parts}
    files = {file["name"]: file["hashes"][0]["content"] for part in parts for file in part["components"]}
    assets = PROJECT / "gateway" / "console" / "assets"
    there = [*(assets / "fonts").iterdir(), assets / "outline.json"]
    assert {str(file.relative_to(PROJECT)) for file in there} <= files.keys()
    assert all(hashlib.sha256((PROJECT / name).read_bytes()).hexdigest() == digest for name, digest in files.items())
    assert {"@fontsource-variable/noto-sans-sc", "world-atlas", "cldr", "unihan", "opencc", "geonames"} <= found.keys()
    assert "gateway/matching/data/han_variants.tsv" in files
    assert all(part["licenses"] for part in parts)
    assert found["world-atlas"]["purl"] == "pkg:npm/world-atlas@2.0.2"
    assert len(found["world-atlas"]["hashes"][0]["content"]) == 128


def test_a_table_that_nobody_accounts_for_is_refused() -> None:
    listed = tomllib.loads(data_parts.TABLES.read_text(encoding="utf-8"))
    assert len(data_parts.tables(listed)) == len(listed["made"])
    for ours in (
        listed["ours"][1:],
        [*listed["ours"], "gateway/none.tsv"],
        [*listed["ours"], *listed["made"][0]["files"]],
    ):
        with pytest.raises(ValueError, match=r"say in tables.toml who made \['"):
            data_parts.tables({**listed, "ours": ours})


def test_n230_the_list_of_parts_has_what_stands_inside_wheels_and_only_what_is_there(tmp_path: Path) -> None:
    package = locked("some-thing", "1.0")
    told = [{"name": "itoa", "version": "1.0", "purl": "pkg:cargo/itoa@1.0"}, {"name": "cc", "scope": "excluded"}]
    maker = json.dumps({"components": [*told, {"name": "some_thing", "version": "1.0"}]}).encode()
    code = {"some_thing/_core.abi3.so": b"..libwind 2.1..", "some_thing.libs/libsea-1f.so.3": b"sea"}
    row = {"version": "1.0", "parts": [{"name": "libwind", "version": "2.1", "seen": "libwind 2.1"}]}

    def names(table: dict[str, Any], **files: bytes) -> list[tuple[str, str]]:
        (tmp_path / "some_thing-1.0-py3-none-any.whl").unlink(missing_ok=True)
        parts = inside(package, made_wheel(tmp_path, package, **files), "ref", table)
        return [(part["name"], part.get("version", "")) for part in parts]

    listed = {"INFO/sboms/thing.cyclonedx.json": maker}
    assert names({}) == []
    assert names({}, **code, **listed) == [("itoa", "1.0"), ("libsea-1f.so.3", "")]
    assert names({"some-thing": row}, **code) == [("libsea-1f.so.3", ""), ("libwind", "2.1")]
    for other in ({}, {"some-thing": {**row, "version": "0.9"}}):
        with pytest.raises(ValueError, match=r"nobody says what is linked into .* some-thing 1\.0"):
            names(other, **code)
    with pytest.raises(ValueError, match="nobody says"):
        names({}, **code, **{"INFO/sboms/auditwheel.cdx.json": maker})
    with pytest.raises(ValueError, match="`libwind` is not in some-thing 1"):
        names({"some-thing": row}, **{"some_thing/_core.abi3.so": b"nothing"})


def test_a_package_whose_licence_is_not_known_is_refused(tmp_path: Path) -> None:
    package = locked("no-such-package", "1")
    wheel = made_wheel(tmp_path, package, **{"INFO/other": b""})
    with ZipFile(wheel, "w") as opened:
        opened.writestr("no_such_package-1.dist-info/METADATA", "Metadata-Version: 2.4\nLicense: ask us\n")
    with pytest.raises(ValueError, match="`ask us` of its licence"):
        sbom.sbom(PLATFORM, [wheel], [package], {})


def test_every_row_of_native_code_is_of_a_locked_version() -> None:
    versions = {package.name: package.version for package in SHIPPED}
    assert {name: row["version"] for name, row in load_native().items()}.items() <= versions.items()


def test_ci_makes_both() -> None:
    assert "make sbom" in (PROJECT / ".ci" / "run").read_text()
    check = (PROJECT / "Makefile").read_text().partition("\ncheck: ")[2].partition("\n\n")[0]
    assert "tests.supply.advisories" in check


def test_every_direct_dependency_says_what_it_is_trusted_with() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert sorted(name for name, *_ in rows) == sorted(Requirement(line).name for line in wanted)
    assert [name for name, *cells in rows if min(map(len, cells)) < 7] == []


def test_a_bundle_brings_every_page_that_its_pages_lead_to() -> None:
    held = pages()
    assert "docs/guides/connect-an-agency-system.md" in held
    for name, data in held.items():
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+\.md)", data.decode()) if name.endswith(".md") else ():
            target = PurePosixPath(os.path.normpath(PurePosixPath(name).parent / link))
            assert str(target) in held or target.parts[0] != "docs", f"{name}: {link}"
