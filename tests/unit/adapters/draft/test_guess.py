"""What a draft supposes: columns by their names in six languages, values by how they look."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.database_tables import Column, Table
from adapters.draft.character_sets import guess_encoding
from adapters.draft.code_tables import CodeTables
from adapters.draft.draft import draft_of
from adapters.draft.guess_column import guess_date, kinds_of, look_at, meaning_of, points_to, words_of
from adapters.draft.lookup_tables import Lookups
from adapters.draft.records import drafts_of
from adapters.mapping.file import read_mapping
from adapters.mapping.rows import refs_of
from adapters.sql.survey import survey
from gateway.errors import LiaisonError, Unavailable
from tests.support import tables


def column(*values: object, name: str = "x", kind: str = "TEXT") -> Column:
    return Column(name, kind, values)


def table(name: str, *columns: Column, key: tuple[str, ...] = ()) -> Table:
    return Table(
        name, columns, key or (columns[0].name,), frozenset({columns[0].name}), {}, len(columns[0].values), True
    )


@tables.table(
    ("name", "meaning"),
    [
        ("nationality_name", "nationality"), ("IssuingCountryName", "issuer"),
        ("DateOfBirth", "birth"), ("dob", "birth"), ("NGAY_SINH", "birth"), ("date_naissance", "birth"),
        ("wan_koet", "birth"), ("thngai_kamnaet", "birth"), ("Ngày sinh", "birth"), ("PersonBirthDate", "birth"),
        ("FName", "given"), ("PRENOM", "given"), ("ten", "given"), ("first_name", "given"),
        ("ho", "surname"), ("nom_famille", "surname"), ("nam_sakul", "surname"), ("trokoul", "surname"),
        ("ten_dem", "middle"), ("ho_ten", "name"), ("chhmuah", "name"), ("pax_name", "name"), ("nom", "name"),
        ("ho_ten_khong_dau", "unmarked_name"), ("bi_danh", "alias"), ("ALIAS_TXT", "alias"), ("surnom", "alias"),
        ("father_name", "father_name"), ("noi_sinh", "birth_place"),
        ("gioi_tinh", "sex"), ("SEX_CD", "sex"), ("phet", "sex"), ("sexe", "sex"), ("Gender", "sex"),
        ("quoc_tich", "nationality"), ("sanchat", "nationality"), ("NAT_CD", "nationality"),
        ("nationalite", "nationality"),
        ("so_cccd", "national_id"), ("PID13", "national_id"), ("bat_prachachon", "national_id"),
        ("so_ho_chieu", "document_number"), ("num_passeport", "document_number"), ("passport_no", "document_number"),
        ("ngay_het_han", "expires"), ("date_expiration", "expires"), ("noi_cap", "issuer"), ("ngay_cap", "issued"),
        ("bien_so", "plate"), ("immatriculation", "plate"), ("thabian", "plate"), ("so_khung", "vin"),
        ("da_xoa", "deleted"), ("DEL_FLG", "deleted"), ("REC_STAT", "deleted"), ("supprime", "deleted"),
        ("entry_deleted", "deleted"), ("deleted_on", "deleted_on"), ("etat_fiche", "active"), ("vld_to", "live_to"),
        ("ngay_cap_nhat", "changed"), ("updated_at", "changed"), ("UPD_DT", "changed"),
        ("dia_chi", "address"), ("thi_yu", "address"), ("dien_thoai", "phone"), ("CHASSIS", "vin"),
        ("ชื่อ-สกุล", "name"), ("นามสกุล", "surname"), ('ชื่อ "เต็ม"', "name"), ("วันเดือนปีเกิด", "birth"), ("เพศ", "sex"),
        ("สัญชาติ_รหัส", "nationality"),
        ("ນາມສະກຸນ", "surname"), ("ຊື່", "name"), ("ភេទ", "sex"), ("ថ្ងៃខែឆ្នាំកំណើត", "birth"), ("အမည်", "name"),
        ("姓名", "name"), ("出生日期", "birth"), ("护照号", "document_number"),
        ("VehicleLicensePlateNumber", "plate"), ("LicensePlateType", ""), ("plate_colour", "colour"),
        ("zzz", ""), ("", ""), ("___", ""), ("ไม่รู้", ""),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_names(name: str, meaning: str) -> None:
    assert meaning_of(name) == meaning


def test_words_of_a_name() -> None:
    assert words_of("PersonBirthDate") == "_person_birth_date_"
    assert words_of("TAR_HSC_NB1") == "_tar_hsc_nb_1_"
    assert words_of("số Hộ chiếu") == "_so_ho_chieu_"
    assert kinds_of("dm_quoc_tich") == {"codes"}
    assert kinds_of("TB_PERSON") == {"person"}
    assert kinds_of("xuat_nhap_canh") == {"crossing"}


@tables.table(
    ("values", "toml"),
    [
        (["17/01/2505", "18 ก.ค. 2563", "00/00/2510"], 'convert = "thai-date"'),
        (["2020-01-31", "1999-12-01"], 'formats = ["yyyy-mm-dd"]'),
        (["31-01-2020", "19991201", "1999"], '"yyyy"'),
        (["31/12/99", "01/02/75"], 'formats = ["dd/mm/yy"]'),
        (["12/31/1999", "02/28/2001"], 'formats = ["mm/dd/yyyy"]'),
        (["05-Jan-1999", "17-Dec-2001"], 'formats = ["dd-mon-yyyy"]'),
        ([1517169773, 1439992099], 'convert = "epoch-date"'),
        ([1517169773000], 'unit = "ms"'),
        ([45000, 39123.5], 'convert = "excel-date"'),
        ([19600721, 19850101], 'formats = ["yyyymmdd"]'),
        ([], "yyyy-mm-dd"),
    ],
)
def test_dates_are_known_by_their_values(values: list[object], toml: str) -> None:
    made = column(*values)
    guess = guess_date(look_at(made, ""), made)
    assert toml in guess.toml


def test_days_and_months_that_could_be_either_are_read_day_first() -> None:
    made = column("01/02/1999", "03/04/2001")
    assert guess_date(look_at(made, ""), made).toml == ', convert = "date", formats = ["dd/mm/yyyy"]'


@tables.table(
    ("text", "encoding", "guess"),
    [
        ("สมชาย ใจดี", "cp874", "tis-620"),
        ("王小明先生", "gbk", "gbk"),
        ("Müller", "cp1252", "cp1252"),
        ("plain", "ascii", ""),
        ("สมชาย", "utf-8", ""),
    ],
)
def test_character_sets_are_known_by_their_letters(text: str, encoding: str, guess: str) -> None:
    found = guess_encoding([table("t", column(text.encode(encoding), None, 7))])
    assert found == guess or (guess == "cp1252" and found in ("viscii", "tcvn3"))


def test_a_column_leads_where_its_name_and_values_say() -> None:
    person = table("TB_PERSON", column(1, 2, 3, name="PSN_NO"), column("A", "B", "C", name="NAME"))
    paper = table("TB_DOC", column(1, 2, name="DOC_SEQ"), column(2, 3, name="PSN_NO"), column(9, 8, name="OWN_PSN_NO"))
    assert points_to(paper, paper.columns[1], [person, paper]) == ("TB_PERSON", "PSN_NO")
    assert points_to(paper, paper.columns[2], [person, paper]) is None, "no such persons"
    assert points_to(person, person.columns[0], [person, paper]) is None


@tables.table(
    ("values", "toml"),
    [
        (("01", "02", "03", "04", "01", "01"), 'convert = "country" }]  # TODO neither codes'),
        (
            ("764", "418", "704", "104", "764", "01"),
            'scheme = "numeric" }]  # TODO figures are often the agency\'s own',
        ),
        (("Thai", "Lao", "Việt Nam", "Nga", "พม่า", "-"), '{ column = "nat", convert = "country", scheme = "name" }]'),
        (("THA", "LAO", "VNM", "Burma", "Laos", "KHM"), '{ column = "nat", convert = "country" }]'),
        (("THA", "Burma", "Laos", "China", "Viet Nam", "KHM"), '{ column = "nat", convert = "country" }]'),
        (
            ("Thailand", "Lao People's Democratic Repub", "THA", "LAO", "KHM", "XYZ"),
            '{ column = "nat", convert = "country", width = 29 }]',
        ),
        (("Thailand", "Siam Nakhon", "Rattanakosin", "Lanna", "Oz", "Oz"), "# TODO neither codes"),
    ],
)
def test_figures_and_words_are_countries_only_where_most_are(values: tuple[str, ...], toml: str) -> None:
    """`04` is Afghanistan, and often an agency's fourth country; `Nga` is Russia where no other cell is a code."""
    names = column(*"abcdef", name="full_name")
    draft = draft_of([table("persons", column(*range(6), name="id"), names, column(*values, name="nat"))])
    assert toml in next(row for row in draft.text.splitlines() if row.startswith("nationalities"))


