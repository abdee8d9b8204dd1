"""Check 19: an entry of an act that too few persons, or others, signed is told, whatever its home says of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.acts.act import parse_act, sign_act
from gateway.audit.acts.table import ACTS, ActKind
from gateway.audit.entries.entry import Entry
from gateway.audit.log.log import AuditLog
from gateway.audit.verify.act_checks import ACT_KINDS, check_act
from gateway.audit.verify.findings import Check
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.errors import BadSignature, NotProved
from gateway.model.names import MemberId
from gateway.ops.acts.carry import bring
from gateway.ops.acts.draft import draft
from gateway.ops.acts.switches import suspend
from gateway.ports.entries.events import EVENTS
from gateway.signing.dsse import encode64
from gateway.signing.keys import load_signing_key
from gateway.storage.database.open import open_storage
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.keeper import TrustKeeper
from tests.support.cli import Liaison, copy_federation
from tests.support.persons import PERSONS, person_key

Change = Callable[[Path, bytes], Mapping[str, Any]]


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    """A home where everything was switched off and on again."""
    copy_federation(liaison, tmp_path, ("th", "vn"))
    made = tmp_path / "th"
    suspend(Home(made), SystemClock(), "peer:vn", "a drill")
    bring(made, resuming(made))
    return made


def resuming(home: Path, *names: str, reason: str = "over") -> bytes:
    keys = [person_key(home, name) for name in names or ("adm",)]
    return draft(home, ActKind.RESUME, reason, {"target": "peer:vn"}, keys)


def told(liaison: Liaison, home: Path) -> list[tuple[str, str]]:
    """What check 19 says of the operations log, and its text."""
    found = liaison("audit", "verify", "--home", home, "--json").value["findings"]
    return [(item["state"], item["text"]) for item in found if item["check"] == Check.ACTS]


def write(home: Path, kind: str, private: Mapping[str, Any], exchange_id: str = "") -> None:
    """Write what a home might write that lies."""
    settings, place = load_settings(home), Home(home)
    with contextlib.closing(open_storage(settings)) as database:
        store, keys, key = SqlLogStore(database), KeyStore(settings.keystore), load_signing_key(place.key("log"))
        log = AuditLog(store, keys, key, SystemClock(), "th", "operations", highwater=place.highwater)
        log.append([EVENTS[kind].draft_of(private, exchange_id=exchange_id)])
        log.close()


def entry(home: Path, data: bytes, **changes: Any) -> dict[str, Any]:
    """The private part of an entry that keeps an act."""
    act, document = parse_act(data)
    roles = {load_signing_key(person_key(home, name)).key_id: use.value for name, use in PERSONS.items()}
    persons = [{"role": roles.get(name, "administrator"), "key_id": name} for name, _ in document.signatures]
    made = {"by": "x", "reason": act.reason, "proof": "signatures", "persons": persons, "act": encode64(data)}
    return {name: value for name, value in (made | changes).items() if value is not None}


@pytest.mark.long
def test_check_19_acts_that_were_signed_as_they_demand_are_proved(liaison: Liaison, home: Path) -> None:
    assert [state for state, _ in told(liaison, home)] == ["proved"]


def _too_few(home: Path, data: bytes) -> Mapping[str, Any]:
    act, _ = parse_act(data)
    one = sign_act(replace(act, kind=ActKind.ERASE_AGE), [load_signing_key(person_key(home, "data1"))])
    return {"kind": "erasure-ordered"} | entry(home, one)


def _stranger(home: Path, data: bytes) -> Mapping[str, Any]:
    act, _ = parse_act(data)
    return entry(home, sign_act(act, [load_signing_key(person_key(home.parent / "vn", "adm"))]))


def _expired(home: Path, data: bytes) -> Mapping[str, Any]:
    act, _ = parse_act(data)
    key = load_signing_key(person_key(home, "adm"))
    return entry(home, sign_act(replace(act, issued_us=1, expires_us=2), [key]))


def _signer(data: bytes) -> str:
    return parse_act(data)[1].signatures[0][0]


SAID = {"scope": "peer", "target": "vn", "humanitarian": ""}
"""What an entry of the act of `resuming` says beside it."""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["erasure-ordered", "erasure-sought"])
def test_check_19_an_entry_that_says_that_it_is_unproved_is_told_where_a_proof_is_demanded(
    liaison: Liaison, home: Path, kind: str
) -> None:
    write(home, kind, {"by": "x", "reason": "over", "proof": "unproved", "persons": []})
    assert [state for state, _ in told(liaison, home)] == ["contradicted"]


def judged_as(kind: ActKind) -> Entry:
    """The public part of an entry of an act, of now."""
    return Entry("", 0, SystemClock().now_us(), ACTS[kind].events[0].kind, "", None, "", b"", b"", b"")


def test_n247_a_lost_log_that_one_person_declared_is_not_provable(home: Path) -> None:
    """As versions before asked for it; of a node of today no one can say that it asked for one alone."""
    detail, said = {"log": "exchange", "unwitnessed": False}, {"log": "exchange/1", "unwitnessed": False}
    view = TrustKeeper(Home(home).trust, SystemClock()).view
    for names, error in ((("adm",), NotProved), (("data1",), BadSignature), (("data1", "data2"), BadSignature)):
        data = draft(home, ActKind.NEXT_LOG, "lost", detail, [person_key(home, name) for name in names])
        with pytest.raises(error):
            check_act(judged_as(ActKind.NEXT_LOG), entry(home, data, **said), MemberId("th"), view)
    two = draft(home, ActKind.NEXT_LOG, "lost", detail, [person_key(home, name) for name in ("adm", "data1")])
    assert check_act(judged_as(ActKind.NEXT_LOG), entry(home, two, **said), MemberId("th"), view)


@pytest.mark.parametrize(
    ("kind", "detail", "said"),
    [
        (ActKind.PRUNE, {"before_us": 1}, {"before_us": 2}),
        (ActKind.NEXT_LOG, {"log": "exchange", "unwitnessed": False}, {"log": "exchange/1", "unwitnessed": True}),
        (ActKind.NEXT_LOG, {"log": "exchange", "unwitnessed": False}, {"log": "operations/1", "unwitnessed": False}),
    ],
)
def test_check_19_an_entry_whose_act_says_another_extent_is_told(
    home: Path, kind: ActKind, detail: dict[str, Any], said: dict[str, Any]
) -> None:
    keys = [person_key(home, name) for name in ("adm", "data1")[: ACTS[kind].persons]]
    data, judged = draft(home, kind, "over", detail, keys), judged_as(kind)
    view = TrustKeeper(Home(home).trust, SystemClock()).view
    right = {"log": "exchange/1", "unwitnessed": False, "before_us": 1}
    assert check_act(judged, entry(home, data, **right), MemberId("th"), view)
    with pytest.raises(BadSignature, match="something else"):
        check_act(judged, entry(home, data, **right | said), MemberId("th"), view)


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_too_few, "1 of the 2 needed signatures"),
        (_stranger, "0 of the 1 needed signatures"),
        (_expired, "is over"),
        (lambda home, _: entry(home, resuming(home, "data1")), "0 of the 1 needed signatures"),
        (lambda home, data: entry(home, data, act=None), "keeps no act"),
        (lambda home, data: entry(home, data, act=None, proof="unproved"), "keeps no act"),
        (lambda home, data: entry(home, data, reason="another"), "the act of something else"),
        (lambda home, data: entry(home, data, persons=[]), "other persons"),
        (
            lambda home, data: entry(home, data, persons=[{"role": "approver", "key_id": _signer(data)}]),
            "other persons",
        ),
        (lambda home, data: entry(home, data, **SAID | {"target": "la"}), "does something else"),
        (lambda home, data: entry(home, data, **SAID | {"scope": "all", "target": ""}), "does something else"),
        (lambda home, data: entry(home, data, **SAID, order="0" * 32), "does something else"),
        (lambda home, data: {"kind": "pruned"} | entry(home, data), "the act of something else"),
        (lambda home, data: entry(home, resuming(home.parent / "vn")), "the act of something else"),
        (lambda home, data: entry(home, data, act="e30="), "does not verify"),
    ],
)
def test_check_19_an_act_that_was_not_signed_as_it_demands_is_told(
    liaison: Liaison, home: Path, change: Change, said: str
) -> None:
    made = dict(change(home, resuming(home)))
    write(home, str(made.pop("kind", "resume")), made)
    found = told(liaison, home)
    assert [state for state, _ in found] == ["contradicted"], found
    assert said in found[0][1]


@pytest.mark.long
def test_check_19_an_act_that_two_entries_keep_is_told(liaison: Liaison, home: Path) -> None:
    data = resuming(home)
    for _ in range(2):
        write(home, "resume", entry(home, data, **SAID))
    found = told(liaison, home)
    assert [state for state, _ in found] == ["contradicted"], found
    assert "again" in found[0][1]


@pytest.mark.long
def test_check_19_entries_of_version_0_1_0_keep_no_act_and_are_not_judged(liaison: Liaison, home: Path) -> None:
    write(
        home, "resume", {"scope": "all", "target": "", "reason": "r", "humanitarian": "", "by": "liaison", "time": ""}
    )
    assert [state for state, _ in told(liaison, home)] == ["proved"]


def test_the_kinds_that_are_judged_are_those_of_the_table() -> None:
    judged = {"suspend", "resume", "key-removed", "erasure-ordered", "erasure-sought", "hold-placed", "hold-lifted"}
    judged |= {"pruned", "witness-compared", "exchange-continued", "operations-continued"}
    judged |= {"passkey-enrolled", "passkey-withdrawn", "opened", "searched", "exported"}
    assert judged == ACT_KINDS
