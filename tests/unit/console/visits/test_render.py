"""What a page costs the loop: it is made in the loop, so two hundred rows may not hold it."""

from __future__ import annotations

import time

import pytest
from jinja2 import FileSystemLoader

from gateway.console.frame.shapes import Cell, Clock, Link, Table, Tag, Task, Text
from gateway.console.visits.render import TEMPLATES, environment

HELD_S = 0.02
ROWS = 200


def least(source: str, **values: object) -> float:
    """The least CPU seconds of several drawings."""
    made = environment((FileSystemLoader(TEMPLATES),)).from_string(source)
    made.render(**values)
    times = []
    for _ in range(7):
        began = time.thread_time()
        made.render(**values)
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.timed
def test_two_hundred_works_and_two_hundred_rows_of_a_table_hold_the_loop_for_less_than_one_turn_may() -> None:
    name = Text("ສົມຈິດ ແກ້ວມະນີ <b>", "lo")
    task = Task(
        Link("/threads/vn/0", "decide what is released"),
        ("Viet Nam (vn)", "th.blo.aranyaprathet", name),
        Clock("2026-11-28T00:00:00Z", "until 28 November 2026, 14:30 (in 9 min)", "warn"),
        (Tag("urgent", "danger"),),
        "danger",
    )
    table = Table("records", ("one", "two", "three", "four"), ((Cell(name, "/x"), "2", name, "4"),) * ROWS)
    draw = '{% from "parts/show.html" import tasks, table %}'
    assert least(draw + "{{ tasks(items) }}", items=[task] * ROWS) < HELD_S
    assert least(draw + "{{ table(item) }}", item=table) < HELD_S