@pytest.mark.parametrize(
    ("columns", "part"),
    [
        (({"name": "NAT_TH"}, {"name": "ISO3"}), 'column = "nat_cd.ISO3", convert = "country"'),
        (({"name": "NAT_TH"},), 'column = "nat_cd.NAT_TH", convert = "country", scheme = "name"'),
    ],
)
def test_a_table_of_nationalities_is_read_by_its_codes_and_without_any_by_its_names(
    columns: tuple[dict[str, str], ...], part: str
) -> None:
    held = {"NAT_TH": ("ไทย", "ลาว", "พม่า"), "ISO3": ("THA", "LAO", "MMR")}
    own = [column("01", "02", "03", name="NAT_CD"), *(column(*held[each["name"]], **each) for each in columns)]
    persons = [column(1, 2, 3, name="id"), column(*"abc", name="full_name"), column("01", "02", "01", name="NAT_CD")]
    draft = draft_of([table("persons", *persons), table("CT_NAT", *own)])
    assert f"nationalities = [{{ {part} }}]" in draft.text


def test_columns_in_another_script_lead_nowhere_because_of_their_script() -> None:
    sexes = table("เพศ", column(1, 2, 3, name="รหัส"), column("ช", "ญ", "-", name="คำ"), key=("รหัส",))
    persons = table("บุคคล", column(1, 2, 3, name="ลำดับ"), column(1, 2, 1, name="กลุ่ม"))
    assert points_to(persons, persons.columns[1], [persons, sexes]) is None


