"""Explain the codes of refusals where an auditor reads them, in English.

An officer's sentence speaks of the other node. An auditor reads of both sides, so these say which one they mean.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.language.refusals import REASONS, REFUSALS

_FULL = "there was no room to keep more on the node that was asked"

_WORDS: Mapping[str, str] = {
    "agreement-unknown": "the agreement that was cited is not known to the node that was asked",
    "answer-too-large": "the answer was larger than the asker's node takes",
    "bad-signature": "a signature does not verify",
    "closed-unsecured": "the connection was closed at the other end before it was secured",
    "disk-reserve": _FULL,
    "fault-limit": "too many of the asker's questions did not verify",
    "from-the-future": "it came from the future: the two clocks differ",
    "in-flight-limit": "too many of the asker's questions were under way",
    "internal": "something failed inside the node that was asked",
    "key-removed": "the key of the node that was asked was removed",
    "key-not-valid": "a key that signed is not valid",
    "key-in-other-hands": "a key that signed may be in other hands, as its country says",
    "member-left": "the member that was asked had left the federation",
    "other-origin": "the passkey was asked for by another site",
    "passkey-cloned": "the passkey's counter went back: another device may have a copy of it",
    "member-suspended": "the member that was asked was suspended from the federation",
    "not-listed": "the key that signed is not listed, or was removed",
    "not-trusted-there": "the node that was asked did not accept the asker's node any more",
    "own-key-removed": "the key of the asker's own node was removed",
    "own-suspended": "the asker's own country is suspended from the federation",
    "no-descriptors": _FULL,
    "no-tls-key": "the node that was asked has no TLS key that is valid",
    "nothing-listens": "nothing listened at the address of the node that was asked",
    "overloaded": "the node that was asked had too much to do",
    "part-not-read": "the node that was asked had an earlier version, which did not read this yet",
    "policy-denies": "the policy of the country that was asked does not permit this",
    "rate-limit": "the node that was asked takes only so many questions of the asker in a second",
    "no-worker": "the node that was asked had no process free for this in time",
    "receipts-due": "the asker's node had not confirmed earlier answers",
    "replayed": "a question with this id was answered before, and this one was not the same",
    "revocations-missing": "the asker's own node had no list of revoked officers that was in its time",
    "silent-since": "the node that was asked had not answered for some time, and was not waited for",
    "suspended": "it was switched off",
    "time-uncertain": "the node that was asked did not trust its clock",
    "timed-out": "there was no answer in time",
    "tls-authority": "the certificate of the node that was asked is not from its authority",
    "tls-name": "the certificate of the node that was asked bears another name",
    "tls-out-of-time": "the certificate of the node that was asked is out of its time",
    "tls-protocol": "the node that was asked does not speak TLS 1.3 and HTTP/2",
    "unavailable": "the node that was asked could not serve this",
    "unknown-address": "the network did not know the address of the node that was asked",
    "unknown-peer": "the node that was asked does not know the asker",
    "unreachable": "the node that was asked could not be reached",
    "we-are-refused": "the node that was asked did not accept the certificate of the asker's node",
}


def reason(code: str) -> str:
    """Return a code of refusal in words; an empty text for an unknown one."""
    return (_WORDS.get(code) or REFUSALS.get(code) or REASONS.get(code) or "").rstrip(".")


def reason_in_words(code: str) -> str:
    """Return a code of refusal in words with the code behind them; an unknown one as it is."""
    return f"{words} ({code})" if (words := reason(code)) else code
