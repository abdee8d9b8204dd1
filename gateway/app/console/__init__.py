"""The parts of a node that make its console."""
