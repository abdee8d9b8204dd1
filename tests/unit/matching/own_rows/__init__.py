"""Tests of a country's own rows of the tables of names."""
