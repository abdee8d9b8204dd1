"""Accounts, certificates and promises of a database source: from the access file, checked, and in no message."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from adapters.check.probe import probe
from adapters.sql import SqlSource
from adapters.sql.connection.access import KEYS, SqlAccess, read_sql_access
from adapters.sql.connection.connect import read_only_engine
from adapters.sql.connection.engines import KINDS as ENGINES
from adapters.sql.connection.engines import address_of, is_local
from gateway.app.resources import wall_limits
from gateway.clock import ManualClock
from gateway.config import SourceSettings
from gateway.errors import Misconfigured, Unavailable
from gateway.exchange.sources.bulkhead import WallLimits
from tests.support.databases import PASSWORD, READER, Server, make_certificates
from tests.support.shared import PROJECT
from tests.support.sql_agencies import DATABASE, KINDS, SqlAgency, sql_agency
from tests.support.tables import table
from tests.support.tls_front import tls_front

CLOCK = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
GUIDE = PROJECT / "docs" / "guides" / "databases.md"
REMOTE = "db.customs.example"


def soon() -> float:
    """A deadline three seconds from now."""
    return CLOCK.monotonic() + 3


@pytest.fixture(params=KINDS[1:])
def agency(request: pytest.FixtureRequest, tmp_path: Path) -> SqlAgency:
    made = sql_agency(request.param, tmp_path)
    if made.kind == "postgresql":
        made.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}")
    return made


def access_file(folder: Path, *lines: str, mode: int = 0o600) -> Path:
    path = folder / "access.toml"
    path.write_text("\n".join(("[sql]", *lines)))
    path.chmod(mode)
    return path


@pytest.fixture
def tcp(agency: SqlAgency) -> Iterator[str]:
    """The agency's address over TCP, as a host with a certificate."""
    server = agency.server
    assert isinstance(server, Server)
    if agency.kind == "mariadb":
        yield server.url(DATABASE, "localhost")
        return
    with tls_front(server.folder / "server.pem", server.folder / "server.key", server.port) as port:
        yield replace(server, port=port).url(DATABASE, "localhost")


# ---------------------------------------------------------------- account and TLS


def test_user_and_password_come_from_the_access_file_over_verified_tls(
    agency: SqlAgency, tcp: str, tmp_path: Path
) -> None:
    assert agency.server is not None
    access = access_file(tmp_path, f'user = "{READER}"', f'password = "{PASSWORD}"', f'ssl_ca = "{agency.server.ca}"')
    source = agency.open(CLOCK, url=tcp, access=access)
    assert source.fetch("1", "Person", soon()).key == "1"
    source.close()


def test_a_server_with_a_certificate_of_another_authority_is_not_asked(
    agency: SqlAgency, tcp: str, tmp_path: Path
) -> None:
    make_certificates(tmp_path)
    other = tmp_path / "ca.pem"
    access = access_file(tmp_path, f'user = "{READER}"', f'password = "{PASSWORD}"', f'ssl_ca = "{other.name}"')
    with pytest.raises(Unavailable) as caught:
        agency.open(CLOCK, url=tcp, access=access)
    assert "certificate" not in str(caught.value)


def test_a_server_without_tls_is_not_asked_where_tls_is_wanted(tmp_path: Path) -> None:
    agency = sql_agency("postgresql", tmp_path)
    assert agency.server is not None
    access = access_file(tmp_path, f'user = "{READER}"', f'password = "{PASSWORD}"', f'ssl_ca = "{agency.server.ca}"')
    with pytest.raises(Unavailable):
        agency.open(CLOCK, url=agency.server.url(DATABASE, "localhost"), access=access)


@table("host", [REMOTE, "192.0.2.7", "[2001:db8::1]", "localhost.example"])
def test_a_database_across_a_network_is_reached_over_verified_tls_only(host: str) -> None:
    for scheme in ("postgresql", "mysql", "mariadb"):
        kind, address = address_of(f"{scheme}://{host}/agency", SqlAccess())
        assert not is_local(address)
        made = kind.arguments(address, SqlAccess())
        if scheme == "postgresql":
            assert (made["sslmode"], made["sslrootcert"]) == ("verify-full", "system")
        else:
            assert made["ssl"].verify_mode is ssl.CERT_REQUIRED
            assert made["ssl"].check_hostname
    kind, address = address_of(f"mssql://{host}/agency?driver=D", SqlAccess(account_is_read_only=True))
    assert kind.arguments(address, SqlAccess())["TrustServerCertificate"] == "no"


