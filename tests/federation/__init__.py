"""Tests of nodes that exchange with each other: real processes or real nodes in one process, TLS and databases."""
