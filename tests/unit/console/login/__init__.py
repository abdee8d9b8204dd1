"""Tests: console login."""