@table(
    "url",
    [
        "postgresql:///agency",
        "postgresql://localhost/agency",
        "postgresql://127.0.0.1:5433/agency",
        "postgresql://[::1]/agency",
        "postgresql:///agency?host=/run/postgresql",
        "mariadb:///agency?unix_socket=/run/mysqld/mysqld.sock",
    ],
)
def test_sockets_and_loopback_need_no_certificate(url: str) -> None:
    kind, address = address_of(url, SqlAccess())
    assert is_local(address)
    assert not {"sslmode", "ssl"} & kind.arguments(address, SqlAccess()).keys()


def test_a_second_host_in_the_options_does_not_pass_as_local() -> None:
    assert not is_local(make_url(f"postgresql://localhost/agency?host={REMOTE}"))
    assert not is_local(make_url(f"postgresql:///agency?host=/run/postgresql&host={REMOTE}"))


# ---------------------------------------------------------------- what is refused


@table(
    ("url", "advice"),
    [
        ("postgresql:///a?options=-c%20default_transaction_read_only%3Doff", "only host, port"),
        ("postgresql://db.example/a?sslmode=disable", "access file"),
        ("mariadb://db.example/a?ssl_verify_cert=false", "access file"),
        ("mariadb://localhost/a?local_infile=1", "only unix_socket"),
        ("mysql://localhost/a?init_command=DROP", "only unix_socket"),
        ("sqlite:////tmp/a.sqlite?mode=rwc", "leave it away"),
        ("postgresql+asyncpg://localhost/a", "postgresql+psycopg"),
        ("mysql+mysqlconnector://localhost/a", "mysql+pymysql"),
        ("sqlite+pysqlcipher:///a", "sqlite"),
        ("postgres://localhost/a", "did you mean `postgresql`?"),
    ],
)
def test_an_option_that_could_undo_the_protection_is_refused(url: str, advice: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read_only_engine(url)
    assert advice in caught.value.remedy


@pytest.mark.parametrize("scheme", ["mssql", "oracle"])
def test_where_no_session_can_be_kept_from_writing_the_account_must_be_promised(scheme: str, tmp_path: Path) -> None:
    agency = sql_agency("sqlite", tmp_path)
    url = f"{scheme}://u:hush@localhost/agency" + ("?driver=D" if scheme == "mssql" else "")
    with pytest.raises(Misconfigured) as caught:
        agency.open(CLOCK, url=url)
    assert "account_is_read_only = true" in caught.value.remedy
    access = access_file(tmp_path, "account_is_read_only = true")
    # The promise is given; what is missing now is the driver, which is not installed here.
    with pytest.raises((Misconfigured, Unavailable)) as refused:
        agency.open(CLOCK, url=url, access=access)
    assert "hush" not in str(refused.value)
    if isinstance(refused.value, Misconfigured):
        assert ENGINES[scheme].package.name in refused.value.remedy


PROMISED = SqlAccess(account_is_read_only=True)
DRIVERS = {
    "postgresql://db.example/a": ("psycopg", "pip install 'liaison-gateway[postgresql]' (its extra brings psycopg"),
    "mariadb://db.example/a": ("pymysql", "pip install 'liaison-gateway[mariadb]' (its extra brings pymysql)"),
    "mssql://db.example/a?driver=D": ("pyodbc", "pip install 'pyodbc'; it also needs unixODBC"),
    "oracle://db.example/?service_name=A": ("oracledb", "pip install 'oracledb'"),
}


@table(("url", "module", "remedy"), [(url, *said) for url, said in DRIVERS.items()], ids=DRIVERS)
def test_a_driver_that_is_missing_is_named_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, remedy: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Misconfigured) as caught:
        read_only_engine(url, PROMISED)
    assert caught.value.message.endswith("is not installed")
    assert caught.value.remedy.startswith(remedy)


