"""The graph has the subject in the middle, what hangs on it around it, and at most forty nodes."""

from __future__ import annotations

import math
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from gateway.console.drawings.graph import MOST, LinkGraph, Node, link_graph
from tests.support.tables import table


def _tree(count: int, branches: int) -> LinkGraph:
    nodes = [Node(str(at), f"name {at}") for at in range(count)]
    return link_graph("t", nodes, [(str((at - 1) // branches), str(at)) for at in range(1, count)])


def test_the_subject_is_in_the_middle_and_rings_are_steps() -> None:
    graph = _tree(7, 2)
    assert (graph.nodes[0].x, graph.nodes[0].y) == (graph.wide / 2, graph.high / 2)
    away = [round(math.dist((node.x, node.y), (200, 200))) for node in graph.nodes]
    assert away == [0, 50, 50, 100, 100, 100, 100]
    assert graph.rings == (50.0, 100.0)


def test_more_than_forty_are_left_to_the_table() -> None:
    graph = _tree(60, 4)
    assert (len(graph.nodes), graph.left_out) == (MOST, 20)
    assert [node.number for node in graph.nodes] == list(range(1, MOST + 1))


@table(("count", "branches"), [(12, 3), (40, 4), (40, 39), (25, 2), (13, 1)])
def test_no_two_nodes_share_a_place_and_lines_of_a_tree_do_not_cross(count: int, branches: int) -> None:
    graph = _tree(count, branches)
    for one, other in combinations(graph.nodes, 2):
        assert math.dist((one.x, one.y), (other.x, other.y)) > 3
    if branches > 2:
        assert not any(_cross(one, other) for one, other in combinations(graph.edges, 2))


def _cross(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    def side(line: tuple[float, ...], x: float, y: float) -> float:
        return (line[2] - line[0]) * (y - line[1]) - (line[3] - line[1]) * (x - line[0])

    if {one[:2], one[2:]} & {other[:2], other[2:]}:
        return False
    return side(one, *other[:2]) * side(one, *other[2:]) < 0 and side(other, *one[:2]) * side(other, *one[2:]) < 0


def test_few_nodes_have_their_names_and_many_the_numbers_of_the_table() -> None:
    assert "1 name 0" in [node.label.text for node in _tree(5, 4).nodes]
    assert {node.label.text for node in _tree(30, 4).nodes} == {str(number) for number in range(1, 31)}


def test_a_subject_alone_and_no_subject_are_drawn() -> None:
    assert len(link_graph("t", [Node("a", "A")], []).nodes) == 1
    assert link_graph("t", [], []).nodes == ()


@given(st.integers(1, 55), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=120))
def test_any_links_give_a_drawing_inside_its_frame(count: int, links: list[tuple[int, int]]) -> None:
    nodes = [Node(str(at), "ນາງ ຈັນ" * (at % 4)) for at in range(count)]
    graph = link_graph("t", nodes, [(str(one), str(other)) for one, other in links])
    assert len(graph.nodes) + graph.left_out == count
    for node in graph.nodes:
        assert 0 <= node.x <= graph.wide
        assert 0 <= node.y <= graph.high
