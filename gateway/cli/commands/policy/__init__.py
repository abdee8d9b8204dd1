"""`liaison policy`: check, test, explain, compare and rehearse what leaves the country."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_POLICY = {
    "admit": ("policy.approval", "Bring an approver's public key into a home; the next descriptor lists it."),
    "approver": ("policy.approval", "Make the key of one who approves policy."),
    "check": ("policy.review", "Find everything in a policy folder that would not load, with file, line and remedy."),
    "diff": ("policy.review", "Say what NEW changes against OLD, in words, and the cases that come out otherwise."),
    "explain": ("policy.review", "Say why: which rule, where it stands, and what would have to differ."),
    "fetch": ("policy.approval", "Get the very files that decided, by the hash in a decision's entry."),
    "install": ("policy.approval", "Bring a policy that two approvers signed to a node."),
    "matrix": ("policy.review", "Show who gets what: each counterpart's agencies, purposes, record types and fields."),
    "mutants": (
        "policy.review",
        "Put one mistake after another into each policy, and find those that no case notices.",
    ),
    "quotas": ("policy.review", "Show how much of today's quotas is used, the nearly used-up ones first."),
    "rehearse": ("policy.review", "Decide again, by a draft, what this home really answered."),
    "review": ("policy.approval", "Show what a signed policy changes against the one in force, in words and in cases."),
    "sign": ("policy.approval", "Sign a national folder as a new version, or add an approver's signature."),
    "status": ("policy.approval", "Say which policy a home holds, and who approved it."),
    "test": ("policy.review", "Decide all cases of one or more national folders."),
}


@click.group("policy", cls=LazyGroup, table=_POLICY)
def policy() -> None:
    """National policy: what leaves the country, to whom, and why.

    \b
    Examples:
      liaison policy check policy/national/th
      liaison policy test policy
      liaison policy explain --case policy/national/th/cases/document.toml
      liaison policy matrix policy/national/th --html matrix.html
      liaison policy diff policy/national/th draft/th
      liaison policy rehearse --home th --draft draft/th --since 30d

    
    A policy is put in force by two approvers:
      liaison policy approver --out keys --name a               # each in a place of their own
      liaison policy admit keys/a.pub --home th; liaison trust publish --home th --authority th-authority
      liaison policy sign draft/th --version 3 --key a.key --out th-3.json
      liaison policy review th-3.json --home th                 # what it changes, for the other approver
      liaison policy sign th-3.json --key b.key --out th-3.json
      liaison policy install th-3.json --home th                # it waits until a running node decides by it
    """
