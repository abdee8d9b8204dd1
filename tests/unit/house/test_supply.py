"""What comes from others: a vulnerable version fails the check, and the list of parts has all parts of the lock."""

from __future__ import annotations

import itertools
import json
import os
import re
import tomllib
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.supply import advisories, sbom
from tests.supply.advisories import SNAPSHOT, Advisory, Snapshot, affects, errors, found, from_osv, load, warnings
from tests.supply.bundle import pages
from tests.supply.lock import BASE, LOCKS, Locked, extras, read
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


@pytest.mark.long
def test_the_list_of_parts_has_every_package_with_hashes_and_licence_and_is_the_same_again() -> None:
    written = sbom.text(read(BASE), extras())
    assert written == sbom.text(read(BASE), extras())
    document = json.loads(written)
    listed = {(part["name"], part["version"]): part for part in document["components"]}
    assert listed.keys() == {(package.name, package.version) for package in SHIPPED}
    for package in SHIPPED:
        part = listed[package.name, package.version]
        assert {item["content"] for item in part["hashes"]} == set(package.hashes)
        assert part["licenses"]
    assert {part["name"] for part in document["components"] if part["scope"] == "optional"} == {
        package.name for package in extras()
    }
    direct = next(item for item in document["dependencies"] if item["ref"].startswith("pkg:pypi/liaison-gateway@"))
    assert "pkg:pypi/cryptography@" in "".join(direct["dependsOn"])
    assert "timestamp" not in written


@pytest.mark.long
def test_another_lock_gives_another_serial_number_and_a_wrong_document_is_refused() -> None:
    first, packages = json.loads(sbom.text(read(BASE))), read(BASE)
    assert json.loads(sbom.text(packages[:-1]))["serialNumber"] != first["serialNumber"]
    short = Locked(packages[0].name, "1", "", ("abc",), ())
    with pytest.raises(ValueError, match="not valid"):
        sbom.text([short])
    with pytest.raises(ValueError, match="of its licence"):
        sbom.text([locked("no-such-package", "1")])


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
