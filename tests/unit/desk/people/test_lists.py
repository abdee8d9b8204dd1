"""Lists of persons and duty: as people write them, and each mistake with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.clock import to_us
from gateway.desk.people.lists import DUTY, DUTY_EXAMPLE, PERSONS, PERSONS_EXAMPLE, Lists, read_lists
from gateway.errors import Misconfigured, each_of
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from gateway.model.purpose import Purpose
from tests.support.tables import table

HEAD = "id,agency,office,roles,channel,language,training_until"
DUTY_HEAD = "person,agency,office,role,from,until"
PERSON = "th.d.7,police,th.blo.main,duty supervisor,d7@example.org,th,2027-06-30"


def read(folder: Path, persons: str | bytes, duty: str | bytes = "", member: str = "th") -> Lists:
    for name, text in ((PERSONS, persons), (DUTY, duty)):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_lists(folder, member)


def us(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return to_us(datetime(year, month, day, hour, minute, tzinfo=UTC))


def test_a_home_without_lists_has_nobody(tmp_path: Path) -> None:
    assert read_lists(tmp_path / "people", "th") == Lists()
    assert read(tmp_path, PERSONS_EXAMPLE, DUTY_EXAMPLE) == Lists()


def test_a_person_and_a_shift_are_read(tmp_path: Path) -> None:
    lists = read(
        tmp_path,
        f"{HEAD}\n{PERSON}\n",
        f"{DUTY_HEAD}\nth.d.7,th.police,th.blo.main,duty,2026-11-24 08:00,2026-11-24 20:00\n",
    )
    person = lists.persons["th.d.7"]
    assert person.roles == {Role.DUTY, Role.SUPERVISOR}
    assert (person.language, person.channel) == (Language.TH, "d7@example.org")
    assert person.training_until_us == us(2027, 6, 30, 17)
    (shift,) = lists.shifts
    assert (shift.agency, shift.from_us, shift.until_us) == ("police", us(2026, 11, 24, 1), us(2026, 11, 24, 13))


@table(
    ("begin", "at"),
    [
        ("24/11/2569 08:00", us(2026, 11, 24, 1)),
        ("2569-11-24 08:00", us(2026, 11, 24, 1)),
        ("๒๔/๑๑/๒๕๖๙ ๐๘:๐๐", us(2026, 11, 24, 1)),
        ("24/11/2569 08.00 น.", us(2026, 11, 24, 1)),
        ("2026-11-24T08:00:00+07:00", us(2026, 11, 24, 1)),
        ("2026-11-24T08:00Z", us(2026, 11, 24, 8)),
        ("24.11.2026 00:00", us(2026, 11, 23, 17)),
        ("23/11/2026 24:00", us(2026, 11, 23, 17)),
    ],
)
def test_a_time_is_read_as_it_is_written_in_the_region(tmp_path: Path, begin: str, at: int) -> None:
    duty = f"{DUTY_HEAD}\nth.d.7,police,th.blo.main,duty,{begin},2026-11-25 08:00\n"
    assert read(tmp_path, f"{HEAD}\n{PERSON}\n", duty).shifts[0].from_us == at


def test_a_country_s_own_time_counts(tmp_path: Path) -> None:
    text = PERSON.replace("th.", "mm.")
    duty = f"{DUTY_HEAD}\nmm.d.7,police,mm.blo.main,duty,2026-11-24 08:00,2026-11-24 20:00\n"
    assert read(tmp_path, f"{HEAD}\n{text}\n", duty, "mm").shifts[0].from_us == us(2026, 11, 24, 1, 30)


def test_lines_of_several_programs_stand_in_one_file(tmp_path: Path) -> None:
    """A semicolon as separator, a mark before it, columns in another order, TIS-620 beside UTF-8, comments."""
    head = "office;agency;id;roles;channel;training_until;language\r\n"
    line = "th.blo.main;police;th.d.{};duty;กล่อง สารภี;30/06/2570;th\r\n"
    data = b"\xef\xbb\xbf# list\r\n" + head.encode() + line.format(7).encode() + line.format(8).encode("tis-620")
    persons = read(tmp_path, data).persons
    assert [person.channel for person in persons.values()] == ["กล่อง สารภี", "กล่อง สารภี"]
    assert read(tmp_path, data.decode("utf-8", "ignore").encode("utf-16")).persons.keys() >= {"th.d.7"}


def test_each_mistake_has_its_line(tmp_path: Path) -> None:
    persons = "\n".join(
        [
            HEAD,
            PERSON,
            PERSON,
            PERSON.replace("th.d.7", "th.d.8").replace("duty", "chief"),
            PERSON.replace("th.d.7", "th.d.9").replace("th.blo.main", "vn.blo.main"),
            PERSON.replace("th.d.7", "th.d.10").replace("2027-06-30", "2027-06-31"),
            PERSON.replace("th.d.7", "th.d.11").replace(",th,", ",xx,"),
            "th.d.12,police",
            'th.d.13,"police,th',
            PERSON.replace("th.d.7", "th.d.14").replace("duty supervisor", ""),
        ]
    )
    with pytest.raises(Misconfigured) as caught:
        read(tmp_path, persons)
    found = each_of(caught.value)
    assert [one.where.rpartition(":")[2] for one in found] == ["3", "4", "5", "6", "7", "8", "9", "10"]
    assert all(one.where.startswith(f"{tmp_path.name}/{PERSONS}:") for one in found)
    assert all(one.remedy for one in found)


@table(
    ("line", "words"),
    [
        ("th.d.7,police,th.blo.main,duty,2026-11-24 08:00,2026-11-24 08:00", "not after"),
        ("th.d.7,police,th.blo.main,duty,2026-11-24 08:00,2027-11-24 08:00", "31 days"),
        ("th.d.7,police,th.blo.main,duty,2026-11-24,2026-11-25", "2026-11-24 08:00"),
        ("th.d.7,police,th.blo.main,duty,2026-11-24 25:00,2026-11-25 08:00", "24:00"),
        ("th.d.9,police,th.blo.main,duty,2026-11-24 08:00,2026-11-24 20:00", "not in persons.csv"),
        ("th.d.7,police,th.blo.main,auditor,2026-11-24 08:00,2026-11-24 20:00", "no role `auditor`"),
        ("th.d.7,police,th.blo.main,dutty,2026-11-24 08:00,2026-11-24 20:00", "`dutty` is no role"),
    ],
)
def test_a_shift_that_cannot_be_is_told(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as caught:
        read(tmp_path, f"{HEAD}\n{PERSON}\n", f"# duty\n{DUTY_HEAD}\n{line}\n")
    assert caught.value.where.endswith(f"{DUTY}:3")


@table("head", ["id,agency", f"{HEAD},phone", f"{HEAD},id", "\x00"])
def test_a_first_line_that_names_other_columns_is_told(tmp_path: Path, head: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(tmp_path, f"{head}\n{PERSON}\n")
    assert caught.value.where.endswith(f"{PERSONS}:1")


def test_bytes_of_no_character_set_are_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="a byte cannot be read") as caught:
        read(tmp_path, f"{HEAD}\n".encode() + b"kh.d.7,police,kh.blo.main,duty,\xff\xfe\xd0,km,\n", member="kh")
    assert caught.value.where.endswith(":2")


def test_columns_for_tokens_of_the_node_s_own_need_not_be_there_and_are_checked(tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEAD}\n{PERSON}\n").persons["th.d.7"].purposes == frozenset()
    full = f"purposes,{HEAD},policy_role\nBORDER_CHECK investigation,{PERSON},desk-officer\n"
    person = read(tmp_path, full).persons["th.d.7"]
    assert person.purposes == {Purpose.BORDER_CHECK, Purpose.INVESTIGATION}
    assert person.policy_role == "desk-officer"
    with pytest.raises(Misconfigured, match="is no purpose"):
        read(tmp_path, full.replace("investigation", "curiosity"))
    with pytest.raises(Misconfigured, match="one twice"):
        read(tmp_path, f"{HEAD},purposes,purposes\n{PERSON},AUDIT,AUDIT\n")
