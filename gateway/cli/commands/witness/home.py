"""`liaison witness`: the home of a domestic witness, its documents, and how logs stand with their witnesses."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from certs.keyfiles import KeyPlace
from gateway.cli.inputs.acts import key_option
from gateway.cli.module_keys import keys_in_module, module_options
from gateway.cli.options import FILE, NEW_FOLDER, home_option, witness_home
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.config import argument
from gateway.config.witness_home import WitnessHome, load_witness
from gateway.ops.acts.unwitnessed_start import waive_start
from gateway.ops.homes.found_witness import found_witness
from gateway.ops.homes.witness_state import describe_memory, describe_node
from gateway.ops.trust.files import accept_documents
from gateway.views.lines import Line
from gateway.views.lines.trust import accepted_lines
from gateway.views.lines.witnesses import memory_lines, node_lines


@click.command()
@click.argument("documents", nargs=-1, required=True, type=FILE)
@witness_home
@click.option("--fingerprint", help="Of the first charter; from the authorities, by voice or in person.")
@printed
def accept(documents: tuple[Path, ...], home: Path, fingerprint: str | None) -> Output:
    """Take charters, descriptors and statuses; they say whose log is signed by which key. No restart is needed.

    \b
    Example:
      liaison witness accept charter.jsonl th.jsonl --home witness --fingerprint 3f2a…
    """
    taken = accept_documents(load_witness(home).home.trust, documents, fingerprint)
    return Output({"accepted": [asdict(item) for item in taken]}, accepted_lines(taken))


@click.command()
@click.option("--member", required=True, metavar="M", help="ISO 3166-1 alpha-2, small letters (th).")
@click.option("--out", required=True, type=NEW_FOLDER, help="The new home.")
@click.option("--listen", default="", help="host:port for the node (127.0.0.1:7643).")
@module_options
@printed
def init(member: str, out: Path, listen: str, key_uris: tuple[str, ...], module: str, pin_source: str) -> Output:
    """Make a domestic witness's home: keys, its card witness.pub, witness.toml. Keeps what exists.

    \b
    Example:
      liaison witness init --member th --out witness --listen 10.0.0.9:7643
    """
    made = found_witness(out, member, listen, SystemClock(), keys_in_module(key_uris, module, pin_source))
    lines: list[Line] = [
        (f"made in {out}: {', '.join(made)}" if made else "everything is there already", "good"),
        f"take {out / 'witness.pub'} to the node (witnesses/ of its home) and to the authority (`trust publish`)",
        f"what comes next: liaison witness accept CHARTER DESCRIPTOR --home {argument(out)} --fingerprint F",
    ]
    return Output({"member": member, "made": made}, lines)


@click.command()
@home_option
@printed
def status(home: Path) -> Output:
    """How a node's logs stand with their witnesses, or what a domestic witness has cosigned; either may be running.

    Every cosignature is verified here. Exit code 1 when entries have waited for a quorum for over 15 minutes, or when
    heads were found that do not go together.

    \b
    Examples:
      liaison witness status --home th
      liaison witness status --home witness --json
    """
    if WitnessHome(home).settings.exists():
        about = describe_memory(home)
        lines = memory_lines(about)
    else:
        about = describe_node(home)
        lines = node_lines(about)
    return Output(about, lines, 1 if about["evidence"] or any(log.get("lost") for log in about["logs"]) else 0)


@click.command()
@home_option
@click.option("--reason", required=True, help="Why no witness can be asked, and how you know that this copy is right.")
@key_option("An administrator's key")
@printed
def waive(home: Path, reason: str, keys: tuple[KeyPlace, ...]) -> Output:
    """Let the node start once although its log was moved or restored and no witness can be asked.

    The node cannot know then whether this is its newest copy. If it is not, its log forks, and the witnesses will show
    it. An administrator signs. The next start that needs the act uses it up, within seven days, and tells it in its
    entry.

    \b
    Example:
      liaison witness waive --home th --key adm.key --reason "moved to a new machine, links are cut, last size 81234"
    """
    path = waive_start(home, reason, keys)
    words = "the next start that needs a witness goes on without one, and says so in its entry"
    return Output({"waiver": str(path)}, [(words, "warn")])
