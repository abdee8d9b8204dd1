"""Hold the commands of humans to the second step."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec.structs import replace

from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import ReplyCode, Urgency
from gateway.model.marking import SubjectCategory
from gateway.model.names import ExchangeId
from gateway.model.purpose import Offence, Purpose


class Reasons(msgspec.Struct, frozen=True, kw_only=True):
    """The reasons for the human who decides: facts, why the other side should hold it, the link between the
    person and the purpose, and why it is so urgent. `held_until_us` says until when a person is held, 0 for none."""

    facts: str
    urgency: Urgency
    why_you: str = ""
    link: str = ""
    urgency_reason: str = ""
    category: SubjectCategory = SubjectCategory.UNKNOWN
    held_until_us: int = 0
    attachments: tuple[Attachment, ...] = ()


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """A follow-up to hit number `hit` of counterpart `peer` in a search of the officer.

    `fields` are those wanted, empty for all that may be given. What is empty or None is as the search had it.
    """

    search_id: str
    peer: str
    hit: int
    reasons: Reasons
    fields: tuple[str, ...] = ()
    purpose: Purpose | None = None
    offence: Offence | None = None
    case: str = ""
    agreement: str = ""
    to_office: str = ""


class FollowWatch(msgspec.Struct, frozen=True, kw_only=True):
    """A follow-up to hit number `hit` of the notice `notice_id` in the thread `watch` with counterpart `peer`.

    Purpose, case and agreement are those of the watch.
    """

    peer: str
    watch: ExchangeId
    notice_id: ExchangeId
    hit: int
    reasons: Reasons
    fields: tuple[str, ...] = ()
    to_office: str = ""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A request without a hit: a coded topic, in a case of the asker's.

    `form` is the id of a form, with its `values` by field; then `topic` is empty.
    """

    peer: str
    reasons: Reasons
    purpose: Purpose
    offence: Offence
    topic: str = ""
    form: str = ""
    values: tuple[tuple[str, str], ...] = ()
    case: str = ""
    ticket: str = ""
    agreement: str = ""
    to_office: str = ""


_Command = TypeVar("_Command", FollowUp, FollowWatch, Question)


def with_files(command: _Command, files: tuple[Attachment, ...]) -> _Command:
    """Return a command whose ask names these files."""
    return replace(command, reasons=replace(command.reasons, attachments=files)) if files else command


class Decide(msgspec.Struct, frozen=True, kw_only=True):
    """A human's decision on an ask.

    `reason` is why the human decided so, for our own log; `code` and `text` are told to the asker. `fields` narrows
    what is released; None: all that policy allows a human, of what was wanted. `challenge`: the caller can have a
    passkey sign, and gets the challenge where the person has one.
    """

    work: str
    answer: ReplyCode
    reason: str
    fields: tuple[str, ...] | None = None
    code: str = ""
    text: str = ""
    challenge: bool = False
    attachments: tuple[Attachment, ...] = ()
