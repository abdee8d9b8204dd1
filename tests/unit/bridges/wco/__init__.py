"""Tests: the annex of customs data elements."""
