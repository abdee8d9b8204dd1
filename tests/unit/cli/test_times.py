"""Times of commands: one reader for all options, one form in text, in the country's time with its zone."""

from __future__ import annotations

import re
import shlex
from contextvars import copy_context
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import click
import pytest
from click.core import ParameterSource

from gateway.audit.acts.act import Act, sign_act
from gateway.audit.acts.table import ActKind
from gateway.audit.entries.entry import Entry
from gateway.audit.reading.opened import Opened
from gateway.audit.reading.show import Shown
from gateway.audit.verify.content import Content
from gateway.audit.verify.erasure_proofs import ErasureProof
from gateway.audit.verify.erasure_proofs import told as told_of
from gateway.audit.verify.findings import Check, Report
from gateway.cli.inputs.acts import act_output
from gateway.cli.inputs.moments import TIME, TIME_AHEAD, TIME_UNTIL, Time
from gateway.cli.inputs.periods import in_order
from gateway.cli.main import liaison as program
from gateway.cli.output import print_result, say
from gateway.cli.speech import Speech
from gateway.clock import SystemClock, rfc3339, rfc3339_s, to_us
from gateway.language.dates import moment, name_the_zone, time_of_day, zoned
from gateway.language.languages import Language
from gateway.model.names import member_id
from gateway.ops.audit.contents import OpenedEntries
from gateway.views.desk.lines import thread_lines
from gateway.views.lines.entries import entry_line
from gateway.views.lines.report import report_lines
from gateway.views.report_page import report_page
from gateway.views.sheet_lines import opened_lines
from tests.support.sealing import new_key
from tests.support.tables import table

NOW = datetime(2026, 11, 27, 9, 30, 15, 500, tzinfo=UTC)
"""16:30:15 in Thailand, where it is the 27th, too."""


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "now_us", lambda _clock: to_us(NOW))


@pytest.fixture
def context(tmp_path: Path) -> click.Context:
    """The run of a command at a home in Thailand."""
    (tmp_path / "node.toml").write_text('[node]\nmember = "th"\n', encoding="utf-8")
    made = click.Context(click.Command("show"), obj=Speech())
    made.params = {"home": tmp_path, "as_json": False}
    made.obj.context = made
    return made


@table(
    ("said", "at"),
    [
        ("now", "2026-11-27T09:30:15Z"),
        ("Today", "2026-11-26T17:00:00Z"),
        ("yesterday", "2026-11-25T17:00:00Z"),
        ("36h", "2026-11-25T21:30:15Z"),
        ("2 days ago", "2026-11-25T09:30:15Z"),
        ("1w", "2026-11-20T09:30:15Z"),
        ("2026-10", "2026-09-30T17:00:00Z"),
        ("2026", "2025-12-31T17:00:00Z"),
        ("2569", "2025-12-31T17:00:00Z"),
        ("2026-11-24", "2026-11-23T17:00:00Z"),
        ("24/11/2569", "2026-11-23T17:00:00Z"),
        ("2026-11-24T09:30", "2026-11-24T02:30:00Z"),
        ("2026-11-24 09:30:05", "2026-11-24T02:30:05Z"),
        ("2026-11-24T09:30Z", "2026-11-24T09:30:00Z"),
        ("2026-11-24T09:30:00.999999Z", "2026-11-24T09:30:00Z"),
        ("2026-11-24T09:30:05+06:30", "2026-11-24T03:00:05Z"),
        ("2026-11-24 09:30:05 +07:00", "2026-11-24T02:30:05Z"),
        ("14:30", "2026-11-27T07:30:00Z"),
        ("๑๗:๓๐", "2026-11-26T10:30:00Z"),
        ("24:00", "2026-11-26T17:00:00Z"),
        ("14:30 +06:30", "2026-11-27T08:00:00Z"),
        ("14:30Z", "2026-11-26T14:30:00Z"),
    ],
)
def test_a_time_without_a_zone_is_the_country_s(turned: None, context: click.Context, said: str, at: str) -> None:
    assert rfc3339_s(to_us(TIME.convert(said, None, context))) == at


@table(
    ("said", "at"),
    [
        ("36h", "2026-11-28T21:30:15Z"),
        ("1 day ago", "2026-11-26T09:30:15Z"),
        ("tomorrow", "2026-11-27T17:00:00Z"),
        ("14:30", "2026-11-28T07:30:00Z"),
        ("17:30", "2026-11-27T10:30:00Z"),
        ("24:00", "2026-11-27T17:00:00Z"),
        ("2026-12-01 08:00", "2026-12-01T01:00:00Z"),
    ],
)
def test_until_when_is_read_ahead(turned: None, context: click.Context, said: str, at: str) -> None:
    assert rfc3339_s(to_us(TIME_AHEAD.convert(said, None, context))) == at


