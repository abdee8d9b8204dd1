"""Tests of `gateway.desk.own`."""
