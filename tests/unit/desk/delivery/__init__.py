"""Tests of `gateway.desk.delivery`."""
