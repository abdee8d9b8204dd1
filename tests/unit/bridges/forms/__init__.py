"""Tests of `bridges.forms`."""
