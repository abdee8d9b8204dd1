"""Tests of `adapters.files`."""
