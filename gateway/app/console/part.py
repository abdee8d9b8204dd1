"""The console of a node, where it has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.app.asking_parts import Asking
from gateway.app.core import Core
from gateway.app.desks.desk_parts import Desk
from gateway.app.health import Health
from gateway.app.members_parts import NodeMembers

if TYPE_CHECKING:
    from gateway.app.console.server import ConsoleServer


def build_console(
    core: Core,
    asking: Asking,
    desk: Desk,
    members: NodeMembers,
    health: Health,
    report: Callable[[], dict[str, Any]],
) -> ConsoleServer | None:
    """Return the console of a node with `listen.console`; nothing listens yet. None for a node without."""
    if not core.resources.settings.listen.console:
        return None
    # Imported here: pages, templates and clients of providers take 9 MiB, which a node without a console is spared.
    from gateway.app.console.server import ConsoleServer

    return ConsoleServer(core, asking, desk, members, health, report)
