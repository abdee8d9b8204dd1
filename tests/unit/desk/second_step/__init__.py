"""Tests of `gateway.desk.second_step`."""
