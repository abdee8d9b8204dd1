"""`liaison trust`: draft, sign, verify, show, accept and publish the documents of trust."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.members import known_members
from gateway.cli.options import FILE, FOLDER, NEW_FILE, TEXT, given, home_option
from gateway.cli.output import Output, printed
from gateway.config import Home, argument, load_settings
from gateway.ops.homes.documents import write_document
from gateway.ops.trust.files import (
    Wishes,
    accept_documents,
    draft_charter,
    show_charter,
    sign_document,
    verify_charter,
)
from gateway.ops.trust.state import addressable_of, contacts_of
from gateway.ops.trust.state import publish as publish_documents
from gateway.views.lines import Line
from gateway.views.lines.trust import accepted_lines, charter_lines, published_lines, signed_lines
from gateway.views.members.lines import members_lines

_F = TypeVar("_F", bound=Callable[..., Any])
_CARD = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("documents", nargs=-1, required=True, type=FILE)
@home_option
@click.option("--fingerprint", help="Of the first charter; get it from the authorities by voice or in person.")
@printed
def accept(documents: tuple[Path, ...], home: Path, fingerprint: str | None) -> Output:
    """Take charters, descriptors and statuses into a home; older and contradicting ones are refused.

    \b
    Examples:
      liaison trust accept charter.json --home th --fingerprint 3f2a…
      liaison trust accept vn.jsonl kh.jsonl --home th
    """
    taken = accept_documents(Home(load_settings(home).home).trust, documents, fingerprint)
    return Output({"accepted": [asdict(item) for item in taken]}, accepted_lines(taken))


def _member_option(name: str, told: str) -> Callable[[_F], _F]:
    return click.option(name, multiple=True, metavar="MEMBER", type=TEXT, help=told)


@click.command()
@click.argument("cards", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--federation", default="", help="Its id; the first time only.")
@click.option("--threshold", default=0, type=click.IntRange(0), help="Authorities that must sign; default: as before.")
@click.option("--previous", type=FILE, help="The charter that this one follows.")
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="Follow the newest charter that this home holds.")
@click.option("--add", multiple=True, metavar="CARD", type=_CARD, help="A new member, or one that comes back.")
@_member_option("--suspend", "Exchange with it ends; its documents and evidence stay.")
@_member_option("--reinstate", "End its suspension.")
@_member_option("--remove", "It leaves the federation; what it signed can still be verified.")
@click.option("--authority-key", "keys", multiple=True, metavar="MEMBER=CARD", help="The new key of its authority.")
@click.option(
    "--drop-authority-key", "drop", multiple=True, metavar="MEMBER=KEYID", help="An old key of its authority."
)
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 366), help="Days that it is valid.")
@click.option("--out", required=True, type=NEW_FILE, help="Where the unsigned charter goes.")
@printed
def draft(
    cards: tuple[Path, ...],
    federation: str,
    threshold: int,
    previous: Path | None,
    home: Path | None,
    days: int,
    out: Path,
    **changes: Any,
) -> Output:
    """Draft a charter from CARDS, authority folders or the `member.json` that members hand in, or change one.

    A change needs signatures under the thresholds of the charter before and of the new one; it says whose.

    \b
    Examples:
      liaison trust draft --federation gms --threshold 2 --out charter.json th-authority vn-authority kh-authority
      liaison trust draft --home th --suspend vn --out charter-2.json
      liaison trust draft --home th --add la-authority/member.json --threshold 3 --out charter-3.json
      liaison trust draft --previous charter.jsonl --authority-key vn=vn-new/member.json --out charter-4.json
    """
    wishes = Wishes(**changes)
    follows = previous or (Home(load_settings(home).home).charter if home and (given("--home") or wishes) else None)
    about = draft_charter(cards, federation, threshold, days, follows, out, wishes)
    more = f" --previous {argument(follows)}" if follows else ""
    following = f"each of them signs it: liaison trust sign {argument(out)} --authority ADIR{more}"
    return Output(about, [*signed_lines(about), following])


@click.command()
@home_option
@click.option("--authority", type=FOLDER, help="The folder with authority.key; without it only the status is renewed.")
@click.option("--endpoint", "endpoints", multiple=True, help="host:port that counterparts call; repeatable.")
@click.option("--office", "offices", multiple=True, help="An office of this member; repeatable.")
@click.option("--agency", "agencies", multiple=True, help="An agency of this member; repeatable.")
@click.option("--national-desk", "national", multiple=True, help="An office that every office abroad may address.")
@click.option("--facing", multiple=True, help="OFFICE=OFFICE: ours, and one abroad that may address it; repeatable.")
@click.option("--contact", "contacts", multiple=True, help="OFFICE=HOW: whom humans abroad phone there; repeatable.")
@click.option("--out", type=NEW_FILE, help="A file for the documents, to be handed to the others.")
@printed
def publish(
    home: Path,
    authority: Path | None,
    endpoints: tuple[str, ...],
    offices: tuple[str, ...],
    agencies: tuple[str, ...],
    national: tuple[str, ...],
    facing: tuple[str, ...],
    contacts: tuple[str, ...],
    out: Path | None,
) -> Output:
    """Make and sign the member's own descriptor (with --authority) and status; both are accepted at home.

    \b
    Examples:
      liaison trust publish --home th --authority th-authority --out th.jsonl
      liaison trust publish --home th --out th.jsonl        # the status alone
      liaison trust publish --home th --authority th-authority --office th.blo.chiang-khong --office th.national \\
              --national-desk th.national --facing th.blo.chiang-khong=la.blo.houayxay \\
              --contact "th.national=+66 2 000 0000"
    """
    offered = addressable_of(national, facing), contacts_of(contacts)
    about, data = publish_documents(home, authority, endpoints, offices, agencies, *offered)
    if out is not None:
        write_document(out, data)
    told = str(out or "")
    return Output(about | {"out": told}, published_lines(about, told))


@click.command()
@click.argument("file", required=False, type=FILE)
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="Show what it holds, or FILE against its charter.")
@click.option("--previous", type=FILE, help="The charter that FILE follows.")
@printed
def show(file: Path | None, home: Path | None, previous: Path | None) -> Output:
    """Show a charter file and who must still sign it, or the members: what each offers, whether it can be asked.

    The running node of the home is asked; without one the files of the home tell what they can, and it is said so.

    \b
    Examples:
      liaison trust show --home th
      liaison trust show charter-2.json --home th
    """
    if file is not None:
        held = Home(load_settings(home).home).charter if home is not None else None
        about = show_charter(file, previous or held)
        return Output(about, charter_lines(about))
    if home is None:
        raise click.UsageError("give a file, --home, or both")
    about = known_members(home)
    return Output(about, members_lines(about))


@click.command()
@click.argument("document", type=FILE)
@click.option("--authority", required=True, type=FOLDER, help="The folder with authority.key.")
@click.option("--out", type=NEW_FILE, help="By default the signature is added to DOCUMENT itself.")
@click.option("--previous", type=FILE, help="The charter that DOCUMENT follows: to see who must still sign.")
@printed
def sign(document: Path, authority: Path, out: Path | None, previous: Path | None) -> Output:
    """Add an authority's signature to a charter or descriptor. Compare the fingerprint by voice first.

    \b
    Examples:
      liaison trust sign charter.json --authority th-authority
      liaison trust sign charter-2.json --authority th-authority --previous charter.jsonl
    """
    about = sign_document(document, authority, out, previous)
    return Output(about, signed_lines(about))


@click.command()
@click.argument("file", type=FILE)
@click.option("--fingerprint", help="Of the first charter in the file.")
@printed
def verify(file: Path, fingerprint: str | None) -> Output:
    """Verify a charter with all its versions, one a line. Exit code 3 when nothing vouches for the first one.

    \b
    Example:
      liaison trust verify charter.jsonl --fingerprint 3f2a…
    """
    about, versions = verify_charter(file, fingerprint)
    lines: list[Line] = [
        (f"version {about['version']} of `{about['federation']}` verifies over {versions} version(s)", "good"),
        f"  fingerprint of the first version: {about['first_fingerprint']}",
    ]
    if not fingerprint:
        lines.append(("nothing vouches for the first version: give its --fingerprint", "warn"))
    return Output(about | {"verified": True, "fingerprint_given": bool(fingerprint)}, lines, 0 if fingerprint else 3)
