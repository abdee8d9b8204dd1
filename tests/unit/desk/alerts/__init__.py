"""Tests of `gateway.desk.alerts`."""
