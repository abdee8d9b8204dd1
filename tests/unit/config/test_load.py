"""Settings: closed, typed, documented, and each knows where it came from."""

from __future__ import annotations

import dataclasses
import resource
from pathlib import Path

import pytest

from gateway.config import Settings, SourceSettings, TrialOfficer, host_port, load_settings, write_default
from gateway.config.schema import LISTS, SECTIONS
from gateway.config.template import render
from gateway.errors import Misconfigured, each_of
from tests.support.tables import table

OFFICER = TrialOfficer("th.o.1042", "th.blo.aranyaprathet", "police", "border-officer", ("BORDER_CHECK",))
SOURCE = SourceSettings("th.police.records", "police", "mappings/police.toml", "sqlite:///police.sqlite")


def home_with(folder: Path, text: str) -> Path:
    (folder / "node.toml").write_text(text, encoding="utf-8")
    return folder


def refusal(folder: Path, text: str, environment: dict[str, str] | None = None) -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        load_settings(home_with(folder, text), environment or {})
    return caught.value


def test_the_written_file_loads_and_says_what_was_set(tmp_path: Path) -> None:
    assert write_default(tmp_path, {"node.member": "th", "limits.budget_ms": 900}, sources=[SOURCE], officers=[OFFICER])
    settings = load_settings(tmp_path, {})
    assert settings.node.member == "th"
    assert settings.limits.budget_ms == 900
    assert settings.sources == (SOURCE,)
    assert settings.trial_officers == (OFFICER,)


def test_settings_that_an_editor_of_windows_saved_are_read(tmp_path: Path) -> None:
    home_with(tmp_path, '\ufeff[node]\r\nmember = "th"\r\n')
    assert load_settings(tmp_path, {}).node.member == "th"


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    home_with(tmp_path, "# mine\n")
    assert not write_default(tmp_path, {"node.member": "th"})
    assert (tmp_path / "node.toml").read_text() == "# mine\n"


def test_every_setting_stands_in_the_file_with_its_documentation() -> None:
    text = render({"node.member": "th"})
    for name, kind in {**SECTIONS, **LISTS}.items():
        for item in dataclasses.fields(kind):
            assert item.metadata["doc"] in text, f"{name}.{item.name}"


def test_a_commented_setting_shows_its_default(tmp_path: Path) -> None:
    text = render({"node.member": "th"})
    uncommented = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines())
    assert _values(load_settings(home_with(tmp_path, text), {})) == _values(
        load_settings(home_with(tmp_path, uncommented), {})
    )


def _values(settings: Settings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in SECTIONS}


def test_an_unknown_setting_is_named_with_file_line_and_nearest_name(tmp_path: Path) -> None:
    error = refusal(tmp_path, '[node]\nmember = "th"\n\n[limits]\n# comment\nbudget_sm = 5\n')
    assert error.where == "node.toml:6"
    assert "`limits.budget_sm`" in error.message
    assert error.remedy == "did you mean `budget_ms`?"


def test_an_unknown_table_is_named_with_its_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, '[node]\nmember = "th"\n[limit]\nqueue = 1\n')
    assert (error.where, error.remedy) == ("node.toml:3", "did you mean `limits`?")


def test_an_unknown_setting_in_the_second_source_is_named_with_its_line(tmp_path: Path) -> None:
    source = '[[source]]\nid = "{}"\nagency = "police"\nmapping = "m.toml"\nurl = "sqlite:///x"\n'
    error = refusal(tmp_path, '[node]\nmember = "th"\n' + source.format("a") + source.format("b") + "uri = 1\n")
    assert (error.where, error.remedy) == ("node.toml:13", "did you mean `url`?")


