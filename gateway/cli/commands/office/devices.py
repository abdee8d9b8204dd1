"""`liaison office enrol`, `pack` and `return`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from gateway.cli.inputs.passphrases import passphrase_option, read_passphrase
from gateway.cli.options import FOLDER, NEW_FILE, NEW_FOLDER, TEXT, home_option
from gateway.cli.output import Output, printed
from gateway.clock import rfc3339
from gateway.ops.offices import bring_back, enrol_device, hand_out, renew_device


@click.command()
@home_option
@click.option("--device", "folder", required=True, type=NEW_FOLDER, help="The device's folder, such as a USB stick.")
@click.option("--office", default="", help="The office of ours that it is for.")
@click.option("--agency", default="", help="The agency of its officers, such as police.")
@click.option("--name", default="device", type=TEXT, help="What you call it.")
@click.option("--renew", is_flag=True, help="Only let a device that there is know the present keys of its node.")
@passphrase_option
@printed
def enrol(
    home: Path, folder: Path, office: str, agency: str, name: str, renew: bool, passphrase_file: Path | None
) -> Output:
    """Make a device for an office, beside the home. The node makes copies for it as long as its file is in `offices`.

    Whoever finds the device needs its passphrase. Delete its file from `offices/devices` when it is lost.

    \b
    Example:
      liaison office enrol --home th --office th.blo.mae-sot --agency police --device /media/tablet --name tablet-1
    """
    if renew:
        device = renew_device(home, folder)
    elif not office or not agency:
        raise click.UsageError("give --office and --agency")
    else:
        passphrase = read_passphrase(passphrase_file, again=True)
        device = enrol_device(home, folder, office, agency, name, passphrase)
    value = {name: text for name, text in msgspec.to_builtins(device).items() if name not in ("seal", "sign", "node")}
    return Output(value, [(f"{device.name}: device {device.id} of `{device.office}`", "good")])


@click.command()
@home_option
@click.option("--office", required=True, help="The office of ours.")
@click.option("--device", "device", default="", help="Its device, by name or id, where it has several.")
@click.option("--out", required=True, type=NEW_FILE, help="The sealed copy.")
@printed
def pack(home: Path, office: str, device: str, out: Path) -> Output:
    """Hand out the sealed copy of alerts for a device. The node writes it, so this works also while it is down.

    \b
    Example:
      liaison office pack --home th --office th.blo.mae-sot --out /media/tablet/alerts.copy
    """
    handed = hand_out(home, office, out, device)
    value = {"device": handed.device.id, "office": office, "out": str(out), "written": rfc3339(handed.written_us)}
    return Output(value, [(f"{out}: for `{handed.device.name}`, written {value['written']}", "good")])


@click.command("return")
@click.argument("folder", type=FOLDER, metavar="DEVICE")
@home_option
@passphrase_option
@printed
def return_(folder: Path, home: Path, passphrase_file: Path | None) -> Output:
    """Bring the look-ups of a device back: its node takes them in, each with both times, and has them reviewed.

    \b
    Example:
      liaison office return /media/tablet --home th
    """
    device, count = bring_back(home, folder, read_passphrase(passphrase_file))
    value = {"device": device.id, "lookups": count}
    return Output(value, [(f"{device.name}: {count} look-ups handed to the node; it takes in what is new", "good")])
