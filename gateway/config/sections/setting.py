"""One setting of a file: its type's field, its default, and the sentence that documents it; and those that ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

ENDED: Mapping[str, str] = {
    "node.workers": "remove it: the node works in one process, and `liaison source init` gives a source one of its own",
    "limits.asks_waiting": "remove it: `ask = { open = 500 }` of `[budget]` in quotas.toml of the policy says it",
}
"""Settings of earlier versions, which count for nothing any more, with what to do: they keep no node from starting."""


def setting(
    doc: str,
    default: Any = None,
    *,
    required: bool = False,
    path: bool = False,
    minimum: int = 0,
    maximum: int = 2**53,
    live: bool = False,
) -> Any:
    """Return a documented setting. `path`: relative to the home. `minimum` and `maximum` apply to whole numbers.

    A `required` setting must stand in the file, even with a default here. A `live` one changes in a running node
    (`liaison reload`); any other needs a restart.
    """
    metadata = {"doc": doc, "path": path, "minimum": minimum, "maximum": maximum}
    metadata |= {"required": required, "live": live}
    if required and default is None:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)
