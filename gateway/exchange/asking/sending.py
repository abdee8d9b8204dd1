"""Send a request to its counterpart, and send the same bytes again when their connection broke.

The answering side gives one answer to the same bytes, however often they come, so they may go over another connection,
to another process of the counterpart. They do so only inside the budget, and only when a connection was lost: a
counterpart that refuses, or that answers nothing, is not asked again.
"""

from __future__ import annotations

import asyncio

from gateway.errors import ConnectionLost
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.ports.peers import Peers
from gateway.telemetry import Trace

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.4
_TOLD_S = 3.0
"""The seconds for which a counterpart is told that we wait, less those that have passed."""

_LEAST_S = 0.2
"""The least time in which an answer can be hoped for."""


async def send(
    peers: Peers, member: MemberId, envelope: bytes, *, budget_s: float, late_s: float, trace: Trace
) -> AnswerMessage:
    """Return the answer to a request; it may come until `late_s` seconds have passed.

    Raises like `Peers.exchange`; `ConnectionLost` only when no time of the budget is left for another attempt.
    """
    now = asyncio.get_running_loop().time
    begun, pause_s = now(), _FIRST_PAUSE_S
    while True:
        try:
            return await peers.exchange(member, envelope, late_s, trace, begun + _TOLD_S - now())
        except ConnectionLost:
            if begun + budget_s - now() < pause_s + _LEAST_S:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
