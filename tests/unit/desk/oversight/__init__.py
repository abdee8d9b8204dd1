"""Tests of `gateway.desk.oversight`."""
