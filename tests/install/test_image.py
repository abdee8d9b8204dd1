"""The container image: it is built without a registry and a network, and its node runs with next to no rights."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supply.image import make
from tests.support.bundles import EPOCH, Made
from tests.support.debian import Debian
from tests.support.install_page import BLOCKS
from tests.support.shared import PROJECT

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(900),
    pytest.mark.needs("buildah", "podman", "runc"),
    pytest.mark.skipif(os.geteuid() != 0, reason="images are built as root here"),
]

AGAIN = "LIAISON_SLOW" in os.environ
"""Whether the image is built twice and three nodes are served (`make image-test`)."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store of images of this test's own, and the runtime that takes each kind of cgroups."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = ""\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    )
    (folder / "containers.conf").write_text('[engine]\nruntime = "runc"\nevents_logger = "none"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_STORAGE_CONF", str(folder / "storage.conf"))
        patch.setenv("CONTAINERS_CONF", str(folder / "containers.conf"))
        yield folder
        subprocess.run(["podman", "rm", "--all", "--force", "--time", "5"], capture_output=True)
        subprocess.run(["podman", "rmi", "--all", "--force"], capture_output=True)


@pytest.mark.small_form
def test_the_commands_of_the_page_lead_to_a_node_in_a_container(
    debian: Debian, built: Made, store: Path, tmp_path: Path
) -> None:
    [bundle] = built.dist.glob("liaison-*-cp*.tar.gz")
    archive = tmp_path / f"liaison-{bundle.name.split('-')[1]}.image.tar.gz"
    image = make(bundle, str(debian.root), EPOCH, archive)
    if AGAIN:
        assert make(bundle, str(debian.root), EPOCH, tmp_path / "again") == image
        assert (tmp_path / "again").read_bytes() == archive.read_bytes()
    ran = subprocess.run(
        ["sh", "-euxc", _WAITING + BLOCKS["image"] + _STATE], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"image {image}" in ran.stdout
    assert "something answers at listen.exchange" in ran.stdout, "the node runs"
    assert "unhealthy" in ran.stdout + ran.stderr, "there is no charter yet"
    assert "user 65532:65532 code 0 " in ran.stdout
    if AGAIN:
        about = os.environ | {"FOLDER": str(tmp_path / "three-nodes")}
        three = subprocess.run(
            ["sh", "-euxc", BLOCKS["three-nodes"]], cwd=PROJECT, env=about, capture_output=True, text=True
        )
        assert three.returncode == 0, three.stdout + three.stderr
        assert "vn  1 hit: STOLEN" in three.stdout
    assert "the trial issuer can make a token for anybody" in ran.stderr, "production is what an image means"


# `podman exec` comes at once after `podman run`; a person types more slowly.
_WAITING = """
podman() {
    command podman "$@"
    test "$1 $2" != 'run --detach' || until command podman exec la liaison doctor --ready --home /srv/liaison |
        grep 'not ready'; do sleep 0.5; done
}
"""
_STATE = """
echo "image $(podman image inspect --format '{{.Id}}' localhost/liaison)"
echo "user $(podman image inspect --format '{{.User}}' localhost/liaison)" \
    "code $(podman inspect --format '{{.State.ExitCode}}' la) "
podman run --rm --read-only --network none --volume la:/srv/liaison localhost/liaison 1>&2 || test $? -eq 1
"""


def test_the_image_says_how_it_is_run() -> None:
    text = (PROJECT / "deploy" / "Containerfile").read_text()
    for line in (
        "USER 65532:65532",
        "VOLUME /srv/liaison",
        "ENV PATH=",
        "LIAISON_NODE_PRODUCTION=true",
        "HEALTHCHECK ",
    ):
        assert line in text
    assert "://" not in text
