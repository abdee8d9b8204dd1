"""The policy commands as their users run them: whose a folder is, and what a policy that was brought waits for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.ops.policy.keeper import PolicyKeeper, policy_files
from gateway.signing.keys import load_signing_key
from gateway.trust.documents.policy_approval import seal_policy
from policy.review.cases import case_files
from tests.support.cli import Liaison, found_federation
from tests.support.policies import BASE, NATIONAL, TH


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    """The home of `th`, which lists two approvers of policy, with their keys in `keys`."""
    found_federation(liaison, tmp_path, ("th", "vn"))
    for name in ("a", "b"):
        assert liaison("policy", "approver", "--out", tmp_path / "keys", "--name", name).code == 0
        assert liaison("policy", "admit", tmp_path / "keys" / f"{name}.pub", "--home", tmp_path / "th").code == 0
    authority = ("--authority", tmp_path / "th-authority")
    assert liaison("trust", "publish", "--home", tmp_path / "th", *authority).code == 0
    return tmp_path / "th"


@pytest.mark.long
def test_folders_of_two_members_are_not_compared(liaison: Liaison, tmp_path: Path) -> None:
    ran = liaison("policy", "diff", NATIONAL / "th", NATIONAL / "vn")
    assert ran.code == 2
    assert "th` is by its name the policy of `th`" in ran.err
    assert "that of `vn`: compare two folders of one member, or say with --member" in ran.err
    draft = shutil.copytree(NATIONAL / "vn", tmp_path / "draft")
    for folders in ((NATIONAL / "th", draft), (draft, NATIONAL / "th")):
        ran = liaison("policy", "diff", *folders, "--member", "th")
        assert ran.code == 2
        assert f"`{draft}` is the policy of `vn`, not of `th`: name a folder of `th`" in ran.err
    assert liaison("policy", "diff", NATIONAL / "vn", draft, "--member", "vn").out == "nothing differs\n"


def test_a_mistake_in_one_s_own_folder_is_still_told(liaison: Liaison, tmp_path: Path) -> None:
    draft = shutil.copytree(NATIONAL / "vn", tmp_path / "vn")
    (draft / "law.toml").unlink()
    ran = liaison("policy", "diff", NATIONAL / "vn", draft)
    assert (ran.code, "law.toml" in ran.err) == (1, True)


@pytest.mark.long
def test_a_draft_of_another_member_is_not_rehearsed(liaison: Liaison, home: Path) -> None:
    ran = liaison("policy", "rehearse", "--home", home, "--draft", NATIONAL / "vn")
    assert ran.code == 2
    assert "vn` is the policy of `vn`, not of `th`: name a folder of `th`" in ran.err
    shown = liaison("audit", "show", "--home", home, "--log", "operations", "--kind", "rehearsed", "--json")
    assert shown.value["entries"] == []


def sign(liaison: Liaison, home: Path, version: int, *names: str) -> Path:
    out = home.parent / f"th-{version}.json"
    first, *others = ("--key", home.parent / "keys" / f"{names[0]}.key"), *names[1:]
    assert liaison("policy", "sign", NATIONAL / "th", "--version", str(version), *first, "--out", out).code == 0
    for name in others:
        ran = liaison("policy", "sign", out, "--key", home.parent / "keys" / f"{name}.key", "--out", out)
        assert ran.code == 0
    return out


@pytest.mark.long
def test_a_policy_that_waits_for_a_node_is_told_with_what_it_waits_for(liaison: Liaison, home: Path) -> None:
    ran = liaison("policy", "status", "--home", home)
    assert "policy of `th`: not approved" in ran.out
    assert liaison("policy", "status", "--home", home, "--json").value["waiting"] is None
    assert liaison("policy", "install", sign(liaison, home, 3, "a", "b"), "--home", home).code == 0
    ran = liaison("policy", "status", "--home", home)
    assert "not approved" not in ran.out
    assert "version 3, signed by 2, was brought, and waits for a node of this home to take it" in ran.out
    assert f"liaison serve --home {home}" in ran.out
    waiting = liaison("policy", "status", "--home", home, "--json").value["waiting"]
    assert (waiting["version"], len(waiting["approvers"]), waiting["refused"]) == (3, 2, "")


@pytest.mark.long
def test_a_policy_that_no_node_will_take_is_told_with_why(liaison: Liaison, home: Path) -> None:
    assert liaison("policy", "approver", "--out", home.parent / "keys", "--name", "c").code == 0
    assert liaison("policy", "install", sign(liaison, home, 3, "a", "c"), "--home", home).code == 0
    ran = liaison("policy", "status", "--home", home)
    assert "version 3 was brought, and no node will take it: 1 of the 2" in ran.out
    assert "waits for" not in ran.out


def draft_of(home: Path) -> Path:
    return shutil.copytree(NATIONAL / "th", home.parent / "draft" / "th")


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.long
def test_a_policy_of_which_a_case_does_not_hold_is_not_signed(liaison: Liaison, home: Path) -> None:
    draft, out = draft_of(home), home.parent / "out.json"
    change(draft / "records.cedar", "names,birth,sex,nationalities,warnings,status", "names,birth,sex")
    signing = ("policy", "sign", draft, "--version", "3", "--key", home.parent / "keys" / "a.key", "--out", out)
    ran = liaison(*signing)
    assert ran.code == 1
    assert "cases of this policy do not hold; the first is `" in ran.err
    assert f"liaison policy test {draft} --member th" in ran.err
    assert not out.exists()
    for case in (draft / "cases").glob("*.toml"):
        if "status" in case.read_text(encoding="utf-8"):
            case.unlink()
    ran = liaison(*signing)
    assert ran.code == 0, ran.err
    assert "cases hold" in ran.out


@pytest.mark.long
def test_a_folder_with_a_mistake_beside_its_rules_is_not_signed(liaison: Liaison, home: Path) -> None:
    draft, out = draft_of(home), home.parent / "out.json"
    (draft / "qoutas.toml").write_text("default = 3\n")
    key = home.parent / "keys" / "a.key"
    ran = liaison("policy", "sign", draft, "--version", "3", "--key", key, "--out", out)
    assert (ran.code, out.exists()) == (1, False)
    assert "`qoutas.toml` is no file of a policy" in ran.err
    assert f"liaison policy check {draft} --member th" in ran.err


@pytest.mark.long
def test_a_document_whose_cases_do_not_hold_gets_no_signature_and_is_not_installed(
    liaison: Liaison, home: Path
) -> None:
    files = policy_files(BASE, NATIONAL / "th")
    files |= {f"national/{name}": file.data for name, file in case_files(NATIONAL / "th").items()}
    changed = files["national/records.cedar"].replace(b"names,birth,sex,nationalities,warnings,status", b"names,birth")
    keys = [load_signing_key(home.parent / "keys" / f"{name}.key") for name in ("a", "b")]
    file = home.parent / "th-3.json"
    file.write_bytes(seal_policy(TH, 3, files | {"national/records.cedar": changed}, keys))
    for command in (("sign", file, "--key", home.parent / "keys" / "b.key", "--out", file), ("install", file)):
        ran = liaison("policy", *command, *(("--home", home) if command[0] == "install" else ()))
        assert ran.code == 1
        assert f"liaison policy review {file}" in ran.err
    assert liaison("policy", "status", "--home", home, "--json").value["waiting"] is None
    ran = liaison("policy", "review", file, "--home", home)
    assert ran.code == 1
    assert "person-for-a-case" in ran.out


@pytest.mark.long
def test_the_second_approver_sees_what_a_policy_changes(liaison: Liaison, home: Path) -> None:
    settings = home / "node.toml"
    settings.write_text(settings.read_text().replace('# national = ""', f'national = "{NATIONAL / "th"}"'))
    draft, out = draft_of(home), home.parent / "th-3.json"
    change(draft / "records.cedar", "crossing_point,direction,at,mode", "crossing_point,direction,at,mode,refusal_code")
    change(draft / "records.cedar", 'when { context.purpose == Purpose::"CUSTOMS_CONTROL" };', "when { false };")
    for case in (draft / "cases").glob("*.toml"):
        if any(word in case.read_text(encoding="utf-8") for word in ("BorderCrossing", "CUSTOMS_CONTROL")):
            case.unlink()
    key = home.parent / "keys" / "a.key"
    assert liaison("policy", "sign", draft, "--version", "3", "--key", key, "--out", out).code == 0
    for against in (("--home", home), ("--against", NATIONAL / "th")):
        ran = liaison("policy", "review", out, *against)
        assert ran.code == 0, ran.err
        assert "the policy `national/th-person-customs` has other conditions" in ran.out
        assert "+when { false };" in ran.out
        assert '-when { context.purpose == Purpose::"CUSTOMS_CONTROL" };' in ran.out
        assert "newly leaves: national_ids of Person, to" in ran.out
        assert "for CUSTOMS_CONTROL, with a case number" in ran.out
        assert "newly leaves: refusal_code of BorderCrossing" in ran.out
        assert "case person-for-customs" in ran.out
        assert "cases hold" in ran.out
    value = liaison("policy", "review", out, "--home", home, "--json").value
    assert value["holds"]
    assert {change["record_type"] for change in value["difference"]["released"]} == {"Person", "BorderCrossing"}
    assert liaison("policy", "review", out).code == 2


@pytest.mark.long
def test_a_policy_is_compared_with_the_approved_one_in_force_and_with_a_document(liaison: Liaison, home: Path) -> None:
    three = sign(liaison, home, 3, "a", "b")
    assert liaison("policy", "install", three, "--home", home).code == 0
    keeper = PolicyKeeper(load_settings(home), SystemClock(), production=True)
    assert keeper.version == 3
    keeper.keep()  # as a node that starts does
    four = sign(liaison, home, 4, "a")
    for against in (("--home", home), ("--against", three)):
        ran = liaison("policy", "review", four, *against)
        assert ran.code == 0, ran.err
        assert "against version 3" in ran.out
        assert ("policy 4 of `th`, signed by a\n" in ran.out) is (against[0] == "--home")
        assert "nothing differs" in ran.out
    assert liaison("policy", "review", four, "--against", NATIONAL / "vn").code == 2


@pytest.mark.long
def test_a_policy_of_which_nothing_is_tried_says_so(liaison: Liaison, home: Path) -> None:
    draft = draft_of(home)
    shutil.rmtree(draft / "cases")
    key, out = home.parent / "keys" / "a.key", home.parent / "out.json"
    ran = liaison("policy", "sign", draft, "--version", "3", "--key", key, "--out", out)
    assert ran.code == 0
    assert "it has no case, so nothing was tried" in ran.out
    assert "it carries no case" in liaison("policy", "review", out, "--against", NATIONAL / "th").out


@pytest.mark.long
def test_a_policy_over_another_base_is_not_brought(liaison: Liaison, home: Path) -> None:
    files = policy_files(BASE, NATIONAL / "th")
    files["base/retention.toml"] = files["base/retention.toml"].replace(b"BORDER_CHECK = 48", b"BORDER_CHECK = 47")
    keys = [load_signing_key(home.parent / "keys" / f"{name}.key") for name in ("a", "b")]
    file = home.parent / "th-3.json"
    file.write_bytes(seal_policy(TH, 3, files, keys))
    ran = liaison("policy", "install", file, "--home", home)
    assert (ran.code, "another base policy" in ran.err) == (1, True)
    assert liaison("policy", "status", "--home", home, "--json").value["waiting"] is None
