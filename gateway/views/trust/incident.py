"""Describe the plan that follows the theft of a key in lines: numbered steps, each with its command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.clock import rfc3339
from gateway.ops.removals.incident import Incident
from gateway.views.lines import Line


def describe_incident(plan: Incident) -> dict[str, Any]:
    """Return a plan as JSON."""
    return {
        "member": plan.member,
        "use": plan.key.use,
        "key": plan.key.key_id,
        "since": rfc3339(plan.since_us),
        "steps": [{"what": step.what, "command": step.command, "done": step.is_done} for step in plan.steps],
    }


def incident_lines(about: dict[str, Any]) -> Iterator[Line]:
    """Yield a plan in lines."""
    yield f"{about['use']} key {about['key'][:16]} of `{about['member']}`, in other hands since {about['since']}"
    for number, step in enumerate(about["steps"], 1):
        yield f"{number}. {step['what']}{' (done)' if step['done'] else ''}", "good" if step["done"] else ""
        if not step["done"]:
            yield f"     {step['command']}"
