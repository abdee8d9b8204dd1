"""The composition root: nothing else constructs the parts of a node."""

from gateway.app.ground import open_node_database
from gateway.app.node import Node, build_node
from gateway.app.serve import serve

__all__ = ["Node", "build_node", "open_node_database", "serve"]
