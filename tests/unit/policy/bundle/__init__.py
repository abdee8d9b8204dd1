"""Tests of `policy.bundle`."""
