"""Tests: the TAXII server."""
