"""Ask the running node of a home about the members, and where there is none, the home's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.cli.client import NodeClient
from gateway.cli.speech import spoken
from gateway.config import load_settings
from gateway.errors import LiaisonError
from gateway.language.sentences import sentence
from gateway.ops.trust.state import describe_home
from gateway.views.members.words import state_text


def known_members(home: Path) -> dict[str, Any]:
    """Return the members as JSON, each state in words. `unasked` says why the node was not asked; empty where it was.

    Raises `Misconfigured` where neither the node nor a charter tells anything.
    """
    language = spoken()
    try:
        with NodeClient(load_settings(home), language=language) as node:
            return node.members() | {"unasked": ""}
    except LiaisonError as error:
        unasked = sentence(error, language)
    about = describe_home(home)
    for member in about["members"].values():
        member["text"] = state_text(member, language)
    return about | {"unasked": unasked}
