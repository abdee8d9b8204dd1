"""Say what each code of refusal means, in words for an officer."""

from __future__ import annotations

REFUSALS = {
    "agreement-expired": "the agreement is not in force at this time",
    "agreement-unknown": "the agreement that was cited is not known there",
    "bad-signature": "a signature does not verify there",
    "case-missing": "a question for this purpose needs a case number",
    "certificate-expired": "a certificate is out of its time",
    "charter-expired": "the charter has expired, and a new version is needed",
    "from-the-future": "the question came from the future: the two clocks differ",
    "in-flight-limit": "too many of our questions are under way there; ask again in a moment",
    "internal": "something failed inside that node",
    "key-not-valid": "a key that signed the question is not valid there",
    "not-a-member": "that country is not an active member of the federation",
    "not-a-party": "the agreement is not between these two countries, or does not name the agency",
    "not-fresh": "the question was outside its time: it took too long, or the two clocks differ",
    "not-permitted": "it is not permitted",
    "offence-not-covered": "the agreement does not cover this offence",
    "overloaded": "that node has too much to do; ask again in a moment",
    "policy-denies": "the other country's policy does not permit this",
    "purpose-not-covered": "the agreement does not cover this purpose",
    "query-not-covered": "the agreement does not cover questions of this kind",
    "receipts-due": "our node has not confirmed their earlier answers, so that they answer no more; tell our node's "
    "operators. This does not mean no hit.",
    "record-not-covered": "the agreement does not cover records of this kind",
    "replayed": "a question with this id was already answered there, and this one is not the same",
    "role-not-allowed": "an officer with this role may not ask this",
    "searches-limit": "too many searches are running; ask again in a moment",
    "source-busy": "its source has too much to do; ask again in a moment",
    "status-expired": "a member's status has expired, and its node must publish a new one",
    "suspended": "that country has switched this off for now; this does not mean no hit",
    "time-uncertain": "that node does not trust its clock just now, and answers nobody; this does not mean no hit",
    "timed-out": "there was no answer in time; this does not mean no hit",
    "unavailable": "that node cannot serve this now",
    "unknown-peer": "that node does not know who asks",
    "unreachable": "that node cannot be reached; this does not mean no hit",
}
"""What a code of refusal means, in words for an officer; the wording of the counterpart goes before."""
