"""Tests: tokens "not this person"."""
