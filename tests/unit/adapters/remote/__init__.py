"""Tests of `adapters.remote`."""
