"""The doctor says what a console lacks before people stand before it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from certs.names import CertificateUse
from certs.profile import read_leaf
from gateway.clock import ManualClock, SystemClock, from_us
from gateway.config import Home, load_settings
from gateway.errors import Malformed
from gateway.ops.console.outline import OUTLINE
from gateway.ops.doctor.console_checks import check_console
from gateway.ops.doctor.home_checks import check_trial
from gateway.ops.finding import CheckContext, Finding, Severity
from gateway.ops.keys.authority import make_client
from gateway.ops.keys.requests import KeyDesk
from tests.support.console import write_home


def found(home: Path, *, production: bool = False) -> list[Finding]:
    settings = load_settings(home, {})
    return check_console(CheckContext(settings, Home(home), SystemClock(), production=production))


def stops(findings: list[Finding]) -> list[str]:
    return [each.text for each in findings if each.severity is Severity.STOP]


def test_a_console_that_has_all_is_good(tmp_path: Path) -> None:
    settings, _ = write_home(tmp_path, '[console]\nlogin = ["passkey"]\n')
    assert [each.severity for each in found(settings.home)] == [Severity.GOOD]


def test_a_home_from_before_the_console_is_told_how_it_gets_the_certificate(tmp_path: Path) -> None:
    settings, _ = write_home(tmp_path, "[console]\n")
    Home(settings.home).certificate("client-console").unlink()
    (finding,) = [each for each in found(settings.home) if each.is_stop]
    assert "liaison init" in finding.remedy


def test_the_trial_sign_in_stops_a_node_in_production_and_is_warned_of_before(tmp_path: Path) -> None:
    settings, _ = write_home(tmp_path, '[console]\nlogin = ["trial", "passkey"]\n')
    assert stops(found(settings.home)) == []
    assert len(found(settings.home)) == 1
    assert len(stops(found(settings.home, production=True))) == 1


def test_passkeys_need_persons_with_purposes_and_no_listed_provider(tmp_path: Path) -> None:
    settings, _ = write_home(tmp_path, "[console]\n")
    (settings.home / "people" / "persons.csv").write_text("id,agency,office,roles,channel,language,training_until\n")
    assert [each.severity for each in found(settings.home)] == [Severity.WARN]
    context = CheckContext(settings, Home(settings.home), SystemClock(), production=True)
    assert not any("identity provider is listed" in each.text for each in check_trial(context))


def test_a_provider_without_a_key_or_a_ca_gets_nobody_in(tmp_path: Path) -> None:
    text = '[oidc]\nissuer = "https://id.example"\nclient_id = "console"\nca = "ca-of-provider.pem"\n'
    settings, _ = write_home(tmp_path, f'[console]\nlogin = ["oidc"]\ndevice_certificate = false\n{text}')
    assert len(stops(found(settings.home))) == 2
    assert any("certify the devices" in each.remedy for each in found(settings.home))


def test_the_authority_certifies_a_card_for_the_console_only(tmp_path: Path) -> None:
    settings, authority = write_home(tmp_path, "[console]\n")
    made = make_client(settings.home, "th.o.1042", authority, tmp_path / "card", SystemClock(), person=True)
    assert made.files[-1] == "th.o.1042.pem"
    leaf = read_leaf((tmp_path / "card" / "th.o.1042.pem").read_bytes())
    assert (leaf.name.use, leaf.name.name, leaf.name.dns) == (CertificateUse.PERSON, "th.o.1042", "")
    with pytest.raises(Malformed):
        make_client(settings.home, "th/o", authority, tmp_path / "card", SystemClock(), person=True)


def test_a_certificate_for_another_host_is_found_with_the_command_that_mends_it(tmp_path: Path) -> None:
    settings, authority = write_home(tmp_path, '[console]\nlogin = ["passkey"]\norigin = "https://desk.th.example"\n')
    (finding,) = [each for each in found(settings.home) if each.severity is not Severity.GOOD]
    assert "localhost" in finding.text
    assert "liaison cert console desk.th.example" in finding.remedy
    KeyDesk(Home(settings.home), SystemClock()).certify_console("desk.th.example", authority, None)
    assert [each.severity for each in found(settings.home)] == [Severity.GOOD]


def test_a_console_without_a_certificate_towards_browsers_is_stopped(tmp_path: Path) -> None:
    settings, _ = write_home(tmp_path, '[console]\nlogin = ["passkey"]\n')
    Home(settings.home).certificate("console").unlink()
    assert stops(found(settings.home))[0].endswith("the console has no certificate towards browsers")


def test_a_certificate_that_ends_soon_is_found(tmp_path: Path) -> None:
    settings, _ = write_home(tmp_path, '[console]\nlogin = ["passkey"]\n')
    end_us = read_leaf(Home(settings.home).certificate("console").read_bytes()).stop_us
    for days, severity in ((-5, Severity.WARN), (5, Severity.STOP)):
        clock = ManualClock(from_us(end_us) + timedelta(days=days))
        told = check_console(CheckContext(settings, Home(settings.home), clock))
        assert severity in [each.severity for each in told], days


def test_an_outline_that_cannot_be_drawn_is_found_before_the_node_refuses_to_start(tmp_path: Path) -> None:
    settings, _ = write_home(tmp_path, '[console]\nlogin = ["passkey"]\noutline = "borders.json"\n')
    file = settings.home / "borders.json"
    assert stops(found(settings.home)) == [f"{file}: the outline of the map cannot be read: No such file or directory"]
    file.write_text('{"type": "FeatureCollection"}')
    (only,) = found(settings.home)
    assert only.severity is Severity.STOP
    assert "cannot be drawn" in only.text
    assert "[console] outline" in only.remedy
    file.write_bytes(OUTLINE.read_bytes())
    assert [each.severity for each in found(settings.home)] == [Severity.GOOD]
