"""Say who acts, and which rows and forms are alike for several subjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.faces.acting import SHOWN, Form, Row

OFFICER, OTHER, BOSS = "th.o.1042", "th.o.2000", "th.o.7"
SECURITY, HEAD = "th.o.s1", "th.o.h3"
THEIR_DUTY, THEIR_DESK, THEIR_SECURITY = "vn.o.d7", "vn.o.n1", "vn.o.s1"
KEEPER, KEEPER_OF_OTHERS = "vn.o.p1", "vn.o.p9"
NO = "no case"
WHY = {"purpose": "INVESTIGATION", "offence": "NARC", "case": "TH-2026-0417"}
BASIS = "--purpose INVESTIGATION --offence NARC --case TH-2026-0417"
SEIZED: dict[str, Any] = {"outcome": "SEIZED", "substance": "ketamine", "grams": 12000, "persons": 2, "text": "seen"}
SEIZED_COMMAND = "--outcome SEIZED --substance ketamine --grams 12000 --persons 2 --text seen"
SEIZED_FORM = {"outcome": "SEIZED", "substance": "ketamine", "grams": "12000", "persons": "2", "about": "seen"}


class Codes(NamedTuple):
    """The codes of refusals of what waits for a second person: to persons who may not, of no id, once it is decided."""

    refused: Mapping[str, str]
    absent: str
    again: str


OF_THREAD = Codes({OFFICER: "own-approval", OTHER: "no-such-work"}, "no-such-work", "not-now")
"""The codes where the form, too, names the work."""


def of_page(absent: str, other: str = "role-not-permitted") -> Codes:
    """Return the codes where a form names the matter; `other` is what it says to an officer who may not approve."""
    refused = {OFFICER: "own-approval", OTHER: f"no-such-work / {other}"}
    return Codes(refused, f"no-such-work / {absent}", f"not-now / {SHOWN}")


def approve(who: str, acts: str, form: Form, codes: Codes, tells: str = "") -> Row:
    """Return the approval of what waits."""
    return Row(
        "approved", who, acts, tells, "POST work/{approve}/approve", "desk approve {approve}", form, None, *codes
    )


def decline(who: str, acts: str, form: Form, codes: Codes) -> Row:
    """Return the refusal of what waits."""
    call, command = "POST work/{approve}/decline", f'desk decline {{approve}} --reason "{NO}"'
    return Row("declined", who, acts, "", call, command, form, {"reason": NO}, *codes)


def decision(page: str, button: str, do: str, reason: str, to: str = "approve") -> Form:
    """Return the form of an approval on the page of its matter: the one button, or the other one with a reason."""
    return Form(page, f"{page}/{to}", {button: do, "work": "{approve}"} | ({reason: NO} if do == "decline" else {}))


def at_thread(key: str, do: str) -> Form:
    """Return the form of an approval on the page of its thread."""
    fields = {"do": do} | ({"decline-reason": NO} if do == "decline" else {})
    return Form(f"/threads/{key}", "/desk/work/{approve}/approve", fields)
