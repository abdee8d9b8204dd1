"""The command: exit codes, help, JSON everywhere, errors with a remedy and without a trace."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli.client import _refusal
from gateway.cli.main import COMMANDS
from gateway.cli.main import liaison as group
from gateway.errors import Reason
from gateway.views.search.lines import all_answered, headline, hit_lines
from gateway.views.words.printable import printable
from tests.support.cli import Liaison, found_federation
from tests.support.tables import table

ASK = ("--purpose", "BORDER_CHECK", "--offence", "DOCFRAUD", "--ticket", "T-1")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    assert (
        liaison("init", "--member", "la", "--home", tmp_path / "la", "--authority", tmp_path / "la-authority").code == 0
    )
    return tmp_path / "la"


def every_command(command: click.Command = group) -> list[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        return [()]
    context = click.Context(command)
    children = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [(name, *path) for name, child in children if child for path in every_command(child)]


@pytest.mark.long
@table("path", every_command(), ids=" ".join)
def test_every_command_has_help_and_json(liaison: Liaison, path: tuple[str, ...]) -> None:
    ran = liaison(*path, "--help")
    assert ran.code == 0
    assert "--json" in ran.out
    assert "\n  Example" in ran.out
    assert f"liaison {' '.join(path)}" in ran.out.partition("Example")[2]


@table("name", COMMANDS)
def test_every_command_or_its_group_shows_an_example(liaison: Liaison, name: str) -> None:
    assert f"liaison {name} " in liaison(name, "--help").out or name in ("demo", "bench")


def every_group_and_command() -> list[tuple[str, ...]]:
    below = every_command()
    return sorted({(), *below, *(path[:length] for path in below for length in range(1, len(path)))})


def examples_of(path: tuple[str, ...]) -> Iterator[str]:
    """The examples in the help of a command, each as it is pasted: with its lines and what its comment says."""
    command: click.Command = group
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name) or command
    for paragraph in re.split(r"\n\s*\n", command.help or ""):
        lines = paragraph.strip("\b\n ").splitlines()
        if any(re.match(r" *(nice )?liaison ", line) for line in lines):
            assert lines[0].endswith(":"), f"{lines[0]}: says that commands follow"
            yield from re.split(r"(?<!\\)\n", "\n".join(lines[1:]))


def _options(words: list[str]) -> tuple[set[str], set[str]]:
    """The options among the words of a command line, and those that the command has."""
    command: click.Command = group
    while isinstance(command, click.Group) and words and words[0] in command.list_commands(click.Context(command)):
        command, words = command.get_command(click.Context(command), words[0]) or command, words[1:]
    known = {name for parameter in command.params for name in parameter.opts}
    return {word for word in words if word.startswith("--")}, known | {"--help"}


@table("path", every_group_and_command(), ids=lambda path: " ".join(path) or "liaison")
def test_every_example_can_be_pasted_into_a_shell(path: tuple[str, ...]) -> None:
    for example in examples_of(path):
        # A shell joins what ends in a backslash, and reads nothing behind a number sign.
        reader = shlex.shlex(example.replace("\\\n", " "), posix=True, punctuation_chars=True)
        reader.whitespace_split = True
        words = list(reader)
        assert not set(words) & {"(", ")", "<", "|", "&"}, example
        for is_end, several in itertools.groupby(words, lambda word: word == ";"):
            line = [] if is_end else list(several)
            line = line[1:] if line[:1] == ["nice"] else line
            assert is_end or line[:1] == ["liaison"], f"{example}: no command of its own"
            given, known = _options(line[1:])
            assert given <= known, example


def test_the_version_is_that_of_the_package(liaison: Liaison) -> None:
    assert re.fullmatch(r"liaison \d+\.\d+\.\d+\n", liaison("--version").out)


@table("arguments", [("fly",), ("init",), ("ask", "document", "--home", "x"), ("audit", "verify"), ("trust", "show")])
def test_wrong_usage_ends_with_2(liaison: Liaison, arguments: tuple[str, ...]) -> None:
    ran = liaison(*arguments)
    assert ran.code == 2
    assert "Usage:" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("module", ["fastapi", "sqlalchemy", "grpc", "structlog", "rich", "cryptography"])
@pytest.mark.process
def test_help_loads_nothing_heavy(module: str) -> None:
    program = f"import sys; from gateway.cli.main import run; run(['--help']); sys.exit('{module}' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=_path()).returncode == 0
    )


def _path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(part for part in sys.path if part)}


def test_an_error_says_what_where_and_what_to_do(liaison: Liaison, tmp_path: Path) -> None:
    ran = liaison("ask", "document", "--home", tmp_path, "--as", "x", "--to", "vn", "--number", "1", *ASK)
    assert ran.code == 1
    assert ran.err.startswith("error: no settings here\n")
    assert "where:" in ran.err
    assert "liaison init" in ran.err
    assert "Traceback" not in ran.err


def test_an_error_is_json_when_asked(liaison: Liaison, tmp_path: Path) -> None:
    ran = liaison("audit", "show", "--home", tmp_path, "--json")
    assert ran.code == 1
    assert ran.value["error"]["code"] == "no-home"


def test_an_unforeseen_error_has_no_trace(liaison: Liaison, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "highwater").rmdir()
    (home / "node.sqlite").unlink()
    (home / "node.sqlite").mkdir()
    ran = liaison("audit", "verify", "--home", home)
    assert ran.code in (1, 3)
    assert "Traceback" not in ran.err
    assert ran.err.startswith("error: ")


@pytest.mark.long
def test_there_are_no_colours_but_on_a_terminal(liaison: Liaison, home: Path) -> None:
    assert "\x1b" not in liaison("doctor", "--home", home).out


def test_l4_control_characters_are_shown_escaped() -> None:
    assert printable("a\x1b[2Jb\u202ec\u2028d\x00") == "a\\u001b[2Jb\\u202ec\\u2028d\\u0000"
    assert printable("สมชาย กំ đ") == "สมชาย กំ đ"


# ------------------------------------------------------------ init


def test_init_makes_private_keys_that_only_their_owner_reads(home: Path) -> None:
    keys = sorted(home.glob("keys/*.key"))
    assert len(keys) == 11
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys)
    assert not list(home.rglob("authority.key")) + list(home.rglob("ca.key"))
    assert sorted(file.name for file in (home.parent / "la-authority").iterdir()) == [
        "authority.key", "ca.key", "ca.pem", "member.json",
    ]  # fmt: skip


def test_init_again_changes_nothing_and_says_so(liaison: Liaison, home: Path) -> None:
    def snapshot() -> dict[str, bytes]:
        return {
            str(file): file.read_bytes()
            for file in home.parent.rglob("*")
            if file.is_file() and "-wal" not in file.name
        }

    before = snapshot()
    arguments = ("init", "--member", "la", "--home", home, "--authority", home.parent / "la-authority")
    assert "nothing was changed" in liaison(*arguments).out
    assert liaison(*arguments, "--json").value["made"] == {"authority": [], "home": []}
    assert snapshot() == before


def test_init_makes_only_what_is_missing(liaison: Liaison, home: Path) -> None:
    (home / "keys" / "witness.key").unlink()
    arguments = ("init", "--member", "la", "--home", home, "--authority", home.parent / "la-authority", "--json")
    assert liaison(*arguments).value["made"] == {"authority": [], "home": ["keys/witness.key"]}
    made = liaison(*arguments, "--agency", "customs").value["made"]["home"]
    assert made == ["keys/agency-customs.key", "keys/agency-customs.pem"]


def test_init_refuses_the_home_of_another_member(liaison: Liaison, home: Path) -> None:
    ran = liaison("init", "--member", "th", "--home", home, "--authority", home.parent / "th-authority")
    assert ran.code == 1
    assert "node.toml:" in ran.err
    assert not (home.parent / "th-authority").exists()


def test_init_refuses_the_authority_of_another_member(liaison: Liaison, home: Path) -> None:
    ran = liaison("init", "--member", "th", "--home", home.parent / "th", "--authority", home.parent / "la-authority")
    assert ran.code == 1
    assert not (home.parent / "th" / "keys").exists()


@table("member", ["LA", "lao", "", "l\u0430", "../x"])
def test_init_refuses_what_is_no_member(liaison: Liaison, tmp_path: Path, member: str) -> None:
    ran = liaison("init", "--member", member, "--home", tmp_path / "h", "--authority", tmp_path / "a")
    assert ran.code == 1
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------ trust


@pytest.mark.long
def test_a_federation_is_founded_by_commands_alone(liaison: Liaison, tmp_path: Path) -> None:
    found_federation(liaison, tmp_path)
    shown = liaison("trust", "show", "--home", tmp_path / "th", "--json").value
    assert shown["charter"]["members"] == {"kh": "active", "th": "active", "vn": "active"}
    assert {name: member["problem"] for name, member in shown["members"].items()} == {"kh": "", "th": "", "vn": ""}
    assert "fresh" in liaison("trust", "show", "--home", tmp_path / "vn").out
    fingerprint = shown["charter"]["fingerprint"]
    assert liaison("trust", "verify", tmp_path / "charter.json", "--fingerprint", fingerprint).code == 0
    charter = tmp_path / "charter.json"
    assert liaison("trust", "accept", charter, "--home", tmp_path / "th", "--fingerprint", fingerprint).code == 0
    ran = liaison("trust", "accept", charter, "--home", tmp_path / "th", "--fingerprint", "ab" * 32)
    assert (ran.code, "not the expected one" in ran.err) == (1, True)
    assert liaison("trust", "verify", tmp_path / "charter.json").code == 3
    assert liaison("trust", "verify", tmp_path / "charter.json", "--fingerprint", "0" * 64).code == 1
    again = liaison("trust", "accept", tmp_path / "charter.json", "--home", tmp_path / "th")
    assert "held already" in again.out
    renewed = liaison("trust", "publish", "--home", tmp_path / "th", "--json").value
    assert renewed["descriptor"]["version"] == 1


@pytest.mark.long
def test_a_charter_without_enough_signatures_is_not_accepted(liaison: Liaison, tmp_path: Path) -> None:
    for member in ("th", "vn"):
        home = ("--member", member, "--home", tmp_path / member, "--authority", tmp_path / f"{member}-a")
        assert liaison("init", *home).code == 0
    charter = tmp_path / "charter.json"
    cards = (tmp_path / "th-a", tmp_path / "vn-a")
    liaison("trust", "draft", "--federation", "gms", "--threshold", "2", "--out", charter, *cards)
    fingerprint = liaison("trust", "sign", charter, "--authority", cards[0], "--json").value["fingerprint"]
    ran = liaison("trust", "accept", charter, "--home", tmp_path / "th", "--fingerprint", fingerprint)
    assert ran.code == 1
    assert liaison("trust", "show", "--home", tmp_path / "th").code == 1


@pytest.mark.long
def test_the_first_charter_needs_its_fingerprint(liaison: Liaison, tmp_path: Path) -> None:
    found_federation(liaison, tmp_path, ("th", "vn"))
    home = ("--member", "kh", "--home", tmp_path / "kh", "--authority", tmp_path / "kh-authority")
    assert liaison("init", *home).code == 0
    ran = liaison("trust", "accept", tmp_path / "charter.json", "--home", tmp_path / "kh")
    assert ran.code == 1
    assert "--fingerprint" in ran.err


def test_a_status_without_a_descriptor_says_what_to_do(liaison: Liaison, home: Path) -> None:
    ran = liaison("trust", "publish", "--home", home)
    assert ran.code == 1
    assert "remedy:" in ran.err


@pytest.mark.long
def test_a_folder_that_is_no_authority_s_is_told_with_what_one_holds(liaison: Liaison, tmp_path: Path) -> None:
    found_federation(liaison, tmp_path, ("th", "vn"))
    assert liaison("audit", "key", "--out", tmp_path, "--name", "th.auditor.1").code == 0
    (tmp_path / "empty").mkdir()
    appoint = ("audit", "appoint", "--home", tmp_path / "th", "--auditor", "th.auditor.1", "--by", "the court")
    for folder in (tmp_path / "empty", tmp_path / "th"):
        for arguments in (
            ("trust", "publish", "--home", tmp_path / "th"),
            ("trust", "sign", tmp_path / "charter.json"),
            (*appoint, "--key", tmp_path / "th.auditor.1.pub", "--out", tmp_path / "appointment.json"),
        ):
            ran = liaison(*arguments, "--authority", folder)
            assert ran.code == 1
            assert "this is no authority's folder: it has no `authority.key`" in ran.err
            assert f"where:  {folder}\n" in ran.err
            assert "with authority.key, ca.key, ca.pem and member.json" in ran.err


# ------------------------------------------------------------ suspend


@pytest.mark.long
def test_suspending_needs_no_node_and_is_seen(liaison: Liaison, home: Path) -> None:
    ran = liaison("suspend", "--home", home, "--peer", "vn", "--reason", "under review", "--json")
    assert ran.code == 0
    assert ran.value["suspended"] == {"peer:vn": "under review"}
    assert "`peer:vn` is switched off" in liaison("doctor", "--home", home).out
    refused = liaison("resume", "--home", home, "--peer", "vn", "--reason", "done", "--json")
    assert (refused.code, refused.value["error"]["code"]) == (1, "proof-needed")
    assert "liaison trust person --use administrator" in refused.value["error"]["remedy"]
    assert len((home / "suspensions.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--peer", "vn"),
        ("--reason", "x"),
        ("--peer", "vn", "--all", "--reason", "x"),
        ("--peer", "VN", "--reason", "x"),
    ],
)
def test_suspending_needs_one_target_and_a_reason(liaison: Liaison, home: Path, arguments: tuple[str, ...]) -> None:
    assert liaison("suspend", "--home", home, *arguments).code == 2
    assert not (home / "suspensions.jsonl").exists()


def test_a_target_that_is_not_here_is_noted(liaison: Liaison, home: Path) -> None:
    ran = liaison("suspend", "--home", home, "--source", "la.polcie", "--reason", "x")
    assert ran.code == 0
    assert "no source `la.polcie`" in ran.err


# ------------------------------------------------------------ audit


def test_a_home_without_a_charter_proves_nothing(liaison: Liaison, home: Path) -> None:
    ran = liaison("audit", "verify", "--home", home, "--json")
    assert ran.code == 3
    assert ran.value["verdict"] == "not provable"


def test_an_export_needs_the_auditors_own_charter(liaison: Liaison, tmp_path: Path) -> None:
    assert liaison("audit", "verify", "--export", tmp_path).code == 2


def test_an_empty_log_shows_no_entry(liaison: Liaison, home: Path) -> None:
    assert liaison("audit", "show", "--home", home).out == "no entry fits\n"


# ------------------------------------------------------------ ask


def test_asking_needs_a_case_or_a_ticket(liaison: Liaison, home: Path) -> None:
    common = ("--home", home, "--as", "la.o.1042", "--to", "vn", "--number", "1")
    ran = liaison("ask", "document", *common, "--purpose", "BORDER_CHECK", "--offence", "DOCFRAUD")
    assert ran.code == 2
    assert "--ticket" in ran.err


def test_asking_a_node_that_is_down_says_how_to_start_it(liaison: Liaison, home: Path) -> None:
    text = (home / "node.toml").read_text().replace('# agency = "127.0.0.1:8443"', 'agency = "127.0.0.1:1"')
    (home / "node.toml").write_text(text)
    ran = liaison("ask", "container", "--home", home, "--as", "la.o.1042", "--to", "vn", "--number", "1", *ASK)
    assert ran.code == 1
    assert f"liaison serve --home {home}" in ran.err


def test_an_officer_who_is_not_listed_is_refused_with_those_who_are(liaison: Liaison, home: Path) -> None:
    ran = liaison("ask", "container", "--home", home, "--as", "la.o.9", "--to", "vn", "--number", "1", *ASK)
    assert ran.code == 1
    assert "la.o.1042" in ran.err


def line(**changes: object) -> dict[str, object]:
    base: dict[str, object] = {
        "member": "vn", "outcome": "no_hit", "missing": [], "capped": False, "hits": [], "refusal": None,
        "withheld_count": None, "last_seen": None, "late": False,
    }  # fmt: skip
    return base | changes


def test_silence_is_never_shown_as_no_hit() -> None:
    text, style = headline(line(outcome="silent", last_seen="2026-11-24T09:00:00Z"), "th")
    assert text == "  vn  silent: no answer in time, last seen 2026-11-24T09:00:00Z. This does not mean no hit."
    assert style == "warn"
    assert headline(line(), "th")[0] == "  vn  no hit"


def test_a_partial_answer_says_so_first_and_who_is_missing() -> None:
    text, style = headline(line(missing=["customs records"]), "th")
    assert text == (
        "  vn  partial: customs records did not answer, and the others found nothing. This does not mean no hit."
    )
    assert style == "warn"
    text, style = headline(line(outcome="hit", hits=[{}, {}], missing=["customs records"], capped=True), "th")
    assert text == (
        "  vn  partial: 2 hits, but customs records did not answer, so there may be more "
        "(there are more; ask more precisely)"
    )
    assert style == "warn"


def test_a_line_says_as_of_when_was_searched_and_what_is_switched_off() -> None:
    lately = {"kind": "police records", "as_of": "2026-11-24T09:02:17Z"}
    long_ago = {"kind": "customs records", "as_of": "2026-11-24T08:50:00Z"}
    told = line(searched=[lately, long_ago])
    assert headline(told, "th")[0] == "  vn  no hit (searched as of 08:50 UTC)"
    assert headline(told | {"searched": [lately, {"kind": "x", "as_of": None}]}, "th")[0] == (
        "  vn  no hit (as of when is not told)"
    )
    off = line(outcome="partial", missing=["Person records", "ships"], suspended=["Person records"], searched=[lately])
    assert headline(off, "th")[0] == (
        "  vn  partial: ships did not answer, and the others found nothing. This does not mean no hit. "
        "(searched as of 09:02 UTC; suspended: Person records)"
    )
    hits = line(outcome="hit", hits=[{}], missing=["Person records"], suspended=["Person records"], searched=[lately])
    assert headline(hits, "th")[0] == (
        "  vn  partial: 1 hit, but Person records are suspended, so there may be more (searched as of 09:02 UTC)"
    )
    others = line(outcome="partial", missing=["Person records"], suspended=["Person records"], searched=[lately])
    assert headline(others, "th")[0] == (
        "  vn  partial: Person records are suspended, and the others found nothing. This does not mean no hit. "
        "(searched as of 09:02 UTC)"
    )
    failed = line(outcome="not_searched", missing=["Person records", "ships"], suspended=["Person records"])
    assert headline(failed, "th")[0] == (
        "  vn  not searched: ships did not answer. This does not mean no hit. (suspended: Person records)"
    )
    none = line(outcome="suspended", missing=["Person records"], suspended=["Person records"], searched=[])
    assert headline(none, "th")[0] == "  vn  suspended: Person records are switched off. This does not mean no hit."


def test_what_was_not_searched_says_why_and_is_not_no_hit() -> None:
    text, style = headline(line(outcome="not_searched"), "th")
    assert text == "  vn  not searched: no source takes such a question. This does not mean no hit."
    assert style == "warn"
    assert headline(line(outcome="not_searched", missing=["police records", "customs records"]), "th")[0] == (
        "  vn  not searched: police records, customs records did not answer. This does not mean no hit."
    )
    refusal = {"reason": "INVALID_ARGUMENT", "code": "bad-query", "text": ""}
    own = line(member="th", outcome="not_searched", missing=["police records"], refusal=refusal)
    assert headline(own, "th")[0] == (
        "  th  our own agencies: not searched: a value of the question is missing, or is not written as it must be. "
        "This does not mean no hit."
    )


def test_one_word_that_is_not_searched_for_is_said_apart_from_sources_that_did_not_answer() -> None:
    text, _ = headline(line(missing=["customs records", "one-word"]), "th")
    assert text == (
        "  vn  partial: customs records did not answer, and the others found nothing. This does not mean no hit. "
        "(one word alone is not searched for with this purpose: give a second word of the name)"
    )


def test_a_refusal_is_told_in_words_and_suspended_is_not_refused() -> None:
    refusal = {"reason": "PERMISSION_DENIED", "code": "purpose-not-covered", "text": "the agreement does not cover it"}
    assert (
        headline(line(outcome="refused", refusal=refusal), "th")[0] == "  vn  refused: the agreement does not cover it"
    )
    assert headline(line(outcome="suspended"), "th")[0].startswith("  vn  suspended: ")


def test_a_question_that_was_turned_away_is_told_as_too_many_and_not_as_no_hit() -> None:
    refusal = {"reason": "RESOURCE_EXHAUSTED", "code": "rate-limit", "text": ""}
    text, style = headline(line(outcome="too_many", refusal=refusal), "th")
    assert text.startswith("  vn  refused: too many; ")
    assert text.endswith(" This does not mean no hit.")
    assert style == "warn"


def test_a_released_record_says_how_much_of_it_who_signed_and_what_to_obey() -> None:
    record = {
        "owner": "vn.immigration", "signed_by": "held-by-node", "undisclosed": 7, "sd_jwt": "x",
        "fields": {"status": "LOST", "birth": {"value": "1984", "calendar": "GREG"}},
        "marking": {"level": "OFFICIAL", "caveats": [], "use": ["U2"]},
    }  # fmt: skip
    rules = [{"word": "document-number", "sentence": "the document number is the same"}]
    hit = {
        "record_type": "TravelDocument",
        "quality": "EXACT_ID",
        "rules": rules,
        "reference": "r",
        "action": "",
        "record": record,
    }
    assert hit_lines(hit) == [
        "TravelDocument: exact match of an identifier (the document number is the same)",
        "2 of 9 fields released by vn.immigration, signed with the agency's key, held by its node, verified",
        "  status: LOST",
        "  birth: 1984",
        "handling: level: OFFICIAL; use: not onward without consent (U2)",
    ]


def test_only_answers_count_as_answered() -> None:
    search = {"lines": [line(), line(outcome="hit")], "waiting_for": []}
    assert all_answered(search)
    for missing in (line(missing=["customs records"]), line(outcome="hit", missing=["customs records"])):
        assert not all_answered({"lines": [line(), missing], "waiting_for": []})
    for outcome in ("silent", "refused", "too_many", "suspended", "not_searched"):
        assert not all_answered({"lines": [line(), line(outcome=outcome)], "waiting_for": []})


def test_a_refusal_of_the_node_keeps_its_code_and_remedy() -> None:
    error = _refusal(json.loads('{"status":403,"code":"c","reason":"PERMISSION_DENIED","detail":"d","remedy":"r"}'))
    assert (error.message, error.code, error.remedy, error.reason) == ("d", "c", "r", Reason.PERMISSION_DENIED)
    assert _refusal([]).code == "refused"
