"""Choose what an error tells to do at the command line: a command, a file or a setting, never a path of the REST API.

Its own remedy comes first. A node gives the remedies of its REST API, and some errors have none: then that of the code
counts, else that of the coarse reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.cli.speech import Speech
from gateway.config import argument
from gateway.config.source_home import SourceHome
from gateway.config.witness_home import WitnessHome
from gateway.errors import Contradicted, LiaisonError, NotProved
from gateway.language.catalogue import Sentences, tell
from gateway.language.sentences import remedy

_OF_REST = re.compile(r"/openapi\.json|/v1/|Authorization:|application/")
"""Stand in remedies of the REST API only, in every language."""

_SENTENCES: Sentences = {
    "help": "what it takes: {command} --help",
    "shorter": "say it shorter, or in several parts; what it takes: {command} --help",
    "known": "name one that is there; how to find it: {command} --help",
    "again": "it was done before, or has changed since: look at it first, then {command} --help",
    "list": "see how it stands now: liaison desk list --home {home}",
    "listed": "those that there are: {listing} --home {home}",
    "members": "which members there are, and whether they can be asked: liaison trust show --home {home}",
    "people": "ask somebody with another role: people/persons.csv of the home lists roles, people/duty.csv shifts",
    "policy": "agreements and policy decide this: liaison policy status --home {home} names those in force",
    "token": "take a new token from the identity provider (--token); node.toml lists its keys as [[token_key]]",
    "revoked": "node.toml names the file of the revoked officers as tokens.revocations: put the newest list there",
    "later": "try again in a minute; the limits stand in node.toml, below [limits]",
    "switched": "who has switched what off: liaison trust show --home {home}; what is off here, liaison resume ends",
    "debt": "who owes whom receipts: liaison audit debt --home {home}",
    "doctor": "what stands in the way: {check} --home {home}",
    "evidence": "change nothing and keep it as evidence; docs/guides/auditing.md says what follows",
}

_OF_REASONS = {
    "INVALID_ARGUMENT": "help",
    "UNAUTHENTICATED": "token",
    "PERMISSION_DENIED": "doctor",
    "FAILED_PRECONDITION": "doctor",
    "ALREADY_EXISTS": "again",
    "ABORTED": "again",
    "RESOURCE_EXHAUSTED": "later",
    "DEADLINE_EXCEEDED": "doctor",
    "SUSPENDED": "switched",
    "RECEIPTS_DUE": "debt",
    "UNAVAILABLE": "doctor",
    "NOT_FOUND": "known",
    "INTERNAL": "doctor",
}


def _each(codes: str, name: str) -> dict[str, str]:
    return dict.fromkeys(codes.split(), name)


_OF_CODES: Mapping[str, str] = {
    **_each(
        "bad-member member-left member-suspended no-counterpart no-endpoint not-a-member unknown-member", "members"
    ),
    **_each(
        "already-decided assigned-to-another expired held-over no-answer no-draft no-proposal no-such-notice "
        "no-such-thread no-such-work not-now notice-over outdated said-already thread-moved work-done wrong-answer",
        "list",
    ),
    **_each(
        "administrator another-agency another-person no-such-person other-person outside-reach own-account "
        "own-approval persons-needed role-not-permitted same-human supervisor-on-duty training-missing training-over",
        "people",
    ),
    **_each(
        "agreement-expired agreement-unknown no-onward not-a-party not-releasable "
        "offence-not-covered outside-marking policy-denies purpose-not-covered query-not-covered record-not-covered "
        "role-not-allowed unknown-marking unknown-record-type",
        "policy",
    ),
    **_each(
        "bad-token no-token proof-needed purpose-not-in-token token-audience token-binding token-expired token-revoked "
        "token-time",
        "token",
    ),
    **_each("revocations-missing", "revoked"),
    **_each(
        "body-too-large document-too-large field-too-large file-too-large record-too-large "
        "statement-too-large too-large too-long too-many-items",
        "shorter",
    ),
}

_LISTINGS = {
    "no-such-alert": "liaison alert list",
    "no-such-exchange": "liaison audit find",
    "no-such-freeze": "liaison freeze list",
    "no-such-hold": "liaison audit hold list",
    "no-such-report": "liaison report list",
    "no-such-room": "liaison operation list",
    "no-such-token": "liaison misuse list",
    "no-such-watch": "liaison watch list",
    "unknown-exchange": "liaison audit find",
}
"""The command that lists what there is, for each code of something that is not there."""


def advice(error: LiaisonError, speech: Speech) -> str:
    """Return what to do about an error, in the language of this run."""
    own = remedy(error, speech.language)
    if own and not _OF_REST.search(own):
        return own
    home = argument(speech.home) if speech.home else "HOME"
    facts = {"command": speech.command, "home": home, "check": _check(speech.home)}
    if listing := _LISTINGS.get(error.code):
        return tell(speech.language, _SENTENCES["listed"], listing=listing, **facts)
    general = "evidence" if isinstance(error, Contradicted | NotProved) else _OF_REASONS[error.reason.value]
    return tell(speech.language, _SENTENCES[_OF_CODES.get(error.code, general)], **facts)


def _check(home: Path | None) -> str:
    """Return the command that looks a home over: that of a node, of a source process or of a domestic witness."""
    if home is not None and SourceHome(home).settings.exists():
        return "liaison source check"
    return "liaison witness status" if home is not None and WitnessHome(home).settings.exists() else "liaison doctor"
