"""Put together the notifications that work waits."""

from __future__ import annotations

from gateway.app.core import Core
from gateway.desk.acting.parts import DeskParts
from gateway.desk.notify.channels import channels_of
from gateway.desk.notify.notifier import Notifier


def build_notifier(core: Core, desk: DeskParts) -> Notifier:
    """Put together the notifier with the channels that are switched on. Raises `Misconfigured`."""
    settings = core.resources.settings
    channels = channels_of(settings.notify, settings.path, desk.parts.clock.now_us)
    return Notifier(desk.parts, desk.store, desk.pen, desk.changes, core.people, settings.notify, channels)
