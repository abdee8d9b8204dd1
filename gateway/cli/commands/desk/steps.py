"""`liaison followup` and what people do with asks: approve, decide, open, answer back, withdraw, tell an outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk, attach_option
from gateway.cli.inputs.documents import json_object
from gateway.cli.inputs.handed import handed, names, option_of, options_of
from gateway.cli.options import FILE, TEXT, Code, Word
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken, usage
from gateway.desk.forms.catalogue import forms, topics
from gateway.model.desk.notices import OutcomeReport, ReplyCode
from gateway.model.handed.asks import Decide, FollowUp, Question, Reasons
from gateway.model.handed.work import GiveReason, Mark, PassOn, Sign
from gateway.views.desk.steps import choice_lines, decided_lines, drafted_lines, package_lines, stands_lines

_ANSWERS = Word([code.value for code in ReplyCode if code is not ReplyCode.HIT])

reasons_options = options_of(Reasons)
REASON = options_of(GiveReason)
outcome_options = options_of(OutcomeReport)
_peer = click.option("--peer", default="", metavar="COUNTRY", help="Whose thread, where two countries use the id.")
_work = click.argument("work", metavar="WORK", type=TEXT)
_thread = click.argument("thread", metavar="THREAD", type=TEXT)


@click.command()
@at_the_desk
@options_of(FollowUp, leave=("fields",))
@click.option("--fields", default="", metavar="F,F", help="The fields that you need; by default all that may be given.")
@attach_option
@click.option("--idempotency-key", default="", help="The same key returns the first draft.")
@printed
def followup(bearer: Bearer, fields: str, files: tuple[Path, ...], idempotency_key: str, **given: Any) -> Output:
    """Ask the humans of another country for more about a hit: your supervisor approves it, and theirs decide.

    Nothing leaves before another person of your office has approved it: `liaison desk approve`. The answer stands in
    your list of work.

    \b
    Examples:
      liaison followup --home th --as th.o.1042 --search 5f0c… --from kh --hit 0 \\
              --facts "12 kg in the spare wheel" --fields names,birth --urgency FLASH --held-until 14:30
      liaison followup --home th --as th.o.1042 --search 5f0c… --from vn --facts "the passport is worn" \\
              --urgency URGENT --why-you "you issued it" --link "the holder asks to enter"
    """
    body = handed(given | {"about": "hit", "fields": names(fields)}) | bearer.attached(files)
    found = bearer.call("POST", "threads", body, key=idempotency_key)
    return Output(found, drafted_lines(found, spoken()))


@click.command()
@at_the_desk
@option_of(Question, "to")
@option_of(Question, "topic", type=Code(list(topics())))
@option_of(Question, "form", type=Code(list(forms())))
@click.option("--value", "values", multiple=True, metavar="FIELD=VALUE", help="A value of the form; may be repeated.")
@options_of(Question, leave=("to", "topic", "form", "values"))
@attach_option
@click.option("--idempotency-key", default="", help="The same key returns the first draft.")
@printed
def request(
    bearer: Bearer, form: str, values: tuple[str, ...], files: tuple[Path, ...], idempotency_key: str, **given: Any
) -> Output:
    """Ask the humans of another country without a hit: a question with a topic, or a form. Another person approves it.

    \b
    Examples:
      liaison request --home th --as th.o.1042 --to la --topic vehicle --facts "a grey truck at the bridge" \\
              --urgency URGENT --purpose INVESTIGATION --offence NARC --case TH-2026-17
      liaison request --home th --as th.n.2 --to vn --form FORM --value subject="สมชาย ใจดี" \\
              --facts "for the court" --urgency ROUTINE --purpose MLA_PREPARATION --offence TIP --case TH-2026-18
    """
    said = dict(_pair(value) for value in values)
    body = handed(given | {"about": "form" if form else "question"})
    body |= ({"form": form, "values": said} if form else {}) | bearer.attached(files)
    found = bearer.call("POST", "threads", body, key=idempotency_key)
    return Output(found, drafted_lines(found, spoken()))


@click.command()
@click.argument("work", metavar="[WORK]", default="")
@at_the_desk
@click.option("--search", default="", help="Without WORK: the search's id, as `liaison ask` shows it.")
@click.option("--from", "member", default="", metavar="COUNTRY", help="With --search: the country whose hit it is.")
@click.option("--hit", default=0, show_default=True, type=click.IntRange(0), help="Which hit of its line, from 0.")
@option_of(Mark, "verdict")
@option_of(Mark, "reason")
@printed
def confirm(bearer: Bearer, work: str, search: str, member: str, hit: int, **given: str) -> Output:
    """Say of a hit or an opened record whether it is the same person or thing; `liaison desk list` has the WORK.

    Of another one its owner is told, and must tell the two apart.

    \b
    Examples:
      liaison desk confirm confirm.kh.5f0c….0 --home th --as th.o.1042 --verdict SAME --reason "the national id"
      liaison desk confirm --home th --as th.o.1042 --search 5f0c… --from kh --verdict NOT_SAME \\
              --reason "the scar is missing"
    """
    if bool(work) == bool(search and member):
        raise usage("name the work, or the hit with --search and --from")
    path = f"work/{quote(work, safe='')}/confirm" if work else "threads/marks"
    found = bearer.call("POST", path, given if work else {"search": search, "from": member, "hit": hit, **given})
    return Output(found, [found["verdict"], *([found["thread"]] if found["thread"] else [])])


@click.command("pass-on")
@_work
@at_the_desk
@option_of(PassOn, "agency", option="to", metavar="AGENCY")
@option_of(PassOn, "reason")
@printed
def pass_on(bearer: Bearer, work: str, **given: str) -> Output:
    """Move work to another agency of ours, with its clock as it is; the other country is not told.

    \b
    Example:
      liaison desk pass-on decide.th.5f0c… --home vn --as vn.n.1 --to customs --reason "their seizure"
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/pass-on", given)
    return Output(found, stands_lines(found, spoken()))


