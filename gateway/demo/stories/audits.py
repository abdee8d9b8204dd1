"""Play the scene of the logs: all verify, an export verifies elsewhere, and one changed byte is found."""

from __future__ import annotations

import json
import shutil
import tempfile
from base64 import b64decode
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
    key = _appointed(federation, story, scene, elsewhere)
    made = story.command(
        "audit", "export", "--home", federation.home("th"), "--out", export, "--key", key, "--reason", "the demo"
    )
    story.expect(scene, "Thailand's log is exported for its auditor", made.code == 0)
    ran = story.command("audit", "verify", "--export", export, "--charter", federation.charter)
    story.expect(scene, "the export verifies with nothing but the charter", ran.code == 0)
    if made.code:
        return
    sizes = _answer_sizes(export, story.alike)
    text = f"the two answers of scene 4 have the same size: {' and '.join(map(str, sizes))} bytes"
    story.expect(scene, text, len(sizes) == 2 and sizes[0] == sizes[1])
    shutil.copytree(export, altered)
    entry = change_one_byte(altered)
    story.say(f"   In a copy, one byte of entry {entry} is changed.")
    ran = story.command("audit", "verify", "--export", altered, "--charter", federation.charter, only="contradicted")
    scene.details["altered"] = ran.output
    story.expect(scene, "the verifier says that the copy was altered", ran.code == 1)
    story.expect(scene, f"and names entry {entry}", f"entry {entry}" in f"{ran.output}{ran.said}")


def _appointed(federation: Federation, story: Story, scene: Scene, elsewhere: Path) -> Path:
    """Return the key of an auditor whom Thailand's authority appoints."""
    name = "th.auditor.1"
    story.command("audit", "key", "--out", elsewhere, "--name", name)
    ran = story.command(
        "audit", "appoint", "--home", federation.home("th"), "--authority", federation.authority("th"),
        "--auditor", name, "--key", elsewhere / f"{name}.pub", "--by", "Thailand's auditor general",
        "--out", elsewhere / "appointment.json",
    )  # fmt: skip
    story.expect(scene, "Thailand appoints an auditor", ran.code == 0)
    return elsewhere / f"{name}.key"


def _answer_sizes(export: Path, entries: list[int]) -> list[int]:
    """Return the bytes of the signed answers to these entries of an export's exchange log."""
    lines = [line for file in export.glob("exchange-*/statements/*.jsonl") for line in file.read_text().splitlines()]
    answers = {item["index"]: item["answer"] for item in map(json.loads, lines)}
    return [len(b64decode(answers[entry])) for entry in entries if entry in answers]


def change_one_byte(export: Path) -> int:
    """Change one character in the middle entry of an export's exchange log; return the entry's index."""
    file = next(path for path in export.glob("exchange-*/tile/entries/**/*") if path.is_file())
    data = bytearray(file.read_bytes())
    starts = _starts(data)
    index = len(starts) // 2
    at = data.index(b'"t":', starts[index]) + len(b'"t":') + 3
    data[at] = ord("1") if data[at] != ord("1") else ord("2")
    file.chmod(0o600)
    file.write_bytes(data)
    return index


def _starts(bundle: bytes | bytearray) -> list[int]:
    """Return the offsets of a bundle's entries; each has its length in two bytes before it (C2SP tlog-tiles)."""
    starts, at = [], 0
    while at < len(bundle):
        starts.append(at + 2)
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return starts
