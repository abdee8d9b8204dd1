"""The bodies of calls of the desk: typed and closed (an unknown member is refused)."""

from __future__ import annotations

from gateway.agency.bodies.handed import Handed
from gateway.model.desk.notices import OutcomeReport
from gateway.model.handed.asks import Decide
from gateway.model.handed.work import Assign, GiveReason, HitOutcome, PassOn, React, Sign, WriteNote

ASSIGN = Handed(Assign, "AssignBody", example={"person": "vn.d.8", "reason": "end of my shift"})
PASS_ON = Handed(PassOn, "PassOnBody", example={"agency": "customs", "reason": "their seizure"})
REASON = Handed(GiveReason, "ReasonBody")
DECIDE = Handed(
    Decide,
    "DecideBody",
    example={"answer": "PARTLY", "reason": "same person, same case", "fields": ["names", "birth"]},
    path=("work",),
)
SIGN = Handed(Sign, "SignBody")
REACT = Handed(React, "ReactionBody", example={"answer": "ACKNOWLEDGED"})
OUTCOME = Handed(OutcomeReport, "OutcomeBody", example={"outcome": "SEIZED", "substance": "meth", "grams": 9})
HIT_OUTCOME = Handed(
    HitOutcome,
    "HitOutcomeBody",
    example={"search": "5f0c8a1b", "from": "kh", "outcome": "LOCATED", "persons": 1},
)
NOTE = Handed(WriteNote, "NoteBody", example={"language": "en", "text": "we are looking into it"})
