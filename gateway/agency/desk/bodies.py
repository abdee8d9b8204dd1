"""The bodies of calls of the desk: typed and closed (an unknown member is refused)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gateway.agency import patterns

MAX_REASON = 500


class Closed(BaseModel):
    """A body that takes no member which it does not name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Person = Annotated[str, Field(min_length=1, max_length=64, json_schema_extra=patterns.IDENTIFIER)]
Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON, json_schema_extra=patterns.TEXT)]
ReasonOrNone = Annotated[str, Field(max_length=MAX_REASON, json_schema_extra=patterns.TEXT_OR_NONE)]


class AssignBody(Closed):
    """Who is to do the work, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"person": "vn.d.8", "reason": "end of my shift"}]})

    person: Person
    reason: ReasonOrNone = ""