@table(
    ("said", "advice"),
    [
        ("yesterdy", "did you mean `yesterday`?"),
        ("3m", "36h or 7d"),
        *(
            (said, "give")
            for said in ("14", "25:00", "24:30", "14:30 +07:90", "1430", "0930", "2026-11-24 09:30 +07:90")
        ),
    ],
)
def test_another_time_is_refused_and_the_forms_are_named(said: str, advice: str) -> None:
    with pytest.raises(click.BadParameter, match=re.escape(advice)) as refused:
        TIME.convert(said, None, None)
    assert "2026-11-24 09:30 +07:00" in refused.value.message


@table(
    ("said", "at"),
    [
        ("2026-12-02 14:02:05 +07:00", "2026-12-02T07:02:06.000000Z"),
        ("2026-12-02T14:02:05", "2026-12-02T07:02:06.000000Z"),
        ("2026-12-02T07:02:05.600000Z", "2026-12-02T07:02:05.600000Z"),
        ("2026-12-02 14:02", "2026-12-02T07:02:00.000000Z"),
        ("2026-12-02", "2026-12-01T17:00:00.000000Z"),
    ],
)
def test_until_a_printed_second_is_with_all_that_was_in_it(context: click.Context, said: str, at: str) -> None:
    assert rfc3339(to_us(TIME_UNTIL.convert(said, None, context))) == at


def test_what_was_understood_without_a_zone_is_told(context: click.Context, capsys: pytest.CaptureFixture[str]) -> None:
    option = click.Option(["--since"])

    def told(said: str) -> str:
        name_the_zone(context.obj.minutes_ahead)
        TIME.convert(said, option, context)
        return capsys.readouterr().err

    run = copy_context()
    assert run.run(told, "2026-11-24T09:30") == "--since: 2026-11-24 09:30:00 +07:00\n"
    assert run.run(told, "2026-11-24T09:30Z") == ""
    context.set_parameter_source("since", ParameterSource.DEFAULT)
    assert run.run(told, "30d") == "", "nobody gave it"
    context.set_parameter_source("since", ParameterSource.COMMANDLINE)
    context.params["as_json"] = True
    assert run.run(told, "2026-11-24T09:30") == ""


def test_one_reader_reads_the_times_of_all_options() -> None:
    """An option that says when takes a `Time`, and no other kind; its home is read before it; a period has an order."""
    found = 0
    for path, command in _commands(program, ()):
        times = {str(one.name) for one in command.params if isinstance(one.type, Time)}
        named = {str(one.name) for one in command.params if isinstance(one, click.Option) and _says_when(one)}
        assert named == times, path
        homes = [one.is_eager for one in command.params if one.name in ("home", "export")]
        assert not times or (homes and all(homes)), path
        found += len(times)
        period = times - {"ends"}
        if period & {"since", "start"} and period & {"until", "before", "end"}:
            assert all(one.callback is in_order for one in command.params if one.name in period), path
    assert found > 25


def _says_when(option: click.Option) -> bool:
    """Tell whether an option's name is that of a time; `end` and `start` are those of an operation."""
    words = {"since", "until", "before", "start", "end", "ends"}
    return bool(words & set(str(option.name).split("_"))) or "TIME" in str(option.metavar or "")


