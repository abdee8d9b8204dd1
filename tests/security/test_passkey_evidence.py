"""A release carries its human: an auditor with a narrow mandate proves it from an export alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.audit.verify.findings import Check
from gateway.clock import SystemClock, rfc3339
from gateway.ops.acts.carry import bring
from gateway.ops.acts.passkeys import draft_withdrawal
from gateway.signing.passkeys.base64url import encode_url64
from tests.support.cli import Liaison, copy_federation
from tests.support.deciding import decided, evidence
from tests.support.passkeys import enrol
from tests.support.persons import person_key

PAYLOAD = b"five of nine fields"


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path, ("th", "vn"))
    return tmp_path / "th"


def appoint(liaison: Liaison, home: Path) -> Path:
    """The key of an auditor who may see exchanges with Viet Nam, and no record."""
    folder = home.parent
    assert liaison("audit", "key", "--out", folder, "--name", "th.auditor.1").code == 0
    ran = liaison(
        "audit", "appoint", "--home", home, "--authority", folder / "th-authority", "--auditor", "th.auditor.1",
        "--key", folder / "th.auditor.1.pub", "--by", "the auditor general", "--counterpart", "vn",
        "--out", folder / "appointment.json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    return folder / "th.auditor.1.key"


def exported(liaison: Liaison, home: Path, key: Path, since: str) -> dict[str, Any]:
    """The verifier's report on an export of the time after `since`."""
    out = home.parent / f"export-{since[-8:-1].replace(':', '')}"
    made = ("--out", out, "--since", since, "--key", key, "--reason", "complaint 7/2026")
    ran = liaison("audit", "export", "--home", home, *made)
    assert ran.code == 0, ran.err
    value: dict[str, Any] = liaison(
        "audit", "verify", "--export", out, "--charter", home.parent / "charter.json", "--json"
    ).value
    return value


def of_humans(report: dict[str, Any]) -> list[str]:
    return [item["state"] for item in report["findings"] if item["check"] == Check.HUMANS]


def test_an_export_of_a_later_time_and_a_narrow_mandate_proves_whose_release_it_was(
    liaison: Liaison, home: Path
) -> None:
    key = appoint(liaison, home)
    device = enrol(home, "th.d.7")
    since = rfc3339(SystemClock().now_us())
    decided(home, PAYLOAD, evidence("th.d.7", PAYLOAD, device))
    report = exported(liaison, home, key, since)
    assert of_humans(report) == ["proved"], report
    assert not [item for item in report["findings"] if item["state"] == "contradicted"]


def test_an_export_tells_a_release_of_other_fields_than_the_human_signed(liaison: Liaison, home: Path) -> None:
    key = appoint(liaison, home)
    device = enrol(home, "th.d.7")
    since = rfc3339(SystemClock().now_us())
    decided(home, b"nine of nine fields", evidence("th.d.7", PAYLOAD, device))
    assert of_humans(exported(liaison, home, key, since)) == ["contradicted"]


def test_a_withdrawn_passkey_is_told_after_the_time_that_its_last_decision_may_take(
    liaison: Liaison, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.audit.verify.human_checks._LATE_US", 0)
    device = enrol(home, "th.d.7")
    bring(home, draft_withdrawal(home, encode_url64(device.credential), "lost", [person_key(home, "adm")]))
    decided(home, PAYLOAD, evidence("th.d.7", PAYLOAD, device))
    report = liaison("audit", "verify", "--home", home, "--json").value
    assert of_humans(report) == ["contradicted"]
