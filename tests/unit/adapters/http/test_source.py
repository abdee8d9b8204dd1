"""Web interfaces: pages are followed, items fetched, changes noticed; addresses and access files are checked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Adapter
from adapters.check.conformance import Expectation, check_adapter
from adapters.http.pages import _link, _with
from gateway.clock import Clock, ManualClock, SystemClock
from gateway.errors import Misconfigured, Overloaded, Unavailable, Unknown
from gateway.model.query import DocumentQuery, PersonQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.web_source import (
    MAPPING,
    Authority,
    Interface,
    Reply,
    as_json,
    open_web,
    person,
    server_tls,
    serving,
)

pytestmark = pytest.mark.process

CLOCK = SystemClock()


STILL = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
"""Time stands still between two looks at a source, so that the index need not rest."""


def later() -> float:
    return CLOCK.monotonic() + 3


@pytest.fixture
def interface() -> Interface:
    return Interface()


@pytest.fixture
def url(interface: Interface) -> Iterator[str]:
    with serving(interface) as address:
        yield address


def keys_at(clock: Clock, source: Adapter, number: str) -> list[str]:
    return [found.key for found in source.search(DocumentQuery(number), clock.monotonic() + 3).candidates]


def keys(source: Adapter, number: str) -> list[str]:
    return keys_at(CLOCK, source, number)


def test_a_web_interface_keeps_the_contract(tmp_path: Path, interface: Interface, url: str) -> None:
    source = open_web(tmp_path, url, CLOCK)
    expectation = Expectation(
        found=[
            DocumentQuery("PA0000007", "LAO"),
            PersonQuery((NameForm("Khamla Sisavath 002"),), PartialDate("1980-02-17")),
        ],
        not_found=[DocumentQuery("PA9999999")],
    )
    assert check_adapter(source, CLOCK, expectation) == []


def test_all_pages_are_read_and_a_record_comes_from_its_item(tmp_path: Path, interface: Interface, url: str) -> None:
    interface.persons[3] |= {"state": 2}
    source = open_web(tmp_path, url, CLOCK)
    assert [keys(source, f"PA000000{n}") for n in range(1, 8)] == [[f"p/{n}"] if n != 4 else [] for n in range(1, 8)]
    record = source.fetch("p/7", "Person", later())
    assert record.fields == {
        "names": [{"text": "Khamla Sisavath 007", "script": "Latn"}],
        "birth": {"value": "1980-02-17", "calendar": "GREG"},
        "nationalities": ["LAO"],
        "documents": [{"number": "PA0000007", "issuer": "LAO"}],
    }
    assert "/v1/persons/p%2F7" in interface.asked


def numbered(interface: Interface, path: str, query: dict[str, list[str]]) -> Reply | None:
    if path != "/v1/persons":
        return None
    start = int(query["page"][0]) * int(query["limit"][0])
    return as_json({"data": interface.persons[start : start + int(query["limit"][0])]})


def by_link(interface: Interface, path: str, query: dict[str, list[str]]) -> Reply | None:
    if path != "/v1/persons":
        return None
    start = int(query.get("from", ["0"])[0])
    link = f'</v1/persons?from={start + 2}>; rel="next", </v1/persons>; rel=first' if start < 6 else ""
    return as_json({"data": interface.persons[start : start + 2]}, Link=link)


def by_address(interface: Interface, path: str, query: dict[str, list[str]]) -> Reply | None:
    if path != "/v1/persons":
        return None
    start = int(query.get("from", ["0"])[0])
    return as_json({"data": interface.persons[start : start + 2], "next": f"?from={start + 2}" if start < 6 else ""})


@pytest.mark.parametrize(
    ("reply", "settings"),
    [
        (numbered, 'paging = "number"\nparameter = "page"\nfirst = 0\nsize_parameter = "limit"\nsize = 4'),
        (by_link, 'paging = "link"'),
        (by_address, 'paging = "next"\nnext = "next"'),
    ],
)
def test_each_kind_of_paging_finds_every_row(
    tmp_path: Path, interface: Interface, url: str, reply: Any, settings: str
) -> None:
    interface.reply = lambda path, query: reply(interface, path, query)
    mapping = MAPPING.replace('paging = "cursor"\nparameter = "after"\nnext = "meta.next"', settings)
    source = open_web(tmp_path, url, CLOCK, mapping=mapping)
    assert all(keys(source, f"PA000000{n}") == [f"p/{n}"] for n in range(1, 8))


def test_rows_that_cannot_be_read_are_left_out_with_a_reason(tmp_path: Path, interface: Interface, url: str) -> None:
    interface.persons = [
        person(1),
        person(2, id=None),
        person(3, name={"full": ["a", "list"]}),
        person(4, papers=[{"no": "X", "by": "LAO"}] * 65),
        person(1),
        person(5, born="1980-02-31"),
    ]
    source = open_web(tmp_path, url, CLOCK)
    assert keys(source, "PA0000001") == ["p/1"]
    reasons = source.left_out["Person"]
    assert reasons["a row without a key"] == 1
    assert reasons["a list or an object where one value must stand, in `name.full`"] == 1
    assert reasons["a list of more than 64 items"] == 1
    assert sum(reasons.values()) == 4


def test_a_changed_tag_has_the_index_follow(tmp_path: Path, interface: Interface, url: str) -> None:
    source = open_web(tmp_path, url, STILL)
    assert not source.refresh()
    interface.persons.append(person(9))
    interface.tag = '"2"'
    assert source.refresh()
    assert keys_at(STILL, source, "PA0000009") == ["p/9"]


def test_a_value_of_the_interface_or_rows_changed_since_show_changes(
    tmp_path: Path, interface: Interface, url: str
) -> None:
    def reply(path: str, query: dict[str, list[str]]) -> Reply | None:
        if path == "/v1/state":
            return as_json({"count": len(interface.persons), "now": len(interface.asked)})
        return as_json({"data": interface.persons[7:]}) if "since" in query else None

    interface.reply = reply
    for setting in ('changes = "/v1/state"\nchanges_value = "count"', 'changed_since = "since"'):
        folder = tmp_path / setting[:9].strip()
        folder.mkdir(exist_ok=True)
        interface.persons = [person(n) for n in range(1, 8)]
        source = open_web(
            folder, url, STILL, mapping=MAPPING.replace('next = "meta.next"', f'next = "meta.next"\n{setting}')
        )
        assert not source.refresh()
        interface.persons.append(person(8))
        assert source.refresh()
        assert keys_at(STILL, source, "PA0000008") == ["p/8"]


def test_an_item_that_is_gone_is_unknown_and_another_one_is_refused(
    tmp_path: Path, interface: Interface, url: str
) -> None:
    source = open_web(tmp_path, url, CLOCK)
    interface.persons = [person(1)]
    with pytest.raises(Unknown):
        source.fetch("p/2", "Person", later())
    interface.reply = lambda path, query: as_json({"person": person(3)}) if path.startswith("/v1/persons/") else None
    with pytest.raises(Unavailable) as caught:
        source.fetch("p/2", "Person", later())
    assert caught.value.code == "source-other-record"


def test_a_key_that_the_index_does_not_know_is_never_asked_for(tmp_path: Path, interface: Interface, url: str) -> None:
    source = open_web(tmp_path, url, CLOCK)
    interface.asked.clear()
    for key in ("..", "../nations", "p/99", "\x00"):
        with pytest.raises(Unknown):
            source.fetch(key, "Person", later())
    assert interface.asked == []


def test_retry_after_is_obeyed(tmp_path: Path, interface: Interface, url: str) -> None:
    refusals = [(503, {"Retry-After": "0"}, b""), (429, {"Retry-After": "0"}, b"")]
    interface.reply = lambda path, query: refusals.pop() if refusals else None
    source = open_web(tmp_path, url, CLOCK)
    assert keys(source, "PA0000001") == ["p/1"]
    refusals.append((429, {"Retry-After": "120"}, b""))
    for _ in range(2):
        with pytest.raises(Overloaded):
            source.fetch("p/1", "Person", later())
    assert [target for target in interface.asked if target.startswith("/v1/persons/")] == ["/v1/persons/p%2F1"]


# ---------------------------------------------------------------- TLS and tokens


def test_mutual_tls_and_client_credentials(tmp_path: Path, interface: Interface) -> None:
    authority = Authority(tmp_path)
    authority.issue("client")
    interface.token = "not given yet"
    with serving(interface, server_tls(authority, wants_client=True)) as url:
        access = (
            '[http]\nca = "test-ca.pem"\ncertificate = "client.pem"\nkey = "client.key"\n'
            f'[http.oauth]\ntoken_url = "{url}/token"\nclient_id = "liaison"\nclient_secret = "s3cret!"\n'
            'scope = "a b"\n'
        )
        source = open_web(tmp_path, url, CLOCK, access)
        assert source.fetch("p/1", "Person", later()).key == "p/1"
        assert interface.tokens_given == 1
        interface.token = "withdrawn"
        assert source.fetch("p/2", "Person", later()).key == "p/2"
        assert interface.tokens_given == 2
        source.close()


def test_a_token_server_that_refuses_us_is_said_so(tmp_path: Path, interface: Interface, url: str) -> None:
    access = f'[http.oauth]\ntoken_url = "{url}/token"\nclient_id = "liaison"\nclient_secret = "wrong"\n'
    with pytest.raises(Unavailable) as caught:
        open_web(tmp_path, url, CLOCK, access)
    assert caught.value.code == "source-refuses"
    assert "invalid_client" not in str(caught.value)
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/v1",
        "http://api.customs.example",
        "https://user:word@host/",
        "https://host/?a=b",
        "https://host/#x",
        "https:///path",
        "https://host:99999/",
        "https://host/a/../b",
    ],
)
def test_an_address_that_is_not_allowed_is_misconfigured(tmp_path: Path, url: str) -> None:
    with pytest.raises(Misconfigured):
        open_web(tmp_path, url, CLOCK)


@pytest.mark.parametrize(
    ("access", "line", "message"),
    [
        ('[http]\nca = "test-ca.pem"\ncert = "x"\n', ":3", "unknown key `cert`"),
        ('[http]\nca = "none.pem"\n', ":2", "not there"),
        ('[http]\nca = "rubbish.pem"\n', ":2", "not a CA certificate"),
        ('[http]\nca = "test-ca.pem"\ncertificate = "client.pem"\n', ":3", "go together"),
        ('[http]\nca = "test-ca.pem"\ncertificate = "client.pem"\nkey = "open.key"\n', "open.key", "others can read"),
        ('[http]\nca = "test-ca.pem"\ncertificate = "client.pem"\nkey = "other.key"\n', ":3", "do not belong together"),
        ('[http]\nca = "test-ca.pem"\n[http.oauth]\ntoken_url = "http://h/t"\n', ":4", "plain http"),
        ('[http]\nca = "test-ca.pem"\n[http.oauth]\ntoken_url = "https://h/t"\n', "", "`client_id` is missing"),
        ("[sql]\n", ":1", "unknown key `sql`"),
        ("[http]\ncertificate = 5\n", "access.toml", "no authority"),
    ],
)
def test_a_bad_access_file_is_misconfigured_with_its_line(tmp_path: Path, access: str, line: str, message: str) -> None:
    authority = Authority(tmp_path)
    authority.issue("client")
    authority.issue("other")
    (tmp_path / "rubbish.pem").write_text("rubbish")
    (tmp_path / "open.key").write_bytes((tmp_path / "client.key").read_bytes())
    (tmp_path / "open.key").chmod(0o644)
    with pytest.raises(Misconfigured) as caught:
        open_web(tmp_path, "https://127.0.0.1:1", CLOCK, access)
    assert message in str(caught.value)
    assert line in caught.value.where


def test_an_access_file_that_others_can_read_is_refused(tmp_path: Path, url: str) -> None:
    open_web(tmp_path, url, CLOCK, "[http]\n").close()
    (tmp_path / "access.toml").chmod(0o640)
    from adapters.http.access import load_access

    with pytest.raises(Misconfigured, match="others can read"):
        load_access(tmp_path / "access.toml", url)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[http.persons]", "[http.person]", "unknown table `persons`"),
        ('item = "/v1/persons/{key}"', "", "how one record is fetched"),
        ('path = "/v1/persons"', 'path = "https://elsewhere/persons"', "is a path"),
        ('path = "/v1/persons"', 'path = "/v1/../persons"', "is a path"),
        ('paging = "cursor"', 'paging = "offset"', "offset"),
        ('next = "meta.next"', "", "needs `next`"),
        ('rows = "data"', 'rows = "data["', "not a JMESPath"),
        ('rows = "data"', 'rows = "data"\nsize = 0', "`size` is from"),
        ('rows = "data"', 'rows = "data"\nrow = "x"', "unknown key `row`"),
        (
            'kind = "nested"\npath = "papers"',
            'kind = "many"\ntable = "nations"\ncolumn = "a"\nto = "id"\nkey = "b"',
            "cannot be followed",
        ),
    ],
)
def test_a_bad_mapping_is_misconfigured_with_its_line(
    tmp_path: Path, url: str, old: str, new: str, message: str
) -> None:
    assert old in MAPPING
    with pytest.raises(Misconfigured) as caught:
        open_web(tmp_path, url, CLOCK, mapping=MAPPING.replace(old, new, 1))
    assert message in str(caught.value)
    assert "web.toml:" in caught.value.where


def test_a_mapping_without_places_is_misconfigured(tmp_path: Path, url: str) -> None:
    mapping = MAPPING.replace("[http.", "[files.")
    with pytest.raises(Misconfigured, match="web interface keeps"):
        open_web(tmp_path, url, CLOCK, mapping=mapping)


def test_parameters_replace_their_namesakes_and_links_are_read_as_rfc_8288_says() -> None:
    assert _with("http://h/p?a=1&page=2", ["page=3"]) == "http://h/p?a=1&page=3"
    assert _with("http://h/p", []) == "http://h/p"
    assert _link('<a>; rel="prev", <b>; title="x, y"; rel="last next"') == "b"
    assert _link('<a>; rel="nextfoo", <b>; title=next') == ""
    assert _link("") == ""
