"""The rows of files that are written with a notice: of ours that an officer brought, and of theirs that are fetched."""

from __future__ import annotations

import os

from msgspec.structs import replace

from gateway.errors import Unknown
from gateway.model.desk.attachments import FileState
from gateway.model.desk.notices import Notice
from gateway.model.names import new_exchange_id
from gateway.ports.files.held import FileRows, HeldFile

KEY_BYTES = 32


def given_files(rows: FileRows, notice: Notice, now_us: int) -> tuple[HeldFile, ...]:
    """Return the rows of the files that a notice of ours names. Raises `Unknown` for one that is not kept any more."""
    head = notice.head
    found = []
    for about in head.attachments:
        brought = rows.brought(about.root)
        if brought is None or brought.about.size != about.size:
            raise Unknown(
                "the file `{name}` is not kept any more",
                code="no-such-file",
                where="attachments",
                remedy="bring it again: `liaison desk attach`",
                name=about.name,
            )
        found.append(
            replace(
                brought,
                peer=head.recipient,
                notice_id=head.notice_id,
                thread_id=head.thread_id,
                about=about,
                time_us=now_us,
            )
        )
    return tuple(found)


def taken_files(notice: Notice, now_us: int) -> tuple[HeldFile, ...]:
    """Return the rows of the files that a notice of the counterpart names: each is to be fetched, under a new key."""
    head = notice.head
    return tuple(
        HeldFile(
            head.sender,
            head.notice_id,
            head.thread_id,
            about,
            ours=False,
            state=FileState.WAITING,
            file=new_exchange_id(),
            key=os.urandom(KEY_BYTES),
            time_us=now_us,
            due_us=now_us,
        )
        for about in head.attachments
    )
