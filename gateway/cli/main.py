"""Run a command: the group of commands, exit codes, and the display of errors.

Exit codes: 0 done or proved, 1 refused or contradicted, 2 usage, 3 not provable.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextvars import copy_context
from pathlib import Path
from typing import NoReturn

import click

from gateway import __version__
from gateway.cli.lazy import LazyGroup
from gateway.cli.output import print_json, show_error, show_unforeseen
from gateway.cli.speech import Speech, language_option
from gateway.cli.wrong_usage import show_usage, usage_problem
from gateway.errors import LiaisonError, Misconfigured

COMMANDS = {
    "demo": ("trial.demo", "three countries exchange records on this machine"),
    "init": ("node.init", "make a node's home: keys, settings, database"),
    "trust": ("trust", "the charter, descriptor and status"),
    "cert": ("cert", "keys and certificates: how long they last, renewed, replaced, without a restart"),
    "serve": ("node.serve", "run the node"),
    "reload": ("node.reload", "let the running node read its settings again"),
    "suspend": ("node.switches", "switch a source, agency, counterpart or everything off"),
    "resume": ("node.resume", "switch it on again"),
    "act": ("act", "acts that two persons sign: read, sign, carry out"),
    "ask": ("officer", "ask counterparts for a person, document, vehicle or container"),
    "search": ("officer", "look again at what was asked, with the answers that came late"),
    "onward": ("officer.onward", "may a record from abroad be passed on, be evidence, be acted upon"),
    "consent": ("officer", "counterparts ask to use our records onward: a human decides"),
    "office": ("office", "copies of alerts for an office that is cut off from its own node"),
    "passkey": ("passkey", "passkeys of people who decide: enrol, list, withdraw"),
    "followup": ("desk.steps", "ask the humans of another country for more about a hit"),
    "request": ("desk.steps", "ask the humans of another country without a hit: a question or a form"),
    "alert": ("alert", "raise and lift alerts, and answer those of other countries"),
    "report": ("report", "write reports on methods and routes, and find those of all countries"),
    "operation": ("operation", "operations of several countries: open, join, write, results, evidence"),
    "watch": ("watch", "be told when something comes to be known of a person or thing"),
    "withdraw": ("desk.ledger", "withdraw a record that was given: every holder hides and erases it"),
    "correct": ("desk.ledger", "correct a record that was given: every holder gets it anew"),
    "incident": ("incident", "tell all counterparts of a security incident, and acknowledge theirs"),
    "review": ("review", "reviews of colleagues' questions, and findings of the rules over the own log"),
    "freeze": ("freeze", "freeze the account of an officer, and free it again: two persons"),
    "misuse": ("misuse", "tokens for people whose identity is misused: not this person"),
    "desk": ("desk", "what waits for a human here, and who holds copies of our records"),
    "policy": ("policy", "check, explain and rehearse what leaves the country"),
    "adapter": ("adapter", "write, check and try the mapping of an agency's own system"),
    "match": ("match", "how names in six scripts are compared"),
    "index": ("index", "build and look at the key indexes of the sources"),
    "schema": ("schema", "the record types as JSON Schema"),
    "check": ("check", "read an identifier: passport zone, container, ship, national number, plate"),
    "source": ("source", "run an agency's source in its own building, with its own key"),
    "witness": ("witness", "cosign heads of logs, so that nobody can rewrite them"),
    "audit": ("audit", "show, verify and export the audit log"),
    "stats": ("audit.stats", "the figures of a month: for a meeting of two border offices, for a minister"),
    "backup": ("node.backup", "everything of a home but the keys of its content, in one sealed file"),
    "restore": ("node.backup", "a home from a backup, without what was erased since"),
    "upgrade": ("node.upgrade", "bring the home of an earlier version up to date, after a backup"),
    "doctor": ("node.doctor", "find what would stop an exchange, and the remedy"),
    "bench": ("trial.bench", "measure exchanges against a bare echo"),
}
"""Every subcommand with its module in `gateway.cli.commands` and its short help."""


_REFUSING = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""Errors of the system for a right path that may not or cannot be written or read."""

