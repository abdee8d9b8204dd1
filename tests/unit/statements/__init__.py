"""Tests of `gateway.statements`."""
