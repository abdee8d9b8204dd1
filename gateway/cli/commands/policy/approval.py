"""`liaison policy approver|admit|sign|install|status|fetch`: approve a policy, put it in force, and get older ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.audit.export.policies import policy_hash
from gateway.cli.options import home_option, json_option
from gateway.cli.output import print_json, say
from gateway.config import argument
from gateway.ops.homes.persons import admit_person
from gateway.ops.key_pairs import make_key_pair
from gateway.ops.policy.approvals import bring, in_force, sign_policy
from gateway.ops.policy.fetch import fetch_policy
from gateway.ops.policy.folders import member_of
from gateway.trust.documents.descriptor import KeyUse

_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
_MEMBER = click.option("--member", help="Whose policy it is; by default the folder's own name.")


@click.command()
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where the keys go.")
@click.option("--name", required=True, help="The approver's id.")
@json_option
def approver(out: Path, name: str, as_json: bool) -> int:
    """Make the key of one who approves policy. The key stays with them; the public half goes into the descriptor.

    \b
    Example:
      liaison policy approver --out keys --name a
    """
    made = make_key_pair(out, name)
    if as_json:
        print_json(made)
        return 0
    say(f"key, for the approver alone: {made['key']}", "good")
    public = argument(Path(made["public"]))
    say(f"public key: {made['public']}; bring it into the home: liaison policy admit {public} --home …")
    return 0


@click.command()
@click.argument("public", type=_FILE)
@home_option
@json_option
def admit(public: Path, home: Path, as_json: bool) -> int:
    """Bring an approver's public key into a home; the descriptor that is published next lists it.

    \b
    Example:
      liaison policy admit keys/a.pub --home th
    """
    target = admit_person(home, public, KeyUse.APPROVER)
    if as_json:
        print_json({"public": str(target)})
    else:
        say(f"{target}", "good")
        say(f"  now publish the descriptor: liaison trust publish --home {argument(home)} --authority ADIR --out FILE")
    return 0


@click.command()
@click.argument("place", type=click.Path(exists=True, path_type=Path))
@click.option("--key", required=True, type=_FILE, help="The approver's key.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The signed document.")
@click.option("--version", type=click.IntRange(1), help="Of a folder: above the one in force.")
@_MEMBER
@json_option
def sign(place: Path, key: Path, out: Path, version: int | None, member: str | None, as_json: bool) -> int:
    """Sign a national folder as a new version, or add an approver's signature to a signed document.

    \b
    Examples:
      liaison policy sign draft/th --version 3 --key a.key --out th-3.json
      liaison policy sign th-3.json --key b.key --out th-3.json        # the other approver
    """
    signed = sign_policy(place, key, out, member_of(place, member) if place.is_dir() else None, version)
    about = {"out": str(out), "member": signed.member, "version": signed.version, "signatures": len(signed.signers)}
    files = policy_hash(out.read_bytes())
    if as_json:
        print_json(about | {"hash": signed.hash.hex(), "policy": files})
        return 0
    say(f"{out}: policy {signed.version} of `{signed.member}`, {len(signed.signers)} signed", "good")
    say(f"  SHA-256 to compare by voice: {signed.hash.hex()}")
    say(f"  SHA-256 of its files, as `policy status` and every decision's entry will name it: {files}")
    return 0


@click.command()
@click.argument("file", type=_FILE)
@home_option
@json_option
def install(file: Path, home: Path, as_json: bool) -> int:
    """Bring a policy that two approvers signed to a node; a running one takes it within a second.

    \b
    Example:
      liaison policy install th-3.json --home th
    """
    brought = bring(home, file)
    if as_json:
        print_json({"member": brought.member, "version": brought.version})
        return 0
    say(f"policy {brought.version} of `{brought.member}` was brought", "good")
    show = f"liaison audit show --home {argument(home)} --log operations --kind"
    say(f"  what became of it: {show} policy-accepted (or policy-refused)")
    return 0


@click.command()
@home_option
@json_option
def status(home: Path, as_json: bool) -> int:
    """Say which policy a home holds, and who approved it.

    \b
    Example:
      liaison policy status --home th
    """
    found = in_force(home)
    if as_json:
        print_json(found)
        return 0
    approved = (
        f"version {found['version']}, signed by {len(found['approvers'])}" if found["version"] else "not approved"
    )
    if found["waiting"] and not found["version"]:
        approved = "a folder that nobody approved"
    say(f"policy of `{found['member']}`: {approved}", "good" if found["version"] else "warn")
    say(f"  SHA-256 of its files: {found['hash']}")
    say(f"  agreements: {', '.join(found['agreements'])}")
    if waiting := found["waiting"]:
        _say_waiting(waiting, home)
    return 0


def _say_waiting(waiting: dict[str, Any], home: Path) -> None:
    """Print what a policy that was brought waits for, or why no node will take it."""
    if waiting["refused"]:
        say(f"version {waiting['version'] or '?'} was brought, and no node will take it: {waiting['refused']}", "bad")
        say("  the policy above stays in force; bring another: liaison policy install FILE --home " + argument(home))
        return
    approvers = f"signed by {len(waiting['approvers'])}"
    say(f"version {waiting['version']}, {approvers}, was brought, and waits for a node of this home to take it", "warn")
    say(f"  SHA-256 of its files: {waiting['hash']}")
    say(f"  a running node does within a second; where none runs, start it: liaison serve --home {argument(home)}")


@click.command()
@click.argument("policy_hash", metavar="HASH")
@click.option("--home", type=_FOLDER, envvar="LIAISON_HOME", help="The home that decided by it.")
@click.option("--export", type=_FOLDER, help="Or an export of its logs.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where the files go.")
@json_option
def fetch(policy_hash: str, home: Path | None, export: Path | None, out: Path, as_json: bool) -> int:
    """Get the very files that decided, by the hash in a decision's entry or its first digits.

    \b
    Examples:
      liaison policy fetch e7e053ba --home th --out decided-by
      liaison policy fetch e7e053ba --export th-2026 --out decided-by
    """
    if export is not None:
        home = None
    elif home is None:
        raise click.UsageError("give --home or --export")
    found = fetch_policy(home, export, policy_hash, out)
    if as_json:
        print_json({"hash": found, "out": str(out)})
        return 0
    say(f"{out}: policy {found}; the files are those of the hash", "good")
    return 0
