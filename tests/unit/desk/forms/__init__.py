"""Tests of `gateway.desk.forms`."""
