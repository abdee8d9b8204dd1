"""Tests of `gateway.desk.worklist`."""
