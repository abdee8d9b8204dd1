"""Tests: ops orders."""
