"""`liaison trust`: the charter, and the member's own descriptor and status."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import click

from gateway.cli.output import home_option, json_option, print_json, say
from gateway.config import argument
from gateway.ops.homes.persons import admit_person, make_person_key
from gateway.trust.documents.descriptor import PERSONS, KeyUse

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_CARD = click.Path(exists=True, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
_NO_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What the system says of a path that is wrong; a right one on a disk that fails is no wrong usage."""


@click.group()
def trust() -> None:
    """Who the members are, what they say about themselves, and that it is fresh.

    \b
    Founding a federation of three, with two signatures needed:
      liaison trust draft --federation gms --threshold 2 --out charter.json th-authority vn-authority kh-authority
      liaison trust sign charter.json --authority th-authority        # each authority, in its own folder
      liaison trust accept charter.json --home th --fingerprint F     # each node, the first time by fingerprint
      liaison trust publish --home th --authority th-authority --out th.jsonl
      liaison trust accept th.jsonl --home vn                         # each node, the others' documents
    """


@trust.command()
@click.argument("cards", nargs=-1, type=_CARD)
@click.option("--federation", default="", help="Its id; the first time only.")
@click.option("--threshold", required=True, type=click.IntRange(1), help="Authorities that must sign.")
@click.option("--previous", type=_FILE, help="The charter that this one follows.")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 366), help="Days that it is valid.")
@click.option("--out", required=True, type=_OUT, help="Where the unsigned charter goes.")
@json_option
def draft(
    cards: tuple[Path, ...],
    federation: str,
    threshold: int,
    previous: Path | None,
    days: int,
    out: Path,
    as_json: bool,
) -> int:
    """Draft a charter from CARDS: authority folders, or the `member.json` that members hand in.

    \b
    Examples:
      liaison trust draft --federation gms --threshold 2 --out charter.json th-authority vn-authority kh-authority
      liaison trust draft --previous charter.jsonl --threshold 2 --out charter-2.json la-authority/member.json
    """
    from gateway.clock import SystemClock
    from gateway.ops.homes.documents import CARD, CHARTER, read_document, read_documents
    from gateway.trust.ceremony.ceremony import draft as draft_charter
    from gateway.trust.ceremony.member_card import CARD_FILE, read_card

    if not cards and previous is None:
        raise click.UsageError("name the members' cards")
    if not federation and previous is None:
        raise click.UsageError("a first charter needs --federation")
    before = read_documents(previous, CHARTER)[-1] if previous else b""
    found = []
    for card in cards:
        if (place := card / CARD_FILE if card.is_dir() else card).exists():
            read_document(place, CARD)
        found.append(read_card(card))
    data = draft_charter(found, federation, threshold, SystemClock(), days=days, previous=before)
    _write(out, data)
    return _told(data, out, as_json, "each authority signs it: liaison trust sign " + argument(out))


@trust.command()
@click.argument("document", type=_FILE)
@click.option("--authority", required=True, type=_FOLDER, help="The folder with authority.key.")
@click.option("--out", type=_OUT, help="By default the signature is added to DOCUMENT itself.")
@json_option
def sign(document: Path, authority: Path, out: Path | None, as_json: bool) -> int:
    """Add an authority's signature to a charter or descriptor. Compare the fingerprint by voice first.

    \b
    Example:
      liaison trust sign charter.json --authority th-authority
    """
    from gateway.ops.homes.documents import TRUST, naming, read_document
    from gateway.trust.ceremony.ceremony import sign as sign_document

    with naming(document):
        data = sign_document(read_document(document, TRUST).strip(), authority)
    _write(out or document, data)
    return _told(data, out or document, as_json, "")


@trust.command()
@click.argument("documents", nargs=-1, required=True, type=_FILE)
@home_option
@click.option("--fingerprint", help="Of the first charter; get it from the authorities by voice or in person.")
@json_option
def accept(documents: tuple[Path, ...], home: Path, fingerprint: str | None, as_json: bool) -> int:
    """Take charters, descriptors and statuses into a home; older and contradicting ones are refused.

    \b
    Examples:
      liaison trust accept charter.json --home th --fingerprint 3f2a…
      liaison trust accept vn.jsonl kh.jsonl --home th
    """
    from dataclasses import asdict

    from gateway.clock import SystemClock
    from gateway.config import Home, load_settings
    from gateway.ops.homes.documents import TRUST, naming, read_documents
    from gateway.trust.ceremony.ceremony import import_document

    folder = Home(load_settings(home).home).trust
    clock = SystemClock()
    given = [(file, line) for file in documents for line in read_documents(file, TRUST)]
    taken = []
    for file, line in given:
        with naming(file):
            taken += import_document(folder, line, clock, fingerprint)
    if as_json:
        print_json({"accepted": [asdict(item) for item in taken]})
        return 0
    for item in taken:
        of = f" of {item.member}" if item.member else ""
        say(f"{item.kind}{of}, version {item.version}: {'accepted' if item.changed else 'held already'}", "good")
    return 0


