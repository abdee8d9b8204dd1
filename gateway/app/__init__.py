"""The composition root: nothing else constructs the parts of a node.

Each module is imported by its own name: a command that writes one entry does not load a whole node.
"""
