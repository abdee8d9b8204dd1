"""`liaison cert status`, `renew`, `rotate`, `console` and `online-ca`: at the node's home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from certs.hsm.uri import KeyUri
from certs.keyfiles import KeyPlace
from gateway.cli.options import FILE, FOLDER, KEY, NEW_FILE, Uri, home_option
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.ops.homes.documents import write_document
from gateway.ops.keys.files import apart, file_of_use
from gateway.ops.keys.guests import following_name, name_successor
from gateway.ops.keys.requests import Asked, KeyDesk
from gateway.ops.keys.status import describe_keys
from gateway.ops.trust.own_descriptor import require_newest
from gateway.trust.ceremony.found_member import check_authority_of
from gateway.trust.ceremony.succession import Succession, guest_use, read_succession
from gateway.trust.keeper import TrustKeeper
from gateway.views.key_lines import asked_lines, key_lines

_AUTHORITY = click.option(
    "--authority", type=FOLDER, help="The folder with authority.key and ca.key; without it a request is written."
)
_OUT = click.option("--out", type=NEW_FILE, help="A file for the request, or for the documents to be handed on.")


@click.command()
@home_option
@printed
def status(home: Path) -> Output:
    """Show every key and certificate of a home: use, end, days left, what renews it, and what is planned.

    \b
    Example:
      liaison cert status --home th
    """
    about = describe_keys(home)
    return Output(about, key_lines(about))


@click.command()
@click.argument("uses", nargs=-1, metavar="USE...")
@home_option
@_AUTHORITY
@_OUT
@click.option("--certificate", type=FILE, help="The authority's answer, or a certificate in PEM.")
@printed
def renew(
    uses: tuple[str, ...], home: Path, authority: Path | None, out: Path | None, certificate: Path | None
) -> Output:
    """Have present keys certified and listed for longer. A running node takes the certificates up by itself.

    USE is a word of `liaison cert status`: tls, statement, status, agency/police, log, witness, client/cli,
    administrator/NAME.

    \b
    Examples:
      liaison cert renew tls statement --home th --authority th-authority
      liaison cert renew tls --home th --out tls.request      # then, at the authority: liaison cert sign
      liaison cert renew --home th --certificate tls.answer
    """
    desk = _desk(home, authority)
    if certificate is not None:
        _alone("--certificate", authority)
        return _output("renew", desk.take_answer(certificate.read_bytes()), home, out)
    return _output("renew", desk.renew(_files(desk, uses), authority, out), home, out)


@click.command()
@click.argument("uses", nargs=-1, metavar="USE...")
@home_option
@_AUTHORITY
@_OUT
@click.option("--answer", type=FILE, help="The authority's answer to the request.")
@click.option("--key-uri", type=Uri(), help="The new key, which exists in a security module: pkcs11:token=…;object=….")
@click.option("--key", type=KEY, help="A person's present key, which signs for the new one: a file or a PKCS#11 URI.")
@click.option("--successor", type=FILE, help="What `liaison trust person --follows` made for a person's new key.")
@click.option("--assume-held", is_flag=True, help="The counterparts have the descriptor: use the new key at once.")
@printed
def rotate(
    uses: tuple[str, ...],
    home: Path,
    authority: Path | None,
    out: Path | None,
    answer: Path | None,
    key_uri: KeyUri | None,
    key: KeyPlace | None,
    successor: Path | None,
    assume_held: bool,
) -> Output:
    """Make new keys beside the present ones. The node uses each as soon as all members have the descriptor with it, or
    after a day; at once where the old key is not taken any more.

    USE is a word of `liaison cert status`: tls, statement, status, agency/police, log, witness, token, client/cli, or a
    person's (administrator/NAME). A person's key lies with that person: it signs for the new one, which is made beside
    it, and either key counts for 14 days.

    \b
    Examples:
      liaison cert rotate administrator/th.adm.1 --home th --key keys/th.adm.1.key --authority th-authority
      liaison cert rotate statement --home th --authority th-authority
      liaison cert rotate tls --home th --out tls.request     # then, at the authority: liaison cert sign
      liaison cert rotate --home th --answer tls.answer
      liaison cert rotate log --home th --authority th-authority --key-uri "pkcs11:token=th;object=log-2"
      liaison cert rotate tls --home th --assume-held         # the others have it: I asked them
    """
    desk = _desk(home, authority)
    if answer is not None:
        _alone("--answer", authority)
        return _output("rotate", desk.take_answer(answer.read_bytes()), home, out)
    files = _files(desk, uses)
    if key_uri is not None and len(files) > 1:
        raise click.UsageError("--key-uri names the new key of one USE")
    if assume_held and authority is None:
        if key_uri is not None:
            raise click.UsageError("--key-uri names a new key: ask for it first, and say --assume-held then")
        return _output("rotate", desk.assume_held(files), home, out)
    found = _successor(files, key, successor, key_uri)
    asked = desk.rotate(files, authority, out, "" if found else str(key_uri or ""), found)
    if assume_held and (waiting := [file for file in files if desk.rotations.of(file)]):
        asked = desk.with_steps(asked, desk.assume_held(waiting))
    return _output("rotate", asked, home, out)


def _successor(
    files: list[str], key: KeyPlace | None, successor: Path | None, held: KeyUri | None
) -> Succession | None:
    """Return the key that a person's key names as its successor; it is made now where the person's key is at hand."""
    if key is None and successor is None:
        return None
    use = guest_use(files[0])
    if len(files) > 1 or use is None or (key is not None and successor is not None):
        raise click.UsageError("--key or --successor goes with the key of one person, such as administrator/NAME")
    if successor is not None:
        return read_succession(successor.read_bytes())
    folder, name = (key.parent, key.stem) if isinstance(key, Path) else (Path(), files[0].removeprefix(f"{use}-"))
    assert key is not None
    return name_successor(use, key, folder, following_name(name), held)


@click.command("online-ca")
@home_option
@_AUTHORITY
@_OUT
@printed
def online_ca(home: Path, authority: Path | None, out: Path | None) -> Output:
    """Make an online CA in the home and have the authority list it, or list it for longer: for 577 days.

    From 30 days before its end the running node then renews the certificate of the key `tls` that counterparts are
    shown. The online CA can certify nothing else: no new key, no other use. Its key lies in the home, and
    `liaison trust revoke --key online-ca` removes it. All members must run a version that knows online CAs.

    \b
    Examples:
      liaison cert online-ca --home th --authority th-authority
      liaison cert online-ca --home th --out online-ca.request     # then, at the authority: liaison cert sign
      liaison cert renew --home th --certificate online-ca.answer
    """
    return _output("renew", _desk(home, authority).make_online_ca(authority, out), home, out)


@click.command()
@click.argument("host")
@home_option
@_AUTHORITY
@_OUT
@printed
def console(host: str, home: Path, authority: Path | None, out: Path | None) -> Output:
    """Have the console's certificate made for HOST, the name by which browsers reach the pages. A running node takes it
    up by itself; `liaison cert renew console` renews it.

    `console.origin` names the same host. Browsers trust it once they trust the authority's ca.pem.

    \b
    Examples:
      liaison cert console desk.th.example --home th --authority th-authority
      liaison cert console desk.th.example --home th --out console.request  # then: liaison cert sign
      liaison cert renew --home th --certificate console.answer
    """
    return _output("renew", _desk(home, authority).certify_console(host, authority, out), home, out)


def _desk(home: Path, authority: Path | None) -> KeyDesk:
    settings = load_settings(home)
    place, clock = Home(settings.home), SystemClock()
    if authority is not None:
        check_authority_of(place.path, authority)
        require_newest(settings, TrustKeeper(place.trust, clock).view)
    return KeyDesk(place, clock, apart(settings))


def _files(desk: KeyDesk, uses: tuple[str, ...]) -> list[str]:
    if not uses:
        raise click.UsageError("name a key: `liaison cert status` lists them")
    return [file_of_use(desk.home, use) for use in dict.fromkeys(uses)]


def _alone(option: str, authority: Path | None) -> None:
    if authority is not None:
        raise click.UsageError(f"{option} and --authority exclude each other")


def _output(verb: str, asked: Asked, home: Path, out: Path | None) -> Output:
    if asked.documents and out is not None:
        write_document(out, asked.documents)
    about: dict[str, Any] = {
        "member": asked.member,
        "uses": list(asked.uses),
        "request": str(asked.request or ""),
        "descriptor": asked.version,
        "steps": [{"use": step.use, "key": step.key_id, "step": step.step, "why": step.why} for step in asked.moved],
        "waits": [{"use": use, "plan": plan} for use, plan in asked.waits],
        "status_problem": asked.status_problem,
        "out": str(out or "") if asked.documents else "",
    }
    return Output(about, asked_lines(verb, about, home))
