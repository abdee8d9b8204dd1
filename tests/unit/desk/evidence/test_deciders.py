"""A decision is taken from the humans who are needed, by their passkeys where they have them, over this payload."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.audit.acts.humans import HumanEvidence, kept_humans
from gateway.audit.acts.passkeys import Passkey
from gateway.audit.acts.table import Proof
from gateway.clock import ManualClock, from_us
from gateway.config.sections.desk import Release
from gateway.desk.evidence.deciders import Decider, HumanDesk
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.errors import LiaisonError
from gateway.ports.journal import EntryDraft
from gateway.signing.passkeys.assertion import browser_assertion, challenge_of
from gateway.signing.passkeys.base64url import decode_url64, encode_url64
from gateway.signing.passkeys.public_key import CoseAlgorithm
from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from tests.support.authenticator import ORIGIN, RP_ID, Authenticator
from tests.support.deciding import duty

TYPE, PAYLOAD = "application/vnd.liaison.notice-reply.v1+protobuf", b"five of nine fields"
DEMANDED = Release("demanded", RP_ID, (ORIGIN,))


class World:
    """A home's passkeys, and the humans at its desk."""

    def __init__(self, book: PasskeyBook) -> None:
        self.book = book
        self.release = Release("where-enrolled", RP_ID, (ORIGIN,))
        self.alarms: list[EntryDraft] = []
        self.desk = HumanDesk(book, lambda: self.release, self.alarms.append)

    def device(self, person: str, algorithm: CoseAlgorithm = CoseAlgorithm.ES256, **more: Any) -> Authenticator:
        """A device that is enrolled for a person."""
        made = Authenticator(algorithm, **more)
        self.book.enrol(Passkey(person, made.credential, made.spki, RP_ID, made.counter), "act", 1)
        return made

    def prove(self, *deciders: Decider, persons: int = 1, payload: bytes = PAYLOAD) -> tuple[HumanEvidence, ...]:
        return self.desk.prove(TYPE, payload, deciders, persons)

    def refused(self, *deciders: Decider, persons: int = 1, payload: bytes = PAYLOAD) -> LiaisonError:
        with pytest.raises(LiaisonError) as caught:
            self.prove(*deciders, persons=persons, payload=payload)
        return caught.value


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = open_database(tmp_path / "node.sqlite")
    migrate(database)
    yield World(PasskeyBook(SqlDocumentStore(database, KeyStore(tmp_path / "keystore"), ManualClock(from_us(1)))))
    database.close()


def by(person: str, device: Authenticator | None = None, payload: bytes = PAYLOAD) -> Decider:
    assertion = browser_assertion(device.get(challenge_of(TYPE, payload))) if device else None
    return Decider(duty(person), "same case", assertion)


@pytest.mark.parametrize("algorithm", CoseAlgorithm)
def test_a_decision_keeps_its_human(world: World, algorithm: CoseAlgorithm) -> None:
    device = world.device("th.d.7", algorithm)
    (human,) = world.prove(by("th.d.7", device))
    assert (human.person, human.reason, human.proof) == ("th.d.7", "same case", Proof.PASSKEY)
    assert human.token == duty("th.d.7").token_hash.hex()
    assert kept_humans([human.as_json()]) == (human,)
    found = world.book.find(device.credential)
    assert found is not None
    assert found.counter == 1


def test_a_token_is_enough_where_no_passkey_is_enrolled_nor_demanded(world: World) -> None:
    (human,) = world.prove(by("th.d.7"))
    assert human.proof is Proof.TOKEN
    assert "assertion" not in human.as_json()


def test_who_has_a_passkey_uses_it_and_the_refusal_names_the_console(world: World) -> None:
    device = world.device("th.d.7")
    refused = world.refused(by("th.d.7"))
    assert refused.code == "passkey-needed"
    assert ORIGIN in refused.remedy
    world.book.withdraw(device.credential, 2)
    assert world.prove(by("th.d.7"))


def test_national_policy_demands_a_passkey_of_everyone(world: World) -> None:
    world.release = DEMANDED
    refused = world.refused(by("th.d.7"))
    assert refused.code == "passkey-needed"
    assert "liaison passkey enrol" in refused.remedy
    assert world.desk.needs_passkey("th.d.7")
    assert world.prove(by("th.d.7", world.device("th.d.7")))


def test_the_options_have_the_challenge_of_exactly_this_payload(world: World) -> None:
    with pytest.raises(LiaisonError):
        world.desk.options(TYPE, PAYLOAD, "th.d.7")
    device, gone = world.device("th.d.7"), world.device("th.d.7")
    world.book.withdraw(gone.credential, 2)
    asked = world.desk.options(TYPE, PAYLOAD, "th.d.7")
    assert decode_url64(asked["challenge"], "challenge", 32) == challenge_of(TYPE, PAYLOAD)
    assert asked["rpId"] == RP_ID
    assert asked["userVerification"] == "required"
    assert [item["id"] for item in asked["allowCredentials"]] == [encode_url64(device.credential)]


