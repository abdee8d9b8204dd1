"""Play an operation of three countries: opened, joined, written, sealed, and its pack with results and evidence."""

from __future__ import annotations

from datetime import timedelta

from gateway.demo.federation import OFFICER, Federation
from gateway.demo.stories.desk import SUPERVISOR
from gateway.demo.stories.steps import Found, act, as_person, until
from gateway.demo.story import Story
from gateway.views.desk.steps import stands_lines
from gateway.views.operations.lines import operation_lines, pack_lines

_DESKS = {"vn": "vn.n.2", "kh": "kh.n.2"}


def an_operation(federation: Federation, story: Story) -> None:
    """Play an operation from its opening to its pack."""
    scene = story.scene(
        "An operation of three countries, with no centre",
        "Thailand opens an operation with Viet Nam and Cambodia. Each two of them have a thread.",
        "What one writes stands at all of them; at the end there is one table of results, and a list of evidence.",
    )
    end = f"{federation.clock.now() + timedelta(days=20):%Y-%m-%d} 00:00"
    opened = act(
        federation, story, OFFICER, operation_lines, "operation", "open", "--to", "vn,kh", "--title", "Mekong night",
        "--template", "joint-operation", "--end", end, "--purpose", "INVESTIGATION", "--offence", "NARC",
        "--case", "TH-2026-0417",
    )  # fmt: skip
    room = str(opened.get("id"))
    works = until(
        federation, lambda: as_person(federation, SUPERVISOR, "desk", "list", "--kind", "approve").get("work")
    )
    approval: Found = next((each for each in reversed(works or []) if each["thread_kind"] == "room"), {})
    act(federation, story, SUPERVISOR, stands_lines, "desk", "approve", str(approval.get("id")))
    for member, desk in _DESKS.items():
        until(federation, lambda desk=desk: "error" not in as_person(federation, desk, "operation", "show", room))  # type: ignore[misc]
        joined = act(federation, story, desk, operation_lines, "operation", "join", room)
        story.expect(scene, f"{member} takes part", joined.get("stand") == "on")
    desk = _DESKS["kh"]
    words = (
        "--text",
        "a lorry waits at the bridge",
        "--value",
        "what=sighting",
        "--value",
        "place=Poipet",
    )
    act(federation, story, desk, operation_lines, "operation", "note", room, *words)
    seized = ("--outcome", "SEIZED", "--substance", "methamphetamine", "--grams", "12000")
    act(federation, story, _DESKS["vn"], operation_lines, "operation", "outcome", room, *seized)
    for person in (OFFICER, *_DESKS.values()):
        there = until(federation, lambda person=person: len(_entries(federation, person, room)) == 2)  # type: ignore[misc]
        story.expect(scene, f"{person} reads what the two others have written", there)
    sealed = as_person(federation, desk, "operation", "seal", room)
    story.expect(scene, "Cambodia cannot seal it: Thailand owns it", _code(sealed) == "not-the-owner")
    act(federation, story, OFFICER, operation_lines, "operation", "seal", room, "--text", "over: 12 kg")
    ended = until(federation, lambda: as_person(federation, desk, "operation", "show", room).get("stand") == "sealed")
    story.expect(scene, "it is sealed in Cambodia, too", ended)
    pack = act(federation, story, OFFICER, pack_lines, "operation", "pack", room)
    results = [(each["member"], each["outcome"], each["grams"]) for each in pack.get("results", ())]
    story.expect(scene, "the pack has the results of all", results == [("vn", "SEIZED", 12_000)])
    hashes = [each["payload_hash"] for each in pack.get("evidence", ())]
    story.expect(scene, f"and {len(hashes)} exchanges with their hashes and entries, for the formal way", hashes)
    scene.details["operation"] = room


def _entries(federation: Federation, person: str, room: str) -> list[Found]:
    return list(as_person(federation, person, "operation", "show", room).get("entries", ()))


def _code(found: Found) -> str:
    return str(found.get("error", {}).get("code", ""))
