"""Tests: trust ceremony."""
