"""Wrong usage ends with 2, says what to give, and is JSON where JSON was asked for."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.main import liaison as command
from gateway.cli.main import run
from gateway.clock import SystemClock, rfc3339
from tests.support.cli import Liaison, found_federation
from tests.support.tables import table
from tests.support.zygote import Zygote


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def test_a_folder_that_does_not_say_whose_policy_it_is_is_wrong_usage(liaison: Liaison, tmp_path: Path) -> None:
    folder = tmp_path / "draft"
    folder.mkdir()
    ran = liaison("policy", "check", folder)
    assert ran.code == 2
    assert "give --member" in ran.err


def test_wrong_usage_with_json_is_json_too(liaison: Liaison, tmp_path: Path) -> None:
    ran = liaison("audit", "verify", "--json")
    assert ran.code == 2
    assert ran.value["error"]["code"] == "usage"
    assert "--home" in ran.value["error"]["message"]
    unknown = liaison("ask", "person", "--home", tmp_path, "--birth", "2533", "--name", "x", "--json")
    assert unknown.code == 2
    assert "message" in unknown.value["error"]


@pytest.mark.parametrize(("said", "advice"), [("yesterdy", "did you mean `yesterday`?"), ("3m", "36h or 7d")])
def test_another_time_is_wrong_usage_and_the_forms_are_named(
    liaison: Liaison, tmp_path: Path, said: str, advice: str
) -> None:
    ran = liaison("audit", "show", "--home", tmp_path, "--since", said)
    assert (ran.code, advice in ran.err) == (2, True), ran.err


@table(
    ("number", "code"), [(errno.EACCES, 1), (errno.EROFS, 1), (errno.ENOSPC, 1), (errno.ENOENT, 2), (errno.EISDIR, 2)]
)
def test_a_place_that_the_system_refuses_is_1_and_a_wrong_path_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, code: int
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(number, "said by the system", "out")

    monkeypatch.setattr(command, "main", refuse)
    assert run(["audit", "export", "--out", "out"]) == code
    assert "said by the system" in capsys.readouterr().err


@table(
    ("option", "value", "said"),
    [
        ("--to", "VN", "is not a member id"),
        ("--to", "vn,vn", "names a member twice"),
        ("--to", ",", "--to is empty"),
        ("--purpose", "BORDERCHECK", "'BORDER_CHECK', 'INVESTIGATION'"),
        ("--offence", "drugs", "'NARC'"),
    ],
)
def test_a_question_with_a_misspelt_word_is_wrong_usage(
    liaison: Liaison, tmp_path: Path, option: str, value: str, said: str
) -> None:
    asked = {"--to": "vn", "--purpose": "investigation", "--offence": "narc", "--case": "C-1", "--name": "x"}
    asked |= {"--home": str(tmp_path), "--as": "th.o.1042", option: value}
    ran = liaison("ask", "person", *(part for pair in asked.items() for part in pair))
    assert ran.code == 2
    assert said in ran.err


def test_a_receiver_without_a_country_is_wrong_usage(liaison: Liaison, tmp_path: Path) -> None:
    home = tmp_path / "th"
    assert liaison("init", "--member", "th", "--home", home, "--authority", tmp_path / "a").code == 0
    onward: list[str | Path] = [
        "onward",
        "--home",
        home,
        "--as",
        "th.o.1042",
        "--search",
        "5f",
        "--from",
        "kh",
        "--reason",
        "x",
    ]
    ran = liaison(*onward, "--purpose", "INVESTIGATION", "--to", "customs")
    assert ran.code == 2
    assert "COUNTRY.AGENCY, such as th.customs" in ran.err


def test_a_container_s_number_with_a_wrong_digit_is_told_before_it_is_asked(liaison: Liaison, tmp_path: Path) -> None:
    home = tmp_path / "th"
    assert liaison("init", "--member", "th", "--home", home, "--authority", tmp_path / "a").code == 0
    words = ["--as", "th.o.1042", "--to", "kh", "--purpose", "CUSTOMS_CONTROL", "--offence", "WILD", "--ticket", "T-1"]
    ran = liaison("ask", "container", "--home", home, *words, "--number", "MSCU6639871")
    assert "the check digit is 1, but the number before it calls for 0" in ran.err
    assert (
        "look at the number again"
        not in liaison("ask", "container", "--home", home, *words, "--number", "MSCU6639870").err
    )


@pytest.mark.long
def test_times_are_taken_as_entries_show_them(liaison: Liaison, tmp_path: Path) -> None:
    home = tmp_path / "th"
    assert liaison("init", "--member", "th", "--home", home, "--authority", tmp_path / "a").code == 0
    for time in ("2026-11-26", "2026-11-26T14:16", "2026-11-26T14:16:00Z", "2026-11-26T14:15:11.932243Z"):
        assert liaison("audit", "show", "--home", home, "--since", time).code == 0
    assert liaison("audit", "show", "--home", home, "--since", "yesterday").code == 0
    assert liaison("audit", "show", "--home", home, "--since", "long ago").code == 2


def test_a_hold_that_cannot_be_placed_is_not_drafted(liaison: Liaison, tmp_path: Path) -> None:
    home = tmp_path / "th"
    assert liaison("init", "--member", "th", "--home", home, "--authority", tmp_path / "a").code == 0
    assert liaison("policy", "approver", "--out", tmp_path, "--name", "a").code == 0
    words: list[str | Path] = [
        "--entry",
        "exchange/1:0",
        "--reason",
        "case 7",
        "--key",
        tmp_path / "a.key",
        "--out",
        tmp_path / "h",
    ]
    for until in ("2020-01-01", "2999-01-01"):
        ran = liaison("audit", "hold", "draft", "--home", home, *words, "--until", until)
        assert ran.code == 2
        assert "at most 366 days away" in ran.err
    assert not (tmp_path / "h").exists()


@pytest.mark.long
def test_a_hold_of_an_entry_that_is_not_there_is_drafted_anew_with_all_its_arguments(
    liaison: Liaison, tmp_path: Path
) -> None:
    found_federation(liaison, tmp_path, ("th", "vn"))
    home, document = tmp_path / "th", tmp_path / "h"
    for name in ("a", "b"):
        assert liaison("policy", "approver", "--out", tmp_path, "--name", name).code == 0
        assert liaison("policy", "admit", tmp_path / f"{name}.pub", "--home", home).code == 0
    assert liaison("trust", "publish", "--home", home, "--authority", tmp_path / "th-authority").code == 0
    until = rfc3339(SystemClock().now_us() + 30 * 86_400_000_000)[:10]
    words = ("--entry", "exchange/1:7", "--until", until, "--reason", "case 7", "--key", tmp_path / "a.key")
    ran = liaison("audit", "hold", "draft", "--home", home, *words, "--out", document)
    assert f"next: liaison audit hold sign {document} --key THEIR.key --out {document}\n" in ran.out
    ran = liaison("audit", "hold", "sign", document, "--key", tmp_path / "b.key", "--out", document)
    assert f"next: liaison audit hold bring {document} --home HOME\n" in ran.out
    ran = liaison("audit", "hold", "bring", document, "--home", home)
    assert ran.code == 1
    expected = f"--entry exchange/1:7 --until DATE --reason 'case 7' --key YOUR.key --out {document}"
    assert f"liaison audit hold draft --home {home} {expected}" in ran.err


def test_the_public_half_of_a_key_is_told_from_a_key_that_others_can_read(liaison: Liaison, tmp_path: Path) -> None:
    home = tmp_path / "th"
    assert liaison("init", "--member", "th", "--home", home, "--authority", tmp_path / "a").code == 0
    assert liaison("audit", "key", "--out", tmp_path, "--name", "a").code == 0
    ran = liaison("audit", "open", "--home", home, "--key", tmp_path / "a.pub", "--entry", "0", "--reason", "x")
    assert (ran.code, "this is a public key" in ran.err) == (1, True)
    (tmp_path / "a.key").chmod(0o644)
    ran = liaison("audit", "open", "--home", home, "--key", tmp_path / "a.key", "--entry", "0", "--reason", "x")
    assert (ran.code, "others can read this key" in ran.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("", "Somchai"), "FIRST is empty: give two names"),
        (("Somchai", "  "), "SECOND is empty: give two names"),
        (("Somchai", "Somchay", "--birth", "99"), "YYYY, YYYY-MM or YYYY-MM-DD"),
    ],
)
def test_names_that_cannot_be_compared_do_not_look_like_two_persons(
    liaison: Liaison, arguments: tuple[str, ...], said: str
) -> None:
    ran = liaison("match", "explain", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.long
def test_a_folder_that_was_never_an_export_is_wrong_usage(liaison: Liaison, tmp_path: Path) -> None:
    found_federation(liaison, tmp_path, ("th", "vn"))
    charter, empty = tmp_path / "charter.json", tmp_path / "empty"
    empty.mkdir()
    for arguments in (("verify", "--export"), ("reconcile", empty), ("find", "--peer", "vn", "--export")):
        trusted = () if arguments[0] == "find" else ("--charter", charter)
        ran = liaison("audit", *arguments, empty, *trusted)
        assert ran.code == 2
        assert "is no export: it has no export.json. `liaison audit export --home HOME --out DIR` makes" in ran.err
        ran = liaison("audit", *arguments, tmp_path / "th", *trusted)
        assert ran.code == 2
    ran = liaison("audit", "verify", "--export", tmp_path / "th", "--charter", charter)
    assert f"it is a node's home, of which `liaison audit export --home {tmp_path / 'th'} --out DIR`" in ran.err


@pytest.mark.long
def test_a_command_that_comes_next_can_be_pasted_also_where_a_path_has_blanks(liaison: Liaison, tmp_path: Path) -> None:
    home = tmp_path / "l a"
    made = liaison("init", "--member", "la", "--home", home, "--authority", tmp_path / "la authority").out
    comes_next = made.partition("what comes next: liaison ")[2]
    ran = liaison(*shlex.split(comes_next))
    assert ran.code == 1
    assert "there is no charter yet" in ran.out
    for remedy in re.findall(r"-> (liaison .*)", ran.out):
        assert str(home) in shlex.split(remedy)
    assert f"--home '{home}' FILE" in ran.out  # trust accept


@pytest.mark.parametrize(("home", "authority"), [("la", "la"), ("la", "la/authority"), ("a/la", "a")])
def test_an_authority_is_never_made_in_a_home_or_around_it(
    liaison: Liaison, tmp_path: Path, home: str, authority: str
) -> None:
    ran = liaison("init", "--member", "la", "--home", tmp_path / home, "--authority", tmp_path / authority)
    assert ran.code == 1
    assert "a node never holds the authority's keys" in ran.err
    assert not list(tmp_path.iterdir())


def test_an_authority_folder_that_is_named_wrongly_is_told_before_a_new_authority_is_made(
    liaison: Liaison, tmp_path: Path
) -> None:
    assert liaison("init", "--member", "la", "--home", tmp_path / "la", "--authority", tmp_path / "a").code == 0
    ran = liaison("init", "--member", "la", "--home", tmp_path / "la", "--authority", tmp_path / "aa", "--json")
    assert (ran.code, ran.value["error"]["code"]) == (1, "other-authority")
    assert not (tmp_path / "aa").exists()


def test_a_request_for_a_certificate_that_cannot_be_used_is_named(liaison: Liaison, tmp_path: Path) -> None:
    assert liaison("init", "--member", "la", "--home", tmp_path / "la", "--authority", tmp_path / "a").code == 0
    request = tmp_path / "tls.csr"
    request.write_text("no request")
    ran = liaison("source", "certify", request, "--authority", tmp_path / "a", "--out", tmp_path / "certs", "--json")
    assert (ran.code, ran.value["error"]["where"]) == (1, str(request))
    assert "`liaison source init` made" in ran.value["error"]["remedy"]


def test_a_home_that_is_named_from_here_has_all_its_folders(
    liaison: Liaison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        "policy/"
        in liaison("init", "--member", "jp", "--home", "jp", "--authority", "a", "--json").value["made"]["home"]
    )
    assert (tmp_path / "jp" / "policy").is_dir()


_NOBODY = 65534


def _may_become_another_account() -> bool:
    """Only root can, and the other account must be let in to the interpreter and to this project."""
    places = (Path(sys.executable), Path(sys.executable).resolve(), Path(__file__).resolve())
    return os.geteuid() == 0 and all(each.stat().st_mode & 0o001 for place in places for each in place.parents)


as_another_account = pytest.mark.skipif(
    not _may_become_another_account(), reason="not root, or the interpreter lies where no other account may enter"
)


@as_another_account
@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("suspend", "--all", "--reason", "x"), "suspensions.jsonl"),
        (("serve",), "node.lock"),
        (("policy", "status"), "highwater/policy"),
        (("audit", "show"), "home.id"),
        (("trust", "show"), "trust/charter.jsonl"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
@pytest.mark.process
def test_what_another_account_may_not_touch_is_named_and_never_unforeseen(
    liaison: Liaison, home_of_root: Path, arguments: tuple[str, ...], file: str
) -> None:
    code, out, err = as_nobody(*arguments, "--home", str(home_of_root), "--json")
    assert code == 1, err
    assert "unforeseen" not in err
    assert json.loads(out)["error"]["where"] == str(home_of_root / file)
    assert json.loads(out)["error"]["remedy"]


@as_another_account
@pytest.mark.process
def test_doctor_under_another_account_says_so_and_no_check_fails_itself(liaison: Liaison, home_of_root: Path) -> None:
    code, out, err = as_nobody("doctor", "--home", str(home_of_root), "--json")
    assert code == 1, err
    findings = json.loads(out)["findings"]
    assert not [item for item in findings if "the check itself failed" in item["text"]]
    told = {item["check"]: item["remedy"] for item in findings if "this account may not" in item["text"]}
    assert {"keys", "certificates", "policy"} <= set(told)
    assert all("account" in remedy and "init" not in remedy for remedy in told.values())


@pytest.fixture(scope="module")
def home_of_root() -> Iterator[Path]:
    """A home below a folder that everybody may enter, whose settings they may read, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "th"
        assert run(["init", "--member", "th", "--home", str(home), "--authority", f"{folder}/a"]) == 0
        home.chmod(0o755)
        (home / "node.toml").chmod(0o644)
        yield home


