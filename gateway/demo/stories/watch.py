"""Play a watch: nothing is held at first, then a passport is reported stolen, and Thailand is told by itself."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.config import load_settings
from gateway.demo.federation import OFFICER, Federation
from gateway.demo.stories.desk import SUPERVISOR
from gateway.demo.stories.steps import Found, NotThere, act, as_person, ends_early, until, waits
from gateway.demo.story import SceneOf, Story
from gateway.views.desk.steps import stands_lines
from gateway.views.desk.watches import taken_lines, watch_lines

_SOURCE = "vn.immigration.border"
_STOLEN = 2


def a_watch(federation: Federation, story: Story) -> None:
    """Play a watch from its approval to its hit and its end."""
    scene = story.scene(
        "A watch that hits",
        "A passport is offered for sale, and no country holds anything of it yet. She asks Viet Nam to watch for it.",
        "Viet Nam's index is searched once, and then each row that changes is compared: policy decides each time.",
    )
    number = f"C7{secrets.randbelow(10**6):06d}"
    made = act(
        federation, story, OFFICER, watch_lines, "watch", "add", "--to", "vn", "--document", number, "--issuer", "VNM",
        "--purpose", "INVESTIGATION", "--offence", "DOCFRAUD", "--case", "TH-2026-0421",
    )  # fmt: skip
    watch = str(made.get("id"))
    approval = waits(federation, SUPERVISOR, "approve", {"thread": watch})
    act(federation, story, SUPERVISOR, stands_lines, "desk", "approve", str(approval.get("id")))
    there = until(federation, lambda: _there(federation, watch).get("watched"))
    story.expect(scene, "Viet Nam says which sources it watches, and how far back it has looked", there)
    story.expect(scene, "it holds nothing of it so far", not _there(federation, watch).get("hits"))
    _report_stolen(federation, number)
    story.say("   The holder reports the passport stolen in Viet Nam: a new row in the border guard's database.")
    story.command("index", "build", "--home", federation.home("vn"), "--source", _SOURCE)
    hits = until(federation, lambda: _there(federation, watch).get("hits"))
    if not hits:
        raise NotThere("the hit of the watch")
    act(federation, story, OFFICER, watch_lines, "watch", "show", watch)
    story.expect(scene, "she is told by itself, once and by a reference only", len(hits) == 1)
    told = act(federation, story, "vn.d.7", lambda found: taken_lines(found["watches"]), "watch", "taken")
    listed = [each for each in told.get("watches", ()) if each["query"].get("number") == number]
    story.expect(scene, "Viet Nam's desk sees the watch on its data", listed)
    ended = act(federation, story, OFFICER, watch_lines, "watch", "end", watch, "--reason", "the seller was found")
    story.expect(scene, "she ends it", ended.get("stand") == "ended")


def _there(federation: Federation, watch: str) -> Found:
    """Return the state of a watch at its one recipient."""
    found = as_person(federation, OFFICER, "watch", "show", watch).get("to") or [{}]
    return dict(found[0])


def _report_stolen(federation: Federation, number: str) -> None:
    """Add a stolen passport to the database of Viet Nam's border guard, as its own system would."""
    with closing(sqlite3.connect(_database(federation))) as database, database:
        database.execute("PRAGMA foreign_keys=OFF")
        columns = [row[1] for row in database.execute("PRAGMA table_info(GiayTo)")]
        first = dict(zip(columns, database.execute("SELECT * FROM GiayTo LIMIT 1").fetchone(), strict=True))
        (last,) = database.execute("SELECT max(MaGiayTo) FROM GiayTo").fetchone()
        row = first | {"MaGiayTo": last + 1, "So": number, "Loai": 1, "TinhTrang": _STOLEN, "DaXoa": 0}
        database.execute(
            f"INSERT INTO GiayTo ({','.join(row)}) VALUES ({','.join('?' * len(row))})",  # noqa: S608 - own columns
            tuple(row.values()),
        )


def _database(federation: Federation) -> Path:
    home = federation.home("vn")
    (source,) = [each for each in load_settings(home, {}).sources if each.id == _SOURCE]
    return home / source.url.removeprefix("sqlite:///")


WATCH_SCENES: tuple[SceneOf, ...] = (ends_early(a_watch),)
"""The scenes of watches."""
