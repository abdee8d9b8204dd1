"""A passkey that a person makes at the console waits for two persons, and counts for nothing until they have signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.config import load_settings
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.errors import BadSignature, Malformed, Overloaded, Refused, TimedOut, Unknown
from gateway.ops.acts.enrolment import Enrolments, waiting_passkey
from gateway.ops.homes.found_node import found
from gateway.signing.passkeys.registration import asked_for
from gateway.storage.database.open import open_storage
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from tests.support.authenticator import ORIGIN, RP_ID, Authenticator

PERSON = "th.d.7"
MINUTES_US = 60 * 1_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def enrolments(tmp_path: Path, clock: ManualClock) -> Iterator[Enrolments]:
    found(tmp_path / "th", tmp_path / "authority", "th", SystemClock(), agencies=["police"])
    settings = load_settings(tmp_path / "th", {})
    with closing(open_storage(settings)) as database:
        documents = SqlDocumentStore(database, KeyStore(settings.keystore), clock)
        yield Enrolments(documents, PasskeyBook(documents), RP_ID, lambda: ORIGIN, clock)


def answer(enrolments: Enrolments, person: str = PERSON, device: Authenticator | None = None, origin: str = "") -> str:
    challenge = asked_for(enrolments.ask(person))[2]
    return json.dumps((device or Authenticator()).create(challenge, **({"origin": origin} if origin else {})))


def test_it_waits_and_counts_for_nothing(enrolments: Enrolments) -> None:
    text = answer(enrolments)
    made = enrolments.take(PERSON, text)
    assert [(item.id, item.person) for item in enrolments.waiting()] == [(made.id, PERSON)]
    assert enrolments.book.of_person(PERSON) == []
    assert enrolments.book.find(made.passkey.credential) is None
    assert enrolments.take(PERSON, text) == made  # the form was sent twice
    assert waiting_passkey(enrolments.documents, enrolments.book, made.id) == made


def test_once_enrolled_it_waits_no_more(enrolments: Enrolments, clock: ManualClock) -> None:
    made = enrolments.take(PERSON, answer(enrolments))
    enrolments.book.enrol(made.passkey, "act", clock.now_us())
    assert enrolments.waiting() == []
    with pytest.raises(Unknown):
        waiting_passkey(enrolments.documents, enrolments.book, made.id)


def test_an_answer_is_for_one_question_and_its_time(enrolments: Enrolments, clock: ManualClock) -> None:
    with pytest.raises(TimedOut):
        enrolments.take(PERSON, json.dumps(Authenticator().create(b"x" * 32)))
    late = answer(enrolments)
    clock.advance(clock.now().__class__.resolution * (6 * MINUTES_US))
    with pytest.raises(TimedOut):
        enrolments.take(PERSON, late)
    for_other = answer(enrolments, "th.d.8")
    enrolments.ask(PERSON)
    with pytest.raises(BadSignature):
        enrolments.take(PERSON, for_other)  # the challenge was another person's


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"id": 1}', "x" * 60_000, '{"a": 1.5}'])
def test_what_is_no_answer_is_refused(enrolments: Enrolments, text: str) -> None:
    enrolments.ask(PERSON)
    with pytest.raises(Refused):
        enrolments.take(PERSON, text)
    assert enrolments.waiting() == []


def test_another_site_cannot_have_a_passkey_made(enrolments: Enrolments) -> None:
    with pytest.raises((BadSignature, Malformed)):
        enrolments.take(PERSON, answer(enrolments, origin="https://evil.example"))


def test_a_person_has_few_that_wait_and_they_are_forgotten(enrolments: Enrolments, clock: ManualClock) -> None:
    for _ in range(3):
        enrolments.take(PERSON, answer(enrolments))
    with pytest.raises(Overloaded):
        enrolments.take(PERSON, answer(enrolments))
    enrolments.take("th.d.8", answer(enrolments, "th.d.8"))
    clock.advance(clock.now().__class__.resolution * (8 * 24 * 60 * MINUTES_US))
    assert enrolments.waiting() == []
