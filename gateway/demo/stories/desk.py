"""Play three scenes of the desk: a follow-up that a human answers, an alert across the border, and a withdrawal."""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import partial
from typing import Any

from gateway.clock import Clock
from gateway.config import argument
from gateway.demo.command import run
from gateway.demo.federation import MEMBERS, OFFICER, Federation
from gateway.demo.sources import planted
from gateway.demo.stories.steps import Found, NotThere, act, as_person, ends_early, until, waits
from gateway.demo.story import KEY, Scene, SceneOf, Story
from gateway.records.types import RECORD_TYPES
from gateway.views.desk.alerts import alert_lines
from gateway.views.desk.holders import held_back_lines, holders_lines, told_lines
from gateway.views.desk.steps import choice_lines, decided_lines, drafted_lines, package_lines, stands_lines

SUPERVISOR, DUTY_KH, DUTY_VN, OFFICER_VN = "th.s.3", "kh.d.7", "vn.d.7", "vn.o.1042"
OWNER = "kh.p.1"
_RELEASED = ("names", "birth", "nationalities", "status", "national_ids")
_THAI_TIME = timedelta(hours=7)
_WHY_FLASH = ("--urgency", "FLASH", "--why-you", "your customs know him as a driver", "--link", "he drives the lorry")


def a_follow_up(federation: Federation, story: Story) -> None:
    """Play the second step: a hit is followed up, approved, decided field by field by a human, and opened."""
    scene = story.scene(
        "A hit, and a human on the other side",
        "The driver of scene 2 stands before her, and four fields do not say who he is. She asks the humans across the "
        "border.",
        "Nothing leaves before her supervisor has approved it; no clock ever releases anything.",
    )
    search = _ask_for_driver(federation, story, scene, OFFICER)
    facts = (
        "--facts",
        "12 kg of crystal in the spare wheel",
        *_WHY_FLASH,
        "--held-until",
        _helduntil(federation.clock),
    )
    drafted = act(federation, story, OFFICER, drafted_lines, "followup", "--search", search, "--from", "kh", *facts)
    own = as_person(federation, OFFICER, "desk", "approve", str(drafted.get("work")))
    story.expect(
        scene,
        "she cannot approve it herself",
        "error" in own,
    )
    act(federation, story, SUPERVISOR, stands_lines, "desk", "approve", str(drafted.get("work")))
    work = waits(federation, DUTY_KH, "decide", drafted)
    story.expect(scene, "it waits for the duty officer of Cambodia's customs, who own the record, within 15 minutes",
                 (work.get("agency"), work.get("urgency")) == ("customs", "FLASH"))  # fmt: skip
    choice = act(federation, story, DUTY_KH, choice_lines, "desk", "choice", str(work.get("id")))
    total = RECORD_TYPES["Person"].total(choice.get("record", {}))
    decided = act(
        federation, story, DUTY_KH, decided_lines, "desk", "decide", str(work.get("id")), "--answer", "PARTLY",
        "--fields", ",".join(_RELEASED), "--reason", "the same person in the same case; his home is not needed",
    )  # fmt: skip
    story.expect(scene, f"the duty officer releases {len(decided.get('fields', ()))} of {total} fields, one of them "
                 "only a human may", sorted(decided.get("fields", ())) == sorted(_RELEASED))  # fmt: skip
    read = waits(federation, OFFICER, "read", drafted)
    story.expect(scene, "the answer stands in her list of work", read)
    opened = act(federation, story, OFFICER, package_lines, "desk", "open", str(drafted.get("thread")))
    records = opened.get("records") or [{}]
    story.expect(scene, f"she reads {len(_RELEASED)} fields, signed by {records[0].get('owner')}",
                 sorted(records[0].get("fields", ())) == sorted(_RELEASED))  # fmt: skip
    story.expect(scene, "Cambodia sees that the answer was read", _shows(federation, DUTY_KH, drafted, "READ"))


