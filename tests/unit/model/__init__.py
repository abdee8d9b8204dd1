"""Tests of `gateway.model`."""