@trust.command()
@click.argument("file", required=False, type=_FILE)
@click.option("--home", type=_FOLDER, envvar="LIAISON_HOME", help="Show what this home holds.")
@json_option
def show(file: Path | None, home: Path | None, as_json: bool) -> int:
    """Show a charter file, or all that a home holds.

    \b
    Examples:
      liaison trust show --home th
      liaison trust show charter.json
    """
    from gateway.ops.homes.documents import CHARTER, naming, read_documents
    from gateway.ops.homes.trust_state import charter_lines, describe_charter, describe_home, home_lines

    if (file is None) == (home is None):
        raise click.UsageError("give either a file or --home")
    if file is not None:
        with naming(file):
            about = describe_charter(read_documents(file, CHARTER)[-1])
        lines = charter_lines(about)
    else:
        assert home is not None
        about = describe_home(home)
        lines = home_lines(about)
    if as_json:
        print_json(about)
    else:
        for line in lines:
            say(line)
    return 0


@trust.command()
@click.argument("file", type=_FILE)
@click.option("--fingerprint", help="Of the first charter in the file.")
@json_option
def verify(file: Path, fingerprint: str | None, as_json: bool) -> int:
    """Verify a charter with all its versions, one a line. Exit code 3 when nothing vouches for the first one.

    \b
    Example:
      liaison trust verify charter.jsonl --fingerprint 3f2a…
    """
    from gateway.clock import SystemClock
    from gateway.ops.homes.documents import CHARTER, naming, read_documents
    from gateway.ops.homes.trust_state import describe_charter
    from gateway.trust.documents.charter import verify_charter_chain

    versions = read_documents(file, CHARTER)
    with naming(file):
        charter = verify_charter_chain(versions, SystemClock().now(), fingerprint)
    if as_json:
        print_json(describe_charter(charter.data) | {"verified": True, "fingerprint_given": bool(fingerprint)})
    else:
        say(f"version {charter.version} of `{charter.federation}` verifies over {len(versions)} version(s)", "good")
        if not fingerprint:
            say("nothing vouches for the first version: give its --fingerprint", "warn")
    return 0 if fingerprint else 3


@trust.command()
@home_option
@click.option("--authority", type=_FOLDER, help="The folder with authority.key; without it only the status is renewed.")
@click.option("--endpoint", "endpoints", multiple=True, help="host:port that counterparts call; repeatable.")
@click.option("--office", "offices", multiple=True, help="An office of this member; repeatable.")
@click.option("--agency", "agencies", multiple=True, help="An agency of this member; repeatable.")
@click.option("--out", type=_OUT, help="A file for the documents, to be handed to the others.")
@json_option
def publish(
    home: Path,
    authority: Path | None,
    endpoints: tuple[str, ...],
    offices: tuple[str, ...],
    agencies: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> int:
    """Make and sign the member's own descriptor (with --authority) and status; both are accepted at home.

    \b
    Examples:
      liaison trust publish --home th --authority th-authority --out th.jsonl
      liaison trust publish --home th --out th.jsonl        # the status alone
    """
    from gateway.ops.homes.trust_state import publish as publish_documents
    from gateway.ops.homes.trust_state import tell_published

    about, data = publish_documents(home, authority, endpoints, offices, agencies)
    if out is not None:
        _write(out, data)
    if as_json:
        print_json(about | {"out": str(out) if out else ""})
    else:
        for line in tell_published(about, str(out) if out else ""):
            say(line)
    return 0


def _told(data: bytes, out: Path, as_json: bool, following: str) -> int:
    from gateway.ops.homes.trust_state import charter_lines, describe_charter
    from gateway.trust.ceremony.ceremony import kind_of

    if kind_of(data) != "charter":
        about: dict[str, Any] = {"kind": kind_of(data), "out": str(out)}
        lines = [f"signed: {out}"]
    else:
        about = describe_charter(data) | {"out": str(out)}
        lines = [*charter_lines(about), f"written to {out}", *([following] if following else [])]
    if as_json:
        print_json(about)
    else:
        for line in lines:
            say(line)
    return 0


def _write(file: Path, data: bytes) -> None:
    from certs.durable import replace
    from gateway.errors import StorageBroken

    try:
        replace(file, data.rstrip(b"\n") + b"\n")
    except (StorageBroken, OSError) as error:
        cause = error.__cause__ if isinstance(error, StorageBroken) else error
        if isinstance(cause, OSError) and cause.errno in _NO_PLACE:
            raise click.UsageError(f"`{file}` cannot be written: {cause.strerror}") from error
        raise


_USE = click.option(
    "--use", required=True, type=click.Choice([use.value for use in PERSONS]), help="What the person may sign."
)


@trust.command()
@_USE
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where the keys go.")
@click.option("--name", required=True, help="The person's id.")
@json_option
def person(use: str, out: Path, name: str, as_json: bool) -> int:
    """Make the key of a person: an administrator, data officer or approver. The key stays with that person alone.

    \b
    Example:
      liaison trust person --use administrator --out keys --name th.adm.7
    """
    made = make_person_key(out, name)
    if as_json:
        print_json(made)
        return 0
    public = argument(Path(made["public"]))
    say(f"key, for that person alone: {made['key']}", "good")
    say(f"public key: {made['public']}; bring it into the home: liaison trust admit {public} --use {use} --home …")
    return 0


@trust.command()
@click.argument("public", type=_FILE)
@_USE
@home_option
@json_option
def admit(public: Path, use: str, home: Path, as_json: bool) -> int:
    """Bring a person's public key into a home; the descriptor that the authority signs next lists it.

    \b
    Example:
      liaison trust admit keys/th.adm.7.pub --use administrator --home th
    """
    target = admit_person(home, public, KeyUse(use))
    if as_json:
        print_json({"public": str(target)})
    else:
        say(f"{target}", "good")
        say("  now publish the descriptor: liaison trust publish --home … --authority …")
    return 0
