"""Tests of `gateway.desk.ending`."""