def test_a_driver_that_lacks_a_library_of_the_system_is_not_told_to_be_installed_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyodbc.py").write_text("raise ImportError('libodbc.so.2: cannot open shared object file')")
    monkeypatch.delitem(sys.modules, "pyodbc", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Misconfigured) as caught:
        read_only_engine("mssql://db.example/a?driver=D", PROMISED)
    assert caught.value.message == "the driver of mssql cannot be loaded"
    assert "unixODBC" in caught.value.remedy


def test_an_address_of_sql_server_names_its_odbc_driver() -> None:
    with pytest.raises(Misconfigured) as caught:
        address_of("mssql://db.example/a", PROMISED)
    assert caught.value.remedy == "add ?driver=ODBC+Driver+18+for+SQL+Server"


def test_a_source_says_who_keeps_it_from_writing(tmp_path: Path) -> None:
    rows = sql_agency("sqlite", tmp_path).rows(CLOCK)
    assert isinstance(rows, SqlSource)
    assert rows.guard == "session"


@table(
    ("lines", "line", "advice"),
    [
        (['user = "a"', 'pasword = "b"'], 3, "did you mean `password`?"),
        (['ssl_ca = "missing.pem"'], 2, "missing.pem"),
        (['ssl_cert = "access.toml"'], 2, ""),
        (["account_is_read_only = 1"], 2, ""),
        (["[http]", 'user = "a"'], 2, "did you mean"),
        (['password = "quietly'], 2, ""),
    ],
)
def test_a_wrong_access_file_is_named_with_its_line_and_without_its_secrets(
    tmp_path: Path, lines: list[str], line: int, advice: str
) -> None:
    path = access_file(tmp_path, *lines)
    with pytest.raises(Misconfigured) as caught:
        read_sql_access(path)
    assert caught.value.where == f"{path}:{line}"
    assert advice in caught.value.remedy or "one of" in caught.value.remedy
    assert "quietly" not in str(caught.value)


def test_an_access_file_that_an_editor_of_windows_saved_is_read(tmp_path: Path) -> None:
    path = access_file(tmp_path, 'user = "a"')
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_sql_access(path).user == "a"


@table("mode", [0o644, 0o640, 0o604, 0o660])
def test_an_access_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = access_file(tmp_path, 'password = "x"', mode=mode)
    with pytest.raises(Misconfigured) as caught:
        read_sql_access(path)
    assert caught.value.code == "access-readable"
    assert caught.value.remedy == f"chmod 600 {path}"


def test_an_access_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        read_sql_access(tmp_path / "none.toml")
    assert caught.value.code == "no-access-file"


def test_a_password_twice_is_refused_and_shown_nowhere(tmp_path: Path) -> None:
    access = SqlAccess(user="a", password="quiet")
    assert "quiet" not in repr(access)
    with pytest.raises(Misconfigured) as caught:
        address_of("postgresql://b:loud@localhost/a", access)
    assert "loud" not in str(caught.value)
    assert "quiet" not in repr(read_only_engine("postgresql://localhost/a", access))


# ---------------------------------------------------------------- the guide


def test_the_guide_explains_every_key_and_every_kind_of_database() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    wanted: list[Any] = [*(f"`{key}`" for key in KEYS), *(f"{name}://" for name in ENGINES)]
    wanted += [kind.package.name for kind in ENGINES.values()]
    assert [word for word in wanted if word not in text] == []


# ---------------------------------------------------------------- looked at by doctor


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_can_be_probed_without_building_its_index(kind: str, tmp_path: Path) -> None:
    agency = sql_agency(kind, tmp_path)
    assert probe(agency.place(CLOCK)).is_promised is False
    assert not (tmp_path / "index").exists()
    agency.execute("DROP TABLE cars")
    with pytest.raises(Misconfigured, match="unknown table `cars`"):
        probe(agency.place(CLOCK))


def test_a_source_gets_the_limits_of_its_settings() -> None:
    source = SourceSettings("th.police.x", "police", "m.toml", "sqlite:///x", rate_per_s=5, timeout_ms=1500)
    assert wall_limits(source) == WallLimits(rate_per_s=5, timeout_s=1.5)
    assert wall_limits(replace(source, rate_per_s=0, timeout_ms=0)) == WallLimits()
