"""Run a process: a node, a source of its own or a domestic witness, and keep it as it should be while it runs."""
