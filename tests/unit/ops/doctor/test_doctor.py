"""Doctor: each thing that would stop an exchange is found, and has a remedy."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import ONLINE_DAYS, issue, load_authority
from certs.keyfiles import public_key
from certs.profile import read_leaf
from gateway.clock import ManualClock, SystemClock
from gateway.config import Home
from gateway.host.durable import PUBLIC, replace
from gateway.model.names import MemberId
from gateway.ops.doctor import network_checks as reach
from gateway.ops.doctor.doctor import examine, healthy
from gateway.ops.finding import Finding, Severity
from gateway.ops.keys.online import OnlineRenewal
from gateway.ops.keys.status import describe_keys
from gateway.ops.policy.keeper import install
from gateway.signing.keys import load_signing_key
from gateway.trust.keeper import TrustKeeper
from gateway.views.key_lines import key_lines
from tests.support.audit_logs import LogHome, answered
from tests.support.cli import Liaison, Ran, copy_federation


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def federation(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path)
    return tmp_path


def stops(findings: list[Finding]) -> dict[str, str]:
    return {
        finding.check: f"{finding.text} -> {finding.remedy}"
        for finding in findings
        if finding.severity is Severity.STOP
    }


@pytest.mark.long
def test_a_new_home_has_no_charter_and_is_told_what_comes_next(liaison: Liaison, tmp_path: Path) -> None:
    home = tmp_path / "la"
    assert liaison("init", "--member", "la", "--home", home, "--authority", tmp_path / "a").code == 0
    ran = liaison("doctor", "--home", home)
    assert ran.code == 1
    assert "there is no charter yet" in ran.out
    assert "liaison trust draft" in ran.out
    findings = liaison("doctor", "--home", home, "--json").value
    assert not findings["healthy"]
    assert all(finding["remedy"] for finding in findings["findings"] if finding["severity"] != "good")


def test_a_folder_without_a_home_is_told_to_make_one(liaison: Liaison, tmp_path: Path) -> None:
    ran = liaison("doctor", "--home", tmp_path)
    assert ran.code == 1
    assert "liaison init" in ran.out


@pytest.mark.process
def test_a_home_in_a_federation_is_healthy_and_the_trial_issuer_is_flagged(liaison: Liaison, federation: Path) -> None:
    findings = examine(federation / "th", SystemClock())
    assert stops(findings) == {}
    assert healthy(findings)
    assert "trial" in {finding.check for finding in findings if finding.severity is Severity.WARN}
    assert liaison("doctor", "--home", federation / "th").code == 0


@pytest.mark.long
def test_a_node_that_does_not_run_is_not_ready(liaison: Liaison, federation: Path) -> None:
    ran = liaison("doctor", "--home", federation / "th", "--ready", "--json")
    assert (ran.code, [finding["code"] for finding in ran.value["findings"]]) == (1, ["not-running"])
    assert "no settings here" in liaison("doctor", "--home", federation / "none", "--ready").out


@pytest.mark.long
def test_a_setting_that_ended_is_told_with_its_line_and_stops_nothing(federation: Path) -> None:
    file = federation / "th" / "node.toml"
    file.write_text(file.read_text().replace("[node]\n", "[node]\nworkers = 2\n"))
    findings = examine(federation / "th", SystemClock())
    assert stops(findings) == {}
    (told,) = [each for each in findings if each.severity is Severity.WARN and each.check == "settings"]
    assert "`node.workers` has ended" in told.text
    assert told.where == f"node.toml:{file.read_text().splitlines().index('workers = 2') + 1}"
    assert "remove it" in told.remedy


@pytest.mark.long
def test_a_policy_that_was_brought_and_not_taken_is_told(federation: Path) -> None:
    install(federation / "th", b'{"half": ')
    told = [finding for finding in examine(federation / "th", SystemClock()) if finding.severity is Severity.WARN]
    assert any("was not taken" in finding.text and "policy-refused" in finding.remedy for finding in told)


@pytest.mark.process
def test_in_production_the_trial_issuer_and_an_unapproved_policy_stop(federation: Path) -> None:
    file = federation / "th" / "node.toml"
    file.write_text(file.read_text().replace("# production = false", "production = true"))
    assert set(stops(examine(federation / "th", SystemClock()))) == {"trial", "policy"}


@pytest.mark.long
def test_an_online_ca_is_told_when_it_renews_nothing_or_ends_soon(liaison: Liaison, federation: Path) -> None:
    home = federation / "th"

    def told(days: int = 0) -> list[str]:
        clock = ManualClock(SystemClock().now() + timedelta(days=days))
        return [finding.text for finding in examine(home, clock) if "online CA" in finding.text]

    assert told() == []
    assert liaison("cert", "online-ca", "--home", home, "--out", federation / "asked.request").code == 0
    assert any("not listed" in text for text in told())
    assert liaison("cert", "online-ca", "--home", home, "--authority", federation / "th-authority").code == 0
    assert told() == []
    status = {key["use"]: key for key in liaison("cert", "status", "--home", home, "--json").value["keys"]}
    assert status["online-ca"]["usable"]
    assert status["tls"]["listed_until"] > status["tls"]["certificate_until"]
    assert any("days left" in text for text in told(ONLINE_DAYS - 20))
    assert liaison("trust", "revoke", "--home", home, "--key", "online-ca", "--reason", "copied").code == 0
    assert any("not any more" in text for text in told())
    again = liaison("cert", "online-ca", "--home", home, "--authority", federation / "th-authority")
    assert again.code != 0
    assert "cert rotate online-ca" in again.err
    assert liaison("cert", "rotate", "online-ca", "--home", home, "--authority", federation / "th-authority").code == 0
    assert told() == []


@pytest.mark.long
def test_a_renewed_certificate_is_shown_and_keeps_exchange_possible(liaison: Liaison, federation: Path) -> None:
    home = Home(federation / "th")
    authority = load_authority(federation / "th-authority")
    assert liaison("cert", "online-ca", "--home", home.path, "--authority", federation / "th-authority").code == 0
    public, leaf = public_key(home.key("tls")), read_leaf(home.certificate("tls").read_bytes())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    replace(home.certificate("tls"), issue(authority, public, leaf.name, SystemClock(), days=40), PUBLIC)
    clock = ManualClock(SystemClock().now() + timedelta(days=15))
    view = TrustKeeper(home.trust, clock).view
    assert [entry.private["step"] for entry in OnlineRenewal(home, MemberId("th"), clock).look(view)] == ["renewed"]
    about = describe_keys(home.path, clock)
    tls = next(key for key in about["keys"] if key["use"] == "tls")
    assert tls["exchange_until"] > tls["certificate_until"]
    assert any("for counterparts by the online CA until" in str(line) for line in key_lines(about))
    clock.advance(timedelta(days=30))
    found = [finding for finding in examine(home.path, clock) if finding.check == "certificates"]
    assert [finding.severity for finding in found] == [Severity.WARN]
    assert "counterparts do not" in found[0].text
    home.exchange_certificate.unlink()
    assert "tls.pem has expired" in stops(examine(home.path, clock))["certificates"]


def _readable_key(home: Path) -> None:
    (home / "keys" / "statement.key").chmod(0o640)


def _missing_key(home: Path) -> None:
    (home / "keys" / "log.key").unlink()


def _foreign_certificate(home: Path) -> None:
    (home / "keys" / "tls.pem").write_bytes((home.parent / "vn" / "keys" / "tls.pem").read_bytes())


def _other_key(home: Path) -> None:
    (home / "keys" / "tls.key").write_bytes((home / "keys" / "statement.key").read_bytes())


def _truncated_ca(home: Path) -> None:
    (home / "ca.pem").write_bytes((home / "ca.pem").read_bytes()[:100])


def _no_database(home: Path) -> None:
    (home / "node.sqlite").unlink()


def _no_keystore(home: Path) -> None:
    for file in sorted((home / "keystore").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    (home / "keystore").rmdir()


def _open_folder(home: Path) -> None:
    (home / "keys").chmod(0o777)


def _unknown_setting(home: Path) -> None:
    (home / "node.toml").write_text((home / "node.toml").read_text() + "\n[limts]\n")


def _no_mapping(home: Path) -> None:
    source = (
        '\n[[source]]\nid = "th.x"\nagency = "police"\nmapping = "mappings/none.toml"\nurl = "sqlite:///x.sqlite"\n'
    )
    (home / "node.toml").write_text((home / "node.toml").read_text() + source)


def _bad_policy(home: Path) -> None:
    (home / "policy").mkdir(exist_ok=True)
    (home / "policy" / "records.cedar").write_text("permit (principal, action, resource) when { context.nothing };")
    file = home / "node.toml"
    file.write_text(file.read_text().replace('# national = ""', 'national = "policy"'))


def _truncated_charter(home: Path) -> None:
    file = home / "trust" / "charter.jsonl"
    file.write_bytes(file.read_bytes()[:500])


def _no_status(home: Path) -> None:
    (home / "trust" / "statuses" / "th.json").unlink()


def _suspended(home: Path) -> None:
    (home / "suspensions.jsonl").write_text("what\n")


@pytest.mark.long
@pytest.mark.parametrize(
    ("harm", "check"),
    [
        (_readable_key, "keys"),
        (_missing_key, "keys"),
        (_foreign_certificate, "certificates"),
        (_other_key, "certificates"),
        (_truncated_ca, "certificates"),
        (_no_database, "database"),
        (_no_keystore, "folder"),
        (_open_folder, "folder"),
        (_unknown_setting, "settings"),
        (_no_mapping, "sources"),
        (_bad_policy, "policy"),
        (_truncated_charter, "charter"),
        (_no_status, "descriptors"),
        (_suspended, "suspensions"),
    ],
)
def test_what_would_stop_an_exchange_is_found(federation: Path, harm: Callable[[Path], None], check: str) -> None:
    harm(federation / "th")
    findings = examine(federation / "th", SystemClock())
    found = stops(findings)
    assert check in found
    assert all(finding.remedy for finding in findings if finding.severity is not Severity.GOOD)


@pytest.mark.long
@pytest.mark.parametrize(
    ("days", "checks"), [(4, {"descriptors"}), (400, {"certificates", "charter", "descriptors"}), (-1, {"clock"})]
)
def test_time_is_examined(federation: Path, days: int, checks: set[str]) -> None:
    clock = ManualClock(SystemClock().now() + timedelta(days=days))
    assert checks <= set(stops(examine(federation / "th", clock)))


@pytest.mark.long
def test_little_time_left_is_a_warning(federation: Path) -> None:
    clock = ManualClock(SystemClock().now() + timedelta(days=380))
    warned = {finding.check for finding in examine(federation / "th", clock) if finding.severity is Severity.WARN}
    assert "certificates" in warned


@pytest.mark.long
def test_a_key_that_the_descriptor_does_not_list_is_found(liaison: Liaison, federation: Path) -> None:
    home = federation / "th"
    for file in home.glob("keys/statement.*"):
        file.unlink()
    assert liaison("init", "--member", "th", "--home", home, "--authority", federation / "th-authority").code == 0
    found = stops(examine(home, SystemClock()))
    assert "statement" in found["descriptors"]
    assert "liaison trust publish" in found["descriptors"]


@pytest.mark.long
def test_a_counterpart_that_does_not_answer_is_found(federation: Path) -> None:
    found = stops(examine(federation / "th", SystemClock(), "vn"))
    assert "`vn` does not answer" in found["counterpart"]
    assert "`la`" in stops(examine(federation / "th", SystemClock(), "la"))["counterpart"]


@pytest.mark.long
def test_a_missing_key_of_an_agency_is_made_by_naming_the_agency(liaison: Liaison, tmp_path: Path) -> None:
    home = tmp_path / "la"
    assert liaison("init", "--member", "la", "--home", home, "--authority", tmp_path / "a").code == 0
    source = '[[source]]\nid = "la.customs.x"\nagency = "customs"\nmapping = "x.toml"\nurl = "sqlite:///x.sqlite"\n'
    (home / "node.toml").write_text((home / "node.toml").read_text() + source)
    findings = liaison("doctor", "--home", home, "--json").value["findings"]
    told = {finding["check"]: finding["remedy"] for finding in findings if finding["severity"] == "stop"}
    for check in ("keys", "certificates"):
        assert "--agency customs" in told[check], told
    assert (
        liaison("init", "--member", "la", "--home", home, "--authority", tmp_path / "a", "--agency", "customs").code
        == 0
    )
    findings = liaison("doctor", "--home", home, "--json").value["findings"]
    assert not {"keys", "certificates"} & {one["check"] for one in findings if one["severity"] == "stop"}


@pytest.mark.long
def test_a_counterpart_that_is_no_member_is_told_with_those_that_are(liaison: Liaison, federation: Path) -> None:
    findings = liaison("doctor", "--home", federation / "th", "--to", "zz", "--json").value["findings"]
    (told,) = [finding for finding in findings if finding["check"] == "counterpart"]
    assert told["text"] == "`zz` is no member of the federation"
    assert "kh, vn" in told["remedy"]


@pytest.mark.long
def test_a_database_that_is_gone_after_heads_were_signed_is_not_made_anew(liaison: Liaison, federation: Path) -> None:
    home = federation / "th"
    with LogHome(home, load_signing_key(Home(home).key("log")), SystemClock()).log() as log:
        log.append([answered()])
    (home / "node.sqlite").unlink()
    told = stops(examine(home, SystemClock()))["database"]
    assert "heads of its logs were signed" in told
    assert "put it back" in told
    assert "run `liaison init` again" not in told


@pytest.mark.process
def test_what_takes_calls_and_does_not_answer_is_told(
    liaison: Liaison, federation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system takes calls for a process that hangs: being connected says nothing."""
    monkeypatch.setattr(reach, "_TIMEOUT_S", 0.2)
    home = federation / "th"
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        listen_at(home, hanging.getsockname()[1])
        told = stops_of(liaison("doctor", "--home", home, "--json"))
        assert "says nothing for 0.2 s: it hangs" in told["text"]
        assert "start the node again" in told["remedy"]


