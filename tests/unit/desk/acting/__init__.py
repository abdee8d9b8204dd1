"""Tests of `gateway.desk.acting`."""