def _commands(group: click.Group, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        inner = isinstance(command, click.Group)
        found += _commands(command, (*path, name)) if isinstance(command, click.Group) else []
        found += [] if inner else [((*path, name), command)]
    return found


def test_a_line_has_the_country_s_time_with_its_zone_and_a_command_one_that_can_be_pasted(
    context: click.Context, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(line: str) -> str:
        name_the_zone(context.obj.minutes_ahead)
        say(line)
        return capsys.readouterr().out.rstrip("\n")

    run = copy_context()
    at = "2026-12-02T07:02:05.000001Z"
    assert run.run(printed, f"removed at {at}, by x") == "removed at 2026-12-02 14:02:05 +07:00, by x"
    pasted = run.run(printed, f"liaison audit key-report --key k --since {at}")
    assert pasted == "liaison audit key-report --key k --since 2026-12-02T14:02:05.000001+07:00"
    assert to_us(TIME.convert(shlex.split(pasted)[-1], None, context)) % 1_000_000 == 1
    assert run.run(printed, f'{{"until":"{at}"}}') == f'{{"until":"{at}"}}'
    for kept in (
        f'{{"text":"seen {at} at the port"}}',
        f'he wrote "seen {at}"',
        f"in /srv/exports/{at}",
        f"in {at}/th",
    ):
        assert run.run(printed, kept) == kept
    assert run.run(printed, "never: 9999-12-31T23:59:59Z") == "never: 9999-12-31T23:59:59Z"


def test_somebody_s_words_are_printed_as_they_are_beside_times_of_ours(
    context: click.Context, capsys: pytest.CaptureFixture[str]
) -> None:
    at = "2026-12-02T07:02:05Z"
    words = f"seen {at} at the port"
    entry = Entry("operations", 7, to_us(datetime.fromisoformat(at)), "suspend", "", None, "", b"", b"", b"")
    content = Content("operations/1", (Opened(entry, {"reason": words, "until_us": entry.time_us}),))
    thread: dict[str, Any] = {
        "id": "t",
        "kind": "ask",
        "peer": "vn",
        "urgency": "FLASH",
        "state": "open",
        "notices": [],
    }
    thread["draft"] = {"lapses": at, "content": {"text": words, "until": at}}

    def printed() -> str:
        name_the_zone(context.obj.minutes_ahead)
        for lines in (
            thread_lines(thread),
            [entry_line("operations/1", Shown(entry, {"reason": words}))],
            opened_lines(OpenedEntries(member_id("th"), [content], 0), Language.EN),
        ):
            print_result({}, lines, as_json=False)
        return capsys.readouterr().out

    told = copy_context().run(printed)
    assert told.count(words) == told.count(at) == 3
    assert told.count("2026-12-02 14:02:05 +07:00") == 5


def test_the_words_of_a_language_have_the_zone_too(context: click.Context) -> None:
    def told() -> tuple[str, str, str]:
        name_the_zone(context.obj.minutes_ahead)
        at = "2026-11-07T09:00:00Z"
        return moment(at, Language.VI), moment(at, Language.EN), time_of_day(at)

    assert copy_context().run(told) == (
        "7 tháng 11, 2026 16:00:00 +07:00", "2026-11-07 16:00:00 +07:00", "16:00 +07:00",
    )  # fmt: skip
    assert zoned(NOW) == "2026-11-27 09:30:15 +00:00"


def test_an_export_has_the_time_of_its_member_and_what_has_neither_is_in_utc(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text('{"member":"mm"}', encoding="utf-8")
    speech = Speech(context=click.Context(click.Command("verify")))
    assert speech.context is not None
    assert speech.minutes_ahead() == 0
    speech.context.params = {"home": None, "folder": tmp_path}
    assert speech.minutes_ahead() == 390
    device = tmp_path / "device"
    device.mkdir()
    (device / "device.json").write_text('{"member":"kh"}', encoding="utf-8")
    speech.context.params = {"folder": device}
    assert speech.minutes_ahead() == 420, "an office's device, without a node"
    home = tmp_path / "home"
    home.mkdir()
    (home / "node.toml").write_text('[node]\nmember = "th"\n', encoding="utf-8")
    speech.context.params = {"home": home, "export": tmp_path}
    assert speech.minutes_ahead() == 390, "whose home the environment names is another matter"
    for broken in ("{}", "[]", "{"):
        other = tmp_path / broken
        other.mkdir()
        (other / "export.json").write_text(broken, encoding="utf-8")
        speech.context.params = {"home": None, "folder": other}
        assert speech.minutes_ahead() == 0


def test_a_document_and_a_verifier_s_finding_have_our_times_in_the_one_form_and_the_words_as_they_were_written(
    context: click.Context, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    at = "2026-12-02T07:02:05Z"
    time_us = to_us(datetime.fromisoformat(at))
    detail = {"target": f"seen {at} at the port", "before_us": time_us, "before": {"exchange": time_us + 1}}
    act = Act(
        ActKind.SUSPEND, member_id("th"), "gms", f"word of {at}", time_us - 1, detail, f"letter {at}", time_us, "0" * 32
    )
    proof = ErasureProof("operations/1", 7, time_us, f"court {at}", {}, {})
    report = Report()
    report.contradicted(Check.PRIVATE, f"its content is gone, and {told_of(proof)} does not say so", "exchange/1", 3)
    report.contradicted(Check.HUMANS, f"its decision does not verify: `{at}` is no number", "exchange/1", 4)
    file = tmp_path / f"{at}.act"

    def printed() -> tuple[str, str, str]:
        name_the_zone(context.obj.minutes_ahead)
        for line in act_output(file, sign_act(act, [new_key()])).lines:
            say(*((line,) if isinstance(line, str) else line))
        document = capsys.readouterr().out
        for text, style in report_lines(report):
            say(text, style)
        return document, capsys.readouterr().out, report_page(report, rfc3339(time_us), "")

    document, findings, page = copy_context().run(printed)
    ours = "2026-12-02 14:02:05 +07:00"
    assert f"target: seen {at} at the port" in document
    assert f"reason: word of {at}; reference: letter {at}; until {ours}" in document
    assert f"before: {ours}" in document
    assert f"before: exchange {ours}" in document
    assert str(file) in document.splitlines()[0]
    assert str(file) in document.splitlines()[-1], "the command that follows is to be pasted"
    for told in (findings, unescape(page)):
        assert f"entry 7 of operations/1 of {ours} does not say so" in told
        assert f"`{at}` is no number" in told
    assert to_us(TIME_UNTIL.convert(ours, None, context)) == time_us + 1_000_000
