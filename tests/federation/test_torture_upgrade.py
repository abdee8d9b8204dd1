"""An upgrade that is killed, fails or loses power at a write or a sync leaves the old home or the new one.

The same command given again ends the work. `make faults` tries every call.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.storage.database.migrate import HEAD, version
from gateway.storage.database.open import open_storage
from tests.federation.test_earlier_version import FIGURES, sizes, unpacked
from tests.federation.test_upgrade import OLD
from tests.support.cli import Liaison
from tests.support.torture_commands import Given, Job, Workshop, press, tried

pytestmark = pytest.mark.small_form


def upgrade(at: Path) -> Given:
    return "upgrade", "--run", "--home", at / "th"


def schema_is_one_of(shop: Workshop) -> None:
    """The home has the schema of before or the new one, and its logs verify."""
    home = shop.folder / "th"
    with closing(open_storage(load_settings(home), read_only=True)) as database:
        assert version(database) in (OLD, HEAD)
    ran = shop.run("audit", "verify", "--home", home, "--json")
    assert (ran.value["verdict"], ran.value["entries"]) == ("proved", sizes(FIGURES["th"]))


def is_upgraded(shop: Workshop) -> None:
    schema_is_one_of(shop)
    ran = shop.run("upgrade", "--check", "--home", shop.folder / "th", "--json")
    assert (ran.code, ran.value["needed"]) == (0, False), ran
    names = {path.name for path in (shop.folder / "th").rglob(".*") if not path.name.endswith(".lock")}
    assert not names, "nothing unfinished is left"


@pytest.mark.timeout(7_200)
async def test_an_interrupted_upgrade_is_the_old_home_or_the_new_one_and_is_ended_by_the_same_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with press(tmp_path) as machine:
        unpacked("homes", machine.work)
        machine.keep()
        shop = Workshop(Liaison(capsys), machine.work)
        job = Job("upgrade", upgrade, is_upgraded, schema_is_one_of)
        print(await tried(machine, shop, job))
