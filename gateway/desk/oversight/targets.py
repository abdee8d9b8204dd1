"""Make keys of what a question asks for: the same person or thing has a key in common, in any script.

A key is a hash under a key of the node: it is in memory only, and says nothing by itself.
"""

from __future__ import annotations

import hashlib
import hmac

from gateway.matching.identifiers import numbers_in
from gateway.matching.normal import asked_name
from gateway.model.query import Query

_BYTES = 16


def target_keys(key: bytes, query: Query) -> tuple[bytes, ...]:
    """Return the keys of what a question asks for; the first is its own, all are those by which it is found.

    Names have one for each way to read them, so that a change of script or of spelling makes no other person of them.
    """
    names = query.named.names if query.named is not None else ()
    read = (" ".join(sorted(form.sounds)) for name in names for form in asked_name(name.text).forms)
    numbers = (f"{asked.held_as}\n{asked.key}" for asked in numbers_in(query))
    found = (*numbers, *(f"{query.kind}\n{sounds}" for sounds in dict.fromkeys(read)))
    return tuple(hmac.digest(key, text.encode(), hashlib.sha256)[:_BYTES] for text in found)
