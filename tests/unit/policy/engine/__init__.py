"""Tests of `policy.engine`."""
