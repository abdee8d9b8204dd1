"""Tests of `gateway.desk.misuse`."""
