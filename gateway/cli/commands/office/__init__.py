"""`liaison office`: offices that are cut off from their own node."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_OFFICE = {
    "enrol": ("office.devices", "Make a device for an office: its keys, behind a passphrase."),
    "pack": ("office.devices", "Hand out the sealed copy of alerts that the node keeps for a device."),
    "return": ("office.devices", "Bring the look-ups of a device back to its node."),
    "search": ("office.search", "Search a copy of alerts without a node."),
}


@click.group("office", cls=LazyGroup, table=_OFFICE)
def office() -> None:
    """Sealed copies of alerts for an office that is cut off from its own node, for 48 hours.

    \b
    Examples:
      liaison office enrol --home th --office th.blo.mae-sot --agency police --device /media/tablet --name tablet-1
      liaison office pack --home th --office th.blo.mae-sot --out /media/tablet/alerts.copy
      liaison office search alerts.copy --device /media/tablet --as th.o.1042 --ticket MS-4471 --name "Somchai Jaidee"
      liaison office return /media/tablet --home th

    A copy is signed by the node and sealed for one device. It never says no hit. Each look-up is signed by the device,
    brought back with both times, and reviewed by a supervisor.
    """