@click.command()
@_work
@at_the_desk
@printed
def approve(bearer: Bearer, work: str) -> Output:
    """Approve what a colleague wants to send: it leaves. What you wrote yourself another person approves.

    \b
    Example:
      liaison desk approve approve.kh.5f0c… --home th --as th.s.3
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/approve")
    return Output(found, stands_lines(found, spoken()))


@click.command()
@_work
@at_the_desk
@REASON
@printed
def decline(bearer: Bearer, work: str, reason: str) -> Output:
    """Decline what a colleague wants to send: nothing leaves.

    \b
    Example:
      liaison desk decline approve.kh.5f0c… --home th --as th.s.3 --reason "no link to the case"
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/decline", {"reason": reason})
    return Output(found, stands_lines(found, spoken()))


@click.command()
@_work
@at_the_desk
@printed
def choice(bearer: Bearer, work: str) -> Output:
    """What you may release in answer to an ask about a hit: our record, field by field.

    \b
    Example:
      liaison desk choice decide.th.5f0c… --home vn --as vn.d.7
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/choice")
    return Output(found, choice_lines(found, spoken()))


@click.command()
@_work
@at_the_desk
@option_of(Decide, "answer", type=_ANSWERS)
@option_of(Decide, "reason")
@option_of(Decide, "fields", default=None, show_default=False, metavar="F,F")
@option_of(Decide, "code")
@option_of(Decide, "text")
@attach_option
@printed
def decide(bearer: Bearer, work: str, fields: str | None, files: tuple[Path, ...], **given: str) -> Output:
    """Decide on an ask of another country: release field by field, ask back, or refuse. You can only narrow.

    Where you have a passkey, or national policy demands one, decide in the console.

    \b
    Examples:
      liaison desk decide decide.th.5f0c… --home vn --as vn.d.7 --answer PARTLY --fields names,birth \\
              --reason "same person, same case"
      liaison desk decide decide.th.5f0c… --home vn --as vn.d.7 --answer CLARIFY --text "which crossing?" \\
              --reason "the facts name no place"

    Exit code 0 when the answer is on its way, 1 while it waits for a second person.
    """
    body: dict[str, Any] = {**given, **bearer.attached(files)}
    if fields is not None:
        body["fields"] = names(fields)
    found = bearer.call("POST", f"work/{quote(work, safe='')}/decide", body)
    return Output(found, decided_lines(found, spoken()), 0 if found["state"] == "sent" else 1)


@click.command()
@_work
@at_the_desk
@option_of(Sign, "reason")
@click.option("--assertion", type=FILE, help="What the browser returned for the challenge (JSON).")
@printed
def sign(bearer: Bearer, work: str, reason: str, assertion: Path | None) -> Output:
    """Decide as the second person on what a colleague has decided to release.

    \b
    Example:
      liaison desk sign decide.th.5f0c….second --home vn --as vn.d.8 --reason "seen, and right"

    Exit code 0 when the answer is on its way, 1 otherwise.
    """
    body: dict[str, Any] = {"reason": reason}
    if assertion is not None:
        body["assertion"] = json_object("--assertion", assertion)
    found = bearer.call("POST", f"work/{quote(work, safe='')}/sign", body)
    return Output(found, decided_lines(found, spoken()), 0 if found["state"] == "sent" else 1)


@click.command("open")
@_thread
@at_the_desk
@_peer
@printed
def open_answer(bearer: Bearer, thread: str, peer: str) -> Output:
    """Open the answer to an ask of yours, with its records; the other side learns that you have.

    \b
    Example:
      liaison desk open 5f0c… --home th --as th.o.1042
    """
    found = bearer.call("POST", f"threads/{quote(thread, safe='')}/open", **_of(peer))
    return Output(found, package_lines(found, spoken()))


@click.command()
@_thread
@at_the_desk
@_peer
@reasons_options
@attach_option
@printed
def clarify(bearer: Bearer, thread: str, peer: str, files: tuple[Path, ...], **given: Any) -> Output:
    """Answer when the other side asks back: say more, and their clock goes on.

    \b
    Example:
      liaison desk clarify 5f0c… --home th --as th.o.1042 --facts "crossing 3, at 14:02" --urgency FLASH
    """
    body = handed(given) | bearer.attached(files)
    found = bearer.call("POST", f"threads/{quote(thread, safe='')}/clarify", body, **_of(peer))
    return Output(found, stands_lines(found, spoken()))


@click.command()
@_thread
@at_the_desk
@_peer
@REASON
@printed
def withdraw(bearer: Bearer, thread: str, peer: str, reason: str) -> Output:
    """Withdraw an ask that is not answered yet, or a draft that is not approved yet.

    \b
    Example:
      liaison desk withdraw 5f0c… --home th --as th.o.1042 --reason "the person left"
    """
    found = bearer.call("POST", f"threads/{quote(thread, safe='')}/withdraw", {"reason": reason}, **_of(peer))
    return Output(found, stands_lines(found, spoken()))


@click.command()
@click.argument("thread", metavar="[THREAD or WORK]", default="")
@at_the_desk
@_peer
@click.option("--search", default="", help="Or the search with the hit, as `liaison ask` shows its id.")
@click.option("--from", "member", default="", metavar="COUNTRY", help="With --search: the country whose hit it is.")
@click.option("--hit", default=0, show_default=True, type=click.IntRange(0), help="Which hit of its line, from 0.")
@outcome_options
@printed
def outcome(bearer: Bearer, thread: str, peer: str, search: str, member: str, hit: int, **given: Any) -> Output:
    """Tell the other side what came of its answer, of its alert, or of a hit that nothing followed up.

    \b
    Examples:
      liaison desk outcome 5f0c… --home th --as th.o.1042 --outcome SEIZED --substance meth --grams 12000
      liaison desk outcome outcome.kh.77aa….5f0c….0.1 --home th --as th.o.1042 --outcome NO_ACTION
      liaison desk outcome --home th --as th.o.1042 --search 5f0c… --from kh --outcome ARRESTED --persons 1
    """
    if bool(thread) == bool(search and member):
        raise usage("name the thread or the work, or the hit with --search and --from")
    body = handed(given)
    path = f"{'work' if '.' in thread else 'threads'}/{quote(thread, safe='')}/outcome"
    if search:
        path, body = "threads/outcomes", body | {"search": search, "from": member, "hit": hit}
    found = bearer.call("POST", path, body, **_of(peer))
    return Output(found, stands_lines(found, spoken()))


@click.command("not-same")
@_thread
@at_the_desk
@_peer
@REASON
@printed
def not_same(bearer: Bearer, thread: str, peer: str, reason: str) -> Output:
    """Tell the other side that its answer is about another person or thing: it must tell them apart within 12 hours.

    \b
    Example:
      liaison desk not-same 5f0c… --home th --as th.o.1042 --reason "the scar is missing"
    """
    found = bearer.call("POST", f"threads/{quote(thread, safe='')}/not-same", {"reason": reason}, **_of(peer))
    return Output(found, stands_lines(found, spoken()))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise usage("--value is FIELD=VALUE")
    return name.strip(), value


def _of(peer: str) -> dict[str, str]:
    return {"peer": peer} if peer else {}
