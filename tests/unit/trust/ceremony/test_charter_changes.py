"""The next charter: members suspended, back, gone and added, and authorities with new keys, with who must sign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.errors import BadSignature, Malformed, Misused
from gateway.ops.trust.files import Wishes, accept_documents, draft_charter, show_charter, sign_document
from gateway.trust.ceremony.ceremony import publish_descriptor
from gateway.trust.ceremony.found_member import create_member
from tests.support.cli import Liaison
from tests.support.federation import Federation, make_federation
from tests.support.nodes import write_settings

CLOCK = SystemClock()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = make_federation(tmp_path_factory.mktemp("charters"))
    for member in made.members:
        write_settings(made[member].home, member, 7443, ())
    return made


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path, CLOCK)


def held(federation: Federation) -> Path:
    return federation["th"].home / "trust" / "charter.jsonl"


def change(federation: Federation, threshold: int = 0, **wishes: Any) -> tuple[Path, dict[str, Any]]:
    out = federation.folder / "next.json"
    return out, draft_charter((), "", threshold, 365, held(federation), out, Wishes(**wishes))


def signed(federation: Federation, out: Path, *members: str) -> dict[str, Any]:
    about: dict[str, Any] = {}
    for member in members:
        about = sign_document(out, federation[member].authority, None, held(federation))
    return about


def accept(federation: Federation, out: Path) -> None:
    for member in federation.members.values():
        accept_documents(member.home / "trust", [out], None)


def test_who_must_still_sign_is_said_by_name_under_both_versions(federation: Federation) -> None:
    out, about = change(federation, suspend=("vn",))
    assert about["members"] == {"kh": "active", "th": "active", "vn": "suspended"}
    assert about["signers"] == [
        {"version": 1, "needed": 2, "signed": [], "missing": ["kh", "th", "vn"]},
        {"version": 2, "needed": 2, "signed": [], "missing": ["kh", "th"]},
    ]
    about = signed(federation, out, "vn", "th")  # the suspended one counts under the version before only
    assert [(each["signed"], each["missing"]) for each in about["signers"]] == [
        (["th", "vn"], ["kh"]),
        (["th"], ["kh"]),
    ]
    with pytest.raises(BadSignature):
        accept(federation, out)
    signed(federation, out, "kh")
    accept(federation, out)
    assert not federation.view("th").active("vn")
    assert show_charter(held(federation))["signers"][0]["signed"] == ["kh", "th", "vn"]


def test_j2_signatures_that_do_not_verify_are_not_named(federation: Federation) -> None:
    out, _ = change(federation, suspend=("vn",))
    signed(federation, out, "kh", "th")
    other, _ = change(federation, suspend=("kh",))
    signed(federation, other, "th")
    broken = other.read_bytes().replace(b'"sig":"30', b'"sig":"31', 1)
    other.write_bytes(broken)
    assert [each["signed"] for each in show_charter(other, held(federation))["signers"]] == [[], []]


@pytest.mark.long
def test_a_member_comes_back_leaves_and_joins_again_with_its_documents_kept(federation: Federation) -> None:
    for wishes, status in (
        ({"suspend": ("vn",)}, "suspended"),
        ({"reinstate": ("vn",)}, "active"),
        ({"remove": ("vn",)}, "left"),
        ({"add": (federation["vn"].authority,)}, "active"),
    ):
        out, about = change(federation, **wishes)
        assert about["members"]["vn"] == status
        signed(federation, out, "th", "kh")
        accept(federation, out)
        assert (federation["th"].home / "trust" / "descriptors" / "vn.jsonl").exists()
        assert federation.view("th").active("vn") == (status == "active")
    assert federation.view("th").charter.version == 5  # type: ignore[union-attr]


def test_a_new_member_and_another_threshold(federation: Federation, tmp_path: Path) -> None:
    create_member(tmp_path / "la-authority", "la", CLOCK)
    out, about = change(federation, 3, add=(tmp_path / "la-authority" / "member.json",))
    assert [(each["needed"], each["missing"]) for each in about["signers"]] == [
        (2, ["kh", "th", "vn"]),
        (3, ["kh", "la", "th", "vn"]),
    ]
    signed(federation, out, "th", "kh")
    with pytest.raises(BadSignature, match="2 of the 3"):
        accept(federation, out)
    signed(federation, out, "vn")
    accept(federation, out)
    with pytest.raises(Malformed) as caught:
        change(federation, 2)
    assert "at least 3" in caught.value.remedy


@pytest.mark.long
def test_an_authority_gets_a_new_key_while_what_the_old_one_signed_stays(
    federation: Federation, tmp_path: Path
) -> None:
    vn, new = federation["vn"], tmp_path / "vn-new"
    create_member(new, "vn", CLOCK)
    out, about = change(federation, keys=(f"vn={new}",))
    assert about["signers"][1]["missing"] == ["kh", "th", "vn"]
    signed(federation, out, "th", "kh")
    accept(federation, out)
    assert federation.view("th").descriptor("vn").version == 1  # signed by the old key
    values = {"endpoints": ["127.0.0.1:7555"], "offices": [], "agencies": vn.agencies}
    federation.share(publish_descriptor(vn.home, new, CLOCK, **values))  # type: ignore[arg-type]
    old = federation.view("th").members["vn"].authority_keys[1].key_id
    out, _ = change(federation, drop=(f"vn={old[:12]}",))
    signed(federation, out, "th", "kh")
    accept(federation, out)
    assert federation.view("th").descriptor("vn").version == 2
    assert [key.key_id for key in federation.view("th").members["vn"].authority_keys] != [old]
    with pytest.raises(BadSignature):
        sign_document(out, vn.authority, None)


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"suspend": ("la",)}, "no such member"),
        ({"reinstate": ("vn",)}, "it is active"),
        ({"suspend": ("vn", "vn")}, "it is suspended"),
        ({"drop": ("vn=00",)}, "eight digits"),
        ({"keys": ("vn",)}, "MEMBER=VALUE"),
    ],
)
def test_a_change_that_does_not_fit_is_wrong_usage(federation: Federation, wishes: dict[str, Any], told: str) -> None:
    with pytest.raises(Misused, match=told):
        change(federation, **wishes)
    with pytest.raises(Misused, match="already"):
        change(federation, add=(federation["vn"].authority,))
    with pytest.raises(Misused, match="--home or --previous"):
        draft_charter((), "gms", 2, 365, None, federation.folder / "first.json", Wishes(suspend=("vn",)))


def test_the_commands_say_it_in_words(
    federation: Federation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LIAISON_HOME", raising=False)
    liaison, out = Liaison(capsys), federation.folder / "next.json"
    home = federation["th"].home
    ran = liaison("trust", "draft", "--home", home, "--suspend", "vn", "--out", out)
    assert ran.code == 0, ran.err
    assert "under 1      nobody (2 needed; 2 more must sign: kh or th or vn)" in ran.out
    assert "signed by    nobody (2 needed; 2 more must sign: kh or th)" in ran.out
    assert f"--previous {held(federation)}" in ran.out
    ran = liaison("trust", "sign", out, "--authority", federation["th"].authority)
    assert "signed by    th (2 needed; 1 more must sign: kh)" in ran.out
    assert "give that one with --previous" in ran.out
    ran = liaison("trust", "show", out, "--home", home, "--json")
    assert [each["signed"] for each in ran.value["signers"]] == [["th"], ["th"]]
