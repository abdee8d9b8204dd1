"""Tests of `adapters.mapping`."""
