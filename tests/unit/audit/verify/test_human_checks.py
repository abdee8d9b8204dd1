"""Check 20: whose decision an entry is, is proved from the log alone, and each lie about it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.acts.passkeys import Passkey
from gateway.audit.verify.findings import Check
from gateway.audit.verify.human_checks import _LATE_US, Decision, Passkeys, Told
from gateway.errors import BadSignature, LiaisonError, NotProved
from gateway.ops.acts.carry import bring
from gateway.ops.acts.passkeys import draft_withdrawal
from gateway.signing.passkeys.assertion import browser_assertion, challenge_of
from gateway.signing.passkeys.base64url import encode_url64
from gateway.signing.passkeys.public_key import CoseAlgorithm
from gateway.statements.envelope import REQUEST
from tests.support.authenticator import PRESENT, RP_ID, Authenticator
from tests.support.cli import Liaison, copy_federation
from tests.support.deciding import decided, evidence
from tests.support.passkeys import enrol
from tests.support.persons import person_key
from tests.unit.audit.verify.test_act_checks import write

PAYLOAD = b"five of nine fields"
Lie = Callable[[Path, Authenticator], None]


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path, ("th", "vn"))
    return tmp_path / "th"


def told(liaison: Liaison, home: Path) -> list[tuple[str, str]]:
    found = liaison("audit", "verify", "--home", home, "--json").value["findings"]
    return [(item["state"], item["text"]) for item in found if item["check"] == Check.HUMANS]


@pytest.mark.long
@pytest.mark.parametrize("algorithm", CoseAlgorithm)
def test_check_20_decisions_by_token_by_passkey_and_by_two_are_proved(
    liaison: Liaison, home: Path, algorithm: CoseAlgorithm
) -> None:
    device, other = enrol(home, "th.d.7", Authenticator(algorithm)), enrol(home, "th.s.1")
    decided(home, b"by a token", evidence("th.d.8", b"by a token"))
    decided(home, PAYLOAD, evidence("th.d.7", PAYLOAD, device))
    decided(home, b"by two", evidence("th.d.7", b"by two", device), evidence("th.s.1", b"by two", other))
    name = encode_url64(device.credential)
    bring(home, draft_withdrawal(home, name, "lost", [person_key(home, "adm")]))
    assert [state for state, _ in told(liaison, home)] == ["proved"]


def _altered(home: Path, device: Authenticator) -> None:
    decided(home, b"nine of nine fields", evidence("th.d.7", PAYLOAD, device))


def _by_another(home: Path, device: Authenticator) -> None:
    decided(home, PAYLOAD, evidence("th.d.8", PAYLOAD, device))


def _not_enrolled(home: Path, device: Authenticator) -> None:
    decided(home, PAYLOAD, evidence("th.d.7", PAYLOAD, Authenticator()))


def _other_key(home: Path, device: Authenticator) -> None:
    decided(home, PAYLOAD, evidence("th.d.7", PAYLOAD, Authenticator(credential=device.credential)))


def _replayed(home: Path, device: Authenticator) -> None:
    human = evidence("th.d.7", PAYLOAD, device)
    decided(home, PAYLOAD, human)
    decided(home, b"the next one", human)


def _twice(home: Path, device: Authenticator) -> None:
    human = evidence("th.d.7", PAYLOAD, device)
    decided(home, PAYLOAD, human)
    decided(home, PAYLOAD, human)


def _counter_back(home: Path, device: Authenticator) -> None:
    device.counter = 7
    decided(home, PAYLOAD, evidence("th.d.7", PAYLOAD, device))
    device.counter = 2
    decided(home, b"next", evidence("th.d.7", b"next", device))


def _not_verified(home: Path, device: Authenticator) -> None:
    device.flags = PRESENT
    decided(home, PAYLOAD, evidence("th.d.7", PAYLOAD, device))


def _same_human(home: Path, device: Authenticator) -> None:
    human = evidence("th.d.7", PAYLOAD, device)
    decided(home, PAYLOAD, human, replace(human, reason="again"))


def _shared_passkey(home: Path, device: Authenticator) -> None:
    first, second = evidence("th.d.7", PAYLOAD, device), evidence("th.s.1", PAYLOAD, device)
    decided(home, PAYLOAD, first, second)


def _no_reason(home: Path, device: Authenticator) -> None:
    decided(home, PAYLOAD, replace(evidence("th.d.7", PAYLOAD, device), reason=""))


def _claims_a_passkey(home: Path, device: Authenticator) -> None:
    human = evidence("th.d.7", PAYLOAD).as_json() | {"proof": "passkey"}
    decided(home, PAYLOAD, humans=[human])


def _padded(home: Path, device: Authenticator) -> None:
    human: dict[str, Any] = evidence("th.d.7", PAYLOAD, device).as_json()
    human["assertion"] = {name: f"{text}==" for name, text in human["assertion"].items()}
    decided(home, PAYLOAD, humans=[human])


@pytest.mark.long
@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (_altered, "signed something else"),
        (_by_another, "another person"),
        (_not_enrolled, "not enrolled"),
        (_other_key, "does not fit"),
        (_replayed, "signed something else"),
        (_twice, "went back from 1 to 1"),
        (_counter_back, "went back from 8 to 3"),
        (_not_verified, "did not verify the human"),
        (_same_human, "of one human"),
        (_shared_passkey, "of one human"),
        (_no_reason, "does not verify"),
        (_claims_a_passkey, "does not keep"),
        (_padded, "base64url"),
    ],
)
def test_check_20_a_lie_about_a_human_is_told(liaison: Liaison, home: Path, lie: Lie, said: str) -> None:
    lie(home, enrol(home, "th.d.7"))
    found = told(liaison, home)
    assert [state for state, _ in found] == ["contradicted"], found
    assert said in found[0][1]


def test_check_20_an_enrolment_that_one_person_signed_proves_nothing(liaison: Liaison, home: Path) -> None:
    """The entry of an enrolment without its act, as a node's administrator could write it."""
    device = Authenticator()
    write(home, "passkey-enrolled", Passkey("th.d.7", device.credential, device.spki, RP_ID).as_json())
    decided(home, PAYLOAD, evidence("th.d.7", PAYLOAD, device))
    checked = liaison("audit", "verify", "--home", home, "--json").value["findings"]
    bad = {item["check"] for item in checked if item["state"] == "contradicted"}
    assert bad == {Check.ACTS, Check.HUMANS}


