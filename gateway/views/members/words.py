"""Tell in an officer's words how a member stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.language.sentences import refusal
from gateway.model.members import MemberState

STATES: Sentences = {
    MemberState.SERVING: "it can be asked",
    MemberState.ACTIVE: "it is a member; whether its node can be reached is not known while our own node does not run",
    MemberState.SUSPENDED_BY_US: "our own country has switched it off: {why}",
    MemberState.SUSPENDED_BY_THEM: "it has switched us off, as its last answer said",
    MemberState.NOT_TRUSTED: "our node does not trust theirs: {why}",
    MemberState.DISMISSED: "their node ended our connection: {why}",
    MemberState.SILENT: "its node cannot be reached since {time}; this does not mean no hit",
    MemberState.OUT_OF_TIME: "its documents are out of their time: {why}",
    MemberState.SUSPENDED: "it is suspended from the federation",
    MemberState.LEFT: "it has left the federation",
    MemberState.CONTRADICTED: "two signed charters contradict each other, and one of them suspends it",
}

_KEYS: Sentences = {"key-removed": "a key of theirs was removed, and they have no new one yet"}

_NEVER: Sentences = {"never": "its node was not reached since our own node started; this does not mean no hit"}


def state_text(member: Mapping[str, Any], language: Language = Language.EN) -> str:
    """Return how a member stands, from its description, in `language`."""
    state = MemberState(member["state"])
    if state is MemberState.SILENT and not member["since"]:
        return tell(language, _NEVER["never"])
    code = member["code"]
    why = tell(language, _KEYS[code]) if code in _KEYS else refusal(code, "", language) or member["reason"] or code
    return tell(language, STATES[state], why=why, time=member["since"] or "")
