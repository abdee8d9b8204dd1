"""Tests of `gateway.desk.originator`."""
