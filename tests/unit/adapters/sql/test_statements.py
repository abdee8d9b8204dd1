"""Statements as each kind of database would get them, those that no test has a server for among them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql, sqlite
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc
from sqlalchemy.dialects.oracle.oracledb import OracleDialect_oracledb
from sqlalchemy.engine import Dialect

from adapters.sql.tables import Statement, Wanted
from tests.support.tables import table

# What SQLAlchemy leaves without annotations.
_MAKERS: dict[str, Callable[..., Dialect]] = {
    "sqlite": sqlite.dialect,
    "postgresql": postgresql.dialect,
    "mysql": mysql.dialect,
    "mssql": mssql.dialect,
    "oracle": oracle.dialect,
}
_PYODBC: Callable[..., Dialect] = MSDialect_pyodbc
_ORACLEDB: Callable[..., Dialect] = OracleDialect_oracledb
DIALECTS = {name: make() for name, make in _MAKERS.items()}
HOSTILE = "x' OR 1=1; DROP TABLE t; --"
WANTED = {
    "one": Wanted(("", "t"), ("a", "b"), "a", 1, limit=5),
    "some": Wanted(("s", "t"), ("a",), "b", 8, order="a", newest=True, limit=256),
    "page": Wanted(("", "t"), ("a",), "a", 1, compare=">", order="a", limit=2000),
    "all": Wanted(("", "t"), ("a", "select")),
}


@table("dialect", DIALECTS.values(), ids=DIALECTS)
@table("wanted", WANTED.values(), ids=WANTED)
def test_a_statement_selects_and_carries_its_values_apart(dialect: Dialect, wanted: Wanted) -> None:
    statement = Statement(dialect, wanted)
    keys = [HOSTILE] * wanted.many
    parameters = statement.parameters(keys)
    given_values = list(parameters.values()) if isinstance(parameters, dict) else list(parameters)
    assert statement.sql.startswith("SELECT ")
    assert HOSTILE not in statement.sql
    assert given_values.count(HOSTILE) == wanted.many
    assert ";" not in statement.sql
    if wanted.limit:
        assert str(wanted.limit) in statement.sql or wanted.limit in given_values


DRIVEN = {
    # As the engine makes them: with the style of parameters of the driver.
    "mssql": (
        _PYODBC(paramstyle="qmark"),
        "SELECT TOP 256 s.[order].[pp no], s.[order].[r]]y], s.[order].[a?b] FROM s.[order] "
        "WHERE s.[order].[select] IN (?, ?) ORDER BY s.[order].[pp no] DESC",
        ("x", "y"),
    ),
    "oracle": (
        _ORACLEDB(paramstyle="named"),
        'SELECT s."order"."pp no", s."order"."r]y", s."order"."a?b" FROM s."order" '
        'WHERE s."order"."select" IN (:k0, :k1) ORDER BY s."order"."pp no" DESC FETCH FIRST 256 ROWS ONLY',
        {"k0": "x", "k1": "y"},
    ),
}


@pytest.mark.parametrize(("dialect", "sql", "parameters"), DRIVEN.values(), ids=DRIVEN)
def test_what_sql_server_and_oracle_get(dialect: Dialect, sql: str, parameters: object) -> None:
    """No test has a server of these kinds: names, limits and parameters are held to what their manuals say."""
    wanted = Wanted(("s", "order"), ("pp no", "r]y", "a?b"), "select", 2, order="pp no", newest=True, limit=256)
    statement = Statement(dialect, wanted)
    assert " ".join(statement.sql.split()) == sql
    assert statement.parameters(["x", "y"]) == parameters


@example(name="_")
@given(name=st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20))
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_name_is_quoted_so_that_it_ends_where_it_ends(dialect: Dialect, name: str) -> None:
    statement = Statement(dialect, Wanted(("", name), (name,), name, 1))
    preparer = dialect.identifier_preparer
    quoted = preparer.quote(name)
    assert statement.sql.count(quoted) >= 3
    if quoted != name:
        assert preparer.final_quote not in quoted[1:-1].replace(preparer.final_quote * 2, "")
    else:
        assert all(sign.isalnum() or sign in "_$" for sign in name)
