"""The offline bundle: it installs without a network, all at once or not at all, and a wrong one changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.supply.signatures import SIGNER
from tests.support.bundles import Made, build, bundle, hollow, replace, seal
from tests.support.shared import PROJECT
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.timeout(400)]

NO_NETWORK = ["unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--net"]


def install(folder: Path, prefix: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a bundle's installer on a machine without a network."""
    asked = [*NO_NETWORK, folder / "install.sh", "--prefix", prefix, *options]
    return subprocess.run(asked, capture_output=True, text=True, cwd="/")


@pytest.mark.small_form
def test_wheel_and_bundle_built_again_are_the_same_bytes(built: Made, tmp_path: Path) -> None:
    """In another folder, at another time, with other times and rights of the files."""
    tree = tmp_path / "tree"
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / name, tree / name)
        (tree / name).chmod((PROJECT / name).stat().st_mode | 0o020)
    build(tree, tmp_path / "dist")
    [again] = bundle(tmp_path / "dist", built.key)
    assert again.name.startswith("liaison-")
    first = hashes(built.dist)
    assert hashes(tmp_path / "dist").items() <= first.items()


@pytest.mark.small_form
def test_the_list_of_parts_in_a_bundle_names_its_wheels_and_what_they_hold(built: Made) -> None:
    listed = json.loads((built.unpacked / "sbom.cdx.json").read_text())["components"]
    parts = {
        part["name"]: part for part in listed if part["type"] == "library" and part["purl"].startswith("pkg:pypi/")
    }
    told = {part["properties"][0]["value"]: part["hashes"][0]["content"] for part in parts.values()}
    wheels = hashes(built.unpacked / "wheels")
    assert told == {name: digest for name, digest in wheels.items() if not name.startswith("liaison_gateway-")}
    held = {name: {each["name"] for each in part.get("components", ())} for name, part in parts.items()}
    assert "openssl" in held["cryptography"]
    assert {"boringssl", "zlib"} <= held["grpcio"]
    assert any(name.startswith("libpq-") for name in held["psycopg-binary"])


