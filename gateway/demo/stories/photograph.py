"""Play a photograph that goes with a question: brought, fetched by the other node, scanned, and opened there."""

from __future__ import annotations

import tempfile
import zlib
from pathlib import Path

from gateway.demo.command import run
from gateway.demo.federation import OFFICER, Federation
from gateway.demo.stories.desk import SUPERVISOR
from gateway.demo.stories.steps import Found, act, as_person, until, waits
from gateway.demo.story import Story
from gateway.views.desk.files import file_lines, saved_lines
from gateway.views.desk.steps import decided_lines, drafted_lines, stands_lines

_DESK_VN = "vn.n.1"
_POLICE_VN = "vn.d.9"
"""The duty officer of Viet Nam's police, whom a question about a vehicle waits for."""

_CAMERA = b"Author\0camera 4711 of the bridge"
_SIDE = 96


def a_photograph(federation: Federation, story: Story) -> None:
    """Play a photograph that goes with a question."""
    scene = story.scene(
        "A photograph goes with the question",
        "The officer asks Viet Nam about a lorry, and sends its photograph along.",
        "Each part is verified before it is stored; what tells of the camera stays at home.",
    )
    with tempfile.TemporaryDirectory() as name:
        photo, saved = Path(name) / "lorry.png", Path(name) / "lorry-of-th.png"
        photo.write_bytes(_picture())
        drafted = act(
            federation, story, OFFICER, drafted_lines, "request", "--to", "vn", "--topic", "vehicle",
            "--facts", "this lorry waits at the bridge", "--urgency", "URGENT", "--purpose", "INVESTIGATION",
            "--offence", "NARC", "--case", "TH-2026-0417", "--attach", str(photo),
        )  # fmt: skip
        thread = str(drafted.get("thread"))
        act(federation, story, SUPERVISOR, stands_lines, "desk", "approve", str(drafted.get("work")))
        listed = ("desk", "attachments", thread)
        there = until(federation, lambda: _states(as_person(federation, _DESK_VN, *listed)) == ["clean"])
        story.expect(scene, "Viet Nam's node has fetched the photograph, and its desk can open it", there)
        act(federation, story, _DESK_VN, lambda found: file_lines(found["attachments"]), *listed)
        command = ("desk", "save", thread, photo.name, "--out", str(saved))
        act(federation, story, _DESK_VN, lambda found: saved_lines(found["out"], found["size"]), *command)
        data = saved.read_bytes() if saved.exists() else b""
        story.expect(scene, "the picture is there, without a word of the camera", data and _CAMERA not in data)
        opened = run(
            "audit", "show", "--home", federation.home("vn"), "--log", "operations", "--kind", "attachment-came"
        )
        story.expect(scene, "and the log of Viet Nam says that it came", opened.code == 0)
        asked = waits(federation, _POLICE_VN, "decide", drafted)
        act(
            federation, story, _POLICE_VN, decided_lines, "desk", "decide", str(asked.get("id")),
            "--answer", "NOTHING_HELD", "--reason", "our records know no such lorry",
        )  # fmt: skip
        answered = waits(federation, OFFICER, "read", drafted)
        story.expect(scene, "Viet Nam's police answer that they hold nothing of it, and she is told", answered)


def _picture() -> bytes:
    """Return a small picture whose file says which camera took it."""
    rows = b"".join(b"\0" + bytes((x * y) % 256 for x in range(_SIDE)) for y in range(_SIDE))
    head = _SIDE.to_bytes(4) + _SIDE.to_bytes(4) + bytes((8, 0, 0, 0, 0))
    parts = ((b"IHDR", head), (b"tEXt", _CAMERA), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _states(found: Found) -> list[str]:
    return [each["state"] for each in found.get("attachments", ())]
