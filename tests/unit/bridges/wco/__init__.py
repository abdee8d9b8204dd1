"""Tests of `bridges.wco`."""
