"""Tests of `adapters.values`."""
