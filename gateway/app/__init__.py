"""The composition root: the only place that constructs the parts of a node.

Import each module by its own name: a command that writes one entry does not load a whole node.
"""
