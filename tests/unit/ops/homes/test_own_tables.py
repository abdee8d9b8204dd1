"""A home's folder `names/`: read at the start of each command and process, and refused by file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.index.make import rules_of
from adapters.mapping.file import load_mapping
from gateway.audit.search.terms import TERMS
from gateway.config import Home, load_settings
from gateway.errors import Misconfigured
from gateway.matching.normal import normal_name
from gateway.matching.own_rows.check import MOST_BYTES
from gateway.matching.scripts.tables import OwnRows, own_rows, use
from gateway.ops.audit import search
from gateway.ops.backup.backup import _files
from gateway.ops.homes.own_tables import read_own_tables, use_own_tables
from tests.support.cli import Liaison, copy_federation
from tests.support.small_source import small_source

_SADET = "sadet\tM\tword\n"
_PAIR = ("Sadet Somchai Jaidee", "Somchai Jaidee")


@pytest.fixture(autouse=True)
def packaged_again() -> Iterator[None]:
    yield
    use(OwnRows())


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def write(home: Path, name: str = "titles.tsv", data: str | bytes = _SADET) -> Path:
    file = home / "names" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return home


def test_the_tables_of_a_home_count_and_those_of_another_do_not(tmp_path: Path) -> None:
    assert use_own_tables(write(tmp_path / "a")) == "titles: 1"
    assert normal_name(_PAIR[0]).sex == "M"
    assert use_own_tables(tmp_path / "b") == ""
    assert normal_name(_PAIR[0]).sex == ""


def test_a_readme_and_hidden_files_are_no_tables_and_a_mark_of_utf8_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "README.md", "ours")
    write(tmp_path, ".titles.tsv.swp", b"\xff")
    write(tmp_path, data=b"\xef\xbb\xbf" + _SADET.replace("\n", "\r\n").encode())
    assert [row.fields for row in read_own_tables(tmp_path).rows["titles"]] == [("sadet", "M", "word")]


@pytest.mark.parametrize(
    ("name", "data", "where", "said"),
    [
        ("titles.txt", _SADET, "names/titles.txt", "TABLE.tsv"),
        ("title.tsv", _SADET, "names/title.tsv", "titles.tsv"),
        ("titles.tsv", b"# x\nsad\xe9t\tM\tword\n", "names/titles.tsv:2", "UTF-8"),
        ("titles.tsv", "# " + "x" * MOST_BYTES, "names/titles.tsv", "more than"),
        ("titles.tsv", "sadet M word\n", "names/titles.tsv:1", "tabs"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, name: str, data: str | bytes, where: str, said: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        use_own_tables(write(tmp_path, name, data))
    assert caught.value.where == where
    assert said in f"{caught.value.message} {caught.value.remedy}"


def test_a_folder_in_the_place_of_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names" / "titles.tsv").mkdir(parents=True)
    with pytest.raises(Misconfigured):
        use_own_tables(tmp_path)


@pytest.mark.long
def test_match_explain_reads_the_home_and_names_the_row(liaison: Liaison, tmp_path: Path) -> None:
    write(tmp_path, data=f"# ours\n{_SADET}")
    ran = liaison("match", "explain", *_PAIR, "--home", tmp_path)
    assert "row `sadet M word` (names/titles.tsv:2) decided: without it score" in ran.out
    told = liaison("match", "explain", *_PAIR, "--home", tmp_path, "--json").value["rows"][0]
    assert (told["table"], told["where"], told["own"]) == ("titles", "names/titles.tsv:2", True)
    assert "names/titles.tsv" not in liaison("match", "explain", *_PAIR).out


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    [
        ("match", "explain", *_PAIR),
        ("index", "build"),
        ("source", "status"),
        ("audit", "find", "--officer", "th.o.1"),
        ("doctor",),
    ],
)
def test_commands_of_a_home_refuse_a_bad_table(liaison: Liaison, tmp_path: Path, command: tuple[str, ...]) -> None:
    copy_federation(liaison, tmp_path)
    ran = liaison(*command, "--home", write(tmp_path / "th", data="sadet\tmale\tword\n"))
    assert ran.code == 1
    assert "names/titles.tsv:1" in ran.out + ran.err
    assert "M, F or -" in ran.out + ran.err


def test_adapter_check_refuses_a_bad_table(liaison: Liaison, tmp_path: Path) -> None:
    mapping = small_source(tmp_path).mapping
    ran = liaison("adapter", "check", mapping, "--home", write(tmp_path, data="sadet\tmale\tword\n"))
    assert ran.code == 1
    assert "names/titles.tsv:1" in ran.err


def test_an_index_is_of_the_tables_with_which_it_was_made(tmp_path: Path) -> None:
    mapping = load_mapping(small_source(tmp_path).mapping)
    states = [rules_of(mapping)]
    for text in (_SADET, _SADET.replace("M", "F")):
        use_own_tables(write(tmp_path, data=text))
        states.append(rules_of(mapping))
    use_own_tables(tmp_path / "none")
    assert len(set(states)) == 3
    assert rules_of(mapping) == states[0]


def test_the_index_of_a_search_is_of_the_tables_too(tmp_path: Path) -> None:
    place = search.Place(tmp_path)
    logs = _Logs()
    notes = []
    for text in (_SADET, _SADET.replace("M", "F")):
        use_own_tables(write(tmp_path, data=text))
        with search._open_index(place, logs) as index:  # type: ignore[arg-type]
            notes.append(index.note("terms"))
    assert len({*notes, TERMS}) == 3
    assert own_rows().digest in notes[1]


class _Logs:
    belongs = "these logs"


def test_the_rows_of_the_guide_can_be_used(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[4] / "docs/guides/names.md").read_text(encoding="utf-8")
    rows = guide.partition("Each line is one row")[2].split("```")[1]
    assert use_own_tables(write(tmp_path, data=rows)) == "titles: 2"
    assert normal_name("Khunying Somsri").sex == "F"
    assert normal_name("Saw Thein").maybe_sex == ""


def test_a_backup_holds_the_tables(liaison: Liaison, tmp_path: Path) -> None:
    copy_federation(liaison, tmp_path)
    write(tmp_path / "th")

    settings = load_settings(tmp_path / "th")
    assert "names/titles.tsv" in set(_files(settings, Home(settings.home), ()))
