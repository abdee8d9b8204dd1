"""`docs/install.md`: its commands are run as they are there, from an empty Debian to a node that serves."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.bundles import Made
from tests.support.debian import Debian
from tests.support.install_page import BLOCKS, FIREWALL, PAGE

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="an empty Debian is entered as root"),
]

_RUN_ELSEWHERE = {"packages", "image", "three-nodes"}
"""What makes the empty Debian (`tests/support/debian.py`), and what `test_image.py` runs."""

# What systemd would do: this machine has none. The command, account and places are those of the units.
_IN_PLACE_OF_SYSTEMD = """
unit() { sed -n "s/^$2=//p" "/etc/systemd/system/$1" | sed 's/%i/la/g; s/%%/%/g'; }
wanted() { test "$(readlink "/etc/systemd/system/$1.wants/$2")" = "/etc/systemd/system/$3"; }
wanted multi-user.target liaison@la.service liaison@.service
wanted timers.target liaison-backup@la.timer liaison-backup@.timer
node() {
    account=$(unit liaison@.service User)
    exec setpriv "--reuid=$account" "--regid=$account" --init-groups env "LIAISON_NODE_PRODUCTION=$1" \\
        $(unit liaison@.service ExecStart)
}
(node true) >refused 2>&1 && exit 1
grep -q 'the trial issuer can make a token for anybody' refused
node false &
n=0; until liaison doctor --ready --home /srv/liaison/la >health || ! grep -q 'no node answers' health; do
    n=$((n + 1)); test $n -lt 60; sleep 0.5
done
cat health
runuser -u "$(unit liaison-backup@.service User)" -- sh -c "eval \\"$(unit liaison-backup@.service ExecStart)\\""
kill $! && wait $!
echo "stopped in order: $?"
ls /srv/liaison-backups
"""


def test_every_block_of_commands_is_run() -> None:
    assert len(re.findall(r"^```sh$", PAGE, re.MULTILINE)) == len(BLOCKS)
    assert BLOCKS.keys() == {*BUNDLE_WAY, "pip", *_RUN_ELSEWHERE}


BUNDLE_WAY = ("check", "bundle", "home", "doctor", "keystore", "systemd", "backup")


@pytest.mark.small_form
def test_from_an_empty_debian_to_a_serving_node_by_the_bundle(debian: Debian, built: Made, tmp_path: Path) -> None:
    script = "\n".join(BLOCKS[name] for name in BUNDLE_WAY) + _IN_PLACE_OF_SYSTEMD
    said = debian.run(script, tmp_path, [*built.dist.iterdir(), built.signers], SYSTEMD_OFFLINE="1")
    assert "Signed by liaison-release." in said
    assert "no-charter" in said, "it serves, and says what is missing"
    assert "stopped in order: 0" in said
    assert re.search(r"^la-\d{4}-\d\d-\d\dT\d{6}\.backup$", said, re.MULTILINE)


@pytest.mark.small_form
def test_by_pip(debian: Debian, built: Made, tmp_path: Path) -> None:
    """The bundle's wheels take the place of the registry that the page means."""
    wheels = [*built.unpacked.glob("wheels/*.whl"), *built.dist.glob("*.lock")]
    about = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/media/release"}
    said = debian.run(BLOCKS["pip"], tmp_path, wheels, **about)
    assert re.search(r"^liaison \d+\.\d+\.\d+$", said, re.MULTILINE)


@pytest.mark.needs("nft")
def test_the_firewall_is_what_nftables_takes() -> None:
    assert FIREWALL.count("table") == 1
    asked = ["unshare", "--net", "nft", "--check", "--file", "-"]
    ran = subprocess.run(
        asked, input=FIREWALL, capture_output=True, text=True, env=os.environ | {"PATH": "/usr/sbin:/usr/bin"}
    )
    assert ran.returncode == 0, ran.stderr
