"""Play five of the ten scenes of the demo. Each says what it expects before the result is shown."""

from __future__ import annotations

import secrets
from typing import Any

from gateway.config import load_settings
from gateway.demo.command import Ran
from gateway.demo.federation import OFFICER, Federation
from gateway.demo.sources import planted
from gateway.demo.stories.audits import logs_verify
from gateway.demo.stories.desk import DESK_SCENES
from gateway.demo.stories.operation import an_operation
from gateway.demo.stories.photograph import a_photograph
from gateway.demo.stories.proof import refuses_altered, verify_shown
from gateway.demo.stories.watch import WATCH_SCENES
from gateway.demo.story import KEY, Scene, SceneOf, Story
from gateway.errors import LiaisonError
from gateway.records.types import RECORD_TYPES

Line = dict[str, Any]

_RELEASED = 4
"""Fields of a person that Cambodian policy lets customs release."""

_OWN_TO_AN_ANSWER = ("exchange_id", "entry", "last_seen")
"""Parts of a line that differ between any two answers."""


def a_travel_document(federation: Federation, story: Story) -> None:
    """Play a full release beside a no hit."""
    scene = story.scene(
        "A travel document at the border",
        "An officer at a Thai border office asks both neighbours about a Vietnamese passport.",
        "In each country the node asks police, customs and immigration.",
    )
    vietnam, cambodia = _lines(_ask_for_passport(federation, story, scene), "vn", "kh")
    story.expect(scene, "Viet Nam has a hit", vietnam["outcome"] == "hit")
    story.expect(scene, "Viet Nam releases its status: stolen", _fields(vietnam).get("status") == "STOLEN")
    story.expect(scene, "Cambodia has no hit", cambodia["outcome"] == "no_hit")
    for member, line in (("vn", vietnam), ("kh", cambodia)):
        agencies = [source.agency for source in load_settings(federation.home(member), {}).sources]
        text = f"all agencies of {member} have answered: {', '.join(agencies)}"
        story.expect(scene, text, line["missing"] == [])


def a_person_by_name(federation: Federation, story: Story) -> None:
    """Play a release with fields withheld; the signed record verifies without them."""
    person = planted.DRIVER
    scene = story.scene(
        "A person by name, in Thai script",
        "She asks for a person by name and birth year. Cambodian customs wrote the name in Khmer and Latin letters.",
    )
    (cambodia,) = _lines(_ask_for_person(federation, story, scene, person), "kh")
    total = RECORD_TYPES["Person"].total(_fields(cambodia))
    story.expect(scene, "Cambodia has a hit", cambodia["outcome"] == "hit")
    story.expect(scene, f"customs releases {_RELEASED} of {total} fields", len(_fields(cambodia)) == _RELEASED)
    _check_record(federation, story, scene, cambodia)


def a_purpose_not_covered(federation: Federation, story: Story) -> None:
    """Play a refusal with its reason in words."""
    scene = story.scene(
        "A purpose that the agreement does not cover",
        "She asks again, for prevention. The agreement between the three countries does not name that purpose.",
    )
    ran = _ask_person(federation, story, planted.DRIVER, "kh", purpose="PREVENTION")
    scene.details["answer"] = ran.output
    code, text = _refusal(ran)
    story.expect(scene, "she is refused", ran.code == 1 and code == "purpose-not-covered")
    story.expect(scene, f"the reason is given in words: {text}", "purpose" in text)


def a_hidden_person(federation: Federation, story: Story) -> None:
    """Play a hit that policy suppresses, beside a person who is in no database."""
    scene = story.scene(
        "A person whose record is hidden from Thailand",
        "Cambodia runs an operation and hides this person from Thailand. Then she asks for somebody whom nobody knows.",
    )
    (hidden,) = _lines(_ask_for_person(federation, story, scene, planted.HIDDEN), "kh")
    (nobody,) = _lines(_ask_for_person(federation, story, scene, planted.NOBODY), "kh")
    story.expect(scene, "no hit for the hidden person", hidden["outcome"] == "no_hit")
    story.expect(scene, "nothing distinguishes the two answers", _comparable(hidden) == _comparable(nobody))
    story.alike = [line["entry"] for line in (hidden, nobody) if line.get("entry") is not None]


