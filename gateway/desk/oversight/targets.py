"""Make keys of what a question asks for: the same person or thing has a key in common, in any script.

A key is a hash under a key of the node: it stands in memory only, and says nothing by itself.
"""

from __future__ import annotations

import hashlib
import hmac

from gateway.errors import Malformed
from gateway.matching.identifiers import asked_number, vessel_numbers
from gateway.matching.normal import asked_name
from gateway.model.query import PersonQuery, Query, ReportQuery, VesselQuery

_BYTES = 16


def _vessel(query: VesselQuery) -> list[str]:
    names = asked_name(query.name).forms if query.name else ()
    read = dict.fromkeys(" ".join(sorted(form.sounds)) for form in names)
    try:
        numbers = [f"{asked.held_as}\n{asked.key}" for asked in vessel_numbers(query)]
    except Malformed:
        return []
    return [*numbers, *(f"vessel\n{sounds}" for sounds in read)]


def target_keys(key: bytes, query: Query) -> tuple[bytes, ...]:
    """Return the keys of what a question asks for; the first is its own, all are those by which it is found.

    Names have one for each way to read them, so that a change of script or of spelling makes no other person of them.
    """
    if isinstance(query, PersonQuery):
        read = (" ".join(sorted(form.sounds)) for name in query.names for form in asked_name(name.text).forms)
        found = [f"person\n{sounds}" for sounds in dict.fromkeys(read)]
    elif isinstance(query, VesselQuery):
        found = _vessel(query)
    elif isinstance(query, ReportQuery):  # reports are about no subject
        return ()
    else:
        try:
            asked = asked_number(query)
        except Malformed:
            return ()
        found = [f"{asked.held_as}\n{asked.key}"]
    return tuple(hmac.digest(key, text.encode(), hashlib.sha256)[:_BYTES] for text in found)
