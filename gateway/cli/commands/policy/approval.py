"""`liaison policy approver|admit|sign|review|install|status|fetch`: approve a policy, and put it in force."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from certs.hsm.uri import KeyUri
from certs.keyfiles import KeyPlace
from gateway.audit.export.policies import policy_hash
from gateway.cli.options import FILE, FOLDER, KEY, NEW_FILE, NEW_FOLDER, held_option, home_option, member_option
from gateway.cli.output import Output, printed, working
from gateway.config import Home, argument
from gateway.ops.homes.persons import admit_person
from gateway.ops.key_pairs import make_key_pair
from gateway.ops.policy.approvals import bring, in_force, sign_policy
from gateway.ops.policy.fetch import fetch_policy
from gateway.ops.policy.folders import member_of
from gateway.ops.policy.judged import await_judged
from gateway.ops.policy.keeper import INCOMING
from gateway.ops.policy.proposal import cases_in, judge_proposal
from gateway.trust.documents.descriptor import KeyUse
from gateway.views.lines import Line
from gateway.views.lines.policy import proposal_lines, proposal_value


@click.command()
@click.option("--out", required=True, type=NEW_FOLDER, help="Where the keys go.")
@click.option("--name", required=True, help="The approver's id.")
@held_option
@printed
def approver(out: Path, name: str, held: KeyUri | None) -> Output:
    """Make the key of one who approves policy. The key stays with them; the public half goes into the descriptor.

    \b
    Example:
      liaison policy approver --out keys --name a
    """
    made = make_key_pair(out, name, held)
    following = f"bring it into the home: liaison policy admit {argument(Path(made['public']))} --home …"
    return Output(
        made, [(f"key, for the approver alone: {made['key']}", "good"), f"public key: {made['public']}; {following}"]
    )


@click.command()
@click.argument("public", type=FILE)
@click.option("--person", default="", help="Whose key it is, as tokens name them; by default the name of the file.")
@home_option
@printed
def admit(public: Path, person: str, home: Path) -> Output:
    """Bring an approver's public key into a home; the descriptor that is published next lists it.

    \b
    Example:
      liaison policy admit keys/a.pub --person th.o.7 --home th
    """
    target = admit_person(home, public, KeyUse.APPROVER, person)
    following = (
        f"  now publish the descriptor: liaison trust publish --home {argument(home)} --authority ADIR --out FILE"
    )
    return Output({"public": str(target)}, [(f"{target}", "good"), following])


@click.command()
@click.argument("place", type=click.Path(exists=True, path_type=Path))
@click.option("--key", required=True, type=KEY, help="The approver's key: a file or a PKCS#11 URI.")
@click.option("--out", required=True, type=NEW_FILE, help="The signed document.")
@click.option("--version", type=click.IntRange(1), help="Of a folder: above the one in force.")
@member_option
@printed
def sign(place: Path, key: KeyPlace, out: Path, version: int | None, member: str | None) -> Output:
    """Sign a national folder as a new version, or add an approver's signature to a signed document.

    A folder with a mistake is not signed, nor a policy of which a case does not hold. The cases go with the document.

    \b
    Examples:
      liaison policy sign draft/th --version 3 --key a.key --out th-3.json
      liaison policy sign th-3.json --key b.key --out th-3.json        # the other approver
      liaison policy sign th-3.json --key "pkcs11:token=th;object=b" --out th-3.json        # in a security module
    """
    signed = sign_policy(place, key, out, member_of(place, member) if place.is_dir() else None, version)
    about = {"out": str(out), "member": signed.member, "version": signed.version, "signatures": len(signed.signers)}
    files, cases = policy_hash(out.read_bytes()), cases_in(signed)
    tried = f"{cases} cases hold" if cases else "it has no case, so nothing was tried"
    lines: list[Line] = [
        (f"{out}: policy {signed.version} of `{signed.member}`, {len(signed.signers)} signed", "good"),
        (f"  {tried}", "" if cases else "warn"),
        f"  what it changes, for the other approver: liaison policy review {argument(out)} --home …",
        f"  SHA-256 to compare by voice: {signed.hash.hex()}",
        f"  SHA-256 of its files, as `policy status` and every decision's entry will name it: {files}",
    ]
    return Output(about | {"hash": signed.hash.hex(), "policy": files, "cases": cases}, lines)


@click.command()
@click.argument("file", type=FILE)
@home_option
@printed
def install(file: Path, home: Path) -> Output:
    """Bring a policy that two approvers signed to a node, and wait until a running one decides by it.

    One of which a case does not hold is not brought. When the command ends with exit code 0, each later question is
    decided by this policy; exit code 1 says why the node refused it, and nothing was changed.

    \b
    Example:
      liaison policy install th-3.json --home th
    """
    brought = bring(home, file)
    with working("waiting for the node"):
        judged = await_judged(home, file.read_bytes())
    value = {"member": brought.member, "version": brought.version}
    value["processes"] = [{"process": place, "refused": each.refused} for place, each in sorted(judged.items())]
    lines: list[Line] = [(f"policy {brought.version} of `{brought.member}` was brought", "good")]
    for place, each in sorted(judged.items()):
        said = f"was refused: {each.refused}" if each.refused else "decides from now on"
        lines.append((f"  process {place}: it {said}", "bad" if each.refused else "good"))
    if not judged:
        lines.append(f"  no process serves this home: the next start takes it: liaison serve --home {argument(home)}")
    return Output(value, lines, int(any(each.refused for each in judged.values())))


@click.command()
@click.argument("file", type=FILE)
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="The home whose policy it would take the place of.")
@click.option("--against", type=click.Path(exists=True, path_type=Path), help="Or a folder, or another signed policy.")
@printed
def review(file: Path, home: Path | None, against: Path | None) -> Output:
    """Show a policy to those who approve it: what it changes in words, in rules, in what leaves, and in cases.

    \b
    Examples:
      liaison policy review th-3.json --home th
      liaison policy review th-3.json --against th-2.json

    Exit code 1 when one of its cases does not hold.
    """
    if home is None and against is None:
        raise click.UsageError("give --home or --against: what it is compared with")
    with working("asking both policies"):
        found = judge_proposal(file, home, against)
    return Output(proposal_value(found), proposal_lines(found), int(not found.holds))


@click.command()
@home_option
@printed
def status(home: Path) -> Output:
    """Say which policy a home holds, and who approved it.

    \b
    Example:
      liaison policy status --home th
    """
    found = in_force(home)
    return Output(found, _status_lines(found, home))


def _status_lines(found: dict[str, Any], home: Path) -> Iterator[Line]:
    approved = (
        f"version {found['version']}, signed by {len(found['approvers'])}" if found["version"] else "not approved"
    )
    if found["waiting"] and not found["version"]:
        approved = "a folder that nobody approved"
    yield f"policy of `{found['member']}`: {approved}", "good" if found["version"] else "warn"
    yield f"  SHA-256 of its files: {found['hash']}"
    yield f"  agreements: {', '.join(found['agreements'])}"
    if waiting := found["waiting"]:
        yield from _waiting_lines(waiting, home)


def _waiting_lines(waiting: dict[str, Any], home: Path) -> Iterator[Line]:
    """Yield what a policy that was brought waits for, or why no node will take it."""
    if waiting["refused"]:
        yield f"version {waiting['version'] or '?'} was brought, and no node will take it: {waiting['refused']}", "bad"
        yield f"  the policy above stays in force; bring another: liaison policy install FILE --home {argument(home)}"
        return
    approvers = f"signed by {len(waiting['approvers'])}"
    yield (
        f"version {waiting['version']}, {approvers}, was brought, and waits for a node of this home to take it",
        "warn",
    )
    yield f"  SHA-256 of its files: {waiting['hash']}"
    file = Home(home).policies / INCOMING
    yield f"  what it changes: liaison policy review {argument(file)} --home {argument(home)}"
    yield f"  a running node does within a second; where none runs, start it: liaison serve --home {argument(home)}"


@click.command()
@click.argument("policy_hash", metavar="HASH")
@click.option("--home", type=FOLDER, envvar="LIAISON_HOME", help="The home that decided by it.")
@click.option("--export", type=FOLDER, help="Or an export of its logs.")
@click.option("--out", required=True, type=NEW_FOLDER, help="Where the files go.")
@printed
def fetch(policy_hash: str, home: Path | None, export: Path | None, out: Path) -> Output:
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
    words = f"{out}: policy {found}; the files are those of the hash"
    return Output({"hash": found, "out": str(out)}, [(words, "good")])