def an_alert(federation: Federation, story: Story) -> None:
    """Play an alert that is approved, acknowledged, found with the link cut, and lifted."""
    scene = story.scene(
        "An alert, and a gate without a link",
        "Thailand looks for a car. Viet Nam's duty officer acknowledges the alert.",
        "Then the link is cut: the Vietnamese gate finds the alert in its own node.",
    )
    alert = act(
        federation, story, OFFICER, alert_lines, "alert", "raise", "--to", "vn", "--action", "DISCREET_CHECK",
        "--do-not", "DO_NOT_ALERT_SUBJECT", "--plate", planted.STOLEN_CAR_PLATE, "--reason", "carries ketamine",
        "--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "TH-2026-0417",
    )  # fmt: skip
    approval = waits(federation, SUPERVISOR, "approve", {"thread": alert.get("id")})
    act(federation, story, SUPERVISOR, stands_lines, "desk", "approve", str(approval.get("id")))
    work = waits(federation, DUTY_VN, "acknowledge", {})
    act(federation, story, DUTY_VN, stands_lines, "alert", "acknowledge", str(work.get("id")))
    met = until(federation, lambda: _states(federation, alert) == ["answered"])
    story.expect(scene, "Thailand sees that Viet Nam has acknowledged it", met)
    story.say("   The Thai node is stopped: no link leads there any more.")
    federation.stop("th")
    hits = _gate(federation, story)["hits"]
    actions = [hit["action"] for hit in hits]
    story.expect(scene, "the Vietnamese gate finds it, and reads first what to do", actions[:1] == ["DISCREET_CHECK"])
    federation.start("th")
    story.say("   The Thai node is started again, and the alert is lifted.")
    act(federation, story, OFFICER, alert_lines, "alert", "lift", str(alert.get("id")), "--reason", "found")
    gone = until(federation, lambda: len(_gate(federation)["hits"]) < len(hits))
    story.expect(scene, "the gate finds it no more", gone)


def a_withdrawal(federation: Federation, story: Story) -> None:
    """Play a withdrawal that each holder of the record confirms."""
    scene = story.scene(
        "A record that is withdrawn, everywhere",
        "Viet Nam has asked for the driver, too. Then Cambodia finds out that it was about another man.",
        "Its data officer withdraws the record: each holder hides it at once, erases it, and confirms that.",
    )
    _ask_for_driver(federation, story, scene, OFFICER_VN)
    record = _held_by(federation, "th", "vn")
    told = act(
        federation, story, OWNER, told_lines, "withdraw", "--record", record, "--text", "it was about another man"
    )
    holders = sorted(each["member"] for each in told.get("threads", ()))
    story.expect(scene, f"every holder is told: {', '.join(holders)}", set(holders) == {"th", "vn"})
    for member in ("th", "vn"):
        person = f"{member}.p.1"
        work = waits(federation, person, "comply", {})
        act(federation, story, person, stands_lines, "desk", "comply", str(work.get("id")))
    until(federation, lambda: run("desk", "holders", "--home", federation.home("kh")).code == 0)
    place = ("--home", federation.home("kh"), "--record", record)
    ledger = story.act(holders_lines, "desk", "holders", *place)
    numbers = ledger.get("confirmed"), ledger.get("changed")
    story.expect(scene, f"{numbers[0]} of {numbers[1]} copies are confirmed as gone", numbers[0] == numbers[1] != 0)
    held = act(federation, story, OWNER, held_back_lines, "desk", "held-back")
    named = {each["record"] for each in held.get("held", ())}
    story.expect(scene, "and it is given to nobody while its row in the source stays as it is", record in named)
    story.say("   The row was right after all: its data officer lifts that.")
    act(federation, story, OWNER, partial(held_back_lines, lifted=True), "desk", "held-back", "--lift", record)
    for member in MEMBERS:
        ran = story.command("audit", "verify", "--home", federation.home(member))
        story.expect(scene, f"the logs of {member} verify with all of it", ran.code == 0)


DESK_SCENES: tuple[SceneOf, ...] = tuple(map(ends_early, (a_follow_up, an_alert, a_withdrawal)))
"""The scenes of the desk in their order."""


