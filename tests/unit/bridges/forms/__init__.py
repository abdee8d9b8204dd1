"""Tests: printable forms of notices."""