def decision(device: Authenticator, at_us: int, challenge: bytes | None = None) -> Decision:
    human = evidence("th.d.7", PAYLOAD, device)
    return Decision(0, at_us, (human,), challenge_of(REQUEST, PAYLOAD) if challenge is None else challenge)


def test_a_passkey_counts_from_its_enrolment_to_its_withdrawal() -> None:
    device, book = Authenticator(), Passkeys()
    passkey = Passkey("th.d.7", device.credential, device.spki, RP_ID)
    book.learn([Told(100, device.credential, passkey), Told(900, device.credential, None)])
    book.learn([Told(2_000, device.credential, passkey)])
    book.judge(decision(device, 100))
    book.judge(decision(device, 900 + _LATE_US))
    for at_us, said in ((99, "not enrolled"), (901 + _LATE_US, "withdrawn"), (10**12, "withdrawn")):
        with pytest.raises(BadSignature, match=said):
            book.judge(decision(device, at_us))


def test_what_is_not_shown_is_not_provable() -> None:
    device, book = Authenticator(), Passkeys(complete=False)
    with pytest.raises(NotProved, match="enrolled"):
        book.judge(decision(device, 100))
    book.learn([Told(100, device.credential, Passkey("th.d.7", device.credential, device.spki, RP_ID))])
    with pytest.raises(NotProved, match="not shown"):
        book.judge(decision(device, 100, b""))
    book.judge(decision(device, 100))


def test_an_assertion_is_small_in_an_entry() -> None:
    device = Authenticator()
    kept = browser_assertion(device.get(bytes(32))).as_json()
    assert len(json.dumps(kept)) < 600
    with pytest.raises(LiaisonError):
        browser_assertion(kept)
