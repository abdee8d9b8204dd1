"""Tests of `adapters.check`."""