_DISK = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Tell of a disk that is full or failing: a write that meets one names no file."""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@language_option
@click.version_option(__version__, prog_name="liaison", message="%(prog)s %(version)s")
def liaison() -> None:
    """Liaison: ask other countries' agencies, and answer them, with proof on both sides.

    \b
    Examples:
      liaison demo                       # see three countries at work
      liaison init --member la --home la --authority la-authority
      liaison doctor --home la           # what is missing, and what to do
      liaison ask document --home la --as la.o.1042 --to vn --number C1234567 --issuer LAO \\
              --purpose BORDER_CHECK --offence DOCFRAUD --ticket T-1

    Times are told in the country's time with its zone, 2026-12-02 14:02:05 +07:00, and with --json in UTC (RFC 3339).
    TIME is one so written, one without a zone in the country's time, a day, month or year (its begin), an hour, now,
    today, yesterday, tomorrow, 36h or 7d. The country is that of the home or export; without one it is UTC.

    Exit codes: 0 done or proved, 1 refused or contradicted, 2 usage, 3 not provable.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. No error leaves it as a trace, and its zone of time ends with it."""
    return copy_context().run(_run, list(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    as_json, speech = "--json" in arguments, Speech()
    try:
        _check_text(arguments)
        code = liaison.main(arguments, prog_name="liaison", standalone_mode=False, obj=speech)
    except click.ClickException as error:
        show_usage(error, speech.language)
        if as_json:
            print_json({"error": usage_problem(error, speech)})
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except LiaisonError as error:
        show_error(error, speech, as_json=as_json)
        return _path_code(error.__cause__) if _named_file(error.__cause__, arguments) else error.exit_code
    except BrokenPipeError:
        # The reader went away; keep Python from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        remedy = "name another place, or mend its permissions"
        if not (file := _named_file(error, arguments)):
            if not (file := _refused_file(error)) and error.errno not in _DISK:
                show_unforeseen(error, as_json=as_json)
                return 1
            remedy = "use the account that it belongs to, or mend its permissions or its disk"
        refused = Misconfigured(
            "cannot be read or written: {problem}", code="bad-path", where=file, remedy=remedy, problem=error.strerror
        )
        show_error(refused, speech, as_json=as_json)
        return _path_code(error)
    except Exception as error:  # noqa: BLE001 - the last place where an error can be told in words
        show_unforeseen(error, as_json=as_json)
        return 1
    return code if isinstance(code, int) else 0


def _check_text(arguments: Sequence[str]) -> None:
    """Raise `UsageError` for an argument of bytes that are not UTF-8: no question and no name can be made of it."""
    for argument in arguments:
        if not argument.isprintable() and any("\udc80" <= sign <= "\udcff" for sign in argument):
            shown = argument.encode("utf-8", "backslashreplace").decode()
            raise click.UsageError(f"`{shown}` is not UTF-8: set the terminal to UTF-8 (LANG=C.UTF-8)")


def _path_code(error: BaseException | None) -> int:
    """Return 2 for a wrong path, 1 for a right path that the system refuses."""
    return 1 if isinstance(error, OSError) and error.errno in _REFUSING else 2


def _named_file(error: BaseException | None, arguments: Sequence[str]) -> str:
    """Return the file or folder of the command line that the system refused, itself or above it; or an empty text."""
    if not isinstance(error, OSError):
        return ""
    refused = {Path(name).absolute() for name in (error.filename, error.filename2) if isinstance(name, str | Path)}
    values = [value for argument in arguments for value in (argument, argument.partition("=")[2]) if value]
    places = {value: Path(value).absolute() for value in values}
    return next((value for value, place in places.items() if refused & {place, *place.parents}), "")


def _refused_file(error: OSError) -> str:
    """Return the file that may not or cannot be read or written, in a home or anywhere else; or an empty text."""
    named = error.errno in _REFUSING and isinstance(error.filename, str | os.PathLike)
    return os.fspath(error.filename) if named else ""


def main() -> NoReturn:
    """Run the `liaison` command."""
    sys.exit(run())
