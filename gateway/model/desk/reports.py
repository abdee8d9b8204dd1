"""Hold a report on methods and routes as its notice brings it."""

from __future__ import annotations

import msgspec


class Report(msgspec.Struct, frozen=True):
    """A report on methods and routes: a record of the type `ModusOperandiReport` (SD-JWT), without anybody in it.

    `until_us` is until when the recipient may keep it; `lang` the language of its texts (BCP 47).
    """

    record: str
    until_us: int
    lang: str
