"""A run of a node: what keeps it from starting, and the settings that change while it runs."""
