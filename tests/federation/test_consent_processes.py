"""Two processes of one node on one PostgreSQL: an officer asks for consent at either, and there is one request."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.app.run.node import build_node
from gateway.config import load_settings
from gateway.desk.delivery.authoring import Post
from gateway.model.desk.notices import About, Reply, ReplyCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId
from gateway.model.requester import Requester
from gateway.statements.notices.notice import parse_notice
from tests.federation.test_several_processes import on_postgres
from tests.support.consents import HOUR_US, found
from tests.support.databases import server
from tests.support.exchange import CLOCK, TH, sample_world
from tests.support.forger import eventually_async
from tests.support.nodes import officer, running


async def test_there_is_one_request_at_whichever_process_the_officer_asks(tmp_path: Path) -> None:
    server("postgresql")
    world = sample_world(tmp_path, ("th", "vn"))
    home = on_postgres(world, "th")
    async with running(world, ("vn", "th")):
        about = await found(world)
        second = build_node(load_settings(home), production=False)
        await second.start()
        try:
            nodes = (world.nodes["th"], second)
            asked = await asyncio.gather(*(node.desk.onward.use(about.officer, about.wish()) for node in nodes))
            assert len({answer.consent for answer in asked}) == 1
            key = ThreadKey(TH, ExchangeId(asked[0].consent))
            vn = world.nodes["vn"]

            async def taken() -> bool:
                answers = [await node.desk.onward.use(about.officer, about.wish()) for node in nodes]
                return {answer.state for answer in answers} == {"taken"}

            await eventually_async(taken)
            assert vn.core.desk.asks(About.CONSENT, CLOCK.now_us()) == [key]
            head = parse_notice(vn.core.desk.notices(key)[0].envelope).head
            who = officer("vn")
            until_us = CLOCK.now_us() + HOUR_US // 2
            post = Post(
                Reply(ReplyCode.RELEASED, until_us=until_us), head.urgency, head.purpose, head.offence,
                Requester(who.role, who.office, who.agency, "fedcba9876543210"), case=head.case, by=who,
            )  # fmt: skip
            await vn.desk.parts.author.post(key, post)

            async def allowed() -> bool:
                answers = [await node.desk.onward.use(about.officer, about.wish()) for node in nodes]
                return all(answer.allowed and answer.until_us == until_us for answer in answers)

            await eventually_async(allowed)
        finally:
            await second.stop()
