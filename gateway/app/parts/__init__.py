"""The parts of a node that the composition root puts together."""