@pytest.mark.process
def test_another_program_at_our_address_is_told(liaison: Liaison, federation: Path) -> None:
    home = federation / "th"
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen_at(home, other.getsockname()[1])
        served = threading.Thread(target=greet, args=(other,), daemon=True)
        served.start()
        assert (
            "does not speak TLS: it is another program" in stops_of(liaison("doctor", "--home", home, "--json"))["text"]
        )
        served.join()


def greet(server: socket.socket) -> None:
    """Say hello as a mail server does."""
    with server.accept()[0] as call, suppress(ConnectionError):
        call.sendall(b"220 mail.example ESMTP\r\n")
        while call.recv(4096):
            pass


def listen_at(home: Path, port: int) -> None:
    """Let only the address for the country's own systems be one where something listens."""
    settings = home / "node.toml"
    text = re.sub(r'(?m)^exchange = ".*"$', 'exchange = "127.0.0.1:0"', settings.read_text())
    settings.write_text(re.sub(r'(?m)^agency = "127.*"$', f'agency = "127.0.0.1:{port}"', text))


def stops_of(ran: Ran) -> dict[str, str]:
    (found,) = [finding for finding in ran.value["findings"] if finding["severity"] == "stop"]
    assert (ran.code, found["check"]) == (1, "addresses")
    return dict(found)


@pytest.mark.long
@pytest.mark.parametrize(("passed_h", "told"), [(1, 0), (49, 24), (61, 12), (71, 2)])
def test_the_end_of_a_status_is_told_a_day_before_with_a_command_that_exists(
    federation: Path, passed_h: int, told: int
) -> None:
    clock = ManualClock(SystemClock().now() + timedelta(hours=passed_h))
    ends = [finding for finding in examine(federation / "th", clock) if "ends in less than" in finding.text]
    assert {finding.text for finding in ends} == (
        {f"the status of `{member}` ends in less than {told} hours" for member in ("th", "vn", "kh")} if told else set()
    )
    for finding in ends:
        ours = "`th`" in finding.text
        assert ("liaison trust publish" if ours else "liaison trust import") in finding.remedy
