"""An auditor at a browser: what the appointed passkey signs opens, and nothing else does; the export proves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.audit.reading.inspection import Action, Inspection, sign_inspection
from gateway.audit.verify.findings import Check
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.errors import LiaisonError
from gateway.model.names import MemberId
from gateway.ops.acts.carry import bring
from gateway.ops.acts.passkeys import draft_withdrawal
from gateway.ops.audit.search import find_announced
from gateway.ops.audit.search_question import Search, search_of
from gateway.ops.mandate.acts import AuditorActs, place_name
from gateway.ops.mandate.elsewhere import sign_prepared
from gateway.ops.mandate.held import Mandates
from gateway.signing.dsse import encode64
from gateway.signing.keys import load_signing_key
from gateway.signing.passkeys.base64url import decode_url64, encode_url64
from gateway.storage.database.open import open_storage
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.keeper import TrustKeeper
from tests.support.authenticator import ORIGIN, RP_ID, Authenticator
from tests.support.cli import Liaison, copy_federation
from tests.support.passkeys import enrol
from tests.support.persons import person_key
from tests.unit.audit.verify.test_act_checks import write

AUDITOR = "th.a.1"
DETAIL = Search(officer="th.o.1042").as_value()


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path, ("th", "vn"))
    return tmp_path / "th"


@contextmanager
def acts_of(home: Path) -> Iterator[AuditorActs]:
    """The acts of auditors at a home, as its console has them."""
    settings, clock = load_settings(home), SystemClock()
    with closing(open_storage(settings)) as database:
        documents = SqlDocumentStore(database, KeyStore(settings.keystore), clock)
        trust = Home(settings.home).trust
        mandates = Mandates(
            home,
            MemberId("th"),
            clock,
            lambda: TrustKeeper(trust, clock).view,
            TrustDocuments(trust),
            PasskeyBook(documents),
        )
        yield AuditorActs(mandates, documents, RP_ID)


def appoint(liaison: Liaison, home: Path, public: Path, auditor: str = AUDITOR, *scope: str) -> None:
    folder = home.parent
    ran = liaison(
        "audit", "appoint", "--home", home, "--authority", folder / "th-authority", "--auditor", auditor,
        "--key", public, "--by", "the auditor general", "--out", folder / f"{public.stem}.json", *scope,
    )  # fmt: skip
    assert ran.code == 0, ran.err


def appointed_passkey(liaison: Liaison, home: Path, *scope: str) -> Authenticator:
    """A passkey that two persons enrolled, and whose public key the authority appointed."""
    device = enrol(home, AUDITOR)
    public = home.parent / "passkey.pub"
    ran = liaison("passkey", "public", "--home", home, "--credential", encode_url64(device.credential), "--out", public)
    assert ran.code == 0, ran.err
    appoint(liaison, home, public, AUDITOR, *scope)
    return device


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(LiaisonError) as caught:
        act()
    assert caught.value.code == code


def test_the_appointed_passkey_opens_and_an_export_proves_it(liaison: Liaison, home: Path) -> None:
    device = appointed_passkey(liaison, home)
    with acts_of(home) as acts:
        prepared = acts.prepare(AUDITOR, Action.SEARCH, "complaint 7", DETAIL, "form")
        assert acts.prepared(AUDITOR, prepared.name) == prepared
        challenge = acts.options(prepared)["challenge"]
        answer = json.dumps(device.get(_bytes(challenge)))
        data = acts.signed_by_passkey(prepared, ORIGIN, answer)
        at = acts.announce(prepared, data)
        assert acts.announce(prepared, data) == at, "a form that comes twice has one entry"
        said = acts.announced(AUDITOR, place_name(at), Action.SEARCH)
        found = find_announced(home, search_of(said.inspection.detail), 10, said.at, said.held.mandate, 10_000)
        assert found is not None
        assert found.private
        refused("not-appointed", lambda: acts.announced("th.a.2", place_name(at), Action.SEARCH))
        refused("not-announced", lambda: acts.announced(AUDITOR, place_name(at), Action.OPEN))
    report = liaison("audit", "verify", "--home", home, "--json").value
    assert [item["state"] for item in report["findings"] if item["check"] == Check.ACTS] == ["proved"]


def test_another_passkey_another_question_and_another_site_open_nothing(liaison: Liaison, home: Path) -> None:
    device, other = appointed_passkey(liaison, home), enrol(home, "th.a.2")
    with acts_of(home) as acts:
        prepared = acts.prepare(AUDITOR, Action.SEARCH, "complaint 7", DETAIL, "form")
        second = acts.prepare(AUDITOR, Action.SEARCH, "another", DETAIL, "form 2")
        challenge = _bytes(acts.options(prepared)["challenge"])

        def signed(by: Authenticator, what: bytes = challenge, origin: str = ORIGIN) -> None:
            acts.announce(prepared, acts.signed_by_passkey(prepared, origin, json.dumps(by.get(what))))

        refused("passkey-unknown", lambda: signed(other))
        refused("other-challenge", lambda: signed(device, _bytes(acts.options(second)["challenge"])))
        refused("other-origin", lambda: signed(replace(device, origin="https://evil.example")))
        refused("not-appointed", lambda: acts.prepare("th.a.2", Action.SEARCH, "x", DETAIL, "form"))
        refused("old-inspection", lambda: acts.prepared("th.a.2", prepared.name))


def test_a_withdrawn_or_copied_passkey_opens_nothing(liaison: Liaison, home: Path) -> None:
    device = appointed_passkey(liaison, home)
    copy = replace(device)
    copy.key, copy.counter = device.key, device.counter
    with acts_of(home) as acts:
        _search(acts, device, "first")
        _search(acts, device, "second")
        refused("passkey-cloned", lambda: _search(acts, copy, "third"))
        prepared = acts.prepare(AUDITOR, Action.SEARCH, "fourth", DETAIL, "fourth")
        answer = json.dumps(device.get(_bytes(acts.options(prepared)["challenge"])))
        data = acts.signed_by_passkey(prepared, ORIGIN, answer)
        name = encode_url64(device.credential)
        bring(home, draft_withdrawal(home, name, "lost", [person_key(home, "adm")]))
        refused("passkey-withdrawn", lambda: acts.announce(prepared, data))
        refused("not-appointed", lambda: acts.prepare(AUDITOR, Action.SEARCH, "fifth", DETAIL, "fifth"))


def test_an_administrator_with_a_passkey_and_no_appointment_opens_nothing(liaison: Liaison, home: Path) -> None:
    """Two persons may enrol any passkey; only the authority's appointment makes it an auditor's."""
    enrol(home, "th.m.1")
    with acts_of(home) as acts:
        assert acts.mandates.of_person("th.m.1") == []
        refused("not-appointed", lambda: acts.prepare("th.m.1", Action.OPEN, "x", {}, "form"))


def test_what_is_signed_elsewhere_is_what_the_page_prepared(liaison: Liaison, home: Path) -> None:
    folder = home.parent
    assert liaison("audit", "key", "--out", folder, "--name", AUDITOR).code == 0
    appoint(liaison, home, folder / f"{AUDITOR}.pub")
    with acts_of(home) as acts:
        prepared = acts.prepare(AUDITOR, Action.SEARCH, "complaint 7", DETAIL, "form")
        other = acts.prepare(AUDITOR, Action.SEARCH, "another", DETAIL, "form 2")
        files = [folder / "one.json", folder / "other.json"]
        for file, each in zip(files, (prepared, other), strict=True):
            file.write_bytes(each.payload)
        said, document = sign_prepared(files[0], folder / f"{AUDITOR}.key")
        assert said["reason"] == "complaint 7"
        refused(
            "other-act",
            lambda: acts.signed_elsewhere(AUDITOR, prepared, sign_prepared(files[1], folder / f"{AUDITOR}.key")[1]),
        )
        at = acts.announce(prepared, acts.signed_elsewhere(AUDITOR, prepared, f"  {document}\n"))
        assert acts.announced(AUDITOR, place_name(at), Action.SEARCH).at == at


def _search(acts: AuditorActs, device: Authenticator, reason: str) -> None:
    prepared = acts.prepare(AUDITOR, Action.SEARCH, reason, DETAIL, reason)
    answer = json.dumps(device.get(_bytes(acts.options(prepared)["challenge"])))
    acts.announce(prepared, acts.signed_by_passkey(prepared, ORIGIN, answer))


def _bytes(text: str) -> bytes:
    return decode_url64(text, "challenge", 64)


@pytest.mark.parametrize("kind", ["searched", "opened", "exported"])
@pytest.mark.parametrize("change", ["unsigned", "other-reason", "stranger", "administrator"])
def test_a_home_that_lies_about_an_inspection_is_told(liaison: Liaison, home: Path, kind: str, change: str) -> None:
    """Check 19 judges the entries of inspections: who may run the node can write no auditor's name."""
    folder, member = home.parent, MemberId("th")
    assert liaison("audit", "key", "--out", folder, "--name", AUDITOR).code == 0
    assert liaison("audit", "key", "--out", folder, "--name", "stranger").code == 0
    appoint(liaison, home, folder / f"{AUDITOR}.pub")
    keys = {"stranger": folder / "stranger.key", "administrator": person_key(home, "adm")}
    key = load_signing_key(keys.get(change, folder / f"{AUDITOR}.key"))
    action = {action.event.kind: action for action in Action}[kind]
    inspection = Inspection(action, member, "complaint 7", SystemClock().now_us(), DETAIL)
    private = {
        "auditor": AUDITOR,
        "reason": "another" if change == "other-reason" else inspection.reason,
        "detail": DETAIL,
        "inspection": inspection.id,
        "statement": "" if change == "unsigned" else encode64(sign_inspection(inspection, key)),
    }
    write(home, kind, private)
    found = liaison("audit", "verify", "--home", home, "--json").value["findings"]
    assert [item["state"] for item in found if item["check"] == Check.ACTS] == ["contradicted"]
