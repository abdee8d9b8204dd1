"""Describe what one source finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.views.lines import Line


def asked_lines(asked: dict[str, Any]) -> Iterator[Line]:
    """Yield the answer of a source (`adapters.check.asked.Asked.as_value`)."""
    if not asked["searched"]:
        yield f"{asked['source']} was not searched: nothing in it is found by such a question", "warn"
        yield f"  it can be asked for {', '.join(asked['queries']) or 'nothing'}"
        return
    found = asked["found"]
    more = ", and there are more" if asked["capped"] else ""
    yield f"{asked['source']}: {len(found)} found{more}", "good" if found else ""
    for each in found:
        yield f"{each['type']} {each['key']}: {each['quality']}, {each['score']:.3f}", "title"
        yield f"  by {', '.join(each['rules'])}; {each['category']}; {each['level']}; for {_audience(each)}"
        if each["problem"]:
            yield f"  it cannot be read: {each['problem']}", "bad"
        for name, value in each["fields"].items():
            yield f"  {name}: {_brief(value)}"


def _audience(each: dict[str, Any]) -> str:
    return ", ".join(each["releasable_to"]) or "nobody"


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_brief(each)}" for key, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(_brief, value))
    return str(value)
