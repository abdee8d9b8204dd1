"""Tests of `gateway.desk.people`."""
