"""Tests: ops desk."""
