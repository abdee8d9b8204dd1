"""Tests of `gateway.desk.reports`."""
