"""Tests of `adapters.index`."""