def as_nobody(*arguments: str) -> tuple[int, str, str]:
    """Exit code and output of a command that another account runs."""

    async def run_there(folder: Path) -> int:
        async with Zygote() as zygote:
            call, errors = "tests.support.zygote:command_of_account", str(folder / "err")
            child = await zygote.fork(call, str(_NOBODY), errors, *arguments, output=folder / "out")
            return await child.ended(60)

    with tempfile.TemporaryDirectory() as name:
        code = asyncio.run(run_there(Path(name)))
        return code, Path(name, "out").read_text(), Path(name, "err").read_text()


@table(
    ("given", "meant"),
    [(("aks",), "ask"), (("ask", "persn"), "person"), (("trust", "pubish"), "publish"), (("docter",), "doctor")],
)
def test_a_misspelt_command_is_told_the_nearest_one(liaison: Liaison, given: tuple[str, ...], meant: str) -> None:
    ran = liaison(*given)
    assert ran.code == 2
    assert f"'{meant}'" in ran.err
    assert f"`{meant}`" in liaison("--language", "th", *given).err


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (("--imo", "9074728"), "its last digit does not fit"),
        (("--flag", "LA"), "by its name or by a number"),
        (("--name", "Naga", "--flag", "lao"), "no flag of two letters"),
    ],
)
def test_what_is_no_vessel_is_told_before_it_is_asked(
    liaison: Liaison, tmp_path: Path, query: tuple[str, ...], said: str
) -> None:
    ground = ("--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "TH-1")
    ran = liaison("ask", "vessel", "--home", tmp_path, "--as", "th.o.1042", "--to", "vn", *query, *ground)
    assert ran.code == 2
    assert said in ran.err


@table(
    ("query", "said"),
    [
        (("--period", "2026"), "needs words, an offence, a place or a crossing point"),
        (("--words", "081-234-5678"), "liaison ask --help"),
        (("--words", "---"), "no word to search by"),
        (("--crossing", "Mae Sai"), "a name goes into `place`"),
    ],
)
def test_what_is_no_question_for_reports_is_told_before_it_is_asked(
    liaison: Liaison, tmp_path: Path, query: tuple[str, ...], said: str
) -> None:
    ground = ("--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "TH-1")
    ran = liaison("ask", "report", "--home", tmp_path, "--as", "th.o.1042", "--to", "vn", *query, *ground)
    assert ran.code == 2
    assert said in ran.err


@table(
    ("kind", "query"),
    [
        ("person", ("--name", "")),
        ("person", ("--name", "Somchai", "--name", "  ")),
        ("document", ("--number", " ")),
        ("national-id", ("--number", "")),
        ("vehicle", ("--plate", "\t")),
        ("container", ("--number", "")),
    ],
)
def test_an_empty_value_is_wrong_usage(liaison: Liaison, tmp_path: Path, kind: str, query: tuple[str, ...]) -> None:
    ground = ("--purpose", "BORDER_CHECK", "--offence", "DOCFRAUD", "--ticket", "T-1")
    who = ("--home", tmp_path, "--as", "th.o.1042", "--to", "vn")
    ran = liaison("ask", kind, *who, *query, *ground)
    assert ran.code == 2
    assert query[0] in ran.err
    assert "it is empty" in ran.err
    nobody = liaison("ask", kind, *who[:2], "--as", "", *who[4:], query[0], "x", *ground)
    assert (nobody.code, "--as" in nobody.err) == (2, True)


@pytest.mark.parametrize("to", ["la", "vn,la"])
def test_our_own_country_is_no_counterpart(liaison: Liaison, tmp_path: Path, to: str) -> None:
    home = tmp_path / "la"
    assert liaison("init", "--member", "la", "--home", home, "--authority", tmp_path / "a").code == 0
    why = ("--purpose", "BORDER_CHECK", "--offence", "DOCFRAUD", "--ticket", "T-1", "--number", "C1")
    ran = liaison("ask", "document", "--home", home, "--as", "la.o.1042", "--to", to, *why)
    assert ran.code == 2
    assert "--to: `la`: our own agencies are asked anyway" in ran.err


@table("member", ["xx", "uk", "en", "zz"])
def test_a_code_of_no_country_founds_nothing(liaison: Liaison, tmp_path: Path, member: str) -> None:
    made = tmp_path / "h"
    for words in (
        ("init", "--home", made, "--authority", tmp_path / "a"),
        ("source", "init", "--agency", "police", "--out", made),
        ("witness", "init", "--out", made),
    ):
        ran = liaison(*words, "--member", member)
        assert ran.code == 1
        assert f"`{member}` is no code of a country" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_the_examples_of_a_draft_work_as_they_stand(
    liaison: Liaison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found_federation(liaison, Path())
    assert liaison("init", "--member", "la", "--home", "la", "--authority", "la-authority").code == 0
    assert liaison("init", "--member", "vn", "--home", "vn-next", "--authority", "vn-new").code == 0
    shutil.copy(tmp_path / "th" / "trust" / "charter.jsonl", tmp_path)
    examples = re.findall(r"^ +liaison (trust draft .*)$", liaison("trust", "draft", "--help").out, re.MULTILINE)
    assert len(examples) == 4
    for example in examples:
        ran = liaison(*shlex.split(example))
        assert (ran.code, ran.err) == (0, "")