def test_a_draft_of_columns_in_thai_script() -> None:
    persons = table(
        "บุคคล", column(1, 2, name="ลำดับ"), column("สมชาย", "มาลี", name="ชื่อ"), column("ใจดี", "ทองดี", name="นามสกุล"),
        column("17/01/2505", "01/02/2520", name="วันเกิด"),
    )  # fmt: skip
    (record,) = tomllib.loads(draft_of([persons]).text)["record"]
    assert record["fields"]["names"] == [{"columns": ["ชื่อ", "นามสกุล"], "convert": "name"}]
    assert record["fields"]["birth"] == {"column": "วันเกิด", "convert": "thai-date"}


def test_a_table_of_codes_is_no_table_of_persons() -> None:
    codes = table(
        "ct_name", column("1", "2", name="code"), column("Mr", "Ms", name="name"), column("M", "F", name="sex")
    )
    lookups = Lookups([codes], "")
    assert drafts_of([codes], "", CodeTables("", lookups), lookups) == []


def test_a_database_that_is_none_is_told_without_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "no.sqlite"
    path.write_bytes(b"this is no database, and SECRET" * 100)
    with pytest.raises(LiaisonError) as caught:
        survey(f"sqlite:///{path}", None, 10)
    assert isinstance(caught.value, Unavailable)
    assert "file is not a database" not in str(caught.value)
    assert str(path) not in str(caught.value)


NAMES = st.one_of(
    st.sampled_from(
        ["PSN_NO", "last_name", "FNAME_TH", "name", "dob", "sex", "NAT_CD", "passport_no", "DOC_TYP", "plate", "make",
         "DEL_FLG", "vld_to", "upd_dt", "direction", "ma_ck", "thoi_gian", "sez_ref", "sez_dat", "gds_dsc", "exporter",
         "ctn_nbr", "status", "pp.no", "name.th", "canh_bao", "lost_flg", "nguoi_id"]
    ),
    st.text(min_size=1, max_size=12),
)  # fmt: skip
CELLS = st.one_of(
    st.none(), st.integers(0, 3), st.sampled_from(["1", "M", "THA", "17/01/2505", "2020-01-31", "-", "A1234567"]),
    st.text(max_size=8), st.binary(max_size=6), st.floats(), st.dates(),
)  # fmt: skip


@st.composite
def any_table(draw: st.DrawFn) -> Table:
    names = draw(st.lists(NAMES, min_size=1, max_size=9, unique=True))
    rows = draw(st.integers(0, 6))
    columns = tuple(
        Column(
            name,
            draw(st.sampled_from(["TEXT", "INTEGER", "DATE"])),
            tuple(draw(st.lists(CELLS, min_size=rows, max_size=rows))),
        )
        for name in names
    )
    key = (names[0],) if draw(st.booleans()) else ()
    kind = draw(
        st.sampled_from(["TB_PERSON", "giay_to", "vehicles", "xuat_nhap_canh", "sad_gen", "sez_tab", "ct_nat", "x\n]"])
    )
    return Table(kind, columns, key, frozenset(names[:1]), {}, rows, is_whole=draw(st.booleans()))


@given(st.lists(any_table(), max_size=4, unique_by=lambda made: made.name))
@pytest.mark.long
def test_a_draft_of_any_database_is_toml_that_names_only_what_is_there(tables: list[Table]) -> None:
    draft = draft_of(tables)
    data = tomllib.loads(draft.text)
    known = {made.name: {each.name for each in made.columns} for made in tables}
    assert [record["type"] for record in data.get("record", [])] == list(draft.records)
    text = draft.text
    for todo, answer in (('id = "TODO"', 'id = "th.police.x"'), ('agency = "TODO"', 'agency = "police"')):
        text = text.replace(todo, answer)
    if not draft.records:
        return
    mapping = read_mapping("draft.toml", text.encode("utf-8", "surrogatepass"))
    for record in mapping.records.values():
        joined = {"": record.table} | {join.name: join.table for join in record.joins}
        assert record.key in known[record.table]
        assert all(ref.column in known[joined[ref.join]] for ref in refs_of(record))