def leave_follow_up(federation: Federation, story: Story) -> bool:
    """Leave a follow-up that waits at Viet Nam for the duty officer `vn.d.7`; return whether it does."""
    passport = planted.STOLEN_PASSPORT
    search = as_person(
        federation, OFFICER, "ask", "document", "--to", "vn", "--number", passport.number, "--issuer", passport.issuer,
        "--purpose", "INVESTIGATION", "--offence", "DOCFRAUD", "--case", "TH-2026-0420",
    )  # fmt: skip
    drafted = as_person(
        federation, OFFICER, "followup", "--search", _id(search), "--from", "vn", "--urgency", "URGENT",
        "--facts", "the holder asks to enter with a passport that was reported stolen", "--why-you", "you issued it",
    )  # fmt: skip
    as_person(federation, SUPERVISOR, "desk", "approve", str(drafted.get("work")))
    try:
        waits(federation, DUTY_VN, "decide", drafted)
    except NotThere:
        return False
    story.say(f"\nA follow-up waits at vn: liaison desk list --home {argument(federation.home('vn'))} --as {DUTY_VN}")
    return True


# ------------------------------------------------------------ commands of persons


def _shows(federation: Federation, person: str, of: Found, code: str) -> bool:
    """Tell whether a thread comes to show a notice with this code."""

    def there() -> bool:
        notices = as_person(federation, person, "desk", "show", str(of.get("thread"))).get("notices", [])
        return any(each["code"] == code for each in notices)

    return bool(until(federation, there))


def _states(federation: Federation, alert: Found) -> list[str]:
    """Return how the counterparts of an alert of ours stand."""
    return [
        each["state"] for each in as_person(federation, OFFICER, "alert", "show", str(alert.get("id"))).get("to", [])
    ]


def _held_by(federation: Federation, *holders: str) -> str:
    """Return the record of Cambodia that all of these hold. Raises `NotThere`."""
    records = run("desk", "holders", "--home", federation.home("kh")).output["records"]
    held = {each["record"]: {copy["holder"] for copy in each["copies"] if copy["state"] == "held"} for each in records}
    found = next((record for record, who in held.items() if who >= set(holders)), "")
    if not found:
        raise NotThere(f"a record that {' and '.join(holders)} hold")
    return found


# ------------------------------------------------------------ questions


def _ask_for_driver(federation: Federation, story: Story, scene: Scene, person: str) -> str:
    """Ask Cambodia for the driver; return the search's id."""
    driver = planted.DRIVER
    ran = story.search(
        *("ask", "person", "--home", federation.home(person.partition(".")[0]), "--as", person, "--to", "kh"),
        *("--name", driver.thai, "--script", "Thai", "--birth", str(driver.birth.year)),
        *("--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "TH-2026-0417", KEY, secrets.token_hex(8)),
    )
    scene.details.setdefault("searches", []).append(ran.output)
    return _id(ran.output)


def _gate(federation: Federation, story: Story | None = None) -> Found:
    """Ask at the Vietnamese gate for the car; return the line of its own node."""
    command = (
        *("ask", "vehicle", "--home", federation.home("vn"), "--as", OFFICER_VN, "--to", "th"),
        *("--plate", planted.STOLEN_CAR_PLATE, "--province", planted.STOLEN_CAR_PROVINCE),
        *("--purpose", "BORDER_CHECK", "--offence", "NARC", "--ticket", "VN-MB-31", KEY, secrets.token_hex(8)),
    )
    output = (story.search(*command) if story else run(*command)).output
    lines = output.get("lines", []) if isinstance(output, dict) else []
    return next((line for line in lines if line["member"] == "vn"), {"hits": []})


def _id(found: Any) -> str:
    return str(found.get("id")) if isinstance(found, dict) else ""


def _helduntil(clock: Clock) -> str:
    """Return the hour of Thailand, one to two hours from now."""
    return f"{clock.now() + _THAI_TIME + timedelta(hours=2):%H}:00"
