"""Tests of `gateway.desk.outcomes`."""
