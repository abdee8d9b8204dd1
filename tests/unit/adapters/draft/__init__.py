"""Tests of `adapters.draft`."""
