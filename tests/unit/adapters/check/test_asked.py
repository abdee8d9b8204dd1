"""`liaison source ask` and `status`: a source is tried and looked at without a node."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from adapters.load import open_source
from gateway.clock import SystemClock
from gateway.errors import LiaisonError
from gateway.ops.sources.status import kept_sources
from tests.support.cli import Liaison
from tests.support.customs_house import CustomsHouse, customs_house


@pytest.fixture
def house(tmp_path: Path) -> CustomsHouse:
    made = customs_house(tmp_path)
    made.map()
    return made


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.mark.long
def test_a_source_is_asked_by_its_mapping(liaison: Liaison, house: CustomsHouse) -> None:
    asked = ("source", "ask", house.mapping, "--url", house.url)
    ran = liaison(*asked, "--name", "Noy Khamla", "--show", "--json")
    assert ran.code == 0
    assert ran.value["source"] == "la.customs.house"
    assert [(each["type"], each["key"]) for each in ran.value["found"]] == [("Seizure", "2")]
    assert ran.value["found"][0]["fields"]["goods"][0]["description"] == "perfume"
    assert ran.value["found"][0]["rules"]
    told = liaison(*asked, "--document", "N0000009").out
    assert "la.customs.house: 2 found" in told
    assert "heroin" not in told
    assert "shoes" not in told
    assert "for th, vn" in told
    assert "VTE/17/2024" in liaison(*asked, "--document", "N0000009", "--show").out
    nothing = liaison(*asked, "--document", "ZZ0000001")
    assert (nothing.code, nothing.out.strip()) == (0, "la.customs.house: 0 found")
    assert not list((house.folder / "index").iterdir())


@pytest.mark.long
def test_a_question_that_nothing_is_found_by_was_not_searched(liaison: Liaison, house: CustomsHouse) -> None:
    ran = liaison("source", "ask", house.mapping, "--url", house.url, "--container", "MSCU6639870")
    assert ran.code == 1
    assert "was not searched" in ran.out
    assert "document, person" in ran.out
    for question in (("--vessel", "Nam Khong 7", "--imo", "9074729"), ("--local-reg", "LA-VTE 0417"), ("--case", "7")):
        assert liaison("source", "ask", house.mapping, "--url", house.url, *question).code == 1


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ((), "give one thing to ask for: --name"),
        (("--name", "A B", "--plate", "1"), "give one thing to ask for: --name"),
        (("--vessel", "Nam Khong", "--imo", "9074729", "--case", "1"), "give one thing to ask for: --name"),
        (("--imo", "9074728"), "--imo"),
        (("--container", "MSCU6639870", "--flag", "LA"), "--flag does not belong to --container"),
        (("--document", "1", "--birth", "1980"), "--birth does not belong to --document"),
        (("--document", "1", "--country", "TH"), "--country does not belong to --document"),
        (("--phone", "0812345678", "--plate", "1", "--country", "TH"), "give one thing to ask for: --name"),
        (("--name", "A B", "--birth", "80"), "--birth"),
        (("--name", " "), "--name"),
    ],
)
def test_a_question_is_one_thing(
    liaison: Liaison, house: CustomsHouse, question: tuple[str, ...], message: str
) -> None:
    ran = liaison("source", "ask", house.mapping, "--url", house.url, *question)
    assert ran.code == 2
    assert message in ran.err


def test_a_source_is_named_by_its_mapping_or_by_its_home(liaison: Liaison, house: CustomsHouse) -> None:
    ran = liaison("source", "ask", "la.customs.house", "--name", "Noy Khamla")
    assert (ran.code, "needs --home" in ran.err) == (2, True)
    ran = liaison("source", "ask", house.mapping, "--name", "Noy Khamla")
    assert (ran.code, "give --url" in ran.err) == (1, True)


@pytest.fixture
def home(liaison: Liaison, house: CustomsHouse, tmp_path: Path) -> Path:
    """A node's home with the customs house as its source, whose mapping has a test that fails."""
    home = tmp_path / "la"
    made = liaison("init", "--member", "la", "--home", home, "--authority", tmp_path / "la-authority")
    assert made.code == 0
    tests = '\n[[expect]]\ntype = "Seizure"\nkey = "2"\nfields = { reference = "VTE/17/2023" }\n'
    house.mapping.write_text(house.mapping.read_text("utf-8") + tests, encoding="utf-8")
    with (home / "node.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[[source]]\nid = "la.customs.house"\nagency = "customs"\nmapping = "{house.mapping}"\n')
        settings.write(f'url = "{house.url}"\n')
    return home


@pytest.mark.process
def test_a_homes_source_is_asked_and_its_runs_are_told(liaison: Liaison, house: CustomsHouse, home: Path) -> None:
    missing = liaison("source", "status", "--home", home, "--json")
    assert (missing.code, missing.value["sources"][0]["state"]) == (1, "missing")
    asked = ("source", "ask", "la.customs.house", "--home", home, "--name", "Noy Khamla", "--json")
    assert len(liaison(*asked).value["found"]) == 1
    house.run("INSERT INTO codes VALUES ('UNIT', '3', 'jar')")
    house.run("INSERT INTO sheets VALUES (5, '19', 2024, 'VTE')")
    assert liaison(*asked).code == 0
    (one,) = liaison("source", "status", "la.customs.house", "--home", home, "--json").value["sources"]
    assert (one["state"], one["failing"], one["last_errors"]) == ("ready", False, [])
    assert one["runs"][0]["kind"] == "build"
    assert len(one["runs"]) == 2
    assert one["looked_s_ago"] < 600
    assert liaison("index", "build", "--home", home).code == 0
    told = liaison("source", "status", "--home", home).out
    assert "left out, Seizure: 1 x two rows of `unit` fit, where one is needed" in told
    assert "the source was looked at" in told
    assert told.count(": build, ") == 2
    wrong = liaison("source", "status", "nothing", "--home", home)
    assert (wrong.code, "la.customs.house" in wrong.err) == (2, True)


@pytest.mark.process
def test_a_source_that_fails_is_told_with_its_errors(liaison: Liaison, house: CustomsHouse, home: Path) -> None:
    (kept,) = kept_sources(home, "", SystemClock())
    assert kept.place is not None
    with closing(open_source(kept.place)) as source:
        house.run("ALTER TABLE items RENAME TO things")
        for _ in range(2):
            with pytest.raises(LiaisonError):
                source.refresh()
    ran = liaison("source", "status", "--home", home, "--json")
    (one,) = ran.value["sources"]
    assert (ran.code, one["state"]) == (1, "ready")
    assert one["failing"]
    assert one["last_errors"][0]["times"] == 2
    assert "the source is not searched until one succeeds" in liaison("source", "status", "--home", home).out


@pytest.mark.process
@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("database", "the source cannot be opened"),
        ("table", "unknown table `items`"),
        ("mapping", "unknown key `tabel`"),
    ],
)
def test_what_fails_before_an_index_is_opened_is_in_the_history(
    liaison: Liaison, house: CustomsHouse, home: Path, broken: str, told: str
) -> None:
    (kept,) = kept_sources(home, "", SystemClock())
    assert kept.place is not None
    file, mapping = house.folder / "house.sqlite", house.mapping.read_text("utf-8")
    if broken == "database":
        file.rename(file.with_suffix(".away"))
    elif broken == "table":
        house.run("ALTER TABLE items RENAME TO things")
    else:
        house.mapping.write_text(mapping.replace("table = ", "tabel = ", 1), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(LiaisonError):
            open_source(kept.place)
    ran = liaison("source", "status", "--home", home, "--json")
    (one,) = ran.value["sources"]
    assert (ran.code, one["state"], one["failing"]) == (1, "missing", True)
    assert [each["times"] for each in one["last_errors"]] == [2]
    assert told in one["last_errors"][0]["error"]
    assert "the source is not searched until one succeeds" in liaison("source", "status", "--home", home).out
    liaison("doctor", "--home", home)
    (after,) = liaison("source", "status", "--home", home, "--json").value["sources"]
    assert after["runs"] == one["runs"], "doctor tries a source: that is no run of its index"
    if broken == "database":
        file.with_suffix(".away").rename(file)
    elif broken == "table":
        house.run("ALTER TABLE things RENAME TO items")
    else:
        house.mapping.write_text(mapping, encoding="utf-8")
    open_source(kept.place).close()
    (one,) = liaison("source", "status", "--home", home, "--json").value["sources"]
    assert (one["failing"], [run["kind"] for run in one["runs"]]) == (False, ["failed", "build"])


@pytest.mark.process
def test_a_source_that_answers_again_without_a_change_is_failing_no_more(
    liaison: Liaison, house: CustomsHouse, home: Path
) -> None:
    (kept,) = kept_sources(home, "", SystemClock())
    assert kept.place is not None
    file = house.folder / "house.sqlite"
    open_source(kept.place).close()
    file.rename(file.with_suffix(".away"))
    with pytest.raises(LiaisonError):
        open_source(kept.place)
    assert liaison("source", "status", "--home", home).code == 1
    file.with_suffix(".away").rename(file)
    open_source(kept.place).close()
    ran = liaison("source", "status", "--home", home, "--json")
    assert (ran.code, ran.value["sources"][0]["failing"]) == (0, False)


@pytest.mark.process
def test_doctor_tells_that_a_test_beside_the_mapping_fails(liaison: Liaison, house: CustomsHouse, home: Path) -> None:
    ran = liaison("doctor", "--home", home, "--json")
    texts = [each["text"] for each in ran.value["findings"] if each["check"] == "sources"]
    assert any("a `Seizure` is not as expected: `reference`" in text for text in texts)
    assert any(f"{house.mapping}:" in text for text in texts)
