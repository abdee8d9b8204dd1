"""Load by import all that a node loads or computes once when it starts."""

from __future__ import annotations

import importlib

from gateway.matching.normal import read_tables
from gateway.model.names import member_id
from gateway.records.types import RECORD_TYPES
from policy.engine.engine import PolicyEngine
from tests.support.shared import PROJECT

for _name in (
    "gateway.cli.commands.node.serve",
    "gateway.app.run.serve",
    "gateway.storage.database.migrate",
    "_strptime",
    "adapters.sql",
    "anyascii._data",
    "alembic.command",
    "encodings.idna",
    "grpc._utilities",
    "pydantic.v1",
    "sqlalchemy.dialects.sqlite",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.h11_impl",
):
    importlib.import_module(_name)
for _member in ("th", "vn", "kh"):
    PolicyEngine.load(PROJECT / "policy" / "national" / _member, member_id(_member))
for _type in RECORD_TYPES.values():
    assert _type.by_name
read_tables()
