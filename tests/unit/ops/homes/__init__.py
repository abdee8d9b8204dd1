"""Tests: ops homes."""