def test_an_assertion_proves_one_payload(world: World) -> None:
    device = world.device("th.d.7")
    assert world.refused(by("th.d.7", device, PAYLOAD + b"!")).code == "other-challenge"
    assert world.refused(by("th.d.7", device), payload=b"nine of nine fields").code == "other-challenge"


def test_the_passkey_of_another_person_or_of_no_person_proves_nothing(world: World) -> None:
    device = world.device("th.d.7")
    assert world.refused(by("th.d.8", device)).code == "passkey-unknown"
    assert world.refused(by("th.d.8", Authenticator())).code == "passkey-unknown"
    other = Authenticator(credential=device.credential)
    assert world.refused(by("th.d.7", other)).code == "bad-signature"
    world.book.withdraw(device.credential, 2)
    assert world.refused(by("th.d.7", device)).code == "passkey-withdrawn"


def test_another_address_of_the_domain_is_refused_where_addresses_are_set(world: World) -> None:
    device = world.device("th.d.7", origin="https://old.desk.th.example")
    assert world.refused(by("th.d.7", device)).code == "other-origin"
    world.release = Release("where-enrolled", RP_ID, ())
    assert world.prove(by("th.d.7", device))


def test_a_counter_that_goes_back_is_refused_with_an_alarm_that_names_no_person(world: World) -> None:
    device = world.device("th.d.7", counter=5)
    world.prove(by("th.d.7", device))
    device.counter = 3
    assert world.refused(by("th.d.7", device)).code == "passkey-cloned"
    device.counter = 5
    assert world.refused(by("th.d.7", device)).code == "passkey-cloned", "it says 6 again"
    assert [item.private["code"] for item in world.alarms] == ["passkey-cloned"] * 2
    assert "th.d.7" not in str([item.private for item in world.alarms])
    device.counts, device.counter = False, 0
    assert world.refused(by("th.d.7", device)).code == "passkey-cloned", "it counted before"


def test_an_authenticator_that_counts_nothing_signs_as_often_as_it_is_asked(world: World) -> None:
    device = world.device("th.d.7", counts=False)
    assert world.prove(by("th.d.7", device))
    assert world.prove(by("th.d.7", device))


def test_what_is_refused_moves_no_counter(world: World) -> None:
    device = world.device("th.d.7")
    good = by("th.d.7", device)
    world.refused(by("th.d.7", device, b"other"))
    assert world.prove(good)


def test_two_persons_sign_the_same_payload(world: World) -> None:
    one, two = world.device("th.d.7"), world.device("th.s.1", CoseAlgorithm.EDDSA)
    humans = world.prove(by("th.d.7", one), by("th.s.1", two), persons=2)
    assert [item.person for item in humans] == ["th.d.7", "th.s.1"]
    assert kept_humans([item.as_json() for item in humans]) == humans
    assert len(world.prove(by("th.d.7", one), by("th.o.3"), persons=2)) == 2


def test_one_person_is_not_two(world: World) -> None:
    one, second = world.device("th.d.7"), world.device("th.d.7")
    assert world.refused(by("th.d.7", one), persons=2).code == "persons-needed"
    assert world.refused(by("th.d.7", one), by("th.s.1"), persons=1).code == "persons-needed"
    assert world.refused(by("th.d.7", one), by("th.d.7", second), persons=2).code == "same-human"
    same_token = replace(duty("th.s.1"), token_hash=duty("th.d.7").token_hash)
    assert world.refused(by("th.d.7", one), Decider(same_token, "x"), persons=2).code == "same-human"
    assert world.refused(by("th.d.7", one), by("th.s.1", one), persons=2).code == "same-human"
    two = world.device("th.s.1")
    wrong = by("th.s.1", two, b"another payload")
    assert world.refused(by("th.d.7", one), wrong, persons=2).code == "other-challenge"


def test_n246_one_passkey_under_two_names_is_one_human(world: World) -> None:
    """As where it was enrolled for both before one key was one person's."""
    one, two = world.device("th.d.7"), world.device("th.s.1")
    two.key, two.credential = one.key, b"another"
    world.book.enrol(Passkey("th.s.1", two.credential, two.spki, RP_ID, two.counter), "act", 1)
    assert world.refused(by("th.d.7", one), by("th.s.1", two), persons=2).code == "same-human"


@pytest.mark.parametrize("reason", ["", " ", "a\nb", "x" * 301])
def test_a_reason_is_always_given(world: World, reason: str) -> None:
    assert world.refused(Decider(duty("th.d.7"), reason)).code


@pytest.mark.parametrize(
    "change",
    [
        {"token": "x"},
        {"token": "A" * 64},
        {"proof": "passkey"},
        {"proof": "unproved"},
        {"by": "../x"},
        {"reason": ""},
        {"role": None},
        {"more": 1},
        {"assertion": None},
        {"assertion": {}},
    ],
)
def test_kept_evidence_has_one_form(world: World, change: dict[str, Any]) -> None:
    (human,) = world.prove(by("th.d.7"))
    values: tuple[Any, ...] = ([human.as_json() | change], [], [human.as_json()] * 3, [None], "x", {})
    for value in values:
        with pytest.raises(LiaisonError):
            kept_humans(value)
