"""`liaison witness`: who cosigns the heads of logs, so that nobody can rewrite them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.acts import key_option
from gateway.cli.output import home_option, json_option, print_json, say
from gateway.ops.homes.start_waiver import waive_start

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_THERE = click.Path(file_okay=False, exists=True, path_type=Path)


def _home(command: Any) -> Any:
    return click.option("--home", required=True, type=_THERE, help="The domestic witness's home.")(command)


@click.group()
def witness() -> None:
    """Witnesses cosign the heads of a node's logs: whoever rewrites a log contradicts them.

    Nodes witness each other without being told. A domestic witness is the national auditor's, on a machine of another
    administrator; it sees sizes and hashes only, and is enough alone.

    \b
    From nothing to serving (on the auditor's machine):
      liaison witness init --member th --out witness --listen 10.0.0.9:7643
      liaison witness accept charter.jsonl th.jsonl --home witness --fingerprint F
      liaison witness serve --home witness

    At the node: put witness/witness.pub into witnesses/ of the home, set witness.domestic in node.toml,
    `liaison trust publish` with the authority, and start the node again.
    """


@witness.command()
@click.option("--member", required=True, metavar="M", help="ISO 3166-1 alpha-2, small letters (th).")
@click.option("--out", required=True, type=_FOLDER, help="The new home.")
@click.option("--listen", default="", help="host:port for the node (127.0.0.1:7643).")
@json_option
def init(member: str, out: Path, listen: str, as_json: bool) -> int:
    """Make a domestic witness's home: keys, its card witness.pub, witness.toml. Keeps what exists.

    \b
    Example:
      liaison witness init --member th --out witness --listen 10.0.0.9:7643
    """
    from gateway.clock import SystemClock
    from gateway.config import argument
    from gateway.ops.homes.found_witness import found_witness

    made = found_witness(out, member, listen, SystemClock())
    if as_json:
        print_json({"member": member, "made": made})
        return 0
    say(f"made in {out}: {', '.join(made)}" if made else "everything is there already", "good")
    say(f"take {out / 'witness.pub'} to the node (witnesses/ of its home) and to the authority (`trust publish`)")
    say(f"what comes next: liaison witness accept CHARTER DESCRIPTOR --home {argument(out)} --fingerprint F")
    return 0


@witness.command()
@click.argument("documents", nargs=-1, required=True, type=_FILE)
@_home
@click.option("--fingerprint", help="Of the first charter; from the authorities, by voice or in person.")
@json_option
def accept(documents: tuple[Path, ...], home: Path, fingerprint: str | None, as_json: bool) -> int:
    """Take charters, descriptors and statuses; they say whose log is signed by which key. No restart is needed.

    \b
    Example:
      liaison witness accept charter.jsonl th.jsonl --home witness --fingerprint 3f2a…
    """
    from dataclasses import asdict

    from gateway.clock import SystemClock
    from gateway.config.witness_home import load_witness
    from gateway.ops.homes.documents import TRUST, read_documents
    from gateway.trust.ceremony.ceremony import import_document

    folder, clock = load_witness(home).home.trust, SystemClock()
    given = [line for file in documents for line in read_documents(file, TRUST)]
    taken = [item for line in given for item in import_document(folder, line, clock, fingerprint)]
    if as_json:
        print_json({"accepted": [asdict(item) for item in taken]})
        return 0
    for item in taken:
        of = f" of {item.member}" if item.member else ""
        say(f"{item.kind}{of}, version {item.version}: {'accepted' if item.changed else 'held already'}", "good")
    return 0


@witness.command()
@_home
@json_option
def serve(home: Path, as_json: bool) -> int:
    """Cosign the heads of the country's node until SIGTERM or Ctrl-C. Logs are JSON lines on stderr.

    \b
    Example:
      liaison witness serve --home witness
    """
    from gateway.app.witness import serve_witness

    del as_json  # its logs are JSON anyway
    return serve_witness(home)


@witness.command()
@home_option
@json_option
def status(home: Path, as_json: bool) -> int:
    """How a node's logs stand with their witnesses, or what a domestic witness has cosigned; either may be running.

    Every cosignature is verified here. Exit code 1 when entries have waited for a quorum for over 15 minutes, or when
    heads were found that do not go together.

    \b
    Examples:
      liaison witness status --home th
      liaison witness status --home witness --json
    """
    from gateway.config.witness_home import WitnessHome
    from gateway.ops.homes.witness_state import describe_memory, describe_node, node_lines, open_memory

    if not WitnessHome(home).settings.exists():
        about = describe_node(home)
        if as_json:
            print_json(about)
        else:
            for text, style in node_lines(about):
                say(text, style)
        return 1 if about["evidence"] or any(log["lost"] for log in about["logs"]) else 0
    with open_memory(home) as store:
        known, evidence = describe_memory(store), len(store.evidence())
    if as_json:
        print_json({"logs": known, "evidence": evidence})
    else:
        for log in known:
            say(f"{log['origin']}: {log['size']} entries, cosigned {log['time'][:19]}Z", "good")
        if evidence:
            say(f"{evidence} pair(s) of heads that do not go together: `liaison audit evidence`", "bad")
    return 1 if evidence else 0


@witness.command()
@home_option
@click.option("--reason", required=True, help="Why no witness can be asked, and how you know that this copy is right.")
@key_option("An administrator's key")
@json_option
def waive(home: Path, reason: str, keys: tuple[Path, ...], as_json: bool) -> int:
    """Let the node start once although its log was moved or restored and no witness can be asked.

    The node cannot know then whether this is its newest copy. If it is not, its log forks, and the witnesses will show
    it. An administrator signs. The next start that needs the act uses it up, within seven days, and tells it in its
    entry.

    \b
    Example:
      liaison witness waive --home th --key adm.key --reason "moved to a new machine, links are cut, last size 81234"
    """
    path = waive_start(home, reason, keys)
    if as_json:
        print_json({"waiver": str(path)})
    else:
        say("the next start that needs a witness goes on without one, and says so in its entry", "warn")
    return 0
