"""Tests of `gateway.matching.reports`."""
