"""Tests of `gateway.desk.watches`."""
