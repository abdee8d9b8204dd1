"""What a newcomer stumbled over in the command line: each says what is wrong, where, and what to do."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.export.layout import SIGNATURE
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.demo.federation import MEMBERS, DemoRuns, open_federation
from gateway.ops.acts.switches import known_targets
from gateway.ops.doctor.doctor import examine
from gateway.ops.finding import Severity
from gateway.ports.entries import events
from gateway.ports.journal import Event
from gateway.signing.keys import load_signing_key
from gateway.views.search.lines import headline
from tests.support.audit_logs import LogHome, answered
from tests.support.cli import Liaison, found_federation
from tests.support.persons import administrator
from tests.support.tables import table


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("founded")


@pytest.fixture
def federation(liaison: Liaison, founded: Path, tmp_path: Path) -> Path:
    """A copy of one federation, founded once."""
    if not (founded / "kh.jsonl").exists():
        found_federation(liaison, founded)
    shutil.copytree(founded, tmp_path / "fed")
    return tmp_path / "fed"


def init(liaison: Liaison, folder: Path, member: str, *more: str) -> None:
    home = ("--member", member, "--home", folder / member, "--authority", folder / f"{member}-authority")
    assert liaison("init", *home, *more).code == 0


# ------------------------------------------------------------ init, doctor, publish


@pytest.mark.long
def test_in_production_nobody_is_sent_to_make_the_key_of_the_trial_issuer(liaison: Liaison, federation: Path) -> None:
    home = federation / "th"
    settings = (home / "node.toml").read_text()
    (home / "node.toml").write_text(settings.replace("# production = false", "production = true"))
    Home(home).key("token-issuer").unlink()
    asked = ("ask", "document", "--home", home, "--as", "th.o.1042", "--to", "vn", "--number", "C1", "--issuer", "VNM")
    ran = liaison(*asked, "--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "1")
    assert (ran.code, "liaison init" in ran.err, "--token FILE" in ran.err) == (1, False, True)


def test_the_trial_officer_has_a_role_that_packaged_policies_know(liaison: Liaison, tmp_path: Path) -> None:
    init(liaison, tmp_path, "la")
    assert [officer.role for officer in load_settings(tmp_path / "la").trial_officers] == ["officer"]


def remedies(home: Path) -> list[str]:
    return [item.remedy for item in examine(home, SystemClock()) if item.severity is Severity.STOP]


@pytest.mark.long
def test_an_added_agency_is_published_as_doctor_says(liaison: Liaison, federation: Path) -> None:
    home = federation / "th"
    init(liaison, federation, "th", "--agency", "fisheries")
    (home / "mappings" / "f.toml").write_text("")
    source = (
        '\n[[source]]\nid = "th.f"\nagency = "fisheries"\nmapping = "mappings/f.toml"\nurl = "sqlite:///f.sqlite"\n'
    )
    (home / "node.toml").write_text((home / "node.toml").read_text() + source)
    said = [remedy for remedy in remedies(home) if "trust publish" in remedy]
    assert len(said) == 1
    assert f"--home {home} --authority ADIR --agency fisheries" in said[0]
    assert liaison("trust", "publish", "--home", home, "--authority", federation / "th-authority").code == 0
    assert not [remedy for remedy in remedies(home) if "trust publish" in remedy]
    listed = liaison("trust", "publish", "--home", home, "--json").value["descriptor"]["agencies"]
    assert listed == ["police", "fisheries"]


@pytest.mark.long
def test_a_status_is_renewed_without_an_authority_as_doctor_says(federation: Path) -> None:
    (federation / "th" / "trust" / "statuses" / "th.json").unlink()
    assert f"liaison trust publish --home {federation / 'th'}" in remedies(federation / "th")


def test_what_only_an_authority_can_sign_is_not_dropped(liaison: Liaison, federation: Path) -> None:
    home = federation / "th"
    ran = liaison("trust", "publish", "--home", home, "--endpoint", "127.0.0.1:9", "--agency", "fisheries")
    assert ran.code == 2
    assert "--endpoint, --agency" in ran.err
    assert "--authority" in ran.err
    init(liaison, federation, "th", "--agency", "fisheries")
    ran = liaison("trust", "publish", "--home", home)
    assert ran.code == 0
    assert "does not list the keys agency/fisheries" in ran.out
    assert "--authority" in ran.out


# ------------------------------------------------------------ suspend, resume


@pytest.mark.parametrize("command", ["suspend", "resume"])
@pytest.mark.parametrize(
    ("target", "known"),
    [(("--peer", "la"), "kh, vn"), (("--agency", "polcie"), "police"), (("--source", "th.polcie"), "none")],
)
def test_an_unknown_name_is_refused_with_the_known_ones(
    liaison: Liaison, federation: Path, command: str, target: tuple[str, str], known: str
) -> None:
    ran = liaison(command, "--home", federation / "th", *target, "--reason", "x")
    assert ran.code == 2
    assert f"known: {known}" in ran.err
    assert not (federation / "th" / "suspensions.jsonl").exists()


@pytest.mark.parametrize("broken", ["node.toml", "trust/charter.jsonl"])
def test_the_off_switch_works_when_nothing_can_be_read(liaison: Liaison, federation: Path, broken: str) -> None:
    home = federation / "th"
    (home / broken).write_text("][")
    assert not known_targets(Home(home), SystemClock())[1]
    assert liaison("suspend", "--home", home, "--peer", "vn", "--reason", "x").code == 0
    assert "peer:vn" in (home / "suspensions.jsonl").read_text()


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_empty_reason_is_refused(liaison: Liaison, federation: Path, reason: str) -> None:
    assert liaison("suspend", "--home", federation / "th", "--all", "--reason", reason).code == 2
    assert not (federation / "th" / "suspensions.jsonl").exists()


@pytest.mark.long
def test_resuming_what_is_not_suspended_says_so(liaison: Liaison, federation: Path) -> None:
    home = ("--home", federation / "th", "--reason", "x")
    assert "peer:vn was not switched off" in liaison("resume", *home, "--peer", "vn").out
    assert "nothing was switched off" in liaison("resume", *home, "--all").out
    assert not (federation / "th" / "suspensions.jsonl").exists()
    liaison("suspend", *home, "--peer", "vn")
    assert liaison("resume", *home, "--all", *administrator(federation / "th"), "--json").value["suspended"] == {}


# ------------------------------------------------------------ audit


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (("--exchange", "nope"), "32 hexadecimal digits"),
        (("--outcome", "nope"), "hit, no_hit, partial, refused, suspended, silent"),
        (("--kind", "nope"), "answered"),
        (("--kind", "suspend"), "answered"),
        (("--peer", "zz"), "no member of the charter, and no entry has it; known: kh, th, vn"),
        (("--peer", "VN"), "did you mean `vn`?"),
    ],
)
def test_a_filter_that_nothing_can_fit_is_wrong_usage(
    liaison: Liaison, federation: Path, filters: tuple[str, str], said: str
) -> None:
    ran = liaison("audit", "show", "--home", federation / "th", *filters)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())


def test_a_counterpart_that_left_the_charter_is_found_where_an_entry_has_it(liaison: Liaison, federation: Path) -> None:
    with LogHome(federation / "th", load_signing_key(Home(federation / "th").key("log")), SystemClock()).log() as log:
        log.append([answered(peer="zz")])
    found = liaison("audit", "show", "--home", federation / "th", "--peer", "zz", "--json").value["entries"]
    assert [entry["peer"] for entry in found] == ["zz"]


@pytest.mark.parametrize("where", ["--home", "--export"])
def test_a_path_that_is_not_there_is_wrong_usage(liaison: Liaison, federation: Path, where: str) -> None:
    ran = liaison("audit", "verify", where, federation / "nope", "--charter", federation / "charter.json")
    assert ran.code == 2
    assert "nope" in ran.err
    assert liaison("audit", "verify", "--home", federation / "th", "--charter", federation / "nope").code == 2


@pytest.mark.parametrize("text", ["no json", "", "{}", '{"signed": '])
def test_a_charter_that_is_none_is_wrong_usage(liaison: Liaison, federation: Path, text: str) -> None:
    file = federation / "other.json"
    file.write_text(text)
    ran = liaison("audit", "verify", "--home", federation / "th", "--charter", file)
    assert ran.code == 2
    assert f"`{file}` is no charter" in ran.err


def test_an_export_and_a_home_together_are_wrong_usage(liaison: Liaison, federation: Path) -> None:
    charter = ("--charter", federation / "charter.json")
    ran = liaison("audit", "verify", "--home", federation / "th", "--export", federation / "vn", *charter)
    assert ran.code == 2
    assert "not both" in ran.err


ENDS: dict[Event, dict[str, Any]] = {
    events.ANSWERED: {"outcome": "no_hit", "case": "C-1"},
    events.SILENT: {"code": "timed-out", "case": "C-2"},
    events.REFUSED: {"code": "policy-denies", "reason": "PERMISSION_DENIED", "ticket": "T-3"},
}


def fill(home: Path) -> None:
    """Entries of different ends in the log of a home, the last one a refusal for being switched off."""
    drafts = [answered(event=event, private=private) for event, private in ENDS.items()]
    drafts.append(answered(event=events.REFUSED, private={"code": "suspended", "reason": "SUSPENDED", "ticket": "T-4"}))
    with LogHome(home, load_signing_key(Home(home).key("log")), SystemClock()).log() as log:
        log.append(drafts)


@pytest.mark.long
@pytest.mark.parametrize(
    ("filters", "indexes"),
    [
        (("--outcome", "silent"), [1]),
        (("--outcome", "refused"), [3, 2]),
        (("--outcome", "suspended"), [3]),
        (("--outcome", "no_hit"), [0]),
        (("--outcome", "hit"), []),
        (("--case", "C-2"), [1]),
        (("--case", "T-3"), [2]),
        (("--kind", "silent", "--peer", "vn"), [1]),
    ],
)
def test_show_finds_what_its_help_names(
    liaison: Liaison, federation: Path, filters: tuple[str, ...], indexes: list[int]
) -> None:
    fill(federation / "th")
    found = liaison("audit", "show", "--home", federation / "th", *filters, "--json").value
    assert [entry["index"] for entry in found["entries"]] == indexes
    assert not found["more"]


def test_a_list_that_is_cut_says_so(liaison: Liaison, federation: Path) -> None:
    fill(federation / "th")
    common = ("audit", "show", "--home", federation / "th", "--limit")
    cut = liaison(*common, "3", "--json").value
    assert (len(cut["entries"]), cut["limit"], cut["more"]) == (3, 3, True)
    assert "raise --limit" in liaison(*common, "3").out
    assert "raise --limit" not in liaison(*common, "4").out


@pytest.mark.parametrize("level", ["0", "entries"])
def test_a_file_that_is_missing_in_an_export_is_found(liaison: Liaison, federation: Path, level: str) -> None:
    fill(federation / "th")
    out = federation / "export"
    assert liaison("audit", "export", "--home", federation / "th", "--out", out).code == 0
    [tile] = (out / "exchange-1" / "tile" / level).rglob("4")
    tile.unlink()
    ran = liaison("audit", "verify", "--export", out, "--charter", federation / "charter.json", "--json")
    assert ran.code == 1
    said = [item["text"] for item in ran.value["findings"] if item["state"] == "contradicted"]
    assert any(f"`{tile.relative_to(out)}` is missing" in text for text in said)
    assert "not an export" not in str(said)


@pytest.mark.long
def test_a_signature_that_is_missing_in_an_export_is_found(liaison: Liaison, federation: Path) -> None:
    out = federation / "export"
    fill(federation / "th")
    assert liaison("audit", "export", "--home", federation / "th", "--out", out).code == 0
    (out / SIGNATURE).unlink()
    ran = liaison("audit", "verify", "--export", out, "--charter", federation / "charter.json")
    assert ran.code == 1
    assert "the manifest is not signed" in ran.out


# ------------------------------------------------------------ files


def test_a_draft_into_a_folder_is_wrong_usage(liaison: Liaison, federation: Path) -> None:
    common = ("trust", "draft", "--federation", "gms", "--threshold", "1", federation / "th-authority", "--out")
    for out in (federation, federation / "none" / "charter.json"):
        ran = liaison(*common, out)
        assert ran.code == 2
        assert str(out) in ran.err
        assert "unforeseen" not in ran.err


def test_a_document_that_cannot_be_read_is_wrong_usage(liaison: Liaison, federation: Path) -> None:
    for file in (federation / "none", federation):
        for arguments in (("accept", file, "--home", federation / "th"), ("verify", file), ("show", file)):
            ran = liaison("trust", *arguments)
            assert ran.code == 2
            assert str(file) in ran.err


@pytest.mark.long
def test_an_export_that_cannot_be_written_is_wrong_usage(liaison: Liaison, federation: Path) -> None:
    file = federation / "file"
    file.write_text("")
    ran = liaison("audit", "export", "--home", federation / "th", "--out", file / "below" / "export")
    assert ran.code == 2
    assert str(file) in ran.err


def test_a_demo_does_not_start_where_one_runs(tmp_path: Path) -> None:
    (tmp_path / "charter.jsonl").write_text("")
    for member in MEMBERS:
        (tmp_path / member).mkdir()
    with (tmp_path / "vn" / "node.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DemoRuns, match="nodes of vn run already") as caught:
            open_federation(tmp_path, SystemClock())
    assert caught.value.exit_code == 2


@table("code", ["query-not-covered", "suspended", "unreachable", "timed-out", "replayed", "policy-denies"])
def test_a_bare_code_is_told_in_words(code: str) -> None:
    line = {"member": "vn", "outcome": "refused", "refusal": {"code": code, "text": ""}, "late": False}
    text, _ = headline(line, "th")
    assert code not in text
    assert " " in text.partition("refused: ")[2]