def a_silent_neighbour(federation: Federation, story: Story) -> None:
    """Play a silence, which is shown as silence; the same question works later."""
    scene = story.scene(
        "A neighbour falls silent",
        "The Cambodian node is stopped. She asks both neighbours about the passport again.",
    )
    federation.stop("kh")
    vietnam, cambodia = _lines(_ask_for_passport(federation, story, scene), "vn", "kh")
    story.expect(scene, "Cambodia is silent, which is not no hit", cambodia["outcome"] == "silent")
    story.expect(scene, f"it was last seen at {cambodia['last_seen']}", cambodia["last_seen"])
    story.expect(scene, "Viet Nam answers", vietnam["outcome"] == "hit")
    story.say("   The Cambodian node is started again, and she repeats the question.")
    federation.start("kh")
    vietnam, cambodia = _lines(_ask_for_passport(federation, story, scene), "vn", "kh")
    story.expect(scene, "Cambodia answers: no hit", cambodia["outcome"] == "no_hit")
    story.expect(scene, "Viet Nam answers as before", vietnam["outcome"] == "hit")


SCENES: tuple[SceneOf, ...] = (
    a_travel_document,
    a_person_by_name,
    a_purpose_not_covered,
    a_hidden_person,
    a_silent_neighbour,
    logs_verify,
    *DESK_SCENES,
    a_photograph,
    *WATCH_SCENES,
    an_operation,
)
"""All scenes in their order."""


def _ask(federation: Federation, story: Story, kind: str, to: str, *arguments: str) -> Ran:
    return story.search(
        *("ask", kind, "--home", federation.home("th"), "--as", OFFICER, "--to", to),
        *arguments,
        *(KEY, secrets.token_hex(8)),
    )


def _ask_for_passport(federation: Federation, story: Story, scene: Scene) -> dict[str, Any]:
    passport = planted.STOLEN_PASSPORT
    ran = _ask(
        *(federation, story, "document", "vn,kh"),
        *("--number", passport.number, "--issuer", passport.issuer),
        *("--purpose", "BORDER_CHECK", "--offence", "DOCFRAUD", "--ticket", "TH-AP-2026-118"),
    )
    return _kept(scene, ran)


def _ask_person(federation: Federation, story: Story, person: planted.Person, to: str, purpose: str) -> Ran:
    return _ask(
        *(federation, story, "person", to),
        *("--name", person.thai, "--script", "Thai", "--birth", str(person.birth.year)),
        *("--purpose", purpose, "--offence", "NARC", "--case", "TH-2026-0417"),
    )


def _ask_for_person(federation: Federation, story: Story, scene: Scene, person: planted.Person) -> dict[str, Any]:
    return _kept(scene, _ask_person(federation, story, person, "kh", purpose="INVESTIGATION"))


def _kept(scene: Scene, ran: Ran) -> dict[str, Any]:
    """Return the search as JSON and keep it for the demo's own JSON; empty when the command failed."""
    scene.details.setdefault("searches", []).append(ran.output)
    return ran.output if isinstance(ran.output, dict) and "lines" in ran.output else {"lines": []}


def _lines(search: dict[str, Any], *members: str) -> list[Line]:
    """Return the line of each member; where there is none, a line without content."""
    found = {line["member"]: line for line in search["lines"]}
    nothing: Line = {"outcome": "none", "hits": [], "missing": ["all"], "last_seen": None}
    return [found.get(member, nothing) for member in members]


def _fields(line: Line) -> dict[str, Any]:
    for hit in line["hits"]:
        if hit["record"]:
            return dict(hit["record"]["fields"])
    return {}


def _comparable(line: Line) -> Line:
    return {key: value for key, value in line.items() if key not in _OWN_TO_AN_ANSWER}


def _refusal(ran: Ran) -> tuple[str, str]:
    """Return code and text of a refusal by our own node or by the counterpart."""
    output = ran.output if isinstance(ran.output, dict) else {}
    if "error" in output:
        return str(output["error"].get("code")), str(output["error"].get("message"))
    refusals = [line["refusal"] for line in output.get("lines", []) if line["refusal"]]
    return (str(refusals[0]["code"]), str(refusals[0]["text"])) if refusals else ("", "")


def _check_record(federation: Federation, story: Story, scene: Scene, line: Line) -> None:
    records = [hit["record"]["sd_jwt"] for hit in line["hits"] if hit["record"]]
    if not records:
        story.expect(scene, "there is a signed record to verify", False)
        return
    place = (records[0], federation.home("th"), "kh", "th", federation.clock)
    try:
        record = verify_shown(*place)
    except LiaisonError as error:
        story.expect(scene, f"the signed record verifies ({error})", False)
        return
    left_out = RECORD_TYPES[record.type].total(record.fields) - len(record.fields)
    text = f"the record signed by {record.owner} verifies with {left_out} fields left out"
    story.expect(scene, text, len(record.fields) == _RELEASED)
    story.expect(scene, "with one of its values changed, it does not", refuses_altered(*place))
