"""Tests of `bridges.taxii`."""
