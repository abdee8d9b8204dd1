"""The last scene: all logs verify, an export verifies elsewhere, and one changed byte is found."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gateway.demo.federation import MEMBERS, Federation
from gateway.demo.story import Scene, Story

COUNTRIES = {"th": "Thailand", "vn": "Viet Nam", "kh": "Cambodia"}


def logs_verify(federation: Federation, story: Story) -> None:
    """Verify the logs of all three, an export of one, and a copy of it with one byte changed."""
    scene = story.scene("The logs", "Every question and answer left the same proof on both sides.")
    for member in MEMBERS:
        ran = story.command("audit", "verify", "--home", federation.home(member))
        scene.details[member] = ran.output
        story.expect(scene, f"the logs of {COUNTRIES[member]} verify", ran.code == 0)
    with tempfile.TemporaryDirectory(prefix="liaison-export-") as elsewhere:
        _export_verifies(federation, story, scene, Path(elsewhere))


def _export_verifies(federation: Federation, story: Story, scene: Scene, elsewhere: Path) -> None:
    export, altered = elsewhere / "th-export", elsewhere / "altered"
    made = story.command("audit", "export", "--home", federation.home("th"), "--out", export)
    story.expect(scene, "Thailand's log is exported", made.code == 0)
    ran = story.command("audit", "verify", "--export", export, "--charter", federation.charter)
    story.expect(scene, "the export verifies with nothing but the charter", ran.code == 0)
    if made.code:
        return
    shutil.copytree(export, altered)
    place = change_one_byte(altered)
    story.say(f"   In a copy, one byte of {place} is changed.")
    ran = story.command("audit", "verify", "--export", altered, "--charter", federation.charter)
    scene.details["altered"] = ran.output
    story.expect(scene, "the verifier says that the copy was altered", ran.code == 1)
    story.expect(scene, "and names the entry", "entry" in f"{ran.output}{ran.said}")


def change_one_byte(export: Path) -> str:
    """Change one digit in the middle entry of an export's exchange log; where it was."""
    file = next(export.rglob("*entries*"))
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    at = next(i for i in range(middle, len(data)) if data[i : i + 1].isdigit())
    data[at] = ord("1") if data[at] != ord("1") else ord("2")
    file.chmod(0o600)
    file.write_bytes(data)
    return f"`{file.name}`"
