"""Tests of `adapters.http`."""
