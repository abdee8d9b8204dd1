"""`liaison init`: a member's authority and the home of its node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gateway.cli.module_keys import keys_in_module, module_options
from gateway.cli.options import NEW_FOLDER, home_option
from gateway.cli.output import Output, printed
from gateway.clock import SystemClock
from gateway.config import argument
from gateway.ops.homes.found_node import Made, found
from gateway.views.lines import Line


@click.command()
@click.option("--member", required=True, metavar="M", help="ISO 3166-1 alpha-2, small letters (la).")
@home_option
@click.option("--authority", required=True, type=NEW_FOLDER, help="Folder of authority and CA keys; keep it offline.")
@click.option("--agency", "agencies", multiple=True, help="An agency whose record key this node holds; repeatable.")
@click.option("--name", default="", help="The node's name in its certificate (gw1).")
@click.option("--database", default="", metavar="URL", help="postgresql://USER@HOST/DATABASE instead of a file.")
@click.option("--exchange-port", type=click.IntRange(1, 65535), help="Port towards counterparts (7443).")
@click.option("--agency-port", type=click.IntRange(1, 65535), help="Port towards our own systems (8443).")
@module_options
@printed
def init(
    member: str,
    home: Path,
    authority: Path,
    agencies: tuple[str, ...],
    name: str,
    database: str,
    exchange_port: int | None,
    agency_port: int | None,
    key_uris: tuple[str, ...],
    module: str,
    pin_source: str,
) -> Output:
    """Make the member's authority and a node's home. Running it again changes nothing and says so.

    \b
    Examples:
      liaison init --member la --home la --authority la-authority
      liaison init --member la --home la --authority la-authority --agency police --agency customs
      liaison init --member la --home la --authority la-authority \\
          --database "postgresql://liaison@db.example/liaison?passfile=/etc/liaison/pgpass"
      liaison init --member la --home la --authority la-authority --module /usr/lib/softhsm/libsofthsm2.so \\
          --pin-source file:/etc/liaison/pin --key-uri "statement=pkcs11:token=la;object=statement"
    """
    ports = {"exchange": exchange_port, "agency": agency_port}
    listen = {key: f"127.0.0.1:{port}" for key, port in ports.items() if port}
    made = found(
        home,
        authority,
        member,
        SystemClock(),
        agencies=agencies,
        name=name,
        listen=listen,
        database=database,
        in_module=keys_in_module(key_uris, module, pin_source),
    )
    about = {"member": member, "made": {"authority": made.authority, "home": made.home}}
    return Output(about, _lines(made, authority, home))


def _lines(made: Made, authority: Path, home: Path) -> Iterator[Line]:
    if not (made.authority or made.home):
        yield "everything is there already; nothing was changed", "good"
        return
    for folder, files in ((authority, made.authority), (home, made.home)):
        if files:
            yield f"made in {folder}:", "title"
            yield f"  {', '.join(files)}"
    yield "keep the authority's folder offline: who has it can speak for the country", "warn"
    yield f"what comes next: liaison doctor --home {argument(home)}"
