"""Tests of `gateway.desk.notify`."""
