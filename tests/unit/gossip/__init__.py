"""Tests: documents of trust that travel by themselves."""
