"""Measure how well names are found in the three agency-like databases of the shared test data."""

from __future__ import annotations

import csv
import re
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.matching.keys import asked_word_keys, name_keys, query_keys, word_keys
from gateway.matching.person import PersonFeatures, score_person
from gateway.model.hit import Match, Quality
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate

_MONTHS = ("ม.ค.", "ก.พ.", "มี.ค.", "เม.ย.", "พ.ค.", "มิ.ย.", "ก.ค.", "ส.ค.", "ก.ย.", "ต.ค.", "พ.ย.", "ธ.ค.")


@dataclass(frozen=True, slots=True)
class Row:
    """One person row: agency, table and primary key as in `truth.csv`, and the features that are compared."""

    agency: str
    table: str
    pk: str
    features: PersonFeatures


@dataclass(slots=True)
class Figures:
    """The result of the queries of one kind: expected rows found and missed, other rows hit."""

    queries: int = 0
    found_any: int = 0
    rows: int = 0
    found_rows: int = 0
    others: int = 0
    strong: int = 0
    dated: int = 0
    missed: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def recall_any(self) -> float:
        """The share of queries with at least one expected row."""
        return self.found_any / self.queries

    @property
    def recall_rows(self) -> float:
        """The share of expected rows that were found."""
        return self.found_rows / self.rows


def evaluate(folder: Path) -> dict[str, Figures]:
    """The figures for each kind of person query. `folder` holds the databases, `truth.csv` and `queries.csv`."""
    index = Index([*_thai(folder), *_vietnamese(folder), *_khmer(folder)])
    people = {"TB_PERSON", "nguoi", "per_tab"}
    truth: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for line in _lines(folder / "truth.csv"):
        if line["table"] in people:
            truth[line["key"]].add((line["agency"], line["pk"]))
    result: dict[str, Figures] = defaultdict(Figures)
    for line in _lines(folder / "queries.csv"):
        if line["kind"].startswith("person") or line["kind"] == "listed_name":
            birth = PartialDate(line["birth"]) if line["birth"] else None
            hits = index.search(PersonQuery((NameForm(line["name"]),), birth))
            _count(result[line["kind"]], line, truth[line["expect_key"]] if line["expect_key"] else set(), hits)
    return dict(result)


