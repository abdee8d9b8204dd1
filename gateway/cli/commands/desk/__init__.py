"""`liaison desk`: what waits for a human at this node, and who holds copies of our records."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_DESK = {
    "list": ("desk.work", "The work that you see, what somebody waits for first; no content."),
    "show": ("desk.work", "One item of work or one thread, with all that was said."),
    "take": ("desk.work", "Take work, so that your colleagues see that you do it."),
    "assign": ("desk.work", "Give work to a colleague."),
    "phone": ("desk.work", "Whom to phone about work or a thread, here and there."),
    "confirm": ("desk.steps", "Say whether a hit is the same person or thing."),
    "pass-on": ("desk.steps", "Move work to another agency of ours."),
    "approve": ("desk.steps", "Approve what a colleague wants to send."),
    "decline": ("desk.steps", "Decline what a colleague wants to send."),
    "choice": ("desk.steps", "What you may release in answer to an ask about a hit."),
    "decide": ("desk.steps", "Decide on an ask of another country."),
    "sign": ("desk.steps", "Decide as the second person."),
    "open": ("desk.steps", "Open the answer to an ask of yours, with its records."),
    "clarify": ("desk.steps", "Answer when the other side asks back."),
    "withdraw": ("desk.steps", "Withdraw an ask of yours, or a draft."),
    "outcome": ("desk.steps", "Tell the other side what came of its answer."),
    "not-same": ("desk.steps", "Say that an answer is about another person or thing."),
    "note": ("desk.notes", "Write to the humans of the other side."),
    "read": ("desk.notes", "Say that you have looked at what came."),
    "attach": ("desk.files", "Bring a file to your node, for what you write next."),
    "attachments": ("desk.files", "The files of a thread, and how each stands."),
    "save": ("desk.files", "Open a file of a thread: save it here."),
    "form": ("desk.notes", "Print a form, as text or as a page."),
    "threads": ("desk.work", "The threads that you may read, the newest first."),
    "holders": ("desk.ledger", "Who holds copies of our records, and what is confirmed."),
    "change": ("desk.ledger", "Change what was given: contest, reclassify, cut an office off."),
    "held-back": ("desk.ledger", "What is held back since it was withdrawn; lift it."),
    "comply": ("desk.ledger", "Erase what a change is about, or object to it."),
}


@click.group("desk", cls=LazyGroup, table=_DESK)
def desk_group() -> None:
    """What waits for a human at this node: follow-ups, alerts, corrections, and who holds copies of our records.

    \b
    Examples:
      liaison desk list --home vn --as vn.d.7
      liaison desk show decide.th.5f0c… --home vn --as vn.d.7
      liaison desk take decide.th.5f0c… --home vn --as vn.d.7
      liaison desk holders --home kh

    You see the work of your own agency, office and role (docs/desk/roles.md), and nothing once your training is over.
    """
