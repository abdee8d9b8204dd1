"""Describe in lines how logs stand with their witnesses, and which heads contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.views.lines import Line


def evidence_lines(found: Iterable[dict[str, Any]]) -> Iterator[Line]:
    """Yield pairs of heads that contradict each other."""
    about = None
    for about in found:
        yield f"{about['id']}  {about['origin']}  {about['code']}  {about['time']}"
        yield f"  {about['meaning']}"
        for name in ("known", "offered"):
            if head := about[name]:
                yield f"  {name:<8} {head['size']} entries, root {head['root']}"
    if about is None:
        yield "no heads were found that do not go together", "good"


def node_lines(about: dict[str, Any]) -> Iterator[Line]:
    """Yield how the logs of a node stand with their witnesses."""
    asked = ", ".join(about["asked"]) or "nobody"
    yield f"witnesses: {asked}; a quorum is the domestic witness, or {about['quorum']} of the counterparts", ""
    for log in about["logs"]:
        if not log["size"]:
            yield f"{log['log']}: empty", ""
        elif not log["covered"]:
            yield f"{log['log']}: {log['size']} entries, and no head had a quorum yet", "warn"
        else:
            age = f"the rest waits for {log['age_s']} s" if log["size"] > log["covered"] else "all of them"
            style = "bad" if log["lost"] else "good"
            yield f"{log['log']}: {log['covered']} of {log['size']} entries are under a quorum; {age}", style
        for item in log["cosigned"]:
            yield f"  {item['witness']:<12} {item['algorithm']:<10} {item['time']}", ""
    if about["evidence"]:
        yield (
            f"{about['evidence']} pair(s) of heads that do not go together: `liaison audit evidence` shows them",
            "bad",
        )


def memory_lines(about: dict[str, Any]) -> Iterator[Line]:
    """Yield the heads that a domestic witness has cosigned."""
    for log in about["logs"]:
        yield f"{log['origin']}: {log['size']} entries, cosigned {log['time']}", "good"
    if about["evidence"]:
        yield f"{about['evidence']} pair(s) of heads that do not go together: `liaison audit evidence`", "bad"
