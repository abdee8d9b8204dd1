"""Tests of how members are described."""
