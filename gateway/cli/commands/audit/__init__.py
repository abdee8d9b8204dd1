"""`liaison audit`: show, verify and export the audit log; and its legal holds."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_AUDIT = {
    "appoint": ("audit.mandate", "Appoint an auditor: a certificate with scope and expiry, signed by the authority."),
    "auditors": ("audit.mandate", "List who was appointed as an auditor, by whom, how far and until when."),
    "debt": ("audit.entries", "Who owes whom receipts: answers that were given and not acknowledged, either way."),
    "erase": ("audit.erase", "Destroy the keys of content: two persons sign; an entry says what was erased."),
    "evidence": ("audit.entries", "Show heads that do not go together, of our own log or of a counterpart's."),
    "export": ("audit.proof", "Write the logs with their proofs, for an auditor without a node."),
    "find": ("audit.find", "Find entries by what they say, newest first."),
    "hold": ("audit", "Legal holds: two persons sign, it ends by itself, and each step has its entry."),
    "index": ("audit.find", "Bring the search index up to date, so that `find` answers at once."),
    "key": ("audit.mandate", "Make an auditor's key, on the auditor's own machine."),
    "key-report": (
        "audit.entries",
        "After a key was lost: all that it signed, and what a witness's cosignature covers.",
    ),
    "next-log": ("audit.upkeep", "Open the next number of a log whose entries are lost for good."),
    "open": ("audit.content", "Show what was asked and what was given, field by field, and what of it is proved."),
    "prune": ("audit.upkeep", "Delete old entries of the exchange log to a lowest index; their hashes stay."),
    "reconcile": ("audit.proof", "Compare two countries' exports: what was lost, dropped or altered, and by whom."),
    "show": ("audit.entries", "Show entries, newest first: their public part, and what they say of the node."),
    "sign": ("audit.mandate", "Sign, on the auditor's own machine, what the console's audit pages have prepared."),
    "stats": ("audit.entries", "Count questions, answers, hits, refusals and the rest by month and counterpart."),
    "verify": ("audit.proof", "Recompute everything."),
}


@click.group("audit", cls=LazyGroup, table=_AUDIT)
def audit() -> None:
    """What was asked and answered, and the proof of it.

    \b
    Examples:
      liaison audit show --home th --peer vn --since 2026-11-01
      liaison audit verify --home th
      liaison audit debt --home th
      liaison audit open --home th --key th.auditor.1.key --entry 42 --reason "complaint 7/2026"
      liaison audit export --home th --out th-export
      liaison audit verify --export th-export --charter charter.jsonl      # on any machine
      liaison audit reconcile th-export vn-export --charter charter.jsonl
      liaison audit find --home th --officer th.o.1042
      liaison audit key-report --home th --key statement --since 2026-11-20T08:00
      liaison audit stats --home th --html stats.html
      liaison audit erase --home th --older-than 3y --dry-run
    """


_HOLD = {
    "bring": ("audit.hold", "Place or lift a hold that two approvers signed."),
    "draft": ("audit.hold", "Write a new hold with the first approver's signature."),
    "lift": ("audit.hold", "Write the lifting of a hold with the first approver's signature."),
    "list": ("audit.hold", "All holds that were ever placed, and whether they stand."),
    "sign": ("audit.hold", "Read a document, and add an approver's signature."),
}


@click.group("hold", cls=LazyGroup, table=_HOLD)
def hold_group() -> None:
    """Legal holds: two persons sign (data officers, approvers), it ends by itself within a year, and each step has its
    entry.

    Each of its commands has --json.

    \b
    Examples:
      liaison audit hold draft --home th --entry exchange/1:17 --until 2027-06-01 --reason "case 7" --key a.key --out h
      liaison audit hold sign h --key b.key --out h      # the other approver
      liaison audit hold bring h --home th
      liaison audit hold list --home th
      liaison audit hold lift --home th --hold hold-… --reason "case closed" --key a.key --out l      # then sign, bring
    """