def hashes(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.mark.small_form
def test_it_installs_offline_survives_a_kill_and_goes_back(built: Made, tmp_path: Path) -> None:
    prefix = tmp_path / "opt" / "liaison"
    kill_while_it_installs(built, prefix)
    assert not (prefix / "current").exists()
    assert not list(prefix.glob("versions/*/complete"))

    ran = install(built.unpacked, prefix, "--signers", built.signers)
    assert ran.returncode == 0, ran.stderr
    assert f"Signed by {SIGNER}." in ran.stdout
    version = (prefix / "current").readlink()
    assert [place.name for place in (prefix / "versions").iterdir() if place.is_dir()] == [version.name]
    assert (
        run(prefix, "init", "--member", "la", "--home", tmp_path / "la", "--authority", tmp_path / "la-authority") == 0
    )
    assert run(prefix, "doctor", "--home", tmp_path / "la") == 1, "there is no charter yet"
    assert (
        "eight at a time"
        in subprocess.run(
            [prefix / "current/bin/liaison", "doctor", "--home", tmp_path / "la"], capture_output=True, text=True
        ).stdout
        or not has_ifma()
    ), "the bundle holds the extras"

    older = prefix / "versions" / "0.0.9-earlier"
    shutil.copytree(prefix / version, older, copy_function=os.link, symlinks=True)
    (prefix / "current").unlink()
    (prefix / "current").symlink_to("versions/0.0.9-earlier")
    again = install(built.unpacked, prefix, "--signers", built.signers)
    assert (again.returncode, "installed already" in again.stdout) == (0, True)
    assert links(prefix) == [str(version), "versions/0.0.9-earlier"]
    assert install(built.unpacked, prefix, "--back").returncode == 0
    assert links(prefix) == ["versions/0.0.9-earlier", str(version)]
    shutil.rmtree(prefix / version)
    refused(install(built.unpacked, prefix, "--back"), "no version before the one in use", "install the bundle")
    assert links(prefix) == ["versions/0.0.9-earlier", str(version)]


def run(prefix: Path, *arguments: str | Path) -> int:
    return subprocess.run([prefix / "current/bin/liaison", *arguments], capture_output=True).returncode


def has_ifma() -> bool:
    return "avx512ifma" in Path("/proc/cpuinfo").read_text()


def links(prefix: Path) -> list[str]:
    return [str((prefix / name).readlink()) for name in ("current", "previous")]


def kill_while_it_installs(built: Made, prefix: Path) -> None:
    """End an installation, without a chance to tidy up, while its environment is half made."""
    asked = [*NO_NETWORK, built.unpacked / "install.sh", "--prefix", prefix, "--signers", built.signers]
    with subprocess.Popen(asked, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as ran:
        half = "versions/*/lib/python*/site-packages/pip"
        wait_until(lambda: ran.poll() is not None or any(prefix.glob(half)), "a half made environment")
        assert ran.poll() is None
        os.killpg(ran.pid, signal.SIGKILL)


def refused(ran: subprocess.CompletedProcess[str], what: str, remedy: str) -> None:
    """It ends with 1, says what is wrong and what to do, and that nothing was changed."""
    assert (ran.returncode, ran.stderr.count("Nothing was changed.")) == (1, 1), ran.stdout + ran.stderr
    assert what in ran.stderr
    assert remedy in ran.stderr.partition("to do:")[2]


def without(name: str) -> Callable[[Path, Made], None]:
    return lambda folder, _: next(folder.glob(name)).unlink()


def changed(name: str, old: bytes = b"", new: bytes = b"") -> Callable[[Path, Made], None]:
    """A file with other bytes (cut in half without any), under the old checksums."""

    def change(folder: Path, _: Made) -> None:
        file = next(folder.glob(name))
        data = file.read_bytes()
        replace(file, data.replace(old, new) if old else data[: len(data) // 2])

    return change


def added(folder: Path, _: Made) -> None:
    (folder / "wheels" / "evil-1.0-py3-none-any.whl").write_bytes(b"PK")


def linked(folder: Path, _: Made) -> None:
    (folder / "wheels" / "evil-1.0-py3-none-any.whl").symlink_to("/etc/passwd")


def for_another(old: bytes, new: bytes) -> Callable[[Path, Made], None]:
    """A bundle that its maker made and signed for another machine."""

    def make(folder: Path, built: Made) -> None:
        changed("BUNDLE", old, new)(folder, built)
        seal(folder, built.key)

    return make


def by_a_stranger(folder: Path, built: Made) -> None:
    """Files, checksums and signature were all replaced, by somebody with another key."""
    changed("install.sh", b"set -eu", b"set -e")(folder, built)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.parent / "stranger"], check=True)
    seal(folder, folder.parent / "stranger")


def with_other_sums(folder: Path, built: Made) -> None:
    """Files and checksums were replaced; the signature is that of the true ones."""
    kept = (folder / "SHA256SUMS.sig").read_bytes()
    by_a_stranger(folder, built)
    replace(folder / "SHA256SUMS.sig", kept)


WRONG: dict[str, tuple[Callable[[Path, Made], None], str, str]] = {
    "no checksums": (without("SHA256SUMS"), "SHA256SUMS is missing", "unpack the archive again"),
    "half unpacked": (without("wheels/click-*"), "missing or changed", "unpack the archive again"),
    "a wheel cut off": (changed("wheels/click-*"), "missing or changed", "copy it anew"),
    "a lock changed": (changed("requirements.lock", b"click==", b"clack=="), "missing or changed", "tampered"),
    "a file more": (added, "files that are not of the bundle", "empty folder"),
    "a link more": (linked, "files that are not of the bundle", "empty folder"),
    "no signature": (without("SHA256SUMS.sig"), "has no signature", "signed one"),
    "another signer": (by_a_stranger, "a key that", "do not install it"),
    "signature of others": (with_other_sums, "does not fit these files", "do not install it"),
    "another machine": (
        for_another(b"machine=", b"machine=vax-"),
        "this bundle is for Linux on vax-",
        "get the bundle for",
    ),
    "another Python": (
        for_another(b"python=3", b"python=9"),
        "this bundle needs Python 9.",
        "install Debian's python9.",
    ),
    "an older system": (for_another(b"glibc=2", b"glibc=9"), "needs glibc 9.", "newer system"),
}


@pytest.fixture(scope="module", params=["hollow", pytest.param("whole", marks=pytest.mark.small_form)])
def near(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A right bundle: one that is quickly made, of which nothing is installed, and the one that people get."""
    made: Made = (
        request.getfixturevalue("built") if request.param == "whole" else hollow(tmp_path_factory.mktemp("near"))
    )
    return made


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_bundle_says_what_to_do_and_changes_nothing(near: Made, wrong: str, tmp_path: Path) -> None:
    spoil, what, remedy = WRONG[wrong]
    folder, prefix = near.copy(tmp_path / "bundle"), tmp_path / "opt"
    spoil(folder, near)
    refused(install(folder, prefix, "--signers", near.signers), what, remedy)
    assert not prefix.exists()


def test_a_right_bundle_at_a_wrong_place_changes_nothing(near: Made, tmp_path: Path) -> None:
    prefix = tmp_path / "opt"
    refused(install(near.unpacked, prefix), "who may have signed", "--signers FILE")
    refused(install(near.unpacked, prefix, "--signers", tmp_path / "none"), "cannot be read", "the maker's key")
    assert install(near.unpacked, prefix, "--signers").returncode == 2
    checked = install(near.unpacked, prefix, "--no-signature", "--check")
    assert (checked.returncode, "can be installed" in checked.stdout) == (0, True)
    assert not prefix.exists()
    (prefix / "current").mkdir(parents=True)
    refused(install(near.unpacked, prefix, "--no-signature"), "is no link", "choose another --prefix")
    assert [file.name for file in prefix.iterdir()] == ["current"]


def test_half_of_the_installer_does_nothing(near: Made, tmp_path: Path) -> None:
    folder, text = near.copy(tmp_path / "bundle"), (near.unpacked / "install.sh").read_bytes()
    for part in (len(text) // 4, len(text) // 2, len(text) - len(b'main "$@"\n')):
        replace(folder / "install.sh", text[:part])
        install(folder, tmp_path / "opt", "--no-signature")
        assert not (tmp_path / "opt").exists()
