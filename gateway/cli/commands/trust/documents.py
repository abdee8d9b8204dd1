"""`liaison trust`: draft, sign, verify, show, accept and publish the documents of trust."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.members import known_members
from gateway.cli.options import FILE, FOLDER, NEW_FILE, home_option
from gateway.cli.output import Output, printed
from gateway.config import Home, argument, load_settings
from gateway.ops.homes.trust_files import (
    accept_documents,
    draft_charter,
    show_charter,
    sign_document,
    verify_charter,
    write_document,
)
from gateway.ops.homes.trust_state import publish as publish_documents
from gateway.views.lines.trust import accepted_lines, charter_lines, published_lines, signed_lines
from gateway.views.members.lines import members_lines


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


@click.command()
@click.argument("cards", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--federation", default="", help="Its id; the first time only.")
@click.option("--threshold", required=True, type=click.IntRange(1), help="Authorities that must sign.")
@click.option("--previous", type=FILE, help="The charter that this one follows.")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 366), help="Days that it is valid.")
@click.option("--out", required=True, type=NEW_FILE, help="Where the unsigned charter goes.")
@printed
def draft(
    cards: tuple[Path, ...], federation: str, threshold: int, previous: Path | None, days: int, out: Path
) -> Output:
    """Draft a charter from CARDS: authority folders, or the `member.json` that members hand in.

    \b
    Examples:
      liaison trust draft --federation gms --threshold 2 --out charter.json th-authority vn-authority kh-authority
      liaison trust draft --previous th/trust/charter.jsonl --threshold 3 --out charter-2.json la-authority/member.json
    """
    about = draft_charter(cards, federation, threshold, days, previous, out)
    following = f"each authority signs it: liaison trust sign {argument(out)} --authority ADIR"
    return Output(about, [*signed_lines(about), following])


@click.command()
@home_option
@click.option("--authority", type=FOLDER, help="The folder with authority.key; without it only the status is renewed.")
@click.option("--endpoint", "endpoints", multiple=True, help="host:port that counterparts call; repeatable.")
@click.option("--office", "offices", multiple=True, help="An office of this member; repeatable.")
@click.option("--agency", "agencies", multiple=True, help="An agency of this member; repeatable.")
@click.option("--out", type=NEW_FILE, help="A file for the documents, to be handed to the others.")
@printed
def publish(
    home: Path,
    authority: Path | None,
    endpoints: tuple[str, ...],
    offices: tuple[str, ...],
    agencies: tuple[str, ...],
    out: Path | None,
) -> Output:
    """Make and sign the member's own descriptor (with --authority) and status; both are accepted at home.

    \b
    Examples:
      liaison trust publish --home th --authority th-authority --out th.jsonl
      liaison trust publish --home th --out th.jsonl        # the status alone
    """
    about, data = publish_documents(home, authority, endpoints, offices, agencies)
    if out is not None:
        write_document(out, data)
    told = str(out or "")
    return Output(about | {"out": told}, published_lines(about, told))


@click.command()
@click.argument("file", required=False, type=FILE)
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="Show what this home holds.")
@printed
def show(file: Path | None, home: Path | None) -> Output:
    """Show a charter file, or the members of a home: what each offers, whether it can be asked, how its documents are.

    The running node of the home is asked; without one the files of the home tell what they can, and it is said so.

    \b
    Examples:
      liaison trust show --home th
      liaison trust show charter.json
    """
    if home is not None and file is None:
        about = known_members(home)
        return Output(about, members_lines(about))
    if file is not None and home is None:
        about = show_charter(file)
        return Output(about, charter_lines(about))
    raise click.UsageError("give either a file or --home")


@click.command()
@click.argument("document", type=FILE)
@click.option("--authority", required=True, type=FOLDER, help="The folder with authority.key.")
@click.option("--out", type=NEW_FILE, help="By default the signature is added to DOCUMENT itself.")
@printed
def sign(document: Path, authority: Path, out: Path | None) -> Output:
    """Add an authority's signature to a charter or descriptor. Compare the fingerprint by voice first.

    \b
    Example:
      liaison trust sign charter.json --authority th-authority
    """
    about = sign_document(document, authority, out)
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
    lines = [(f"version {about['version']} of `{about['federation']}` verifies over {versions} version(s)", "good")]
    if not fingerprint:
        lines.append(("nothing vouches for the first version: give its --fingerprint", "warn"))
    return Output(about | {"verified": True, "fingerprint_given": bool(fingerprint)}, lines, 0 if fingerprint else 3)
