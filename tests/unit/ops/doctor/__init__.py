"""Tests: ops doctor."""