@table(
    ("text", "place"),
    [
        ('[node]\nmember = "th"\n[limits]\nqueue = "9"\n', "node.toml:4"),
        ('[node]\nmember = "th"\n[limits]\nqueue = true\n', "node.toml:4"),
        ('[node]\nmember = "th"\n[limits]\nqueue = 0\n', "node.toml:4"),
        ('[node]\nmember = "th"\nproduction = "false"\n', "node.toml:3"),
        ('[node]\nmember = "th"\nproduction = 0\n', "node.toml:3"),
        ('[node]\nmember = "TH"\n', "node.toml:2"),
        ('[node]\nmember = "th"\n[listen]\nagency = "8443"\n', "node.toml:4"),
        ('[node]\nmember = "th"\n[listen]\nexchange = "127.0.0.1:70000"\n', "node.toml:4"),
        ('[node]\nmember = "th"\n[telemetry]\nlog_level = "verbose"\n', "node.toml:4"),
        ('node = "th"\n', "node.toml:1"),
        ('[node]\nmember = "th"\n[source]\nid = "x"\n', "node.toml:3"),
        ("[node]\nname = 'gw1'\n", "node.toml:1"),
        ("[node\n", "node.toml:1"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    assert refusal(tmp_path, text).where == place


def test_two_sources_with_one_id_are_refused(tmp_path: Path) -> None:
    source = '[[source]]\nid = "a"\nagency = "police"\nmapping = "m.toml"\nurl = "sqlite:///x"\n'
    assert "occurs twice" in refusal(tmp_path, '[node]\nmember = "th"\n' + source + source).message


def test_a_home_without_settings_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_settings(tmp_path, {})
    assert "liaison init" in caught.value.remedy


def test_each_setting_remembers_where_it_came_from(tmp_path: Path) -> None:
    home = home_with(tmp_path, '[node]\nmember = "th"\n[limits]\nqueue = 7\n')
    settings = load_settings(home, {"LIAISON_LIMITS_BUDGET_MS": "50"})
    assert settings.limits.budget_ms == 50
    assert settings.origin["limits.queue"] == "node.toml:4"
    assert settings.origin["limits.budget_ms"] == "environment LIAISON_LIMITS_BUDGET_MS"
    assert settings.origin["limits.workers"] == "default"


@pytest.mark.parametrize("variable", ["LIAISON_LIMITS_BUDGET", "LIAISON_NODE_PRODUCTOIN"])
def test_a_misspelt_variable_is_an_error(tmp_path: Path, variable: str) -> None:
    assert refusal(tmp_path, '[node]\nmember = "th"\n', {variable: "1"}).where == f"environment {variable}"


def test_a_variable_that_is_not_true_or_false_does_not_switch_production_off(tmp_path: Path) -> None:
    refusal(tmp_path, '[node]\nmember = "th"\n', {"LIAISON_NODE_PRODUCTION": "yes please"})


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    home = home_with(tmp_path, '[node]\nmember = "th"\n')
    load_settings(home, {"LIAISON_SHARED": "/somewhere", "LIAISON_HOME": "x", "PATH": "/bin"})


def test_relative_paths_are_relative_to_the_home(tmp_path: Path) -> None:
    write_default(tmp_path, {"node.member": "th", "policy.national": "policy"}, sources=[SOURCE])
    settings = load_settings(tmp_path, {})
    assert settings.keystore == tmp_path / "keystore"
    assert settings.national_policy == tmp_path / "policy"
    assert settings.database_file == tmp_path / "node.sqlite"
    assert settings.source_url(settings.sources[0]) == f"sqlite:///{tmp_path / 'police.sqlite'}"


def test_the_packaged_policy_is_the_default(tmp_path: Path) -> None:
    settings = load_settings(home_with(tmp_path, '[node]\nmember = "th"\n'), {})
    assert settings.base_policy.is_dir()
    assert settings.national_policy.name == "th"


def test_other_source_urls_stay_as_they_are(tmp_path: Path) -> None:
    settings = load_settings(home_with(tmp_path, '[node]\nmember = "th"\n'), {})
    for url in ("sqlite:////srv/x.sqlite", "postgresql+psycopg://reader@db/records", "sqlite:///:memory:"):
        assert settings.source_url(dataclasses.replace(SOURCE, url=url)) == url


def test_another_database_engine_is_refused_with_its_place(tmp_path: Path) -> None:
    settings = load_settings(home_with(tmp_path, '[node]\nmember = "th"\n[storage]\nurl = "postgresql://x"\n'), {})
    with pytest.raises(Misconfigured) as caught:
        _ = settings.database_file
    assert caught.value.where == "node.toml:4"


@pytest.mark.parametrize(("text", "expected"), [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:7443", ("::1", 7443))])
def test_addresses_are_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert host_port(text) == expected


def test_settings_that_the_disk_does_not_take_leave_no_half_of_a_file(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_default(tmp_path, {"node.member": "th"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
    assert write_default(tmp_path, {"node.member": "th"})
    assert not write_default(tmp_path, {"node.member": "vn"})
    assert load_settings(tmp_path).node.member == "th"


def test_a_setting_of_an_earlier_version_that_ended_is_no_mistake_and_its_place_is_known(tmp_path: Path) -> None:
    home = home_with(tmp_path, '[node]\nmember = "th"\nworkers = "auto"\n')
    settings = load_settings(home, {})
    assert settings.origin["node.workers"] == "node.toml:3"
    assert load_settings(home, {"LIAISON_NODE_WORKERS": "2"}).node == settings.node
    assert refusal(tmp_path, '[node]\nmember = "th"\nworker = 2\n').code == "unknown-setting"


def test_all_mistakes_of_a_file_and_the_environment_are_told_at_once(tmp_path: Path) -> None:
    text = (
        '[node]\nmember = "TH"\n[limits]\nbudget_ms = "x"\nqueue = 0\nworkers = 9999\n[telemetry]\nlog_level = "loud"\n'
        '[limts]\n[[token_key]]\nid = "idp"\n[[source]]\nid = "s"\nagency = "police"\nurl = "sqlite:///x"\n'
    )
    error = refusal(tmp_path, text, {"LIAISON_LISTEN_AGENCY": "nowhere", "LIAISON_LIMITS_QEUE": "3"})
    told = {each.message: each for each in each_of(error)}
    assert list(told) == [
        "unknown setting `limits.qeue`",
        "unknown table `limts`",
        "`limits.budget_ms` must be a whole number",
        "`limits.queue` must be at least 1",
        "`limits.workers` must be at most 256",
        "`token_key.0.file` is missing",
        "`TH` is not a member id",
        "`source.0.mapping` is missing",
        "`nowhere` is not an address",
        "unknown level `loud`",
    ]
    assert all(each.where and each.remedy for each in told.values())
    assert told["`limits.budget_ms` must be a whole number"].remedy == "such as `budget_ms = 3000`"
    assert (error.message, error.where) == (each_of(error)[0].message, each_of(error)[0].where)


NUMBERS = [
    f"{name}.{item.name}"
    for name in SECTIONS
    for item in dataclasses.fields(SECTIONS[name])
    if type(item.default) is int
]


@table("name", NUMBERS)
def test_every_number_has_a_limit(tmp_path: Path, name: str) -> None:
    table, _, key = name.partition(".")
    error = refusal(tmp_path, f'[node]\nmember = "th"\n[{table}]\n{key} = {10**20}\n')
    assert f"`{name}` must be at most " in error.message
    assert error.where == "node.toml:4"


def test_a_settings_file_that_cannot_be_read_says_why_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "node.toml").mkdir()
    with pytest.raises(Misconfigured) as caught:
        load_settings(tmp_path, {})
    assert caught.value.message == "cannot be read: Is a directory"
    assert "liaison init" in caught.value.remedy