class Index:
    """A key index in memory: selective keys, and broad keys together with the birth year."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            for key in _row_keys(row.features):
                self._rows[key].append(row)
        self.candidates = 0

    def search(self, query: PersonQuery) -> list[tuple[Row, Match]]:
        """All rows that fit."""
        keys = {key for name in query.names for key in query_keys(name.text)}
        if query.birth:
            year = int(query.birth.value[:4])
            years = [f"{each:04d}" for each in range(year - 1, year + 2)]
            keys |= {f"{key}@{each}" for name in query.names for key in asked_word_keys(name.text) for each in years}
        candidates = {id(row): row for key in keys for row in self._rows.get(key, ())}
        self.candidates += len(candidates)
        matches = ((row, score_person(query, row.features)) for row in candidates.values())
        return [(row, match) for row, match in matches if match]


def _row_keys(features: PersonFeatures) -> set[str]:
    keys = {key for name in features.names for key in name_keys(name)}
    if features.birth:
        year = features.birth.value[:4]
        keys |= {f"{key}@{year}" for name in features.names for key in word_keys(name)}
    return keys


def _count(
    figures: Figures, line: dict[str, str], expected: set[tuple[str, str]], hits: list[tuple[Row, Match]]
) -> None:
    found = {(row.agency, row.pk) for row, _ in hits}
    figures.queries += 1
    figures.found_any += bool(found & expected)
    figures.rows += len(expected)
    figures.found_rows += len(found & expected)
    for row, match in hits:
        if (row.agency, row.pk) not in expected:
            figures.others += 1
            figures.strong += match.quality is Quality.STRONG
            figures.dated += row.features.birth is not None
    if expected and not found & expected:
        figures.missed.append((line["name"], line["birth"], line["expect_key"]))


# ---------------------------------------------------------------- the three databases


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _thai(folder: Path) -> Iterator[Row]:
    connection = sqlite3.connect(folder / "th_police.sqlite")
    columns = "PSN_NO, FNAME_TH, LNAME_TH, FNAME_EN, LNAME_EN, ALIAS_TXT, BDATE_BE, SEX_CD"
    for values in connection.execute(f"SELECT {columns} FROM TB_PERSON WHERE REC_STAT = '1'"):
        texts = [v.decode("cp874") if isinstance(v, bytes) else v for v in values]
        pk, first, last, first_latin, last_latin, alias, birth, sex = texts
        names = [_join(first, last), _join(first_latin, last_latin), *(alias or "").split(";")]
        sexes = {"1": "M", "2": "F"}
        yield Row("TH", "TB_PERSON", str(pk), _features(names, _thai_date(birth or ""), sexes.get(sex, "")))
    connection.close()


def _vietnamese(folder: Path) -> Iterator[Row]:
    connection = sqlite3.connect(folder / "vn_immigration.sqlite")
    columns = "id, ho, dem, ten, ho_ten_khong_dau, ngay_sinh, gioi_tinh"
    for pk, family, middle, given, joined, birth, sex in connection.execute(
        f"SELECT {columns} FROM nguoi WHERE NOT da_xoa"
    ):
        names = [_join(family, middle, given), joined or ""]
        yield Row("VN", "nguoi", str(pk), _features(names, _date(birth or ""), {1: "M", 0: "F"}.get(sex, "")))
    connection.close()


def _khmer(folder: Path) -> Iterator[Row]:
    connection = sqlite3.connect(folder / "kh_customs.sqlite")
    for pk, khmer, latin, birth, sex in connection.execute(
        "SELECT per_uid, nam_kh, nam_lat, dob_num, sex FROM per_tab WHERE vld_to = 99991231"
    ):
        yield Row("KH", "per_tab", str(pk), _features([khmer or "", latin or ""], _date(str(birth or "")), sex or ""))
    connection.close()


def _join(*parts: str | None) -> str:
    return " ".join(part for part in parts if part and part != "-")


def _features(names: list[str], birth: PartialDate | None, sex: str) -> PersonFeatures:
    return PersonFeatures(tuple(name.strip() for name in names if name.strip()), birth, sex)


def _thai_date(text: str) -> PartialDate | None:
    """Dates in the Buddhist era; a year below 2300 was typed in the common era, two digits mean the last 100 years."""
    for number, month in enumerate(_MONTHS, 1):
        text = text.replace(month, f"{number:02d}")
    match = re.fullmatch(r"(\d{1,2})[/ ](\d{1,2})[/ ](\d{2,4})", text)
    if not match:
        return None
    day, month_number, year = (int(part) for part in match.groups())
    year += 0 if year > 100 else 2500 if year < 70 else 2400
    return _partial(year - 543 if year >= 2300 else year, month_number, day)


def _date(text: str) -> PartialDate | None:
    digits = re.sub(r"\D", "", text)
    if len(digits) == 4:
        return _partial(int(digits), 0, 0)
    if len(digits) != 8:
        return None
    if re.match(r"\d\d\D", text):
        return _partial(int(digits[4:]), int(digits[2:4]), int(digits[:2]))
    return _partial(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _partial(year: int, month: int, day: int) -> PartialDate | None:
    if not year:
        return None
    return PartialDate(f"{year:04d}-{month:02d}-{day:02d}" if month and day else f"{year:04d}")


def main(folder: Path) -> None:
    """Print the figures."""
    for kind, figures in evaluate(folder).items():
        recall = f"any {figures.recall_any:.3f} rows {figures.recall_rows:.3f}" if figures.rows else "no rows expected"
        print(f"{kind}: {figures.queries} queries, {recall}, other rows {figures.others}, of them STRONG")
        print(f"    {figures.strong}, with a birth date {figures.dated}; missed: {figures.missed}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
