"""Tests of `bridges.misp`."""
